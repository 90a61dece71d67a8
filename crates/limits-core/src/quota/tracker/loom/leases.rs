//! Scenarios of levels whose rates are leased.

use alloc::sync::Arc;
use loom::thread;

use super::both;
use crate::quota::clock::Clock;
use crate::quota::lease::rate::loom::{Heard, SharedClock, units_until};
use crate::quota::lease::{LeasedRate, Leases};
use crate::quota::quota_type::{QuotaResource, QuotaType};
use crate::quota::resource_quota::ResourceQuota;
use crate::quota::sync::{AtomicU64, Ordering};
use crate::quota::tracker::QuotaTracker;

const MESSAGES: QuotaResource = QuotaResource::MessageRate;
const ONE: QuotaType = QuotaType::MessageRate(1);
/// The deadline of the leases.
const DEADLINE: u64 = 10;

fn messages(limit: u64) -> ResourceQuota {
    ResourceQuota::new().with_message_rate(limit)
}

/// A host and its clock.
fn host(quota: ResourceQuota) -> (QuotaTracker, Arc<SharedClock>) {
    let clock = Arc::new(SharedClock::new());
    let shown: Arc<dyn Clock> = Arc::<SharedClock>::clone(&clock);
    (QuotaTracker::with_clock(quota, shown), clock)
}

/// Leases a level's messages, and lends some to it.
fn leased(tracker: QuotaTracker, units: u64) -> Arc<QuotaTracker> {
    let tracker = tracker.with_leases(Arc::new(Leases::new(&[MESSAGES], Arc::new(Heard::new()))));
    lease(&tracker).begin(units_until(units, DEADLINE), tracker.clock());
    Arc::new(tracker)
}

/// A component below a host.
fn component(host: &Arc<QuotaTracker>) -> QuotaTracker {
    QuotaTracker::with_parent(messages(9), Arc::clone(host))
}

fn lease(tracker: &QuotaTracker) -> &LeasedRate {
    tracker.leases().and_then(|leases| leases.of(MESSAGES)).expect("it is leased")
}

fn taker(tracker: &Arc<QuotaTracker>) -> impl FnOnce() -> bool + 'static {
    let tracker = Arc::clone(tracker);
    move || tracker.consume(ONE).is_ok()
}

// I23
#[test]
fn a_taker_that_is_stopped_before_it_reads_the_clock_spends_nothing_after_the_deadline() {
    loom::model(|| {
        let (host, clock) = host(messages(9));
        let component = leased(component(&Arc::new(host)), 1);
        let taker = thread::spawn(taker(&component));
        clock.go_to(DEADLINE);
        let used = lease(&component).usage().used;
        let is_granted = taker.join().unwrap();
        assert!(u64::from(is_granted) <= used);
        let usage = component.parent().unwrap().usage();
        assert_eq!(usage.message_count, u64::from(is_granted));
    });
}

// I12 I22
#[test]
fn a_take_from_two_leases_is_counted_in_both_or_given_back_to_the_one_that_goes_on() {
    loom::model(|| {
        let (host, _clock) = host(messages(9));
        let host = leased(host, 1);
        let component = leased(component(&host), 1);
        let taker = thread::spawn(taker(&component));
        let before = lease(&host).end();
        let is_granted = u64::from(taker.join().unwrap());
        assert_eq!(lease(&component).usage().used, is_granted);
        assert!(is_granted <= before.used && lease(&host).usage().used == 0);
    });
}

// I12 I22
#[test]
fn of_two_components_that_want_the_last_unit_of_their_hosts_lease_exactly_one_gets_it() {
    loom::model(|| {
        let (host, _clock) = host(messages(9));
        let host = leased(host, 1);
        let (one, other) = (Arc::new(component(&host)), leased(component(&host), 1));
        let granted = both(taker(&one), taker(&other));
        assert_ne!(granted[0], granted[1]);
        let used = [&one, &other, &host].map(|level| level.usage().message_count);
        assert_eq!(used, [u64::from(granted[0]), u64::from(granted[1]), 1]);
    });
}

// I12 I22
#[test]
fn a_component_whose_host_is_full_gets_back_what_it_took_from_its_lease() {
    loom::model(|| {
        let (host, _clock) = host(messages(1));
        let host = Arc::new(host);
        let (one, other) = (Arc::new(component(&host)), leased(component(&host), 1));
        let granted = both(taker(&one), taker(&other));
        assert_ne!(granted[0], granted[1]);
        assert_eq!(lease(&other).usage().left(), u64::from(granted[0]));
    });
}

// I25
#[test]
fn a_reservation_that_is_dropped_as_the_next_window_begins_gives_that_one_nothing() {
    loom::model(|| {
        let (host, _clock) = host(messages(9));
        let component = leased(host, 1);
        let held = component.reserve_owned(&[ONE]).unwrap();
        let drops = thread::spawn(move || drop(held));
        lease(&component).begin(units_until(1, DEADLINE), component.clock());
        component.consume(ONE).unwrap();
        drops.join().unwrap();
        component.consume(ONE).unwrap_err();
    });
}

// I18
#[test]
fn a_caller_that_waits_is_seen_by_the_lessor_whose_units_it_missed() {
    for is_new in [true, false] {
        loom::model(move || {
            let (host, _clock) = host(messages(9));
            let host = leased(host, 0);
            let child = Arc::new(component(&host));
            let flag = Arc::new(AtomicU64::new(0));
            let (lends, seen) = (Arc::clone(&host), Arc::clone(&flag));
            let [is_refused, is_seen] = both(
                move || {
                    flag.store(1, Ordering::Relaxed);
                    child.publish_wait(MESSAGES);
                    child.peek(ONE).is_err()
                },
                move || {
                    if is_new {
                        lease(&lends).begin(units_until(1, DEADLINE), lends.clock());
                    } else {
                        lease(&lends).extend(units_until(1, DEADLINE));
                    }
                    seen.load(Ordering::Relaxed) == 1
                },
            );
            assert!(!is_refused || is_seen);
        });
    }
}
