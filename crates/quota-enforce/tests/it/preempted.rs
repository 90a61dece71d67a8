//! A host function that is preempted while it takes. A clock or a sink is the point of preemption:
//! it does what another thread would.
#![expect(clippy::unwrap_used, reason = "helpers of a test are test code")]

use core::fmt;
use std::sync::{Arc, Mutex};

use limits_core::{Clock, ManualClock, Permission, QuotaTracker, QuotaType, ResourceQuota};
use quota_enforce::{
    AuditEvent, AuditKind, AuditSink, ComponentHandle, EnforceError, QuotaRegistry, authorize,
};

use crate::{account, context, thousand_of_each};

type Step = Box<dyn FnOnce() + Send>;

/// Does something once, as a clock that is read or as a sink that hears of a grant or a denial.
#[derive(Default)]
struct Preemption(Mutex<Option<Step>>);

impl Preemption {
    fn arm(&self, step: impl FnOnce() + Send + 'static) {
        *self.0.lock().unwrap() = Some(Box::new(step));
    }

    fn happen(&self) {
        let step = self.0.lock().unwrap().take();
        if let Some(step) = step {
            step();
        }
    }
}

impl fmt::Debug for Preemption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Preemption")
    }
}

impl Clock for Preemption {
    fn now_ns(&self) -> u64 {
        self.happen();
        0
    }
}

impl AuditSink for Preemption {
    fn record(&self, event: &AuditEvent<'_>) {
        if matches!(event.kind, AuditKind::CapabilityGranted(_) | AuditKind::QuotaDenied(_)) {
            self.happen();
        }
    }
}

/// Unregisters the component and registers a successor.
fn succeed(registry: &QuotaRegistry) {
    registry.unregister("a").unwrap();
    registry.register(context("a", thousand_of_each())).unwrap();
}

/// A way to take with a handle whose component goes meanwhile.
type Take = fn(&ComponentHandle) -> Result<(), EnforceError>;

const RATE: QuotaType = QuotaType::MessageRate(7);
const TOO_MUCH: QuotaType = QuotaType::MessageRate(1_001);

#[test]
fn an_old_handle_takes_nothing_once_its_successor_is_registered() {
    let takes: [(&str, Take); 7] = [
        ("consume", |handle| handle.consume(RATE)),
        ("consume, refused as well", |handle| handle.consume(TOO_MUCH)),
        ("reserve, refused as well", |handle| handle.reserve(TOO_MUCH).map(drop)),
        ("reserve", |handle| handle.reserve(RATE).map(drop)),
        ("reserve_all", |handle| {
            handle.reserve_all(&[QuotaType::Storage(7), RATE]).map(|grant| grant.commit())
        }),
        ("reserve_up_to", |handle| handle.reserve_up_to(RATE).map(|grant| grant.commit())),
        ("authorize", |handle| {
            authorize(handle, "orders.new", "send", RATE).map(|grant| grant.commit())
        }),
    ];
    for (name, take) in takes {
        let clock = Arc::new(Preemption::default());
        let host = QuotaTracker::with_clock(ResourceQuota::new(), Arc::<Preemption>::clone(&clock));
        let host = Arc::new(host);
        let registry = Arc::new(QuotaRegistry::builder().parent(Arc::clone(&host)).build());
        let old = registry.register(context("a", thousand_of_each())).unwrap();
        clock.arm({
            let registry = Arc::clone(&registry);
            move || succeed(&registry)
        });
        let refused = take(&old).unwrap_err();
        assert_eq!(refused, EnforceError::NotRegistered { id: Box::from("a") }, "{name}");
        assert_ne!(registry.get("a").unwrap(), old, "{name}");
        for usage in [old.usage(), registry.get("a").unwrap().usage(), host.usage()] {
            assert_eq!((usage.message_count, usage.storage_used), (0, 0), "{name}");
        }
    }
}

#[test]
fn a_sink_that_hears_of_a_capability_may_register_a_successor_before_the_take() {
    let sink = Arc::new(Preemption::default());
    let builder = QuotaRegistry::builder().audit(Arc::<Preemption>::clone(&sink)).audit_grants();
    let registry = Arc::new(builder.build());
    let old = registry.register(context("a", thousand_of_each())).unwrap();
    sink.arm({
        let registry = Arc::clone(&registry);
        move || succeed(&registry)
    });
    let write = Permission::FilesystemWrite;
    let refused = old.authorize(write, "/data/x", QuotaType::Storage(7)).unwrap_err();
    assert_eq!(refused, EnforceError::NotRegistered { id: Box::from("a") });
    assert_eq!(old.usage().storage_used, 0);
    // Also for a take of nothing.
    let new = registry.get("a").unwrap();
    sink.arm(move || succeed(&registry));
    assert!(new.authorize(write, "/data/x", QuotaType::None).is_err());
}

#[test]
fn an_observed_grant_is_released_once_a_successor_is_registered() {
    let takes: [Take; 2] = [
        |handle| handle.consume(QuotaType::Storage(2_000)),
        |handle| handle.reserve(QuotaType::Storage(2_000)).map(|grant| grant.commit()),
    ];
    for take in takes {
        let sink = Arc::new(Preemption::default());
        let builder = QuotaRegistry::builder().audit(Arc::<Preemption>::clone(&sink));
        let registry = Arc::new(builder.observe_only().build());
        let old = registry.register(context("a", thousand_of_each())).unwrap();
        sink.arm({
            let registry = Arc::clone(&registry);
            move || succeed(&registry)
        });
        assert!(take(&old).is_err());
        assert_eq!(old.usage().storage_used, 0);
    }
}

#[test]
fn a_component_that_is_not_registered_charges_the_host_nothing() {
    let host = QuotaTracker::with_clock(ResourceQuota::new(), Arc::new(ManualClock::new()));
    let host = Arc::new(host);
    let registry = QuotaRegistry::builder().parent(Arc::clone(&host)).build();
    let first = registry.register(context("a", thousand_of_each())).unwrap();
    first.consume(QuotaType::Storage(100)).unwrap();
    let used = first.snapshot();
    let again = || context("a", thousand_of_each()).with_usage(used);
    let taken = EnforceError::AlreadyRegistered { id: Box::from("a") };
    assert_eq!(registry.register(again()).unwrap_err(), taken);
    assert_eq!(host.usage().storage_used, 100);
}

#[test]
fn units_that_are_kept_during_a_reset_free_nothing_of_a_live_store() {
    // I8
    let preemption = Arc::new(Preemption::default());
    let registry = QuotaRegistry::builder().clock(Arc::<Preemption>::clone(&preemption)).build();
    let handle = registry.register(context("a", thousand_of_each())).unwrap();
    let taker = handle.clone();
    preemption.arm(move || taker.consume(QuotaType::Memory(500)).unwrap());
    registry.reset_usage("a").unwrap();
    let store = account(&handle);
    store.take(QuotaType::Memory(500)).unwrap();
    handle.release(QuotaType::Memory(u64::MAX)).unwrap();
    assert_eq!(handle.usage().memory_used, 500);
}
