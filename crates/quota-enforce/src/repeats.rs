//! At most so many events of a kind per component and second.

use core::hash::BuildHasher;
use core::sync::atomic::{AtomicU64, Ordering};
use std::hash::RandomState;

use crate::AuditEvent;

/// How many sets of places there are. One has a place for each of [`WAYS`] kinds at a time.
const SETS: u64 = 1_024;
const WAYS: usize = 4;

/// How many events of a kind per component and second the sinks here let through.
pub(crate) const PER_SECOND: u8 = 10;

/// Lets through so many events of a kind per component and second, and counts the others.
///
/// - I2: every event is let through or counted, and what was counted is told with a later event of
///   the same kind that is let through, or is still in [`counted`](Self::counted).
/// - I3: what is told with an event are events of its own kind and component.
///
/// Needs no lock and 72 KiB, however many components and kinds there are. A kind has a place in its
/// set for as long as nobody else needs it who asks in a later second. Should more than four kinds of
/// a set be busy in one second, the others share an allowance, and theirs are counted together. Which
/// kinds have a set in common is random for every process, so no component can choose its victim.
#[derive(Debug)]
pub(crate) struct Repeats {
    hasher: RandomState,
    sets: Box<[Set]>,
    /// Events of a kind per component and second, at most 255.
    most: u8,
    /// Events counted without their kind.
    crowd: AtomicU64,
}

#[derive(Debug, Default)]
struct Set {
    places: [Place; WAYS],
    /// For those who find no place: the second in the upper half, the events let through in it below.
    common: AtomicU64,
}

/// A place for one kind of a component. The tag is a part of the hash, which with the set tells one
/// kind of sixteen thousand million from the others.
#[derive(Debug, Default)]
struct Place {
    /// The second (32 bits), the tag (24), the events let through in it (8).
    window: AtomicU64,
    /// The tag (24 bits) and the events counted since one was let through (40).
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
    pub(crate) fn new(most: u8) -> Self {
        let sets = core::iter::repeat_with(Set::default).zip(0..SETS).map(|(set, _)| set).collect();
        Self { hasher: RandomState::new(), sets, most, crowd: AtomicU64::new(0) }
    }

    pub(crate) fn admit(&self, event: &AuditEvent<'_>, now_ns: u64) -> Admission {
        let key = (event.component, event.kind.name(), event.kind.subject());
        self.admit_hashed(self.hasher.hash_one(key), now_ns / 1_000_000_000)
    }

    fn admit_hashed(&self, hash: u64, second: u64) -> Admission {
        // Relaxed throughout: the counts stand for themselves.
        let (index, tag) = (usize::try_from(hash % SETS).unwrap_or_default(), hash >> 40);
        let second = second & 0xffff_ffff;
        let most = u64::from(self.most);
        let Some(set) = self.sets.get(index) else { return self.in_the_crowd() };
        match set.place(tag, second, self.most) {
            Some((place, true)) => Admission::Report { counted: place.tell(tag, &self.crowd) },
            Some((place, false)) => {
                place.count(tag, &self.crowd);
                Admission::Counted
            }
            // As many as all places let through.
            None if set.admit_in_common(second, set.places.iter().map(|_| most).sum()) => {
                Admission::Report { counted: 0 }
            }
            None => self.in_the_crowd(),
        }
    }

    fn in_the_crowd(&self) -> Admission {
        self.crowd.fetch_add(1, Ordering::Relaxed);
        Admission::Counted
    }

    /// Returns how many events are counted and not reported yet.
    pub(crate) fn counted(&self) -> u64 {
        let places = self.sets.iter().flat_map(|set| &set.places);
        let counted = places.map(|place| Place::split(place.counted.load(Ordering::Relaxed)).1);
        counted.fold(self.crowd.load(Ordering::Relaxed), u64::saturating_add)
    }
}

impl Set {
    /// Returns the place of a kind and whether it lets one more event through; `None` if all places
    /// are needed by others.
    fn place(&self, tag: u64, second: u64, most: u8) -> Option<(&Place, bool)> {
        loop {
            let own = self.places.iter().find(|place| place.tag() == tag && place.second() > 0);
            if let Some(place) = own {
                match place.admit(tag, second, most) {
                    Some(admitted) => return Some((place, admitted)),
                    // Somebody else has taken the place meanwhile.
                    None => continue,
                }
            }
            let place = self.places.iter().min_by_key(|place| place.second())?;
            let word = place.window.load(Ordering::Relaxed);
            if word >> 32 >= second {
                return None;
            }
            let taken = second << 32 | tag << 8 | 1;
            if place
                .window
                .compare_exchange(word, taken, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
            {
                return Some((place, most > 0));
            }
        }
    }

    fn admit_in_common(&self, second: u64, most: u64) -> bool {
        let admitted = self.common.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |word| {
            let count = if word >> 32 >= second { word & 0xffff_ffff } else { 0 };
            (count < most).then_some((word >> 32).max(second) << 32 | (count + 1))
        });
        admitted.is_ok()
    }
}

impl Place {
    fn tag(&self) -> u64 {
        self.window.load(Ordering::Relaxed) >> 8 & 0xff_ffff
    }

    fn second(&self) -> u64 {
        self.window.load(Ordering::Relaxed) >> 32
    }

    /// Tells whether one more event is let through; `None` if the place is another kind's.
    fn admit(&self, tag: u64, second: u64, most: u8) -> Option<bool> {
        let mut word = self.window.load(Ordering::Relaxed);
        loop {
            if word >> 8 & 0xff_ffff != tag {
                return None;
            }
            // A clock that was read a moment ago must not begin the second again.
            let count = if word >> 32 >= second { word & 0xff } else { 0 };
            if count >= u64::from(most) {
                return Some(false);
            }
            let next = (word >> 32).max(second) << 32 | tag << 8 | (count + 1);
            match self.window.compare_exchange_weak(
                word,
                next,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Some(true),
                Err(newer) => word = newer,
            }
        }
    }

    /// Counts an event that was not let through.
    fn count(&self, tag: u64, crowd: &AtomicU64) {
        let counted = self.counted.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |word| {
            let (owner, count) = Self::split(word);
            let fits = (owner == tag || count == 0) && count < 0xff_ffff_ffff;
            fits.then_some(tag << 40 | (count + 1))
        });
        if counted.is_err() {
            crowd.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Returns the events of a kind that were not let through, to be told. Those of the kind that had
    /// the place before join the crowd.
    fn tell(&self, tag: u64, crowd: &AtomicU64) -> u64 {
        match Self::split(self.counted.swap(0, Ordering::Relaxed)) {
            (owner, count) if owner == tag => count,
            (_, count) => {
                crowd.fetch_add(count, Ordering::Relaxed);
                0
            }
        }
    }

    const fn split(counted: u64) -> (u64, u64) {
        (counted >> 40, counted & 0xff_ffff_ffff)
    }
}

#[cfg(test)]
mod tests {
    use super::{Admission, Repeats};
    use crate::{AuditEvent, AuditKind};

    const SECOND: u64 = 1_000_000_000;

    fn event(component: &str) -> AuditEvent<'_> {
        AuditEvent::new(component, AuditKind::Registered, true)
    }

    const fn report(counted: u64) -> Admission {
        Admission::Report { counted }
    }

    /// The hash of a kind in the first set.
    const fn kind(tag: u64) -> u64 {
        tag << 40
    }

    #[test]
    fn a_flood_becomes_a_few_events_and_a_count() {
        // I2
        let repeats = Repeats::new(3);
        for _ in 0..3 {
            assert_eq!(repeats.admit(&event("a"), 5 * SECOND), report(0));
        }
        for _ in 0..100 {
            assert_eq!(repeats.admit(&event("a"), 5 * SECOND + 7), Admission::Counted);
        }
        assert_eq!(repeats.counted(), 100);
        // A thread that read the clock before the others does not begin the second again.
        assert_eq!(repeats.admit(&event("a"), 5 * SECOND - 1), Admission::Counted);
        assert_eq!(repeats.admit(&event("a"), 6 * SECOND), report(101));
        assert_eq!(repeats.counted(), 0);
    }

    #[test]
    fn no_event_is_told_of_as_another_components() {
        // I3
        let repeats = Repeats::new(1);
        assert_eq!(repeats.admit_hashed(kind(1), 5), report(0));
        assert_eq!(repeats.admit_hashed(kind(1), 5), Admission::Counted);
        for tag in 2..=4 {
            assert_eq!(repeats.admit_hashed(kind(tag), 5), report(0), "each has its own allowance");
        }
        // More than fit: four share what four would have, and none takes a place that is in use.
        for tag in 5..=8 {
            assert_eq!(repeats.admit_hashed(kind(tag), 5), report(0));
        }
        assert_eq!(repeats.admit_hashed(kind(9), 5), Admission::Counted);
        assert_eq!(repeats.counted(), 2);
        // In the next second each takes a place; the first kind's repeats are nobody else's.
        for tag in 5..=8 {
            assert_eq!(repeats.admit_hashed(kind(tag), 6), report(0));
        }
        assert_eq!(repeats.counted(), 2);
        assert_eq!(repeats.admit_hashed(kind(1), 7), report(0));
        assert_eq!(repeats.counted(), 2, "what was its own is still counted");
    }

    #[test]
    fn what_a_kind_left_out_is_told_when_it_comes_again_however_late() {
        // I2 I3
        let repeats = Repeats::new(1);
        for _ in 0..3 {
            repeats.admit_hashed(kind(1), 5);
        }
        assert_eq!(repeats.admit_hashed(kind(2), 9), report(0));
        assert_eq!(repeats.admit_hashed(kind(1), 1_000), report(2));
        assert_eq!(repeats.counted(), 0);
    }

    #[test]
    fn no_event_is_lost_between_threads_that_need_more_places_than_there_are() {
        // I2
        let repeats = Repeats::new(5);
        let reported = std::thread::scope(|scope| {
            let count = |thread: u64| {
                let repeats = &repeats;
                move || {
                    let admitted = (0..20_000_u64)
                        .map(|at| repeats.admit_hashed(kind((at + thread) % 7), 1 + at / 500));
                    let told = admitted.map(|admission| match admission {
                        Admission::Report { counted } => 1 + counted,
                        Admission::Counted => 0,
                    });
                    told.sum::<u64>()
                }
            };
            let threads: Vec<_> = (0..4).map(|thread| scope.spawn(count(thread))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum::<u64>()
        });
        assert_eq!(reported + repeats.counted(), 80_000);
    }
}
