//! The events that sinks hear; no sink can stop a component.

use core::time::Duration;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use limits_core::{CapabilitySet, Permission, QuotaType};
use quota_enforce::{AuditEvent, AuditKind, AuditSink, JsonLinesSink, QuotaRegistry, TracingSink};
use serde_json::{Value, json};

use crate::{Notebook, thousand};

/// A file that others can read while it is written.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Paper {
    fn lines(&self) -> Vec<Value> {
        let bytes = self.0.lock().expect("no thread panics with it").clone();
        let text = String::from_utf8(bytes).expect("JSON is text");
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no thread panics with it").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn every_denial_is_reported_and_grants_on_request() {
    let notebook = Arc::new(Notebook::default());
    let builder = QuotaRegistry::builder().audit(Arc::<Notebook>::clone(&notebook)).audit_grants();
    let (registry, handle, _clock) = thousand(builder);
    let write = Permission::FilesystemWrite;
    handle.authorize(write, "/data/x", QuotaType::Storage(600)).unwrap().commit();
    assert!(handle.authorize(write, "/data/x", QuotaType::Storage(600)).is_err());
    assert!(handle.check(write, "/etc/x").is_err());
    registry.unregister("a").unwrap();
    assert_eq!(
        notebook.take(),
        [
            "a registered",
            "a capability_granted filesystem.write of `/data/x` allowed by `/data/**`",
            "a quota_granted 600 bytes of storage",
            "a capability_granted filesystem.write of `/data/x` allowed by `/data/**`",
            "a quota_denied storage quota of 1000 bytes exceeded: 600 used, 600 more requested; retry after a release",
            "a capability_denied filesystem.write of `/etc/x` denied: no granted pattern matches (1 checked)",
            "a unregistered",
        ]
    );
}

#[test]
fn a_component_that_asks_too_often_has_lines_of_json_with_repeats() {
    let paper = Paper::default();
    let sink = JsonLinesSink::new(paper.clone()).unwrap();
    let (registry, handle, _clock) = thousand(QuotaRegistry::builder().audit(Arc::new(sink)));
    handle.consume(QuotaType::Storage(790)).unwrap();
    handle.consume(QuotaType::Storage(10)).unwrap();
    assert!(handle.consume(QuotaType::Storage(300)).is_err());
    assert!(handle.consume(QuotaType::MessageRate(1_001)).is_err());
    assert!(handle.check(Permission::FilesystemRead, "/etc/\u{1b}").is_err());
    // The last owner of the sink waits until everything is written.
    drop((registry, handle));
    let mut lines = paper.lines();
    for line in &mut lines {
        let line = line.as_object_mut().unwrap();
        assert!(line.remove("time_ms").unwrap().as_u64().unwrap() > 1_600_000_000_000);
    }
    assert_eq!(
        lines,
        [
            json!({ "sequence": 1, "event": "registered", "component": "a", "enforced": true }),
            json!({
                "sequence": 2, "event": "threshold", "component": "a", "subject": "storage", "enforced": true,
                "from": "normal", "to": "warning", "used": 800, "limit": 1000, "unit": "bytes"
            }),
            json!({
                "sequence": 3, "event": "quota_denied", "component": "a", "subject": "storage", "enforced": true,
                "used": 800, "requested": 300, "limit": 1000, "unit": "bytes", "depth": 0,
                "retry": "now"
            }),
            json!({
                "sequence": 4, "event": "quota_denied", "component": "a", "subject": "message_rate", "enforced": true,
                "used": 0, "requested": 1001, "limit": 1000, "unit": "messages", "depth": 0,
                "retry": "never"
            }),
            json!({
                "sequence": 5, "event": "capability_denied", "component": "a", "subject": "filesystem.read",
                "enforced": true, "target": "/etc/\u{1b}", "reason": "nothing is granted"
            }),
        ]
    );
}

#[test]
fn a_denied_question_about_a_directory_is_written_with_its_extent_and_the_list() {
    let paper = Paper::default();
    let sink = JsonLinesSink::new(paper.clone()).unwrap();
    let builder = QuotaRegistry::builder().audit(Arc::new(sink)).audit_grants();
    let (registry, handle, _clock) = thousand(builder);
    let write = Permission::FilesystemWrite;
    let listed = CapabilitySet::builder().grant(write, "/data/*").build().unwrap();
    let restricted = handle.capabilities().as_ref().clone().restricted_by("policy", &listed);
    registry.set_capabilities("a", &restricted).unwrap();
    handle.check_entries(write, "/data").unwrap();
    assert!(handle.check_below(write, "/data").is_err());
    assert!(handle.check_at_or_below(write, "/data/x/y").is_err());
    assert!(handle.check(write, "/data/x/y").is_err());
    drop((registry, handle));
    let keys = ["event", "target", "extent", "rule", "reason"];
    let lines: Vec<_> =
        paper.lines().iter().skip(1).map(|line| keys.map(|key| line[key].clone())).collect();
    let denied = |target, extent, reason| {
        json!([
            "capability_denied",
            target,
            extent,
            null,
            format!("no pattern of policy {reason} (1 checked)")
        ])
    };
    assert_eq!(
        json!(lines),
        json!([
            ["capability_granted", "/data", "entries", "/data/**", null],
            denied("/data", json!("below"), "matches every name"),
            denied("/data/x/y", json!("at_or_below"), "matches"),
            denied("/data/x/y", json!(null), "matches"),
        ])
    );
}

#[test]
fn a_retry_is_written_with_its_time() {
    let paper = Paper::default();
    let sink = JsonLinesSink::new(paper.clone()).unwrap();
    let (registry, handle, clock) = thousand(QuotaRegistry::builder().audit(Arc::new(sink)));
    handle.consume(QuotaType::MessageRate(700)).unwrap();
    clock.advance(Duration::from_millis(250));
    assert!(handle.consume(QuotaType::MessageRate(700)).is_err());
    drop((registry, handle));
    let lines = paper.lines();
    let denied = lines.iter().find(|line| line["event"] == "quota_denied").unwrap();
    assert_eq!((&denied["retry"], &denied["retry_after_us"]), (&json!("after"), &json!(750_000)));
}

#[test]
fn a_grant_is_written_with_its_amount() {
    let paper = Paper::default();
    let sink = JsonLinesSink::new(paper.clone()).unwrap();
    let builder = QuotaRegistry::builder().audit(Arc::new(sink)).audit_grants();
    let (registry, handle, _clock) = thousand(builder);
    handle.consume(QuotaType::CpuTime(3)).unwrap();
    drop((registry, handle));
    let mut lines = paper.lines();
    let granted = lines.iter_mut().find(|line| line["event"] == "quota_granted").unwrap();
    granted.as_object_mut().unwrap().retain(|key, _| !["time_ms", "sequence"].contains(&&**key));
    assert_eq!(
        *granted,
        json!({
            "event": "quota_granted", "component": "a", "subject": "cpu_time", "enforced": true,
            "amount": 3000, "unit": "µs"
        })
    );
}

#[test]
fn a_flood_of_denials_is_no_flood_of_lines_and_none_is_lost() {
    let paper = Paper::default();
    let sink = JsonLinesSink::new(paper.clone()).unwrap();
    let (registry, handle, _clock) = thousand(QuotaRegistry::builder().audit(Arc::new(sink)));
    for _ in 0..100_000 {
        assert!(handle.consume(QuotaType::Storage(2_000)).is_err());
    }
    drop((registry, handle));
    let lines = paper.lines();
    let denials = lines.iter().filter(|line| line["event"] == "quota_denied");
    let (mut written, mut told) = (0, 0);
    for denial in denials {
        written += 1;
        told += 1 + denial["repeats"].as_u64().unwrap_or_default();
    }
    let losses = lines.iter().rfind(|line| line["event"] == "audit_loss").unwrap();
    // By the registry's clock, all of them were in one second.
    assert_eq!(written, 10);
    assert_eq!(told + losses["left_out"].as_u64().unwrap(), 100_000);
    assert_eq!((&losses["dropped"], &losses["failed"]), (&json!(0), &json!(0)));
}

/// A disk that is stuck until the test frees it.
struct Stuck {
    reached: Sender<()>,
    go_on: Receiver<()>,
    paper: Paper,
}

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.reached.send(());
        // Ends when the test lets go of the other end.
        let _ = self.go_on.recv();
        self.paper.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_stuck_disk_holds_up_no_component_and_dropped_events_are_counted() {
    let (reached, has_reached) = channel();
    let (let_go, go_on) = channel();
    let paper = Paper::default();
    let sink =
        Arc::new(JsonLinesSink::new(Stuck { reached, go_on, paper: paper.clone() }).unwrap());
    let registry = QuotaRegistry::builder().audit(Arc::<JsonLinesSink>::clone(&sink)).build();
    let register = |id: &str| {
        registry.register(crate::context(id, crate::thousand_of_each())).unwrap();
    };
    register("first");
    has_reached.recv().unwrap();
    // The writer holds one line and 1 024 wait; each id is a kind of its own, so none is a repeat.
    for id in 0..1_024 + 50 {
        register(&format!("c{id}"));
    }
    assert_eq!(sink.dropped() + sink.left_out(), 50);
    drop(let_go);
    let (dropped, left_out) = (sink.dropped(), sink.left_out());
    drop((registry, sink));
    let lines = paper.lines();
    let registered = lines.iter().filter(|line| line["event"] == "registered").count();
    assert_eq!(registered, 1 + 1_024);
    let losses = lines.iter().rfind(|line| line["event"] == "audit_loss").unwrap();
    assert_eq!(losses["dropped"], json!(dropped));
    assert_eq!(losses["left_out"], json!(left_out));
}

/// A disk that is full.
struct Full;

impl Write for Full {
    fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
        Err(io::Error::from(io::ErrorKind::StorageFull))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn lines_that_cannot_be_written_are_counted() {
    let sink = Arc::new(JsonLinesSink::new(Full).unwrap());
    let (_registry, _handle, _clock) =
        thousand(QuotaRegistry::builder().audit(Arc::<JsonLinesSink>::clone(&sink)));
    while sink.failed() == 0 {
        std::thread::yield_now();
    }
    assert_eq!((sink.failed(), sink.dropped()), (1, 0));
}

#[test]
fn a_flood_of_denials_is_no_flood_of_tracing_events() {
    use core::sync::atomic::{AtomicU64, Ordering};
    use tracing::span;

    /// Counts events of the audit target.
    struct Counting(Arc<AtomicU64>);

    impl tracing::Subscriber for Counting {
        fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
            metadata.target() == "quota_enforce::audit"
        }

        fn new_span(&self, _attributes: &span::Attributes<'_>) -> span::Id {
            span::Id::from_u64(1)
        }

        fn record(&self, _span: &span::Id, _values: &span::Record<'_>) {}

        fn record_follows_from(&self, _span: &span::Id, _follows: &span::Id) {}

        fn event(&self, _event: &tracing::Event<'_>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }

        fn enter(&self, _span: &span::Id) {}

        fn exit(&self, _span: &span::Id) {}
    }

    let events = Arc::new(AtomicU64::new(0));
    tracing::subscriber::with_default(Counting(Arc::clone(&events)), || {
        let (_registry, handle, _clock) =
            thousand(QuotaRegistry::builder().audit(Arc::new(TracingSink::new())));
        for _ in 0..10_000 {
            assert!(handle.consume(QuotaType::Storage(2_000)).is_err());
        }
    });
    // With the registration.
    assert_eq!(events.load(Ordering::Relaxed), 11);
}

/// Keeps what a sink that writes has to know of each event.
#[derive(Debug, Default)]
struct Numbers(Mutex<Vec<(u64, Option<u64>)>>);

impl AuditSink for Numbers {
    fn record(&self, event: &AuditEvent<'_>) {
        let numbers = (event.sequence, event.repeats);
        self.0.lock().expect("no thread panics with it").push(numbers);
    }
}

#[test]
fn every_sink_hears_every_event_in_its_order_and_which_are_too_many_to_be_written() {
    // I2 I3
    let (one, other) = (Arc::new(Numbers::default()), Arc::new(Numbers::default()));
    let builder = QuotaRegistry::builder()
        .audit(Arc::<Numbers>::clone(&one))
        .audit(Arc::<Numbers>::clone(&other));
    let (registry, handle, clock) = thousand(builder);
    for _ in 0..13 {
        assert!(handle.consume(QuotaType::Storage(2_000)).is_err());
    }
    assert!(handle.consume(QuotaType::Memory(2_000)).is_err());
    clock.advance(Duration::from_secs(1));
    assert!(handle.consume(QuotaType::Storage(2_000)).is_err());
    registry.unregister("a").unwrap();
    let repeats = [[Some(0); 11].as_slice(), &[None; 3], &[Some(0), Some(3), Some(0)]].concat();
    let expected: Vec<_> = (1..).zip(repeats).collect();
    assert_eq!(*one.0.lock().unwrap(), expected);
    assert_eq!(*other.0.lock().unwrap(), expected);
}

#[test]
fn one_component_takes_no_lines_from_another() {
    // I3
    let paper = Paper::default();
    let sink = JsonLinesSink::new(paper.clone()).unwrap();
    let (registry, handle, _clock) = thousand(QuotaRegistry::builder().audit(Arc::new(sink)));
    let quiet = registry.register(crate::context("b", crate::thousand_of_each())).unwrap();
    for _ in 0..1_000 {
        assert!(handle.consume(QuotaType::Storage(2_000)).is_err());
    }
    assert!(quiet.consume(QuotaType::Storage(2_000)).is_err());
    drop((registry, handle, quiet));
    let lines = paper.lines();
    let denied = |id| {
        let of = |line: &&Value| line["event"] == "quota_denied" && line["component"] == id;
        lines.iter().filter(of).count()
    };
    assert_eq!((denied("a"), denied("b")), (10, 1));
}

#[test]
fn events_that_tracing_leaves_out_are_counted_until_they_are_reported() {
    let sink = TracingSink::new();
    let event = AuditEvent::new("a", AuditKind::Unregistered, true);
    for _ in 0..7 {
        sink.record(&event.with_repeats(None));
    }
    assert_eq!(sink.left_out(), 7);
    sink.record(&event.with_repeats(Some(5)));
    assert_eq!(sink.left_out(), 2);
    sink.record(&event.with_repeats(Some(2)));
    assert_eq!(sink.left_out(), 0);
}
