//! Lines that requests leave in the log of the host.

use core::fmt::Debug;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use super::ask::Ask;
use super::server::Server;
use super::setup::local;
use crate::guest::Guest;
use crate::host::limits;

/// Keeps what a log of the level of warnings has, and whatever shows the secret.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.push_str(&format!(" {field}={value:?}"));
    }
}

impl Subscriber for Log {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(event.metadata().target().to_owned());
        event.record(&mut text);
        let is_loud = *event.metadata().level() <= Level::WARN;
        // wasmtime-wasi-http traces calls with their arguments: the host asks for it by its level.
        let shows = *event.metadata().level() <= Level::DEBUG && text.0.contains("s3cret");
        if is_loud || shows {
            self.0.lock().unwrap().push(text.0);
        }
    }

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

#[tokio::test]
async fn failures_of_requests_fill_no_log_and_show_no_payload() {
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    let broken = Server::run(|peer| {
        peer.request()?;
        peer.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\nx: s3cret\r\n\r\ns3cret")
    });
    let no_http = Server::answering("s3cret\r\n\r\n");
    let gone = Server::run(|peer| peer.request().map(|_| ()));
    let mut guest = Guest::of_http(&local(), limits().tls_timeout_ms(50)).await;
    for server in [broken, no_http, gone] {
        for ask in [Ask::http(server.address), Ask::https(server.address)] {
            let ask = ask.path("/s3cret").header("authorization", "s3cret").body(b"s3cret");
            let answer = guest.fetch(ask).await;
            assert!(answer.is_err() || answer.unwrap().broken.is_some());
        }
    }
    let refused = guest.fetch(Ask { path: None, ..Ask::http("s3cret@127.0.0.1") }).await;
    assert!(refused.is_err());
    assert_eq!(*log.0.lock().unwrap(), Vec::<String>::new());
}
