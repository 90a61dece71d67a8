//! At most so many events of a kind per component and second.

use core::hash::BuildHasher;
use core::sync::atomic::{AtomicU64, Ordering};
use std::hash::RandomState;

use crate::AuditEvent;

/// How many kinds of events are told apart. Two that share a place share an allowance.
const PLACES: u64 = 4_096;

/// Lets through so many events of a kind per component and second, and counts the others.
///
/// - I2: every event is let through or counted, and what was counted is reported with the next one
///   of its kind that is let through, or is still in [`counted`](Self::counted).
///
/// Needs no lock and 64 KiB, however many components and kinds there are. Who shares a place with
/// whom is random for every process, so no component can choose its victim.
#[derive(Debug)]
pub(crate) struct Repeats {
    hasher: RandomState,
    places: Box<[Place]>,
    /// Events of a kind per component and second.
    most: u32,
}

#[derive(Debug, Default)]
struct Place {
    /// The second in the upper half, the events let through in it in the lower.
    window: AtomicU64,
    /// Events counted since one was let through.
    counted: AtomicU64,
}

/// What is to be done with an event.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Admission {
    /// Report it, and that `counted` like it were not reported.
    Report { counted: u64 },
    /// It was counted.
    Counted,
}

impl Repeats {
    pub(crate) fn new(most: u32) -> Self {
        let places = core::iter::repeat_with(Place::default)
            .zip(0..PLACES)
            .map(|(place, _)| place)
            .collect();
        Self { hasher: RandomState::new(), places, most }
    }

    pub(crate) fn admit(&self, event: &AuditEvent<'_>, now_ns: u64) -> Admission {
        let key = (event.component, event.kind.name(), event.kind.subject());
        let hash = usize::try_from(self.hasher.hash_one(key) % PLACES).unwrap_or_default();
        let Some(place) = self.places.get(hash) else { return Admission::Counted };
        place.admit(now_ns / 1_000_000_000, self.most)
    }

    /// Returns how many events are counted and not reported yet.
    pub(crate) fn counted(&self) -> u64 {
        let counted = self.places.iter().map(|place| place.counted.load(Ordering::Relaxed));
        counted.fold(0, u64::saturating_add)
    }
}

impl Place {
    fn admit(&self, second: u64, most: u32) -> Admission {
        let second = second & 0xffff_ffff;
        // Relaxed throughout: the counts stand for themselves.
        let taken = self.window.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |word| {
            let count = if word >> 32 == second { word & 0xffff_ffff } else { 0 };
            (count < u64::from(most)).then_some(second << 32 | (count + 1))
        });
        if taken.is_err() {
            self.counted.fetch_add(1, Ordering::Relaxed);
            return Admission::Counted;
        }
        Admission::Report { counted: self.counted.swap(0, Ordering::Relaxed) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Admission, Repeats};
    use crate::{AuditEvent, AuditKind};

    fn event(component: &str) -> AuditEvent<'_> {
        AuditEvent { component, kind: AuditKind::Registered, enforced: true }
    }

    #[test]
    fn a_flood_becomes_a_few_events_and_a_count() {
        // I2
        let repeats = Repeats::new(3);
        let second = 1_000_000_000;
        let report = |counted| Admission::Report { counted };
        for _ in 0..3 {
            assert_eq!(repeats.admit(&event("a"), 5 * second), report(0));
        }
        for _ in 0..100 {
            assert_eq!(repeats.admit(&event("a"), 5 * second + 7), Admission::Counted);
        }
        assert_eq!(repeats.counted(), 100);
        assert_eq!(repeats.admit(&event("a"), 6 * second), report(100));
        assert_eq!(repeats.counted(), 0);
    }

    #[test]
    fn no_event_is_lost_between_threads() {
        // I2
        let repeats = Repeats::new(5);
        let reported = std::thread::scope(|scope| {
            let count = || {
                let admitted = (0..10_000_u64).map(|at| repeats.admit(&event("a"), at * 1_000_000));
                let told = admitted.map(|admission| match admission {
                    Admission::Report { counted } => 1 + counted,
                    Admission::Counted => 0,
                });
                told.sum::<u64>()
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(count)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum::<u64>()
        });
        assert_eq!(reported + repeats.counted(), 40_000);
    }
}
