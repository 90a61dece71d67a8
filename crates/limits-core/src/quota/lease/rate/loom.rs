//! Every interleaving of takers of one lease, its lessor, and time.

use alloc::sync::Arc;
use loom::thread;

use super::{LeaseTake, LeaseTerms, LeasedRate, number};
use crate::quota::clock::Clock;
use crate::quota::lease::LeaseSignal;
use crate::quota::quota_type::QuotaResource;
use crate::quota::sync::{AtomicU64, Ordering};

/// The deadline of the first lease.
const DEADLINE: u64 = 10;

/// A clock as a machine has one: a thread that reads a later time than another one sees what that
/// has done before.
#[derive(Debug)]
pub(crate) struct SharedClock(AtomicU64);

impl SharedClock {
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    pub(crate) fn go_to(&self, ns: u64) {
        self.0.fetch_max(ns, Ordering::AcqRel);
    }
}

impl Clock for SharedClock {
    fn now_ns(&self) -> u64 {
        self.0.fetch_add(0, Ordering::AcqRel)
    }
}

/// A lessor's ear that counts what it hears.
#[derive(Debug)]
pub(crate) struct Heard(AtomicU64);

impl Heard {
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    pub(crate) fn times(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

impl LeaseSignal for Heard {
    fn short(&self, _: QuotaResource) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }
}

/// Terms of units until a time.
pub(crate) const fn units_until(units: u64, until: u64) -> LeaseTerms {
    LeaseTerms { units, until, ends: until }
}

/// A lease of some units, and its clock.
struct Leased {
    lease: LeasedRate,
    clock: Arc<SharedClock>,
    shown: Arc<dyn Clock>,
    heard: Arc<Heard>,
}

impl Leased {
    fn of(units: u64) -> Arc<Self> {
        let (clock, heard) = (Arc::new(SharedClock::new()), Arc::new(Heard::new()));
        let lease = LeasedRate::new(QuotaResource::MessageRate, Arc::<Heard>::clone(&heard));
        let shown: Arc<dyn Clock> = Arc::<SharedClock>::clone(&clock);
        lease.begin(units_until(units, DEADLINE), &shown);
        Arc::new(Self { lease, clock, shown, heard })
    }

    /// Takes as a tracker does, and returns the take and the time at which it held.
    fn take(&self, n: u64) -> Option<(LeaseTake, u64)> {
        let take = self.lease.take(n)?;
        let now = self.clock.now_ns().max(self.lease.start());
        if self.lease.holds(take, now) {
            return Some((take, now));
        }
        self.lease.undo(take);
        None
    }

    fn taker(self: &Arc<Self>, n: u64) -> impl FnOnce() -> Option<(LeaseTake, u64)> + 'static {
        let leased = Arc::clone(self);
        move || leased.take(n)
    }
}

// I22
#[test]
fn what_a_taker_gets_and_what_the_lessor_takes_back_is_the_lease() {
    loom::model(|| {
        let leased = Leased::of(2);
        let other = Arc::clone(&leased);
        // Together they want more than there is.
        let taker = thread::spawn(move || [1, 2].map(|n| other.take(n).map_or(0, |_| n)));
        let back = leased.lease.end();
        let granted: u64 = taker.join().unwrap().into_iter().sum();
        assert!(granted <= back.used && back.used + back.left() == 2);
        assert!(leased.take(1).is_none());
    });
}

// I22 I24
#[test]
fn each_of_two_windows_grants_what_was_leased_for_it() {
    loom::model(|| {
        let leased = Leased::of(1);
        let taker = thread::spawn(leased.taker(1));
        let before = leased.lease.begin(units_until(1, DEADLINE), &leased.shown);
        let here = leased.take(1);
        let takes = [taker.join().unwrap(), here, leased.take(1)];
        let of = |lease| takes.iter().flatten().filter(move |(take, _)| number(take.word) == lease);
        assert!(of(1).count() <= 1 && before.used >= u64::from(of(1).next().is_some()));
        assert_eq!(of(2).count(), 1);
        assert_eq!(leased.lease.usage().left(), 0);
    });
}

// I23
#[test]
fn a_take_that_is_granted_is_in_the_use_that_is_read_after_the_deadline() {
    loom::model(|| {
        let leased = Leased::of(2);
        let taker = thread::spawn(leased.taker(1));
        leased.clock.go_to(DEADLINE);
        let used = leased.lease.usage().used;
        let is_granted = taker.join().unwrap().is_some();
        assert!(u64::from(is_granted) <= used);
        assert!(leased.take(1).is_none());
    });
}

// I23
#[test]
fn a_late_taker_does_not_go_by_the_deadline_of_the_next_lease() {
    loom::model(|| {
        let leased = Leased::of(1);
        let taker = thread::spawn(leased.taker(1));
        leased.clock.go_to(DEADLINE);
        leased.lease.begin(units_until(1, 2 * DEADLINE), &leased.shown);
        if let Some((take, now)) = taker.join().unwrap() {
            assert_eq!(now < DEADLINE, number(take.word) == 1);
        }
    });
}

// I22 I24
#[test]
fn units_that_are_added_while_a_taker_races_are_granted_once() {
    loom::model(|| {
        let leased = Leased::of(1);
        let taker = thread::spawn(leased.taker(1));
        leased.lease.extend(units_until(1, 2 * DEADLINE));
        leased.clock.go_to(DEADLINE);
        let here = leased.take(1);
        let takes = [taker.join().unwrap(), here, leased.take(1), leased.take(1)];
        assert_eq!(takes.iter().flatten().count(), 2);
    });
}

// I25
#[test]
fn a_refund_that_races_the_next_window_gives_that_one_nothing() {
    loom::model(|| {
        let leased = Leased::of(1);
        let (_, at) = leased.take(1).unwrap();
        let refunds = Arc::clone(&leased);
        let refund = thread::spawn(move || refunds.lease.refund(at, 1));
        leased.lease.begin(units_until(1, DEADLINE), &leased.shown);
        assert!(leased.take(1).is_some());
        refund.join().unwrap();
        assert!(leased.take(1).is_none());
    });
}

// I25
#[test]
fn a_take_that_was_stopped_until_the_next_window_is_refunded_to_its_own_or_to_none() {
    loom::model(|| {
        let leased = Leased::of(1);
        let taker = thread::spawn(leased.taker(1));
        leased.clock.go_to(1);
        leased.lease.begin(units_until(1, DEADLINE), &leased.shown);
        leased.clock.go_to(2);
        let here = leased.take(1);
        let other = taker.join().unwrap();
        if let Some((_, at)) = other {
            leased.lease.refund(at, 1);
        }
        let is_free = other.is_some_and(|(take, _)| number(take.word) == 2);
        assert_eq!(leased.take(1).is_some(), is_free || here.is_none());
    });
}

#[test]
fn debt_is_neither_lost_nor_paid_twice_when_a_window_begins() {
    loom::model(|| {
        let leased = Leased::of(1);
        leased.take(1).unwrap();
        let charges = Arc::clone(&leased);
        let charge = thread::spawn(move || charges.lease.charge(2));
        leased.lease.begin(units_until(5, DEADLINE), &leased.shown);
        charge.join().unwrap();
        assert_eq!(leased.lease.usage().left(), 3);
    });
}

// I26
#[test]
fn a_refusal_is_signalled_or_heard_by_a_lessor_that_listens_again() {
    loom::model(|| {
        let leased = Leased::of(0);
        leased.lease.peek(1, 9, 0, true).unwrap_err();
        assert_eq!((leased.heard.times(), leased.lease.listen(u64::MAX)), (1, 1));
        leased.lease.peek(2, 9, 0, true).unwrap_err();
        assert_eq!(leased.heard.times(), 2);
        // The lessor has been told and comes to listen as more takes are refused.
        let refused = Arc::clone(&leased);
        let taker =
            thread::spawn(move || [3, 4].map(|n| refused.lease.peek(n, 9, 0, true).unwrap_err()));
        let heard = leased.lease.listen(u64::MAX);
        taker.join().unwrap();
        assert!(heard == 4 || leased.heard.times() == 3);
        assert!(leased.heard.times() <= 3);
    });
}

#[test]
fn of_two_changes_of_a_limit_the_lessor_has_the_one_that_is_in_force() {
    loom::model(|| {
        let leased = Leased::of(0);
        let limit = Arc::new(AtomicU64::new(0));
        let change = |units| {
            let (leased, limit) = (Arc::clone(&leased), Arc::clone(&limit));
            move || {
                limit.store(units, Ordering::Release);
                leased.lease.set_limit(|| limit.load(Ordering::Acquire));
            }
        };
        let other = thread::spawn(change(1));
        change(2)();
        other.join().unwrap();
        assert_eq!(leased.lease.limit(), limit.load(Ordering::Acquire));
        assert_eq!(leased.heard.times(), 1);
    });
}
