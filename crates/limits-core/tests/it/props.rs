//! Properties that hold for every number, beside models that compute another way.

mod allowance;
mod fuel;
mod limit_exceeded;
mod limits;
mod quota;

use core::ops::RangeInclusive;
use proptest::prelude::*;

/// Any amount, with the edges and their neighbours more often.
fn amount() -> impl Strategy<Value = u64> {
    const NEAR: RangeInclusive<u64> = 0..=3;
    prop_oneof![
        any::<u64>(),
        0..=1_000_u64,
        NEAR,
        NEAR.prop_map(|less| u64::MAX - less),
        NEAR.prop_map(|less| u64::from(u32::MAX) - less),
    ]
}

/// The decimal numbers in a text, in order.
fn numbers(text: &str) -> Vec<u64> {
    text.split(|c: char| !c.is_ascii_digit())
        .filter(|digits| !digits.is_empty())
        .map(|digits| digits.parse().expect("a number that fits u64"))
        .collect()
}
