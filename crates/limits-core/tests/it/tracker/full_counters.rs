//! Totals near `u64::MAX` on two levels, beside plain numbers of 128 bits.

use std::sync::Arc;

use limits_core::{Allowance, QuotaResource, QuotaTracker, QuotaType, ResourceQuota};
use proptest::prelude::*;

use super::tracked;

#[derive(Clone, Copy, Debug)]
enum Step {
    Charge(u64),
    Consume(u64),
    Reserve(u64),
    Settle(u64),
    Drop,
    Release(u64),
}

/// Any number, most often one that fills the counter or leaves little room in it.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![
        3 => (0..1_000_u64).prop_map(|less| u64::MAX - less),
        1 => (0..1_000_u64).prop_map(|less| u64::MAX / 2 - less),
        3 => 0..1_000_u64,
        1 => any::<u64>(),
    ]
}

fn step() -> impl Strategy<Value = (usize, Step)> {
    let step = prop_oneof![
        number().prop_map(Step::Charge),
        number().prop_map(Step::Consume),
        number().prop_map(Step::Reserve),
        number().prop_map(Step::Settle),
        Just(Step::Drop),
        number().prop_map(Step::Release),
    ];
    (0..2_usize, step)
}

fn two(quota: ResourceQuota) -> (Arc<QuotaTracker>, [Arc<QuotaTracker>; 2]) {
    let (host, _clock) = tracked(quota);
    let child = || Arc::new(QuotaTracker::with_parent(quota, Arc::clone(&host)));
    let both = [child(), child()];
    (host, both)
}

// I10 I13 I14
#[test]
fn a_charge_counts_the_same_on_every_level_and_returns_how_much() {
    let (host, [one, other]) = two(ResourceQuota::new());
    let used = || [&host, &one, &other].map(|level| level.usage().memory_used);
    assert_eq!(one.charge(QuotaType::Memory(900)), 900);
    assert_eq!(other.charge(QuotaType::Memory(u64::MAX)), u64::MAX - 900);
    assert_eq!(used(), [u64::MAX, 900, u64::MAX - 900]);
    assert_eq!(one.charge(QuotaType::Memory(1)), 0);
    assert_eq!(other.release(QuotaType::Memory(u64::MAX)), u64::MAX - 900);
    assert_eq!(used(), [900, 900, 0]);
    assert_eq!(one.charge(QuotaType::None) + one.charge(QuotaType::MessageRate(3)), 0);
}

// I7 I13
#[test]
fn a_refund_takes_nothing_from_a_saturated_rate_until_its_window_is_over() {
    let quota = ResourceQuota::new().with_message_rate(Allowance::Unlimited);
    let (host, [one, other]) = two(quota);
    let before = one.reserve(QuotaType::MessageRate(5)).unwrap();
    other.consume(QuotaType::MessageRate(7)).unwrap();
    let huge = one.reserve(QuotaType::MessageRate(u64::MAX)).unwrap();
    let full = host.usage().message_count;
    drop((before, huge));
    let mut settled = one.reserve(QuotaType::MessageRate(u64::MAX)).unwrap();
    assert_eq!(settled.settle(QuotaType::MessageRate(1)), 0);
    assert_eq!((host.usage().message_count, one.usage().message_count), (full, full));
    assert_eq!(other.usage().message_count, 7);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_048))]

    // I9 I10 I13 I14 I15
    #[test]
    fn near_the_maximum_every_level_counts_what_its_children_hold(
        steps in prop::collection::vec(step(), 1..40),
        is_storage: bool,
    ) {
        let quota = ResourceQuota::new()
            .with_storage(Allowance::Unlimited)
            .with_memory(Allowance::Unlimited);
        let (host, children) = two(quota);
        let resource = if is_storage { QuotaResource::Storage } else { QuotaResource::Memory };
        let units = |n| QuotaType::of(resource, n);
        // The units that each child has kept, and those of its open reservations.
        let mut kept = [0_u128; 2];
        let mut open = [Vec::new(), Vec::new()];
        for (who, step) in steps {
            let child = &children[who];
            let reserved: u128 = open.iter().flatten().map(|(_, n)| u128::from(*n)).sum();
            let room = u128::from(u64::MAX) - kept[0] - kept[1] - reserved;
            let fits = |n| u128::from(n) <= room;
            match step {
                Step::Charge(n) => {
                    let counted = u128::from(child.charge(units(n)));
                    prop_assert_eq!(counted, room.min(n.into()));
                    kept[who] += counted;
                }
                Step::Consume(n) => {
                    prop_assert_eq!(child.consume(units(n)).is_ok(), fits(n));
                    kept[who] += if fits(n) { n.into() } else { 0 };
                }
                Step::Reserve(n) => {
                    let reservation = child.reserve(units(n));
                    prop_assert_eq!(reservation.is_ok(), fits(n));
                    open[who].extend(reservation.ok().map(|reservation| (reservation, n)));
                }
                Step::Settle(actual) => {
                    if let Some((mut reservation, n)) = open[who].pop() {
                        let stays = u128::from(reservation.settle(units(actual)));
                        prop_assert_eq!(stays, (room + u128::from(n)).min(actual.into()));
                        kept[who] += stays;
                    }
                }
                Step::Drop => drop(open[who].pop()),
                Step::Release(n) => {
                    // A caller that releases what it has kept, as the tracker asks for.
                    let n = u64::try_from(kept[who].min(n.into())).expect("it was counted");
                    prop_assert_eq!(child.release(units(n)), n);
                    kept[who] -= u128::from(n);
                }
            }
            let held = |who: usize| {
                kept[who] + open[who].iter().map(|(_, n)| u128::from(*n)).sum::<u128>()
            };
            let used = |tracker: &QuotaTracker| u128::from(tracker.usage().of(resource));
            prop_assert_eq!(used(&children[0]), held(0));
            prop_assert_eq!(used(&children[1]), held(1));
            prop_assert_eq!(used(&host), held(0) + held(1));
        }
    }
}
