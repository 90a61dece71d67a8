//! The lessor's side: what it hears, and the limits that it has to know.

use limits_core::{Allowance, QuotaResource, ResourceQuota};

use super::{Leased, MESSAGES, messages};

fn quota(limit: impl Into<Allowance>) -> ResourceQuota {
    ResourceQuota::new().with_message_rate(limit)
}

// I26
#[test]
fn a_shortage_is_signalled_once_until_the_lessor_listens_again() {
    let leased = Leased::with_messages(0);
    leased.lease().listen(u64::MAX);
    let before = leased.heard.times();
    for n in [2, 7, 3] {
        leased.tracker.consume(messages(n)).unwrap_err();
    }
    leased.tracker.peek(messages(5)).unwrap_err();
    assert_eq!((leased.heard.times(), leased.lease().wanted()), (before + 1, 7));
    assert_eq!(leased.lease().listen(u64::MAX), 7);
    assert_eq!((leased.lease().wanted(), leased.lease().listen(u64::MAX)), (0, 0));
    leased.tracker.reserve_up_to(messages(4)).unwrap_err();
    assert_eq!((leased.heard.times(), leased.lease().listen(0)), (before + 2, 1));
}

// I26
#[test]
fn a_lessor_hears_of_the_use_at_which_it_listens() {
    let leased = Leased::with_messages(10);
    leased.lease().listen(8);
    let before = leased.heard.times();
    leased.tracker.consume(messages(7)).unwrap();
    assert_eq!(leased.heard.times(), before);
    leased.tracker.consume(messages(1)).unwrap();
    leased.tracker.consume(messages(1)).unwrap();
    assert_eq!((leased.heard.times(), leased.lease().wanted()), (before + 1, 0));
    // It is there already; the next take says so.
    leased.lease().listen(8);
    leased.tracker.reserve_paced(MESSAGES, 1, 1).unwrap().commit();
    assert_eq!(leased.heard.times(), before + 2);
}

#[test]
fn a_take_that_can_never_be_leased_is_not_wanted() {
    let leased = Leased::with_messages(0);
    leased.lease().listen(u64::MAX);
    let before = leased.heard.times();
    leased.tracker.consume(messages(101)).unwrap_err();
    assert_eq!((leased.heard.times(), leased.lease().listen(u64::MAX)), (before, 0));
}

#[test]
fn a_lessor_hears_of_each_change_of_the_limit() {
    let leased = Leased::new(quota(100_u64));
    let leases = leased.tracker.leases().unwrap();
    let limit = || leases.limit(MESSAGES);
    // The first limit is the first change.
    let mut heard = 3;
    assert_eq!((limit(), leased.heard.times()), (100, heard));
    for (next, units) in [
        (Allowance::AtMost(100), 100),
        (Allowance::AtMost(40), 40),
        (Allowance::Unlimited, u64::MAX),
        (Allowance::AtMost(0), 0),
        (Allowance::AtMost(7), 7),
    ] {
        leased.lease().listen(u64::MAX);
        let is_change = limit() != units;
        leased.tracker.set_quota(quota(next)).unwrap();
        heard += u64::from(is_change);
        assert_eq!((limit(), leased.heard.times()), (units, heard));
    }
    assert_eq!(leases.limit(QuotaResource::Storage), 0);
    assert!(leases.of(QuotaResource::Memory).is_none());
}

// I22
#[test]
fn a_level_whose_limit_is_lifted_still_grants_what_is_leased() {
    let leased = Leased::with_messages(2);
    leased.tracker.set_quota(quota(Allowance::Unlimited)).unwrap();
    assert_eq!(leased.spend(), 2);
    leased.tracker.set_quota(quota(1_u64)).unwrap();
    leased.begin(3);
    assert_eq!(leased.spend(), 3);
}
