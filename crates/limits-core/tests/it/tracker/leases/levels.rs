//! Leased levels above and below others.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use limits_core::{Clock, LeaseTerms, Leases, QuotaTracker, QuotaType, ResourceQuota};
use std::sync::{Arc, OnceLock};

use super::{Heard, Leased, MESSAGES, SECOND, after, messages, tracked};

fn quota(limit: u64) -> ResourceQuota {
    ResourceQuota::new().with_message_rate(limit)
}

/// A leased component below a host with a limit of its own.
fn below(limit: u64) -> (Arc<QuotaTracker>, Leased) {
    let (host, clock) = tracked(quota(limit));
    let component = QuotaTracker::with_parent(quota(100), Arc::clone(&host));
    (host, Leased::of(component, clock))
}

/// A leased component below a leased host.
fn both(host: u64, component: u64) -> (Leased, Leased) {
    let host = Leased::with_messages(host);
    let tracker = QuotaTracker::with_parent(quota(100), Arc::clone(&host.tracker));
    let below = Leased::of(tracker, Arc::clone(&host.clock));
    below.begin(component);
    (host, below)
}

// I12 I22
#[test]
fn a_component_whose_host_refuses_gets_back_what_it_took_from_its_lease() {
    let (host, component) = below(3);
    component.begin(5);
    assert_eq!(component.spend(), 3);
    let refused = component.tracker.consume(messages(1)).unwrap_err();
    assert_eq!((refused.depth(), refused.is_leased()), (1, false));
    component.tracker.reserve_paced(MESSAGES, 1, 9).unwrap_err();
    assert_eq!((component.lease().usage().used, host.usage().message_count), (3, 3));
    // The host's window ends by itself.
    component.clock.advance(SECOND);
    component.begin(2);
    assert_eq!((component.spend(), host.usage().message_count), (2, 2));
}

// I12 I14 I22
#[test]
fn two_leased_levels_below_a_plain_one_take_from_all_three() {
    let (host, tenant) = below(3);
    tenant.begin(5);
    let tracker = QuotaTracker::with_parent(quota(100), Arc::clone(&tenant.tracker));
    let component = Leased::of(tracker, Arc::clone(&tenant.clock));
    component.begin(5);
    assert_eq!(component.spend(), 3);
    assert_eq!(component.tracker.consume(messages(1)).unwrap_err().depth(), 2);
    let used = [&component, &tenant].map(|level| level.lease().usage().used);
    assert_eq!((used, host.usage().message_count), ([3, 3], 3));
}

// I12 I22
#[test]
fn a_take_that_its_own_level_refuses_leaves_the_hosts_lease_as_it_was() {
    let host = Leased::with_messages(10);
    let component = QuotaTracker::with_parent(quota(4), Arc::clone(&host.tracker));
    component.consume(messages(4)).unwrap();
    let refused = component.consume(messages(1)).unwrap_err();
    assert_eq!((refused.depth(), refused.is_leased(), refused.used()), (0, false, 4));
    assert_eq!(host.used(), 4);
    // A component without a lease of its own takes from its host's all the same.
    let other = QuotaTracker::with_parent(quota(100), Arc::clone(&host.tracker));
    let part = other.reserve_up_to(messages(50)).unwrap();
    assert_eq!(part.amount(MESSAGES), 6);
    let refused = other.consume(messages(1)).unwrap_err();
    assert_eq!((refused.depth(), refused.is_leased()), (1, true));
    assert_eq!((other.usage().message_count, host.used()), (6, 10));
    drop(part);
    assert_eq!((other.usage().message_count, host.used()), (0, 4));
}

// I12 I22
#[test]
fn two_leases_are_both_spent_or_neither_is() {
    let (host, component) = both(3, 5);
    assert_eq!(component.spend(), 3);
    let refused = component.tracker.consume(messages(1)).unwrap_err();
    assert_eq!((refused.depth(), refused.is_leased()), (1, true));
    assert_eq!((host.used(), component.used()), (3, 3));
    host.lease().extend(host.terms(9));
    assert_eq!(component.spend(), 2);
    assert_eq!(component.tracker.consume(messages(1)).unwrap_err().depth(), 0);
    assert_eq!((host.used(), component.used()), (5, 5));
}

// I23
#[test]
fn the_lease_that_ends_first_ends_the_takes_and_the_other_one_keeps_its_units() {
    for is_host in [true, false] {
        let (host, component) = both(3, 3);
        let (ends, lasts) = if is_host { (&host, &component) } else { (&component, &host) };
        lasts.lease().extend(LeaseTerms { until: u64::MAX, ..lasts.terms(0) });
        component.clock.advance(Duration::from_millis(500));
        let refused = component.tracker.consume(messages(1)).unwrap_err();
        assert_eq!((refused.depth(), refused.retry()), (u32::from(is_host), after(1)));
        component.tracker.reserve_paced(MESSAGES, 1, 1).unwrap_err();
        assert_eq!((ends.lease().usage().left(), lasts.lease().usage().left()), (3, 3));
    }
}

// I25
#[test]
fn a_reservation_is_refunded_on_the_levels_whose_window_goes_on() {
    let (host, component) = both(5, 5);
    let held = component.tracker.reserve(messages(2)).unwrap();
    component.begin(5);
    assert!(!held.is_current());
    drop(held);
    assert_eq!((host.used(), component.used()), (0, 0));
    let held = component.tracker.reserve(messages(2)).unwrap();
    host.begin(1);
    drop(held);
    assert_eq!((host.used(), component.used()), (0, 0));
    assert_eq!((component.spend(), host.used()), (1, 1));
}

#[test]
fn a_charge_is_counted_on_every_level() {
    let (host, component) = both(5, 5);
    component.tracker.charge(messages(7));
    assert_eq!((host.lease().usage().debt(), component.lease().usage().debt()), (2, 2));
    let (host, component) = below(3);
    component.tracker.charge(messages(7));
    assert_eq!((host.usage().message_count, component.lease().usage().debt()), (7, 7));
}

#[test]
fn a_paced_take_is_as_much_as_is_due_above_a_lease() {
    // An eighth of a second's limit is due as the second begins.
    let (host, component) = below(80);
    component.begin(50);
    let part = component.tracker.reserve_paced(MESSAGES, 1, 40).unwrap();
    assert_eq!(part.amount(MESSAGES), 10);
    part.commit();
    let refused = component.tracker.reserve_paced(MESSAGES, 4, 40).unwrap_err();
    assert_eq!((refused.depth(), refused.retry()), (1, after(50)));
    component.clock.advance(Duration::from_millis(50));
    let part = component.tracker.reserve_paced(MESSAGES, 4, 40).unwrap();
    assert_eq!((part.amount(MESSAGES), host.usage().message_count), (4, 14));
}

#[test]
fn totals_of_a_leased_level_are_counted_as_ever() {
    let (host, component) = both(1, 1);
    let all = [QuotaType::Memory(10), QuotaType::Storage(4), messages(1)];
    let held = component.tracker.reserve_all(&all).unwrap();
    assert!(component.tracker.reserve_all(&all).is_err());
    let usage = host.tracker.usage();
    assert_eq!((usage.memory_used, usage.storage_used, usage.message_count), (10, 4, 1));
    drop(held);
    let usage = host.tracker.usage();
    assert_eq!((usage.memory_used, usage.storage_used, usage.message_count), (0, 0, 0));
}

// I25
#[test]
fn windows_of_two_levels_that_begin_at_one_moment_are_told_apart() {
    let (host, component) = both(5, 5);
    component.begin(5);
    let held = component.tracker.reserve(messages(2)).unwrap();
    host.begin(5);
    component.tracker.consume(messages(1)).unwrap();
    drop(held);
    assert_eq!((host.used(), component.used()), (1, 1));
}

/// A clock that notes the use of a lease whenever it is read.
#[derive(Debug, Default)]
struct Watching {
    leases: OnceLock<Arc<Leases>>,
    most: AtomicU64,
}

impl Clock for Watching {
    fn now_ns(&self) -> u64 {
        if let Some(lease) = self.leases.get().and_then(|leases| leases.of(MESSAGES)) {
            self.most.fetch_max(lease.usage().used, Ordering::Relaxed);
        }
        100
    }
}

// I23
#[test]
fn the_clock_is_read_once_the_units_are_counted() {
    let clock = Arc::new(Watching::default());
    let shown: Arc<dyn Clock> = Arc::<Watching>::clone(&clock);
    let leases = Arc::new(Leases::new(&[MESSAGES], Arc::new(Heard::default())));
    let host = Arc::new(QuotaTracker::with_clock(quota(100), shown));
    let component = QuotaTracker::with_parent(quota(100), host).with_leases(Arc::clone(&leases));
    let terms = LeaseTerms { units: 10, until: u64::MAX, ends: u64::MAX };
    leases.of(MESSAGES).unwrap().begin(terms, component.clock());
    clock.leases.set(Arc::clone(&leases)).unwrap();
    component.consume(messages(3)).unwrap();
    assert_eq!(clock.most.load(Ordering::Relaxed), 3);
    component.reserve_all(&[messages(2), QuotaType::Memory(1)]).unwrap().commit();
    assert_eq!(clock.most.load(Ordering::Relaxed), 5);
    component.reserve_paced(MESSAGES, 4, 4).unwrap().commit();
    assert_eq!(clock.most.load(Ordering::Relaxed), 9);
}

#[test]
fn a_take_that_its_own_level_refuses_never_holds_units_that_neighbours_could_use() {
    let clock = Arc::new(Watching::default());
    let shown: Arc<dyn Clock> = Arc::<Watching>::clone(&clock);
    let leases = Arc::new(Leases::new(&[MESSAGES], Arc::new(Heard::default())));
    let host = QuotaTracker::with_clock(quota(100), shown).with_leases(Arc::clone(&leases));
    let component = QuotaTracker::with_parent(quota(4), Arc::new(host));
    let terms = LeaseTerms { units: 10, until: u64::MAX, ends: u64::MAX };
    leases.of(MESSAGES).unwrap().begin(terms, component.clock());
    component.consume(messages(4)).unwrap();
    clock.leases.set(Arc::clone(&leases)).unwrap();
    let all = [messages(3), QuotaType::Storage(1)];
    component.consume(messages(3)).unwrap_err();
    component.reserve_all(&all).unwrap_err();
    component.reserve_paced(MESSAGES, 3, 3).unwrap_err();
    assert_eq!(clock.most.load(Ordering::Relaxed), 4);
}
