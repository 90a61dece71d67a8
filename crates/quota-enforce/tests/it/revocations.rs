//! Quotas and capabilities that the registry changes while a component runs.

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::sync::{Arc, OnceLock};

use limits_core::{CapabilitySet, Denial, Permission, QuotaType};
use quota_enforce::{AuditEvent, AuditKind, AuditSink, EnforceError, QuotaRegistry};

use crate::{capabilities, context, thousand, thousand_of_each};

const WRITE: Permission = Permission::FilesystemWrite;
const BYTE: QuotaType = QuotaType::Storage(1);

fn is_denied(result: Result<(), EnforceError>) -> bool {
    matches!(result, Err(EnforceError::Capability(denied)) if denied.reason() == Denial::NothingGranted)
}

#[test]
fn a_revocation_holds_over_every_clone_from_the_next_check_or_take_on() {
    // I9
    let (registry, handle, _clock) = thousand(QuotaRegistry::builder());
    let clones = [handle.clone(), registry.get("a").unwrap(), handle.clone().clone()];
    for clone in &clones {
        clone.authorize(WRITE, "/data/x", BYTE).unwrap().commit();
    }
    let before = handle.capabilities();
    registry.set_capabilities("a", &CapabilitySet::new()).unwrap();
    for clone in &clones {
        assert!(is_denied(clone.check(WRITE, "/data/x")));
        assert!(is_denied(clone.check_with_quota(WRITE, "/data/x", BYTE)));
        assert!(is_denied(clone.authorize(WRITE, "/data/x", BYTE).map(drop)));
        assert!(clone.capabilities().is_empty());
    }
    assert_eq!(handle.usage().storage_used, 3);
    assert_eq!(*before, capabilities(), "a set that was returned stays as it is");
    registry.set_capabilities("a", &capabilities()).unwrap();
    handle.check(WRITE, "/data/x").unwrap();
}

/// Revokes everything when a check has passed and its take is still to come.
#[derive(Debug, Default)]
struct Revoker(OnceLock<QuotaRegistry>);

impl AuditSink for Revoker {
    fn record(&self, event: &AuditEvent<'_>) {
        if let AuditKind::CapabilityGranted(_) = event.kind {
            let registry = self.0.get().expect("it is set before the first check");
            registry.set_capabilities("a", &CapabilitySet::new()).expect("it is registered");
        }
    }
}

#[test]
fn a_revocation_between_the_check_and_the_take_holds_and_nothing_stays_taken() {
    // I9
    let revoker = Arc::new(Revoker::default());
    let builder = QuotaRegistry::builder().audit(Arc::<Revoker>::clone(&revoker)).audit_grants();
    let (registry, handle, _clock) = thousand(builder);
    revoker.0.set(registry).unwrap();
    assert!(is_denied(handle.authorize(WRITE, "/data/x", BYTE).map(drop)));
    assert_eq!(handle.usage().storage_used, 0);
    assert_eq!(handle.denials().by_capability(), 1);
}

#[test]
fn no_thread_takes_by_a_capability_that_was_revoked_before() {
    // I9
    let (registry, handle, _clock) = thousand(QuotaRegistry::builder());
    for round in 0..300 {
        registry.set_capabilities("a", &capabilities()).unwrap();
        let is_revoked = AtomicBool::new(false);
        // Takes until the revocation has returned, and once more.
        let last_take = || {
            let clone = handle.clone();
            loop {
                let was_revoked = is_revoked.load(Ordering::Acquire);
                let taken = clone.authorize(WRITE, "/data/x", QuotaType::None);
                if was_revoked {
                    return taken.map(drop);
                }
            }
        };
        std::thread::scope(|scope| {
            let takers = [(); 2].map(|()| scope.spawn(last_take));
            if round % 2 == 0 {
                std::thread::yield_now();
            }
            let revoked = registry.set_capabilities("a", &CapabilitySet::new());
            is_revoked.store(true, Ordering::Release);
            revoked.unwrap();
            assert!(takers.into_iter().all(|taker| is_denied(taker.join().unwrap())));
        });
    }
}

#[test]
fn new_capabilities_are_bound_to_the_id_or_refused() {
    let (registry, handle, _clock) = thousand(QuotaRegistry::builder());
    let own = CapabilitySet::builder().grant(WRITE, "/own/<id>/**").build().unwrap();
    registry.set_capabilities("a", &own).unwrap();
    handle.check(WRITE, "/own/a/x").unwrap();
    assert!(handle.check(WRITE, "/own/b/x").is_err());
    let unknown = registry.set_capabilities("b", &own).unwrap_err();
    assert_eq!(unknown, EnforceError::NotRegistered { id: Box::from("b") });
    registry.register(context("c:d", thousand_of_each())).unwrap();
    let keys = CapabilitySet::builder().grant(Permission::StorageRead, "<id>:*").build().unwrap();
    assert!(matches!(registry.set_capabilities("c:d", &keys), Err(EnforceError::Pattern(_))));
    registry.get("c:d").unwrap().check(WRITE, "/data/x").unwrap();
}

#[test]
fn a_lowered_quota_refuses_from_the_next_take_on_and_makes_no_debt() {
    let (registry, handle, clock) = thousand(QuotaRegistry::builder());
    let clone = handle.clone();
    handle.consume(QuotaType::MessageRate(900)).unwrap();
    handle.consume(QuotaType::Storage(900)).unwrap();
    let lower = thousand_of_each().with_message_rate(100).with_storage(100);
    registry.set_quota("a", lower).unwrap();
    assert_eq!(clone.quota(), lower);
    assert!(clone.consume(QuotaType::MessageRate(1)).is_err());
    assert!(clone.consume(QuotaType::Storage(1)).is_err());
    // The window in which the limit fell carries nothing over.
    clock.advance(Duration::from_secs(1));
    clone.consume(QuotaType::MessageRate(100)).unwrap();
    assert!(clone.consume(QuotaType::MessageRate(1)).is_err());
    assert_eq!(clone.release(QuotaType::Storage(850)), Ok(850));
    clone.consume(QuotaType::Storage(50)).unwrap();
    let unknown = registry.set_quota("b", lower).unwrap_err();
    assert_eq!(unknown, EnforceError::NotRegistered { id: Box::from("b") });
}
