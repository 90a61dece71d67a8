//! Writers that fail, panic or keep things to themselves: nothing is lost without being counted.

use core::time::Duration;
use std::io::{self, ErrorKind, Write};
use std::panic::panic_any;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use limits_core::QuotaType;
use quota_enforce::{AuditEvent, AuditKind, AuditSink, JsonLinesSink, QuotaRegistry};
use serde_json::Value;

use crate::thousand;

const SOON: Duration = Duration::from_secs(60);

/// A disk that fails on request.
#[derive(Clone, Default)]
struct Disk(Arc<Mutex<Platter>>);

#[derive(Default)]
struct Platter {
    bytes: Vec<u8>,
    /// Bytes that still fit.
    room: Option<usize>,
    panics: bool,
    cannot_flush: bool,
}

impl Disk {
    fn tell(&self, order: impl FnOnce(&mut Platter)) {
        order(&mut self.0.lock().expect("it panics with the lock released"));
    }

    fn text(&self) -> String {
        let mut text = String::new();
        self.tell(|platter| text = String::from_utf8(platter.bytes.clone()).expect("JSON"));
        text
    }
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut taken = Ok(0);
        let mut panics = false;
        self.tell(|platter| {
            panics = platter.panics;
            let most = platter.room.unwrap_or(usize::MAX).min(bytes.len());
            platter.bytes.extend_from_slice(&bytes[..most]);
            platter.room = platter.room.map(|room| room - most);
            let is_full = most == 0 && !bytes.is_empty();
            taken = if is_full { Err(ErrorKind::StorageFull.into()) } else { Ok(most) };
        });
        assert!(!panics, "on purpose");
        taken
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut cannot = false;
        self.tell(|platter| cannot = platter.cannot_flush);
        if cannot { Err(ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

fn record(sink: &JsonLinesSink, component: &str, times: usize) {
    for _ in 0..times {
        sink.record(&event(component));
    }
}

fn event(component: &str) -> AuditEvent<'_> {
    AuditEvent::new(component, AuditKind::Unregistered, true)
}

#[test]
fn a_line_that_was_written_in_part_spoils_no_other() {
    let disk = Disk::default();
    let sink = JsonLinesSink::new(disk.clone()).unwrap();
    disk.tell(|platter| platter.room = Some(17));
    record(&sink, "torn", 1);
    assert!(sink.flush(SOON));
    assert_eq!(sink.failed(), 1);
    disk.tell(|platter| platter.room = None);
    record(&sink, "whole", 1);
    assert!(sink.flush(SOON));
    let text = disk.text();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0].len(), 17);
    let whole: Vec<Value> =
        lines[1..].iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(whole.iter().any(|line| line["component"] == "whole"), "{text}");
    assert!(whole.iter().any(|line| line["failed"] == 1), "{text}");
}

#[test]
fn the_repeats_of_a_line_that_could_not_be_written_are_counted_with_it() {
    let disk = Disk::default();
    let sink = JsonLinesSink::new(disk.clone()).unwrap();
    disk.tell(|platter| platter.room = Some(0));
    for _ in 0..7 {
        sink.record(&event("a").with_repeats(None));
    }
    assert_eq!(sink.left_out(), 7);
    sink.record(&event("a").with_repeats(Some(7)));
    assert!(sink.flush(SOON));
    assert_eq!((sink.failed(), sink.left_out(), sink.dropped()), (8, 0, 0));
}

#[test]
fn the_repeats_of_a_line_that_found_no_room_are_counted_with_it() {
    let (let_go, held) = channel();
    let sink = Arc::new(JsonLinesSink::new(Stuck(held)).unwrap());
    let builder = QuotaRegistry::builder().audit(Arc::<JsonLinesSink>::clone(&sink));
    let (_registry, handle, clock) = thousand(builder);
    for _ in 0..15 {
        assert!(handle.consume(QuotaType::Storage(2_000)).is_err());
    }
    assert_eq!((sink.left_out(), sink.dropped()), (5, 0));
    // However many of these the writer has taken, the queue is full after them.
    for _ in 0..2_000 {
        record(&sink, "b", 1);
    }
    let dropped = sink.dropped();
    clock.advance(Duration::from_secs(1));
    assert!(handle.consume(QuotaType::Storage(2_000)).is_err());
    assert_eq!((sink.left_out(), sink.dropped()), (0, dropped + 6));
    drop(let_go);
}

/// Panics in `write` and again as it is dropped, with something that panics as it is dropped.
struct Bomb;

impl Write for Bomb {
    fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
        panic_any(Self);
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        panic_any(Self);
    }
}

#[test]
fn a_writer_that_panics_again_and_again_loses_no_event_uncounted() {
    let sink = JsonLinesSink::new(Bomb).unwrap();
    record(&sink, "a", 50);
    assert!(!sink.flush(SOON));
    record(&sink, "a", 7);
    assert!(!sink.flush(SOON));
    assert_eq!((sink.failed(), sink.dropped(), sink.left_out()), (57, 0, 0));
}

/// Writes well, and panics as it is dropped, with something that panics as it is dropped.
struct Late(Sender<()>);

impl Write for Late {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Late {
    fn drop(&mut self) {
        let _ = self.0.send(());
        panic_any(Bomb);
    }
}

/// Unguarded it would end the process: a thread must not leave behind what panics as it is dropped.
#[test]
fn a_writer_that_panics_as_it_is_dropped_ends_nothing_else() {
    for _ in 0..20 {
        let (sender, dropped) = channel();
        let sink = JsonLinesSink::new(Late(sender)).unwrap();
        record(&sink, "a", 1);
        assert!(sink.flush(SOON));
        drop(sink);
        assert_eq!(dropped.recv_timeout(SOON), Ok(()));
    }
}

#[test]
fn a_writer_that_panics_is_not_used_again_and_its_events_are_counted() {
    let disk = Disk::default();
    let sink = JsonLinesSink::new(disk.clone()).unwrap();
    record(&sink, "before", 1);
    assert!(sink.flush(SOON));
    disk.tell(|platter| platter.panics = true);
    record(&sink, "while", 1);
    assert!(!sink.flush(SOON));
    disk.tell(|platter| platter.panics = false);
    record(&sink, "after", 3);
    assert!(!sink.flush(SOON));
    assert_eq!((sink.failed(), sink.dropped()), (4, 0));
    assert!(disk.text().contains("before") && !disk.text().contains("after"));
}

#[test]
fn events_that_a_writer_buffers_and_cannot_flush_are_counted() {
    let disk = Disk::default();
    let sink = JsonLinesSink::new(io::BufWriter::new(disk.clone())).unwrap();
    disk.tell(|platter| platter.room = Some(0));
    record(&sink, "a", 3);
    assert!(!sink.flush(SOON));
    assert_eq!(sink.failed(), 3);
    let sink = JsonLinesSink::new(disk.clone()).unwrap();
    disk.tell(|platter| (platter.room, platter.cannot_flush) = (None, true));
    record(&sink, "a", 2);
    assert!(!sink.flush(SOON));
    assert_eq!(sink.failed(), 2);
}

#[test]
fn recorded_events_are_written_before_a_flush_returns_and_losses_are_reported() {
    let disk = Disk::default();
    let sink = Arc::new(JsonLinesSink::new(disk.clone()).unwrap());
    let builder = QuotaRegistry::builder().audit(Arc::<JsonLinesSink>::clone(&sink));
    let (_registry, handle, _clock) = thousand(builder);
    for _ in 0..1_000 {
        assert!(handle.consume(QuotaType::Storage(2_000)).is_err());
    }
    assert!(sink.flush(SOON));
    let text = disk.text();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let denials = lines.iter().filter(|line| line["event"] == "quota_denied");
    let told: u64 = denials.map(|line| 1 + line["repeats"].as_u64().unwrap_or_default()).sum();
    let losses = lines.iter().rfind(|line| line["event"] == "audit_loss").unwrap();
    assert_eq!(told + losses["left_out"].as_u64().unwrap(), 1_000);
}

/// Blocks until the test lets go.
struct Stuck(Receiver<()>);

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.0.recv();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_flush_of_a_stuck_writer_times_out() {
    let (let_go, held) = channel();
    let sink = JsonLinesSink::new(Stuck(held)).unwrap();
    record(&sink, "a", 1);
    assert!(!sink.flush(Duration::ZERO));
    // With a queue that is full as well.
    for index in 0..2_000 {
        record(&sink, &format!("c{index}"), 1);
    }
    assert!(!sink.flush(Duration::from_millis(5)));
    drop(let_go);
    assert!(sink.flush(SOON));
}

#[test]
fn dropping_a_sink_whose_writer_is_stuck_ends() {
    let (let_go, held) = channel();
    let sink = JsonLinesSink::new(Stuck(held)).unwrap();
    record(&sink, "a", 1);
    // Would never come back if it waited for the writer.
    drop(sink);
    drop(let_go);
}
