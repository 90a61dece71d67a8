//! The level that a sink heard of last is the level that holds.

use core::fmt;
use core::time::Duration;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Instant;

use limits_core::{CapabilitySet, QuotaResource, QuotaType, ResourceQuota};
use quota_enforce::{
    AuditEvent, AuditKind, AuditSink, ComponentHandle, JsonLinesSink, QuotaRegistry,
    SecurityContext, TracingSink, UsageLevel,
};
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::span;

use crate::{account, context, thousand, thousand_of_each};

const SOON: Duration = Duration::from_secs(60);

/// A log in memory.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Paper {
    fn lines(&self) -> Vec<Value> {
        let bytes = self.0.lock().expect("no thread panics with it").clone();
        let text = String::from_utf8(bytes).expect("JSON is text");
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    fn last_level(&self) -> String {
        let lines = self.lines();
        let last = lines.iter().rev().find(|line| line["event"] == "threshold").expect("a level");
        String::from(last["to"].as_str().expect("a level"))
    }

    /// Returns the last event but for what the sink tells of itself.
    fn last_event(&self) -> String {
        let lines = self.lines();
        let last = lines.iter().rev().find(|line| line["event"] != "audit_loss").expect("a line");
        String::from(last["event"].as_str().expect("an event"))
    }

    /// Returns where the crossings that it shows lead, each from where the one before has led.
    fn levels(&self) -> Vec<String> {
        let bytes = self.0.lock().expect("no thread panics with it").clone();
        let text = String::from_utf8(bytes).expect("JSON is text");
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        let crossings = lines.filter(|line| line["event"] == "threshold");
        let mut level = String::from("normal");
        let mut sequence = 0;
        let follow = |line: Value| {
            assert_eq!(line["from"], level.as_str());
            let number = line["sequence"].as_u64().expect("a number");
            assert!(number > sequence);
            sequence = number;
            level = String::from(line["to"].as_str().expect("a level"));
            level.clone()
        };
        crossings.map(follow).collect()
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

fn fill(handle: &ComponentHandle) {
    handle.consume(QuotaType::Storage(1_000)).expect("nothing is used");
}

fn empty(handle: &ComponentHandle) {
    handle.release(QuotaType::Storage(1_000)).expect("a total");
}

#[test]
fn a_component_cannot_hide_a_level_from_the_lines_of_json_and_cannot_flood_them() {
    // I6 I7
    let paper = Paper::default();
    let sink = Arc::new(JsonLinesSink::new(paper.clone()).unwrap());
    let (_registry, handle, _clock) =
        thousand(QuotaRegistry::builder().audit(Arc::<JsonLinesSink>::clone(&sink)));
    let began = Instant::now();
    for _ in 0..5 {
        fill(&handle);
        empty(&handle);
    }
    fill(&handle);
    assert!(sink.flush(SOON));
    assert_eq!(paper.levels().last().unwrap(), "critical");
    for _ in 0..10_000 {
        empty(&handle);
        fill(&handle);
    }
    empty(&handle);
    assert!(sink.flush(SOON));
    let levels = paper.levels();
    assert_eq!(levels.last().unwrap(), "normal");
    // Twelve in each second that it took, and one that the flush asked for.
    let seconds = usize::try_from(began.elapsed().as_secs()).unwrap() + 2;
    assert!(levels.len() <= 12 * seconds + 1, "{}", levels.len());
    assert_eq!(sink.dropped(), 0);
}

#[test]
fn a_sink_that_is_dropped_writes_the_level_that_holds() {
    // I7
    let paper = Paper::default();
    let sink = JsonLinesSink::new(paper.clone()).unwrap();
    let (registry, handle, _clock) = thousand(QuotaRegistry::builder().audit(Arc::new(sink)));
    for _ in 0..1_000 {
        fill(&handle);
        empty(&handle);
    }
    drop((registry, handle));
    assert_eq!(paper.levels().last().unwrap(), "normal");
}

#[test]
fn a_rate_that_was_left_unseen_and_is_reached_again_has_a_line_again() {
    // I1
    let paper = Paper::default();
    let sink = JsonLinesSink::new(paper.clone()).unwrap();
    let (registry, handle, clock) = thousand(QuotaRegistry::builder().audit(Arc::new(sink)));
    for _ in 0..3 {
        handle.consume(QuotaType::MessageRate(960)).unwrap();
        clock.advance(Duration::from_secs(10));
    }
    drop((registry, handle));
    let text = String::from_utf8(paper.0.lock().unwrap().clone()).unwrap();
    let risen = "\"from\":\"normal\",\"to\":\"critical\"";
    assert_eq!(text.matches(risen).count(), 3, "{text}");
}

#[test]
fn a_crossing_that_finds_the_queue_full_is_written_later() {
    // I7
    /// A disk that is stuck until the test lets go.
    struct Stuck(Receiver<()>, Paper);

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            self.1.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let (let_go, held) = channel();
    let paper = Paper::default();
    let sink = Arc::new(JsonLinesSink::new(Stuck(held, paper.clone())).unwrap());
    let (registry, handle, _clock) =
        thousand(QuotaRegistry::builder().audit(Arc::<JsonLinesSink>::clone(&sink)));
    for id in 0..2_000 {
        registry.register(context(&format!("c{id}"), thousand_of_each())).unwrap();
    }
    let dropped = sink.dropped();
    assert!(dropped > 900, "{dropped}");
    fill(&handle);
    empty(&handle);
    fill(&handle);
    assert_eq!((sink.dropped(), sink.left_out()), (dropped, 3));
    drop(let_go);
    assert!(sink.flush(SOON));
    assert_eq!(paper.levels(), ["critical"]);
    // The line's repeats have the two before it.
    assert_eq!((sink.dropped(), sink.left_out()), (dropped, 0));
}

/// Keeps the levels of the crossings that a [`TracingSink`] emits.
#[derive(Clone, Default)]
struct Subscriber(Arc<Mutex<Vec<String>>>, Arc<OnceLock<ComponentHandle>>);

impl Subscriber {
    fn last(&self) -> Option<String> {
        self.0.lock().expect("no thread panics with it").last().cloned()
    }
}

struct To(Option<String>);

impl Visit for To {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "to" {
            self.0 = Some(format!("{value:?}"));
        }
    }
}

impl tracing::Subscriber for Subscriber {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() == "quota_enforce::audit"
    }

    fn new_span(&self, _attributes: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _span: &span::Id, _values: &span::Record<'_>) {}

    fn record_follows_from(&self, _span: &span::Id, _follows: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut to = To(None);
        event.record(&mut to);
        self.0.lock().expect("no thread panics with it").extend(to.0);
        // Uses the component that it hears of.
        assert!(self.1.get().is_none_or(ComponentHandle::is_registered));
    }

    fn enter(&self, _span: &span::Id) {}

    fn exit(&self, _span: &span::Id) {}
}

#[test]
fn a_component_cannot_hide_a_level_from_tracing_and_cannot_flood_it() {
    // I6 I7
    let seen = Subscriber::default();
    tracing::subscriber::with_default(seen.clone(), || {
        let sink = Arc::new(TracingSink::new());
        let (registry, handle, _clock) =
            thousand(QuotaRegistry::builder().audit(Arc::<TracingSink>::clone(&sink)));
        seen.1.set(handle.clone()).unwrap();
        let began = Instant::now();
        for _ in 0..5 {
            fill(&handle);
            empty(&handle);
        }
        fill(&handle);
        assert_eq!(seen.last().unwrap(), "critical");
        for _ in 0..10_000 {
            empty(&handle);
            fill(&handle);
            assert_eq!(seen.last().unwrap(), "critical", "never lower than what holds");
        }
        empty(&handle);
        registry.refresh_levels();
        assert_eq!(seen.last().unwrap(), "normal");
        assert_eq!(sink.left_out(), 0);
        for _ in 0..20 {
            fill(&handle);
            empty(&handle);
        }
        handle.refresh_levels();
        assert_eq!(seen.last().unwrap(), "normal");
        let seconds = usize::try_from(began.elapsed().as_secs()).unwrap() + 2;
        let count = seen.0.lock().unwrap().len();
        assert!(count <= 12 * seconds + 2, "{count}");
    });
}

/// Keeps the crossings that it hears, and may do something meanwhile.
#[derive(Debug, Default)]
struct Crossings {
    heard: Mutex<Vec<(QuotaResource, UsageLevel, UsageLevel, u64)>>,
    component: OnceLock<ComponentHandle>,
    meanwhile: Option<fn(&ComponentHandle)>,
}

impl Crossings {
    fn meanwhile(work: fn(&ComponentHandle)) -> Arc<Self> {
        Arc::new(Self { meanwhile: Some(work), ..Self::default() })
    }

    fn take(&self) -> Vec<(QuotaResource, UsageLevel, UsageLevel, u64)> {
        core::mem::take(&mut *self.heard.lock().expect("no thread panics with it"))
    }
}

impl AuditSink for Crossings {
    fn record(&self, event: &AuditEvent<'_>) {
        let AuditKind::Threshold { resource, from, to, status, .. } = event.kind else { return };
        let crossing = (resource, from, to, status.used());
        self.heard.lock().expect("no thread panics with it").push(crossing);
        if let (Some(work), Some(component)) = (self.meanwhile, self.component.get())
            && to == UsageLevel::Critical
        {
            work(component);
        }
    }
}

/// Makes a registry with a sink that does something during a report, and one that is called after
/// it.
fn sinks_in_turn(work: fn(&ComponentHandle)) -> (Arc<Crossings>, Arc<Crossings>, ComponentHandle) {
    let (one, other) = (Crossings::meanwhile(work), Arc::new(Crossings::default()));
    let builder =
        QuotaRegistry::builder()
            .audit(Arc::<Crossings>::clone(&one))
            .audit(Arc::<Crossings>::clone(&other));
    let (_registry, handle, _clock) = thousand(builder);
    one.component.set(handle.clone()).expect("it is the first");
    (one, other, handle)
}

#[test]
fn a_sink_of_the_hosts_hears_every_crossing() {
    // I1 I4
    let sink = Arc::new(Crossings::default());
    let (_registry, handle, _clock) =
        thousand(QuotaRegistry::builder().audit(Arc::<Crossings>::clone(&sink)));
    for _ in 0..1_000 {
        fill(&handle);
        empty(&handle);
    }
    let (storage, normal, critical) =
        (QuotaResource::Storage, UsageLevel::Normal, UsageLevel::Critical);
    let pair = [(storage, normal, critical, 1_000), (storage, critical, normal, 0)];
    assert_eq!(sink.take(), pair.repeat(1_000));
}

#[test]
fn each_sink_hears_the_rise_before_the_fall_that_came_during_its_report() {
    // I4 I5
    let (one, other, handle) = sinks_in_turn(empty);
    fill(&handle);
    let (storage, normal, critical) =
        (QuotaResource::Storage, UsageLevel::Normal, UsageLevel::Critical);
    let crossings = [(storage, normal, critical, 1_000), (storage, critical, normal, 0)];
    assert_eq!(one.take(), crossings);
    assert_eq!(other.take(), crossings);
}

#[test]
fn each_resource_of_a_take_is_evaluated_when_it_is_reported() {
    // I5
    let (one, other, handle) = sinks_in_turn(|handle| {
        // Of storage, the first in turn, while memory is still to be looked at.
        handle.release(QuotaType::Memory(1_000)).unwrap();
    });
    // Kept before the take, so that the sink can release it.
    handle.consume(QuotaType::Memory(700)).unwrap();
    handle.reserve_all(&[QuotaType::Storage(960), QuotaType::Memory(260)]).unwrap().commit();
    let crossing = (QuotaResource::Storage, UsageLevel::Normal, UsageLevel::Critical, 960);
    assert_eq!(one.take(), [crossing]);
    assert_eq!(other.take(), [crossing]);
    assert_eq!(handle.usage().memory_used, 260);
}

/// A store that outlives its component's registration frees memory late: the log's last word is of
/// the component that is registered.
#[test]
fn a_release_of_a_former_component_is_no_level_of_its_successor() {
    let paper = Paper::default();
    let sink = Arc::new(JsonLinesSink::new(paper.clone()).expect("there is a thread"));
    let registry = QuotaRegistry::builder().audit(Arc::<JsonLinesSink>::clone(&sink)).build();
    let component = || {
        let quota = ResourceQuota::new().with_memory(100);
        SecurityContext::with_quota("a", CapabilitySet::new(), quota)
    };
    let former = registry.register(component()).expect("it is new");
    let former = account(&former);
    former.take(QuotaType::Memory(96)).expect("it fits");
    registry.unregister("a").expect("it is there");
    let successor = registry.register(component()).expect("it is gone");
    let successor = account(&successor);
    successor.take(QuotaType::Memory(96)).expect("it fits");
    former.release(QuotaType::Memory(96));
    registry.refresh_levels();
    assert!(sink.flush(SOON));
    assert_eq!(paper.last_level(), "critical");
}

/// A crossing that the log has not got yet is of the component that was, and is not written for the
/// one that is.
#[test]
fn a_kept_crossing_is_forgotten_with_its_component() {
    let paper = Paper::default();
    let sink = Arc::new(JsonLinesSink::new(paper.clone()).expect("there is a thread"));
    let (registry, former, _) =
        thousand(QuotaRegistry::builder().audit(Arc::<JsonLinesSink>::clone(&sink)));
    for _ in 0..5 {
        fill(&former);
        former.release(QuotaType::Storage(1_000)).expect("storage is released");
    }
    fill(&former);
    former.release(QuotaType::Storage(150)).expect("storage is released");
    let before = sink.left_out();
    assert!(before > 0);
    let id = String::from(former.id());
    registry.unregister(&id).expect("it is there");
    let successor = registry.register(context(&id, thousand_of_each())).expect("it is gone");
    registry.refresh_levels();
    assert!(sink.flush(SOON));
    assert_eq!(successor.usage().storage_used, 0);
    assert_eq!(paper.last_event(), "registered");
}
