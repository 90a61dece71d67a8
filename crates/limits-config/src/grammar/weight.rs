//! The weight of a component among those that share the host's threads.

use core::fmt;
use core::num::NonZeroU32;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

/// The most that a weight may be.
const MOST: u32 = 10_000;

/// A weight, 1 to 10 000.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Weight(pub(crate) NonZeroU32);

impl<'de> Deserialize<'de> for Weight {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Number)
    }
}

struct Number;

impl Visitor<'_> for Number {
    type Value = Weight;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number from 1 to 10000")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Weight, E> {
        weight(number)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Weight, E> {
        weight(number)
    }
}

fn weight<E: Error>(number: impl TryInto<u32> + Copy + fmt::Display) -> Result<Weight, E> {
    number
        .try_into()
        .ok()
        .filter(|number| *number <= MOST)
        .and_then(NonZeroU32::new)
        .map(Weight)
        .ok_or_else(|| E::custom(format!("a weight is 1 to {MOST}, not {number}")))
}
