//! Periods: "1s", "500ms".

use core::fmt;
use core::time::Duration;

use limits_core::Allowance;
use serde::de::{Error, Visitor};
use serde::{Deserializer, Serializer};

use crate::error::quoted;
use crate::size::split_digits;

pub(crate) const SHORTEST: Duration = Duration::from_millis(1);
pub(crate) const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Returns a period in milliseconds.
pub(crate) fn in_ms(period: Duration) -> Allowance {
    // Another one can only come from code; a file is checked when it is read.
    let period = period.clamp(SHORTEST, LONGEST);
    Allowance::AtMost(u64::try_from(period.as_millis()).unwrap_or(u64::MAX))
}

struct Period;

impl Visitor<'_> for Period {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a period, such as \"1s\" or \"500ms\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Duration, E> {
        let (digits, rest) = split_digits(text);
        let number = digits.parse::<u64>().ok();
        let period = match (rest.strip_prefix(' ').unwrap_or(rest), number) {
            ("ms", Some(number)) => Some(Duration::from_millis(number)),
            ("s", Some(number)) => Some(Duration::from_secs(number)),
            _ => None,
        };
        period.filter(|period| (SHORTEST..=LONGEST).contains(period)).ok_or_else(|| {
            E::custom(format!(
                "`{}` is not a period from 1ms to 86400s, such as 1s or 500ms",
                quoted(text)
            ))
        })
    }
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    deserializer.deserialize_any(Period).map(Some)
}

#[expect(clippy::ref_option, reason = "serde hands a reference to the field")]
pub(crate) fn serialize<S: Serializer>(
    period: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match period {
        Some(period) => serializer.collect_str(&format_args!("{}ms", period.as_millis())),
        None => serializer.serialize_none(),
    }
}
