//! No crossing of a level is missed or reported twice.

use core::panic::AssertUnwindSafe;
use core::time::Duration;
use std::panic::{catch_unwind, panic_any};
use std::sync::Arc;

use limits_core::{ManualClock, QuotaType};
use quota_enforce::{
    AuditEvent, AuditSink, CheckedResource, ComponentHandle, EnforceError, QuotaRegistry,
    QuotaRegistryBuilder, guard,
};

use crate::{Notebook, account, context, thousand, thousand_of_each};

fn noted() -> (QuotaRegistryBuilder, Arc<Notebook>) {
    let notebook = Arc::new(Notebook::default());
    (QuotaRegistry::builder().audit(Arc::<Notebook>::clone(&notebook)), notebook)
}

#[test]
fn a_failed_operation_lowers_the_level_and_the_next_crossing_is_reported() {
    // I1
    let (builder, notebook) = noted();
    let (_registry, handle, _clock) = thousand(builder);
    let up = "a threshold storage normal -> critical at 960";
    let down = "a threshold storage critical -> normal at 0";
    notebook.take();
    for _ in 0..2 {
        drop(handle.reserve(QuotaType::Storage(960)).unwrap());
        assert_eq!(notebook.take(), [up, down]);
        let grant = handle.reserve_all(&[QuotaType::Storage(960), QuotaType::CpuTime(1)]);
        drop(grant.unwrap());
        assert_eq!(notebook.take(), [up, down]);
        let failed = guard(&handle, "/data/x", "write", QuotaType::Storage(960), |_| {
            Err::<(), _>(EnforceError::NotRegistered { id: Box::from("b") })
        });
        failed.unwrap_err();
        assert_eq!(notebook.take(), [up, down]);
    }
    handle.reserve(QuotaType::Memory(960)).unwrap().commit();
    assert_eq!(notebook.take(), ["a threshold memory normal -> critical at 960"]);
}

#[test]
fn a_grant_settled_for_more_or_less_changes_the_level() {
    // I1
    let (builder, notebook) = noted();
    let (_registry, handle, _clock) = thousand(builder);
    notebook.take();
    let grant = handle.reserve(QuotaType::NetworkBandwidth(10)).unwrap();
    grant.commit_actual(QuotaType::NetworkBandwidth(960));
    assert_eq!(notebook.take(), ["a threshold network_bandwidth normal -> critical at 960"]);
    let grant = handle.reserve(QuotaType::Storage(960)).unwrap();
    notebook.take();
    grant.commit_actual(QuotaType::Storage(60));
    assert_eq!(notebook.take(), ["a threshold storage critical -> normal at 60"]);
    handle.reserve(QuotaType::Storage(1)).unwrap().commit_actual(QuotaType::None);
    assert_eq!(handle.usage().storage_used, 61);
}

#[test]
fn a_rate_whose_fall_no_thread_saw_is_reported_when_it_is_reached_again() {
    // I1
    let (builder, notebook) = noted();
    let (registry, handle, clock) = thousand(builder);
    notebook.take();
    let risen = ["a threshold message_rate normal -> critical at 960"];
    for _ in 0..3 {
        handle.consume(QuotaType::MessageRate(960)).unwrap();
        assert_eq!(notebook.take(), risen);
        clock.advance(Duration::from_secs(10));
    }
    // A debt is never left, however seldom the host looks.
    handle.charge(QuotaType::NetworkBandwidth(1_000_000));
    assert_eq!(notebook.take(), ["a threshold network_bandwidth normal -> critical at 1000000"]);
    for _ in 0..3 {
        clock.advance(Duration::from_secs(10));
        handle.charge(QuotaType::NetworkBandwidth(1));
        registry.refresh_levels();
        assert!(!notebook.take().iter().any(|line| line.contains("network")));
    }
}

#[test]
fn a_rate_with_a_limit_of_zero_is_reported_once() {
    // I1
    let (builder, notebook) = noted();
    let (registry, _handle, clock) = thousand(builder);
    registry.register(context("b", thousand_of_each().with_message_rate(0))).unwrap();
    let told = notebook.take();
    assert_eq!(told.last().unwrap(), "b threshold message_rate normal -> critical at 0");
    for _ in 0..3 {
        clock.advance(Duration::from_secs(60));
        registry.refresh_levels();
    }
    assert!(notebook.take().is_empty());
}

#[test]
fn observed_takes_cross_levels_as_well() {
    // I1
    let (builder, notebook) = noted();
    let (_registry, handle, _clock) = thousand(builder.observe_only());
    notebook.take();
    let grant = handle.reserve(QuotaType::Storage(1_500)).unwrap();
    let store = account(&handle);
    store.take(QuotaType::Memory(1_500)).unwrap();
    let told = notebook.take();
    let levels: Vec<_> = told.iter().filter(|line| line.contains("threshold")).collect();
    assert_eq!(
        levels,
        [
            "a threshold storage normal -> critical at 1500",
            "a threshold memory normal -> critical at 1500"
        ]
    );
    drop(grant);
    assert_eq!(notebook.take(), ["a threshold storage critical -> normal at 0"]);
}

#[test]
fn a_rate_that_is_high_in_every_window_of_a_millisecond_is_reported_once() {
    // I1
    let (builder, notebook) = noted();
    let clock = Arc::new(ManualClock::new());
    let registry = builder.clock(Arc::<ManualClock>::clone(&clock)).build();
    let quota = thousand_of_each().with_reset_period(Duration::from_millis(1));
    let handle = registry.register(context("a", quota)).unwrap();
    notebook.take();
    for _ in 0..50 {
        for _ in 0..96 {
            handle.consume(QuotaType::MessageRate(10)).unwrap();
            clock.advance(Duration::from_nanos(100));
        }
        clock.advance(Duration::from_nanos(1_000_000 - 9_600));
    }
    assert_eq!(
        notebook.take(),
        [
            "a threshold message_rate normal -> warning at 800",
            "a threshold message_rate warning -> critical at 950"
        ]
    );
}

/// A sink that never returns, and panics with something that panics as it is dropped.
#[derive(Debug)]
struct Bomb;

impl AuditSink for Bomb {
    fn record(&self, _event: &AuditEvent<'_>) {
        panic_any(Fuse);
    }

    fn refresh(&self) {
        panic_any(Fuse);
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        panic_any(Fuse);
    }
}

struct Fuse;

impl Drop for Fuse {
    fn drop(&mut self) {
        panic_any(Self);
    }
}

#[test]
fn a_sink_that_panics_changes_nothing_and_the_others_hear_the_event() {
    let notebook = Arc::new(Notebook::default());
    let builder = QuotaRegistry::builder()
        .audit(Arc::new(Bomb))
        .audit(Arc::<Notebook>::clone(&notebook))
        .audit_grants();
    let (registry, handle, _clock) = thousand(builder);
    let account = account(&handle);
    account.take(QuotaType::Memory(960)).unwrap();
    assert_eq!(handle.usage().memory_used, 960);
    account.release(QuotaType::Memory(960));
    assert!(handle.consume(QuotaType::Storage(1_001)).is_err());
    // While another panic unwinds as well.
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        let operation =
            |_: CheckedResource<'_>| -> Result<(), EnforceError> { panic!("on purpose") };
        guard(&handle, "/data/x", "write", QuotaType::Storage(960), operation)
    }));
    assert!(unwound.is_err());
    assert_eq!(handle.usage().storage_used, 0);
    registry.refresh_levels();
    handle.refresh_levels();
    registry.unregister("a").unwrap();
    let told = notebook.take();
    let names: Vec<_> =
        told.iter().map(|line| line.split(' ').nth(1).unwrap_or_default()).collect();
    assert_eq!(
        names,
        [
            "registered",
            "quota_granted",
            "threshold",
            "threshold",
            "quota_denied",
            "capability_granted",
            "quota_granted",
            "threshold",
            "threshold",
            "unregistered"
        ]
    );
    // The last that holds the sinks, which panics as it is dropped.
    drop((registry, handle));
}

#[test]
fn of_many_threads_that_take_and_release_at_once_every_rise_is_followed_by_its_fall() {
    // I1
    let (builder, notebook) = noted();
    let (registry, handle, _clock) = thousand(builder);
    notebook.take();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| take_and_release(&handle));
        }
    });
    let told = notebook.take();
    assert!(!told.is_empty(), "960 of 1 000 is critical");
    let mut level = "normal";
    for (from, to) in told.iter().filter_map(|line| line.split_once(" -> ")) {
        assert!(from.ends_with(level), "{told:?}");
        level = to.split(' ').next().unwrap_or_default();
    }
    assert_eq!(level, "normal", "nothing is in use in the end");
    registry.refresh_levels();
    assert_eq!(notebook.take(), <[&str; 0]>::default());
    let count = |from: &str, to: &str| {
        let step = format!("{from} -> {to}");
        told.iter().filter(|line| line.contains(&step)).count()
    };
    let up = count("normal", "warning") + count("normal", "critical");
    let down = count("warning", "normal") + count("critical", "normal");
    assert_eq!(up, down);
    let into = count("normal", "critical") + count("warning", "critical");
    let out = count("critical", "normal") + count("critical", "warning");
    assert_eq!(into, out);
}

fn take_and_release(handle: &ComponentHandle) {
    for _ in 0..500 {
        if let Ok(grant) = handle.reserve(QuotaType::Storage(480)) {
            std::thread::yield_now();
            drop(grant);
        }
        drop(handle.reserve(QuotaType::Storage(960)));
    }
}
