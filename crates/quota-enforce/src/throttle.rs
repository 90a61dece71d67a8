//! The choice of a component's events that a log writes.

use core::sync::atomic::{AtomicU64, Ordering};

use limits_core::{Permission, QuotaResource};

use crate::audit::AuditKind;

/// The events of one kind that a log writes, per component and second.
pub(crate) const PER_SECOND: u64 = 10;

const RESOURCES: usize = QuotaResource::ALL.len();
const PERMISSIONS: usize = Permission::ALL.len();

/// Decides for each event of one component whether a log writes it, and counts those that it leaves
/// out.
///
/// A kind is an event with its permission or resource, so the number of kinds is fixed.
///
/// - I2: every event is admitted or counted, and the count is reported with the next event of its
///   kind that is admitted.
/// - I3: the count that is reported with an event is of its own kind and component.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    capability_denied: [Slot; PERMISSIONS],
    capability_granted: [Slot; PERMISSIONS],
    quota_denied: [Slot; RESOURCES],
    quota_granted: [Slot; RESOURCES],
}

impl Throttle {
    /// Reports whether the throttle decides over events of this kind. Acts of the host itself,
    /// crossings of levels and changes of the cluster are always admitted.
    pub(crate) const fn decides(kind: &AuditKind<'_>) -> bool {
        match kind {
            AuditKind::CapabilityDenied(_)
            | AuditKind::CapabilityGranted(_)
            | AuditKind::QuotaDenied(_)
            | AuditKind::QuotaGranted { .. } => true,
            AuditKind::Registered
            | AuditKind::Unregistered
            | AuditKind::Threshold { .. }
            | AuditKind::Cluster(_) => false,
        }
    }

    /// Returns the number of events of the kind that were left out before this one, or `None` if
    /// this one is left out as well.
    pub(crate) fn admit(&self, kind: &AuditKind<'_>, now_ns: u64) -> Option<u64> {
        let slot = match kind {
            AuditKind::CapabilityDenied(decision) => {
                self.capability_denied.get(position(decision.permission()))
            }
            AuditKind::CapabilityGranted(decision) => {
                self.capability_granted.get(position(decision.permission()))
            }
            AuditKind::QuotaDenied(error) => self.quota_denied.get(error.resource().index()),
            AuditKind::QuotaGranted { resource, .. } => self.quota_granted.get(resource.index()),
            AuditKind::Registered
            | AuditKind::Unregistered
            | AuditKind::Threshold { .. }
            | AuditKind::Cluster(_) => None,
        };
        slot.map_or(Some(0), |slot| slot.admit(now_ns / 1_000_000_000))
    }
}

fn position(permission: Permission) -> usize {
    Permission::ALL.iter().position(|other| *other == permission).unwrap_or_default()
}

/// The counts of one kind: the second (32 bits), the events admitted in it (4), the events left out
/// since one was admitted (28).
///
/// One word, so that an event is admitted or counted in one step.
#[derive(Debug, Default)]
struct Slot(AtomicU64);

impl Slot {
    const MOST_LEFT_OUT: u64 = 0xfff_ffff;

    fn admit(&self, second: u64) -> Option<u64> {
        // Relaxed throughout: the word stands for itself.
        let second = second & 0xffff_ffff;
        let next = |word: u64| {
            let (current, admitted, left_out) = Self::split(word);
            Some(if second > current {
                Self::word(second, 1, 0)
            } else if admitted < PER_SECOND {
                // A clock value that was read a moment ago does not begin the second again.
                Self::word(current, admitted + 1, 0)
            } else if left_out < Self::MOST_LEFT_OUT {
                Self::word(current, admitted, left_out + 1)
            } else {
                // The count is full: one line more reports it, so that no event is lost.
                Self::word(current, admitted, 0)
            })
        };
        let word = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, next)
            .unwrap_or_else(|word| word);
        let (current, admitted, left_out) = Self::split(word);
        let is_counted =
            second <= current && admitted >= PER_SECOND && left_out < Self::MOST_LEFT_OUT;
        (!is_counted).then_some(left_out)
    }

    const fn word(second: u64, admitted: u64, left_out: u64) -> u64 {
        second << 32 | admitted << 28 | left_out
    }

    const fn split(word: u64) -> (u64, u64, u64) {
        (word >> 32, word >> 28 & 0xf, word & Self::MOST_LEFT_OUT)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{PER_SECOND, Slot, Throttle};
    use crate::audit::AuditKind;
    use core::sync::atomic::AtomicU64;
    use limits_core::{CapabilitySet, Permission, QuotaError, QuotaResource};

    const SECOND: u64 = 1_000_000_000;

    fn denied(resource: QuotaResource) -> AuditKind<'static> {
        AuditKind::QuotaDenied(QuotaError::new(resource, 1).with_request(1, 1))
    }

    #[test]
    fn a_flood_becomes_ten_events_and_a_count() {
        // I2
        let throttle = Throttle::default();
        let admit = |now| throttle.admit(&denied(QuotaResource::Storage), now);
        for _ in 0..PER_SECOND {
            assert_eq!(admit(5 * SECOND), Some(0));
        }
        for _ in 0..100 {
            assert_eq!(admit(6 * SECOND - 1), None);
        }
        // A thread that read the clock before the others does not begin the second again.
        assert_eq!(admit(5 * SECOND - 1), None);
        assert_eq!(admit(6 * SECOND), Some(101));
        assert_eq!(admit(6 * SECOND), Some(0));
        // However late.
        for _ in 0..PER_SECOND {
            admit(6 * SECOND);
        }
        assert_eq!(admit(1_000 * SECOND), Some(2));
    }

    #[test]
    fn each_kind_has_an_allowance_and_a_count_of_its_own() {
        // I3
        let throttle = Throttle::default();
        let set = CapabilitySet::new();
        let decisions = || Permission::ALL.iter().map(|&permission| set.check(permission, "/x"));
        let mut kinds: Vec<_> = decisions().map(AuditKind::CapabilityDenied).collect();
        kinds.extend(decisions().map(AuditKind::CapabilityGranted));
        for &resource in QuotaResource::ALL {
            kinds.push(denied(resource));
            kinds.push(AuditKind::QuotaGranted { resource, amount: 1 });
        }
        // So many more than ten, each another number.
        for (index, kind) in (1..).zip(&kinds) {
            assert!(Throttle::decides(kind));
            let outcomes: Vec<_> =
                (0..PER_SECOND + index).map(|_| throttle.admit(kind, SECOND)).collect();
            let let_through = outcomes.iter().filter(|outcome| **outcome == Some(0)).count();
            assert_eq!(let_through, 10);
        }
        for (index, kind) in (1..).zip(&kinds) {
            assert_eq!(throttle.admit(kind, 2 * SECOND), Some(index));
        }
    }

    #[test]
    fn what_the_host_does_itself_is_always_let_through() {
        let throttle = Throttle::default();
        for kind in [AuditKind::Registered, AuditKind::Unregistered] {
            assert!(!Throttle::decides(&kind));
            assert!((0..100).all(|_| throttle.admit(&kind, SECOND) == Some(0)));
        }
    }

    #[test]
    fn a_count_that_is_full_is_told_and_begins_again() {
        // I2
        let slot = Slot(AtomicU64::new(Slot::word(5, PER_SECOND, Slot::MOST_LEFT_OUT - 1)));
        assert_eq!(slot.admit(5), None);
        assert_eq!(slot.admit(5), Some(Slot::MOST_LEFT_OUT));
        assert_eq!(slot.admit(5), None);
        assert_eq!(slot.admit(6), Some(1));
    }

    #[test]
    fn no_event_is_lost_between_threads() {
        // I2
        let slot = Slot::default();
        let told: u64 = std::thread::scope(|scope| {
            let count =
                || (0..20_000).filter_map(|at| slot.admit(at / 500)).map(|n| n + 1).sum::<u64>();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(count)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum::<u64>()
        });
        assert_eq!(told + slot.admit(1_000).unwrap(), 80_000);
    }
}
