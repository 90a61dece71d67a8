//! No text from a stranger leaves this crate as it came.

use core::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex};

use limits_wasmtime::limits_core::is_hidden;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::NoSubscriber;
use tracing::{Dispatch, Event, Metadata, Subscriber};

use crate::guest::{Guest, Host, roomy};

/// All hidden characters, in texts that are short enough not to be cut.
fn hidden() -> Vec<String> {
    let letters: Vec<char> = ('\0'..=char::MAX).filter(|letter| is_hidden(*letter)).collect();
    letters.chunks(48).map(|chunk| format!("a{}b", chunk.iter().collect::<String>())).collect()
}

fn assert_shown(shown: &str) {
    assert!(!shown.contains(is_hidden), "{shown:?}");
    assert!(shown.contains("\\u{") || shown.contains("\\n"), "{shown}");
}

#[tokio::test]
async fn a_name_that_a_caller_asks_for_is_escaped() {
    let guest = Guest::core(r#"(func (export "run"))"#);
    for name in hidden() {
        assert_shown(&guest.call::<_, ()>(roomy(), &name, ()).await.unwrap_err().to_string());
        let interface = format!("{name}#run");
        assert_shown(&guest.call::<_, ()>(roomy(), &interface, ()).await.unwrap_err().to_string());
    }
}

#[test]
fn a_name_that_a_component_has_is_escaped() {
    let guest = Guest::core(r#"(func (export "run"))"#);
    for name in hidden() {
        let escaped: String = name.bytes().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "\\{byte:02x}");
            text
        });
        let text = format!(r#"(component (import "{escaped}" (func)))"#);
        let bytes = wat::parse_str(text).unwrap();
        let error = guest.executor.compile(&bytes).unwrap_err();
        assert!(!error.to_string().contains(is_hidden), "{error}");
    }
}

/// Keeps the fields of events.
struct Lines(Arc<Mutex<String>>);

struct Fields<'a>(&'a mut String);

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        let _ = writeln!(self.0, "{field}={value}");
    }
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = writeln!(self.0, "{field}={value:?}");
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("limits_wasmtime")
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        event.record(&mut Fields(&mut self.0.lock().unwrap()));
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// An error of a host function often quotes the guest.
#[tokio::test]
async fn an_error_of_a_host_function_is_escaped_in_failures_and_logs() {
    let lines = Arc::new(Mutex::new(String::new()));
    let guest = Guest::core(r#"(func (export "run"))"#);
    let limits = roomy().build().unwrap();
    // With one subscriber in the process, the thread that meets an event first decides for all of
    // them whether it is heard, and another test's thread has none. With two, both are asked.
    let _deaf = Dispatch::new(NoSubscriber::new());
    let _guard = tracing::subscriber::set_default(Lines(Arc::clone(&lines)));
    for text in hidden() {
        let run = guest.executor.execute_with(
            &guest.component,
            &limits,
            Host::default(),
            async |_, _| Err::<(), _>(wasmtime::Error::msg(text.clone()).context(text.clone())),
        );
        assert_shown(&run.await.unwrap_err().to_string());
    }
    let lines = lines.lock().unwrap();
    assert_eq!(lines.matches("outcome=host_function").count(), hidden().len());
    for line in lines.lines() {
        assert!(!line.contains(is_hidden), "{line:?}");
    }
}
