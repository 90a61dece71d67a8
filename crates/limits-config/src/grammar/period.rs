//! Periods: "1s", "500ms".

use core::time::Duration;

use serde::de::Error;

use crate::grammar::size::split_digits;
use crate::toml::shown::quoted;

pub(crate) const SHORTEST: Duration = Duration::from_millis(1);
pub(crate) const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Returns a period in milliseconds, within the range that a file may give.
pub(crate) fn in_ms(period: Duration) -> u64 {
    let ms = period.clamp(SHORTEST, LONGEST).as_millis();
    u64::try_from(ms).unwrap_or(u64::MAX)
}

/// Reads a period: digits, an optional single space, and `ms` or `s`. Returns milliseconds.
pub(crate) fn parse<E: Error>(text: &str) -> Result<u64, E> {
    let (digits, rest) = split_digits(text);
    let number = digits.parse::<u64>().ok();
    let period = match (rest.strip_prefix(' ').unwrap_or(rest), number) {
        ("ms", Some(number)) => Some(Duration::from_millis(number)),
        ("s", Some(number)) => Some(Duration::from_secs(number)),
        _ => None,
    };
    period.filter(|period| (SHORTEST..=LONGEST).contains(period)).map(in_ms).ok_or_else(|| {
        E::custom(format!(
            "`{}` is not a period from 1ms to 86400s, such as 1s or 500ms",
            quoted(text)
        ))
    })
}
