//! Leases on two levels of one chain.

use std::sync::Arc;

use limits_core::{
    LeaseSignal, LeaseTerms, LeasedRate, Leases, ManualClock, QuotaResource, QuotaTracker,
    QuotaType, ResourceQuota,
};

const MESSAGES: QuotaResource = QuotaResource::MessageRate;

#[derive(Debug)]
struct Unheard;

impl LeaseSignal for Unheard {
    fn short(&self, _: QuotaResource) {}
}

fn messages(tracker: &QuotaTracker) -> &LeasedRate {
    tracker.leases().and_then(|leases| leases.of(MESSAGES)).expect("messages are leased")
}

fn leased(tracker: QuotaTracker) -> QuotaTracker {
    tracker.with_leases(Arc::new(Leases::new(&[MESSAGES], Arc::new(Unheard))))
}

/// Returns a component under a host; both are leased, and neither has units.
fn chain() -> (Arc<QuotaTracker>, QuotaTracker) {
    let quota = |messages: u64| ResourceQuota::new().with_message_rate(messages);
    let clock = Arc::new(ManualClock::new());
    let host = Arc::new(leased(QuotaTracker::with_clock(quota(1_000), clock)));
    let component = leased(QuotaTracker::with_parent(quota(100), Arc::clone(&host)));
    (host, component)
}

/// A guest whose own units are spent would else lease those of the host that others need.
#[test]
fn a_level_is_told_of_a_shortage_only_if_those_below_have_units() {
    let (host, component) = chain();
    for request in [60, 100, 101, 1_000] {
        assert!(component.consume(QuotaType::MessageRate(request)).is_err());
        assert!(component.peek(QuotaType::MessageRate(request)).is_err());
        assert!(component.reserve_paced(MESSAGES, request, request).is_err());
        component.want(MESSAGES, request);
    }
    assert_eq!((messages(&component).wanted(), messages(&host).wanted()), (100, 0));

    let terms = LeaseTerms { units: 100, until: 1_000, ends: 1_000 };
    messages(&component).begin(terms, component.clock());
    assert!(component.consume(QuotaType::MessageRate(60)).is_err());
    assert_eq!(messages(&host).wanted(), 60);
    messages(&host).begin(terms, host.clock());
    assert_eq!(component.consume(QuotaType::MessageRate(60)), Ok(()));
    assert_eq!((messages(&component).usage().left(), messages(&host).usage().left()), (40, 40));
}
