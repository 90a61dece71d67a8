//! Warnings and critical levels, as questions and as events.

use core::time::Duration;
use std::sync::{Arc, OnceLock, mpsc};

use limits_core::QuotaType;
use quota_enforce::{AuditEvent, AuditKind, AuditSink, QuotaRegistry};

use crate::{Notebook, thousand};

#[test]
fn status_is_that_of_the_current_window() {
    // Regression: the original design reported the last window for ever.
    let (_registry, handle, clock) = thousand(QuotaRegistry::builder());
    handle.consume(QuotaType::MessageRate(799)).unwrap();
    assert!(!handle.is_quota_warning());
    handle.consume(QuotaType::MessageRate(1)).unwrap();
    assert!(handle.is_quota_warning() && !handle.is_quota_critical());
    handle.consume(QuotaType::MessageRate(150)).unwrap();
    assert!(handle.is_quota_critical());
    clock.advance(Duration::from_secs(4));
    assert!(!handle.is_quota_warning() && !handle.is_quota_critical());
    assert_eq!(handle.status().message_rate.used(), 0);
}

#[test]
fn a_limit_of_zero_is_critical() {
    // Regression: the original design called it 0 % used.
    let registry = QuotaRegistry::new();
    let quota = crate::thousand_of_each().with_storage(0);
    let handle = registry.register(crate::context("a", quota)).unwrap();
    assert!(handle.is_quota_critical());
    assert!((handle.status().storage.percentage() - 100.0).abs() < 1e-9);
}

#[test]
fn a_total_crosses_each_level_once_and_re_arms_five_points_below() {
    // I1
    let notebook = Arc::new(Notebook::default());
    let (_registry, handle, _clock) =
        thousand(QuotaRegistry::builder().audit(Arc::<Notebook>::clone(&notebook)));
    notebook.take();
    let to = |bytes: u64| {
        let used = handle.usage().storage_used;
        if bytes > used {
            handle.consume(QuotaType::Storage(bytes - used)).unwrap();
        } else {
            handle.release(QuotaType::Storage(used - bytes)).unwrap();
        }
        notebook.take()
    };
    assert!(to(799).is_empty());
    assert_eq!(to(800), ["a threshold storage normal -> warning at 800"]);
    for bytes in [799, 800, 751, 949] {
        assert!(to(bytes).is_empty(), "{bytes}");
    }
    assert_eq!(to(950), ["a threshold storage warning -> critical at 950"]);
    assert!(to(900).is_empty());
    assert_eq!(to(899), ["a threshold storage critical -> warning at 899"]);
    assert!(to(750).is_empty());
    assert_eq!(to(749), ["a threshold storage warning -> normal at 749"]);
    assert_eq!(to(1_000), ["a threshold storage normal -> critical at 1000"]);
    assert_eq!(to(0), ["a threshold storage critical -> normal at 0"]);
}

#[test]
fn a_rate_that_is_high_in_every_window_is_reported_once() {
    // I1
    let notebook = Arc::new(Notebook::default());
    let (registry, handle, clock) =
        thousand(QuotaRegistry::builder().audit(Arc::<Notebook>::clone(&notebook)));
    notebook.take();
    for _ in 0..5 {
        for _ in 0..9 {
            handle.consume(QuotaType::MessageRate(100)).unwrap();
        }
        clock.advance(Duration::from_secs(1));
    }
    assert_eq!(notebook.take(), ["a threshold message_rate normal -> warning at 800"]);
    registry.refresh_levels();
    assert!(notebook.take().is_empty(), "one window below is not enough");
    clock.advance(Duration::from_millis(1_001));
    registry.refresh_levels();
    assert_eq!(notebook.take(), ["a threshold message_rate warning -> normal at 0"]);
    handle.consume(QuotaType::MessageRate(960)).unwrap();
    assert_eq!(notebook.take(), ["a threshold message_rate normal -> critical at 960"]);
}

/// Unregisters a component whose level changes.
#[derive(Debug, Default)]
struct Unregisters(OnceLock<Arc<QuotaRegistry>>);

impl AuditSink for Unregisters {
    fn record(&self, event: &AuditEvent<'_>) {
        if let (AuditKind::Threshold { .. }, Some(registry)) = (event.kind, self.0.get()) {
            let _ = registry.unregister(event.component);
        }
    }
}

#[test]
fn a_sink_may_unregister_the_component_whose_level_is_refreshed() {
    let (send, done) = mpsc::channel();
    // On a thread of its own, so that a hang fails the test.
    std::thread::spawn(move || {
        let sink = Arc::new(Unregisters::default());
        let (registry, handle, clock) =
            thousand(QuotaRegistry::builder().audit(Arc::<Unregisters>::clone(&sink)));
        handle.consume(QuotaType::MessageRate(960)).unwrap();
        clock.advance(Duration::from_secs(9));
        let registry = Arc::new(registry);
        sink.0.set(Arc::clone(&registry)).unwrap();
        registry.refresh_levels();
        send.send(handle.is_registered()).unwrap();
    });
    assert_eq!(done.recv_timeout(Duration::from_secs(30)), Ok(false));
}

#[test]
fn of_many_threads_that_cross_together_one_reports() {
    // I1
    let notebook = Arc::new(Notebook::default());
    let (_registry, handle, _clock) =
        thousand(QuotaRegistry::builder().audit(Arc::<Notebook>::clone(&notebook)));
    notebook.take();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..125 {
                    handle.consume(QuotaType::Storage(1)).unwrap();
                }
            });
        }
    });
    let told = notebook.take();
    let to = |level: &str| told.iter().filter(|line| line.contains(&format!("-> {level}"))).count();
    assert_eq!((to("critical"), to("normal")), (1, 0), "{told:?}");
    assert!(to("warning") <= 1, "{told:?}");
}

#[test]
fn a_lower_limit_and_a_reset_move_levels_as_well() {
    let notebook = Arc::new(Notebook::default());
    let (registry, handle, _clock) =
        thousand(QuotaRegistry::builder().audit(Arc::<Notebook>::clone(&notebook)));
    handle.consume(QuotaType::Memory(500)).unwrap();
    notebook.take();
    registry.set_quota("a", crate::thousand_of_each().with_memory(600)).unwrap();
    assert_eq!(notebook.take(), ["a threshold memory normal -> warning at 500"]);
    registry.reset_usage("a").unwrap();
    assert_eq!(notebook.take(), ["a threshold memory warning -> normal at 0"]);
}
