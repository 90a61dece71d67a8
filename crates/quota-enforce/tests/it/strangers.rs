//! Text from strangers on its way out: errors, lines of JSON, `tracing` events, views.

use core::fmt;
use core::time::Duration;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use limits_core::{Permission, QuotaType, is_hidden};
use quota_enforce::{
    AuditEvent, AuditKind, AuditSink as _, EnforceError, JsonLinesSink, QuotaRegistry, RefusalView,
    StatusView, TracingSink, guard,
};
use tracing::field::{Field, Visit};
use tracing::span;

use crate::{context, thousand, thousand_of_each};

/// Every character that is not shown as itself: controls, marks of direction, characters without a
/// width, tags.
fn hidden() -> impl Iterator<Item = char> {
    ('\0'..=char::MAX).filter(|letter| is_hidden(*letter))
}

/// Texts that have all of them, each short enough not to be cut.
fn texts() -> Vec<String> {
    let letters: Vec<char> = hidden().collect();
    letters.chunks(16).map(|some| format!("/data/{}", some.iter().collect::<String>())).collect()
}

fn assert_shown(text: &str) {
    let letter = text.chars().find(|letter| is_hidden(*letter));
    assert_eq!(letter, None, "{text:?}");
}

#[test]
fn errors_show_every_hidden_character_of_ids_resources_and_permissions() {
    let (registry, handle, _clock) = thousand(QuotaRegistry::builder());
    for text in texts() {
        let quota = QuotaType::Storage(1);
        let guarded = |resource: &str, permission: &str| {
            guard(&handle, resource, permission, quota, |_| Ok(())).unwrap_err()
        };
        let errors: [EnforceError; 6] = [
            registry.register(context(&text, thousand_of_each())).unwrap_err(),
            registry.lookup(&text).unwrap_err(),
            handle.check(Permission::FilesystemRead, &text).unwrap_err(),
            guarded(&text, "filesystem.read"),
            guarded("/data/x", &text),
            EnforceError::ResourceNotText { resource: text.as_str().into() },
        ];
        for error in errors {
            assert_shown(&error.to_string());
        }
    }
    assert_eq!(registry.len(), 1);
}

/// A writer that keeps what it gets.
#[derive(Clone, Debug, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no thread panics with it").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn lines_of_json_are_one_line_each_and_read_back_as_the_text_that_it_was() {
    let paper = Paper::default();
    let sink = Arc::new(JsonLinesSink::new(paper.clone()).unwrap());
    let (_registry, handle, _clock) =
        thousand(QuotaRegistry::builder().audit(Arc::<JsonLinesSink>::clone(&sink)));
    let texts = texts();
    for text in &texts {
        // A sink hears of other registries' components as well, whose ids nothing has checked.
        let capabilities = handle.capabilities();
        let decision = capabilities.check(Permission::FilesystemRead, text);
        sink.record(&AuditEvent::new(text, AuditKind::CapabilityDenied(decision), true));
    }
    assert!(sink.flush(Duration::from_secs(10)));
    let written = String::from_utf8(paper.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<&str> = written.lines().filter(|line| line.contains("denied")).collect();
    assert_eq!(lines.len(), texts.len());
    for (line, text) in lines.iter().zip(&texts) {
        assert_shown(line);
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(
            (line["component"].as_str(), line["target"].as_str()),
            (Some(&**text), Some(&**text))
        );
    }
}

/// A subscriber that keeps every field as it is, as one that writes JSON without escaping.
#[derive(Debug, Default)]
struct Fields(Arc<Mutex<Vec<String>>>);

impl Visit for Fields {
    fn record_str(&mut self, _field: &Field, value: &str) {
        self.0.lock().expect("no thread panics with it").push(value.to_owned());
    }

    fn record_debug(&mut self, _field: &Field, value: &dyn fmt::Debug) {
        self.0.lock().expect("no thread panics with it").push(format!("{value:?}"));
    }
}

impl tracing::Subscriber for Fields {
    fn enabled(&self, _metadata: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _span: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _span: &span::Id, _values: &span::Record<'_>) {}

    fn record_follows_from(&self, _span: &span::Id, _follows: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        event.record(&mut Self(Arc::clone(&self.0)));
    }

    fn enter(&self, _span: &span::Id) {}

    fn exit(&self, _span: &span::Id) {}
}

#[test]
fn tracing_events_show_every_hidden_character() {
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    let fields = Fields::default();
    let kept = Arc::clone(&fields.0);
    tracing::subscriber::with_default(fields, || {
        let sink = TracingSink::new();
        for text in texts() {
            let capabilities = handle.capabilities();
            let decision = capabilities.check(Permission::FilesystemRead, &text);
            for kind in [AuditKind::CapabilityDenied(decision), AuditKind::Registered] {
                sink.record(&AuditEvent::new(&text, kind, true));
            }
        }
    });
    let fields = kept.lock().unwrap();
    assert!(fields.iter().any(|field| field.contains("\\u{202e}")), "{fields:?}");
    fields.iter().for_each(|field| assert_shown(field));
}

#[test]
fn views_have_no_text_of_strangers() {
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    let refused = handle.consume(QuotaType::Storage(1_001)).unwrap_err();
    let refused = refused.as_quota().copied().map(RefusalView::from);
    let view =
        serde_json::to_string(&(StatusView::from(handle.status()), refused, handle.denials()));
    assert_shown(&view.unwrap());
}
