//! Rates that are leased from a lessor.
#![expect(clippy::unwrap_used, reason = "helpers of a test are test code")]

mod levels;
mod model;
mod signals;

use super::{MS, SECOND, after, tracked};
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use limits_core::{
    Clock, LeaseSignal, LeaseTerms, LeaseUse, LeasedRate, Leases, ManualClock, QuotaResource,
    QuotaTracker, QuotaType, ResourceQuota, Retry,
};
use std::sync::Arc;

const MESSAGES: QuotaResource = QuotaResource::MessageRate;

/// A lessor's ear that counts what it hears.
#[derive(Debug, Default)]
struct Heard(AtomicU64);

impl Heard {
    fn times(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl LeaseSignal for Heard {
    fn short(&self, _: QuotaResource) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn messages(n: u64) -> QuotaType {
    QuotaType::MessageRate(n)
}

/// A level whose rates are all leased.
struct Leased {
    tracker: Arc<QuotaTracker>,
    clock: Arc<ManualClock>,
    heard: Arc<Heard>,
}

impl Leased {
    fn new(quota: ResourceQuota) -> Self {
        let clock = Arc::new(ManualClock::new());
        let shown: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        Self::of(QuotaTracker::with_clock(quota, shown), clock)
    }

    fn of(tracker: QuotaTracker, clock: Arc<ManualClock>) -> Self {
        let heard = Arc::new(Heard::default());
        let leases = Leases::new(QuotaResource::ALL, Arc::<Heard>::clone(&heard));
        Self { tracker: Arc::new(tracker.with_leases(Arc::new(leases))), clock, heard }
    }

    /// Of 100 messages per second, some are leased until half a second from now.
    fn with_messages(units: u64) -> Self {
        let leased = Self::new(ResourceQuota::new().with_message_rate(100_u64));
        leased.begin(units);
        leased
    }

    fn lease(&self) -> &LeasedRate {
        self.tracker.leases().unwrap().of(MESSAGES).unwrap()
    }

    fn terms(&self, units: u64) -> LeaseTerms {
        let now = self.clock.now_ns();
        LeaseTerms { units, until: now + 500_000_000, ends: now + 1_000_000_000 }
    }

    fn begin(&self, units: u64) -> LeaseUse {
        self.lease().begin(self.terms(units), self.tracker.clock())
    }

    /// The units that are taken one by one until one is refused.
    fn spend(&self) -> u64 {
        let granted = (0..1_000_u64).take_while(|_| self.tracker.consume(messages(1)).is_ok());
        granted.map(|_| 1).sum()
    }

    fn used(&self) -> u64 {
        self.tracker.usage().message_count
    }
}

#[test]
fn nothing_is_granted_before_a_lease_begins() {
    let leased = Leased::new(ResourceQuota::new());
    for quota in [messages(1), QuotaType::NetworkBandwidth(1), QuotaType::CpuTimeMicros(1)] {
        let refused = leased.tracker.consume(quota).unwrap_err();
        assert!(refused.is_leased());
        assert_eq!((refused.used(), refused.retry()), (0, after(1)));
    }
    leased.tracker.consume(QuotaType::Storage(1)).unwrap();
    leased.tracker.consume(QuotaType::Memory(1)).unwrap();
    leased.tracker.consume(messages(0)).unwrap();
}

// I22
#[test]
fn a_window_grants_what_was_leased_for_it_whatever_the_limit() {
    let leased = Leased::with_messages(3);
    assert_eq!((leased.spend(), leased.used()), (3, 3));
    leased.lease().extend(leased.terms(200));
    assert_eq!((leased.spend(), leased.used()), (200, 203));
    let refused = leased.tracker.consume(messages(1)).unwrap_err();
    assert_eq!((refused.used(), refused.limit(), refused.depth()), (203, 100, 0));
    assert_eq!(
        refused.to_string(),
        "message rate quota of 100 messages per 1s for all hosts: 203 used on this one, 1 more \
         requested and not leased; retry in 1ms",
    );
}

// I23
#[test]
fn a_lease_is_spent_before_its_deadline_and_not_at_it() {
    let leased = Leased::with_messages(3);
    leased.clock.advance(MS * 500 - Duration::from_nanos(1));
    leased.tracker.consume(messages(1)).unwrap();
    leased.clock.advance(Duration::from_nanos(1));
    assert!(leased.tracker.consume(messages(1)).unwrap_err().is_leased());
    leased.tracker.peek(messages(1)).unwrap_err();
    leased.tracker.reserve_up_to(messages(1)).unwrap_err();
    leased.tracker.reserve_paced(MESSAGES, 1, 1).unwrap_err();
    // An answer of the store moves the deadline, and an earlier one does not move it back.
    leased.lease().extend(LeaseTerms { until: 900_000_000, ..leased.terms(0) });
    leased.lease().extend(LeaseTerms { until: 1, ..leased.terms(0) });
    assert_eq!(leased.spend(), 2);
}

/// A clock that ends a lease as it is read: the thread that reads it has been stopped before.
#[derive(Debug)]
struct Late {
    reads: AtomicU64,
    from: AtomicU64,
}

impl Clock for Late {
    fn now_ns(&self) -> u64 {
        let is_late =
            self.reads.fetch_add(1, Ordering::Relaxed) >= self.from.load(Ordering::Relaxed);
        if is_late { 500 } else { 100 }
    }
}

// I23
#[test]
fn a_taker_that_is_stopped_before_any_look_at_the_clock_gets_nothing_of_a_lease_that_has_ended() {
    for reads in 0..6 {
        for is_above in [false, true] {
            let never = AtomicU64::new(u64::MAX);
            let clock = Arc::new(Late { reads: AtomicU64::new(0), from: never });
            let shown: Arc<dyn Clock> = Arc::<Late>::clone(&clock);
            let host = QuotaTracker::with_clock(ResourceQuota::new(), shown);
            let leases = Arc::new(Leases::new(&[MESSAGES], Arc::new(Heard::default())));
            let child = |host| QuotaTracker::with_parent(ResourceQuota::new(), Arc::new(host));
            let component = if is_above {
                child(host.with_leases(Arc::clone(&leases)))
            } else {
                child(host).with_leases(Arc::clone(&leases))
            };
            let lease = leases.of(MESSAGES).unwrap();
            lease.begin(LeaseTerms { units: 5, until: 400, ends: 900 }, component.clock());
            clock.reads.store(0, Ordering::Relaxed);
            clock.from.store(reads, Ordering::Relaxed);
            let is_granted = component.consume(messages(2)).is_ok();
            assert_eq!(is_granted, reads > 0, "late from read {reads}");
            let expected = if is_granted { 2 } else { 0 };
            assert_eq!(lease.usage().used, expected);
            let levels = [component.usage(), component.parent().unwrap().usage()];
            assert_eq!(levels.map(|usage| usage.message_count), [expected; 2]);
        }
    }
}

// I24
#[test]
fn a_new_window_begins_with_its_own_units_and_an_ended_one_takes_no_more() {
    let leased = Leased::with_messages(10);
    assert!(leased.tracker.consume(messages(4)).is_ok());
    let before = leased.begin(2);
    assert_eq!((before.leased, before.used, before.left(), before.debt()), (10, 4, 6, 0));
    assert_eq!((leased.used(), leased.spend()), (0, 2));
    let before = leased.lease().end();
    assert_eq!((before.leased, before.used), (2, 2));
    leased.lease().extend(leased.terms(5));
    assert_eq!((leased.spend(), leased.used()), (0, 0));
    // Nothing is there to be ended twice.
    assert_eq!(leased.lease().end(), LeaseUse::default());
    leased.begin(1);
    assert_eq!(leased.spend(), 1);
}

// I24
#[test]
fn debt_is_paid_by_the_windows_that_follow() {
    let leased = Leased::with_messages(10);
    leased.tracker.charge(messages(25));
    assert_eq!(leased.used(), 25);
    let before = leased.begin(10);
    assert_eq!((before.debt(), leased.used(), leased.spend()), (15, 15, 0));
    assert_eq!(leased.begin(10).debt(), 5);
    assert_eq!((leased.used(), leased.spend()), (5, 5));
    assert_eq!(leased.begin(1).debt(), 0);
    // Between two leases all use is debt.
    leased.lease().end();
    leased.tracker.charge(messages(3));
    assert_eq!((leased.lease().usage().debt(), leased.used()), (3, 3));
    leased.begin(4);
    assert_eq!(leased.spend(), 1);
    leased.tracker.charge(messages(9));
    leased.tracker.reset();
    assert_eq!((leased.used(), leased.begin(0).debt()), (4, 0));
}

#[test]
fn once_a_window_is_surely_over_its_debt_alone_is_reported() {
    let leased = Leased::with_messages(10);
    leased.tracker.charge(messages(12));
    leased.clock.advance(SECOND - Duration::from_nanos(1));
    assert_eq!(leased.used(), 12);
    leased.clock.advance(Duration::from_nanos(1));
    assert_eq!(leased.used(), 2);
}

// I25
#[test]
fn a_reservation_that_is_dropped_gives_its_units_back_to_its_window_only() {
    let leased = Leased::with_messages(10);
    // In the very moment at which the window began.
    let held = leased.tracker.reserve(messages(7)).unwrap();
    assert!(held.is_current());
    drop(held);
    assert_eq!(leased.used(), 0);
    let kept = [4, 4].map(|n| leased.tracker.reserve(messages(n)).unwrap());
    leased.begin(6);
    assert!(!kept.iter().any(limits_core::Reservation::is_current));
    leased.tracker.consume(messages(5)).unwrap();
    drop(kept);
    assert_eq!(leased.used(), 5);
    let held = leased.tracker.reserve(messages(1)).unwrap();
    leased.lease().end();
    drop(held);
    assert_eq!((leased.used(), leased.lease().usage().used), (0, 0));
}

// I25
#[test]
fn windows_that_begin_at_one_moment_are_told_apart() {
    let leased = Leased::with_messages(1);
    let first = leased.tracker.reserve(messages(1)).unwrap();
    leased.begin(1);
    let second = leased.tracker.reserve(messages(1)).unwrap();
    assert!(!first.is_current() && second.is_current());
    drop(first);
    assert_eq!(leased.used(), 1);
    drop(second);
    assert_eq!(leased.used(), 0);
}

#[test]
fn a_reservation_is_current_until_the_deadline() {
    let leased = Leased::with_messages(1);
    let held = leased.tracker.reserve(messages(1)).unwrap();
    leased.clock.advance(MS * 500 - Duration::from_nanos(1));
    assert!(held.is_current());
    leased.clock.advance(Duration::from_nanos(1));
    assert!(!held.is_current());
    // It can still be given back, to a lease that an answer makes last longer.
    drop(held);
    assert_eq!(leased.used(), 0);
}

#[test]
fn a_settled_reservation_keeps_its_actual_use() {
    let leased = Leased::with_messages(10);
    leased.tracker.reserve(messages(6)).unwrap().commit_actual(messages(2));
    assert_eq!(leased.used(), 2);
    leased.tracker.reserve(messages(6)).unwrap().commit_actual(messages(9));
    assert_eq!(leased.lease().usage().debt(), 1);
}

#[test]
fn a_taker_of_as_much_as_there_is_gets_what_is_leased() {
    let leased = Leased::with_messages(10);
    let part = leased.tracker.reserve_up_to(messages(7)).unwrap();
    assert_eq!(part.amount(MESSAGES), 7);
    part.commit();
    // A lease is not paced: all of it is due.
    let part = leased.tracker.reserve_paced(MESSAGES, 2, 50).unwrap();
    assert_eq!(part.amount(MESSAGES), 3);
    let refused = leased.tracker.reserve_up_to(messages(7)).unwrap_err();
    assert_eq!((refused.requested(), refused.retry()), (7, after(1)));
    drop(part);
    assert_eq!(leased.used(), 7);
    let refused = leased.tracker.reserve_paced(MESSAGES, 4, 50).unwrap_err();
    assert_eq!((refused.requested(), refused.is_leased()), (50, true));
    assert_eq!(leased.used(), 7);
}

#[test]
fn several_resources_are_taken_from_their_leases_or_none_is() {
    let leased = Leased::with_messages(10);
    let network = leased.tracker.leases().unwrap().of(QuotaResource::NetworkBandwidth).unwrap();
    let both = [messages(2), QuotaType::NetworkBandwidth(5), QuotaType::Storage(1)];
    let refused = leased.tracker.reserve_all(&both).unwrap_err();
    assert_eq!(refused.resource(), QuotaResource::NetworkBandwidth);
    let used = || {
        let usage = leased.tracker.usage();
        [usage.message_count, usage.network_bandwidth_used, usage.storage_used]
    };
    assert_eq!(used(), [0; 3]);
    network.begin(leased.terms(5), leased.tracker.clock());
    let held = leased.tracker.reserve_all(&both).unwrap();
    assert_eq!(used(), [2, 5, 1]);
    drop(held);
    assert_eq!(used(), [0; 3]);
}

#[test]
fn the_lessor_says_when_to_try_again() {
    let leased = Leased::with_messages(0);
    leased.clock.advance(MS);
    let retry = || leased.tracker.consume(messages(1)).unwrap_err().retry();
    assert_eq!(retry(), after(1));
    leased.lease().set_retry_at(300_000_000);
    assert_eq!(retry(), after(299));
    leased.clock.advance(MS * 298);
    assert_eq!(retry(), after(1));
    leased.clock.advance(MS);
    assert_eq!(retry(), after(1));
    // More than the limit of all hosts is never leased.
    let refused = leased.tracker.consume(messages(101)).unwrap_err();
    assert_eq!(refused.retry(), Retry::Never);
}

#[test]
fn a_lease_has_as_many_units_as_it_can_count() {
    let leased = Leased::with_messages(u64::MAX);
    assert_eq!(leased.lease().usage().leased, LeasedRate::MOST_UNITS);
    leased.tracker.consume(messages(LeasedRate::MOST_UNITS)).unwrap();
    leased.lease().extend(leased.terms(u64::MAX));
    leased.tracker.consume(messages(1)).unwrap_err();
    let held = leased.lease().usage().used;
    leased.tracker.charge(messages(u64::MAX));
    assert_eq!(leased.lease().usage().used, held + 1);
    // Beyond that a use is not known, so nothing of it is given back.
    leased.tracker.charge(messages(1));
    assert_eq!(leased.begin(5).debt(), 1);
    assert_eq!(leased.spend(), 4);
}

#[test]
fn a_use_that_is_too_large_to_count_is_not_refunded() {
    let leased = Leased::with_messages(5);
    let held = leased.tracker.reserve(messages(5)).unwrap();
    leased.tracker.charge(messages(u64::MAX));
    drop(held);
    assert_eq!(leased.lease().usage().used, LeasedRate::MOST_UNITS + 1);
}

#[test]
fn leases_come_and_go_as_often_as_it_takes() {
    let leased = Leased::with_messages(1);
    let first = leased.tracker.reserve(messages(1)).unwrap();
    for _ in 0..70_000 {
        leased.begin(1);
        leased.lease().end();
    }
    leased.begin(1);
    leased.tracker.consume(messages(1)).unwrap();
    drop(first);
    assert_eq!((leased.used(), leased.spend()), (1, 0));
}
