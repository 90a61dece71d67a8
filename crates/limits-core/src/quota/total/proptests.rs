//! Properties of a total beside a plain number, for any use, amount and limit.

use proptest::prelude::*;

use super::Total;
use crate::quota::retry::Wait;
use crate::quota::take::TakeRefused;

/// Any number, with small ones, powers of two and those next to the largest more often.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![
        any::<u64>(),
        0..100_u64,
        0..1_000_000_u64,
        (0..100_u64).prop_map(|less| u64::MAX - less),
        (0..64_u32, 0..3_u64).prop_map(|(bit, more)| (1 << bit) + more),
    ]
}

/// A use, an amount of at least one and a limit, which is often just enough or just too little.
fn state() -> impl Strategy<Value = (u64, u64, u64)> {
    let near = (number(), number(), 0..5_u64).prop_map(|(used, n, more)| {
        let limit = used.saturating_add(n).saturating_add(more).saturating_sub(2);
        (used, n, limit)
    });
    prop_oneof![near, (number(), number(), number())]
        .prop_map(|(used, n, limit)| (used, n.max(1), limit))
}

fn using(used: u64) -> Total {
    let total = Total::new();
    total.charge(used);
    total
}

/// The outcome by a plain number.
fn model(used: u64, n: u64, limit: u64) -> Result<u64, TakeRefused> {
    let sum = u128::from(used) + u128::from(n);
    if sum <= u128::from(limit) {
        return Ok(u64::try_from(sum).unwrap_or(u64::MAX));
    }
    let wait = if n > limit { Wait::NEVER } else { Wait::NOW };
    Err(TakeRefused { used, limit, wait })
}

#[derive(Clone, Debug)]
enum Event {
    Take(u64, u64),
    Charge(u64),
    Release(u64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (number(), number()).prop_map(|(n, limit)| Event::Take(n.max(1), limit)),
        number().prop_map(Event::Charge),
        number().prop_map(Event::Release),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_096))]

    // I9 I10
    #[test]
    fn a_take_is_granted_exactly_if_it_fits((used, n, limit) in state()) {
        let expected = model(used, n, limit);
        let total = using(used);
        prop_assert_eq!(total.peek(n, limit), expected.map(drop));
        prop_assert_eq!(total.plan(n, limit), expected.ok().map(|_| used));
        prop_assert_eq!(total.used(), used);
        prop_assert_eq!(total.take(n, limit), expected.map(drop));
        prop_assert_eq!(total.used(), expected.unwrap_or(used));
    }

    // I9 I10
    #[test]
    fn a_total_is_a_number_that_goes_up_and_down(events in prop::collection::vec(event(), 1..40)) {
        let (total, mut used) = (Total::new(), 0_u64);
        for event in events {
            match event {
                Event::Take(n, limit) => {
                    let expected = model(used, n, limit);
                    prop_assert_eq!(total.take(n, limit), expected.map(drop));
                    used = expected.unwrap_or(used);
                }
                Event::Charge(n) => {
                    prop_assert_eq!(total.charge(n), n.min(u64::MAX - used));
                    used = used.saturating_add(n);
                }
                Event::Release(n) => {
                    prop_assert_eq!(total.release(n), used.min(n));
                    used = used.saturating_sub(n);
                }
            }
            prop_assert_eq!(total.used(), used);
        }
    }
}
