//! The window of a component's rates where the operator has written some of them.

use core::time::Duration;

use limits_core::Allowance;

use crate::policy::Tables;
use crate::setting::{Setting, SettingKey};
use crate::{period, quota};

/// The settings that are counted in windows.
pub(crate) const RATES: [SettingKey; 3] =
    [SettingKey::MessageRate, SettingKey::NetworkBandwidth, SettingKey::CpuTime];

/// A window that the operator counts rates in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Window {
    pub(crate) ms: u64,
    /// What says so: the period of the table, or a rate that has none beside it.
    pub(crate) key: SettingKey,
}

impl Window {
    /// Returns the window of a table of the policy, if one of its rates counts.
    pub(crate) fn of(tables: Tables<'_>, counts: impl Fn(SettingKey) -> bool) -> Option<Self> {
        // A rate of zero is zero in any window.
        let is_bound =
            |key: SettingKey| matches!(key.declared(tables), Some(Allowance::AtMost(1..)));
        let rate = RATES.into_iter().find(|key| is_bound(*key) && counts(*key))?;
        let given = SettingKey::Period.declared(tables);
        let key = if given.is_some() { SettingKey::Period } else { rate };
        let default = SettingKey::Period.default(Allowance::Unlimited);
        given.unwrap_or(default).at_most().map(|ms| Self { ms, key })
    }
}

/// Returns the window for `rates` that the component wants to be `asked` milliseconds long, such
/// that a whole number of them makes up one of the operator's, which is `whole` milliseconds long.
///
/// All windows are numbered from one origin, so those of the component then never reach over an end
/// of the operator's. What is granted in each, rounded down, adds up to no more than the operator
/// wrote for the whole.
pub(crate) fn nested(asked: u64, whole: u64, rates: &[Setting]) -> u64 {
    let part = longest_divisor(whole, asked);
    let window = Duration::from_millis(part);
    let is_nothing =
        |rate: &Setting| quota::check_rate(rate.key, Some(rate.value), window).is_err();
    // Shorter windows make it worse. The operator's own is what the rates were written for.
    if rates.iter().any(is_nothing) { whole } else { part }
}

/// Returns the longest window of which a whole number makes up each of two.
pub(crate) fn common(one: u64, other: u64) -> u64 {
    let (mut larger, mut smaller) = (one.max(other), one.min(other));
    while smaller != 0 {
        (larger, smaller) = (smaller, larger % smaller);
    }
    larger
}

/// Returns the largest divisor of a number that is at most `most`; 1 if that is zero.
fn longest_divisor(of: u64, most: u64) -> u64 {
    debug_assert!(
        Duration::from_millis(of) <= period::LONGEST,
        "so this takes 9 296 steps at most"
    );
    (1..)
        .take_while(|part| part * part <= of)
        .filter(|part| of.is_multiple_of(*part))
        .flat_map(|part| [part, of / part])
        .filter(|part| *part <= most)
        .max()
        .unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::{common, longest_divisor, nested};
    use crate::{Origin, Setting, SettingKey};
    use limits_core::Allowance;

    #[test]
    fn a_window_is_the_longest_part_of_the_operators() {
        for (asked, whole, part) in [
            (1_000, 1_000, 1_000),
            (86_400_000, 1_000, 1_000),
            (700, 1_000, 500),
            (499, 1_000, 250),
            (3, 1_000, 2),
            (500, 1_009, 1),
            (1_000, 86_400_000, 1_000),
            (7_001, 86_400_000, 6_912),
        ] {
            assert_eq!(nested(asked, whole, &[]), part, "{asked} in {whole}");
        }
    }

    #[test]
    fn a_window_in_which_a_rate_would_be_nothing_is_the_operators() {
        let rate = |value| Setting {
            key: SettingKey::MessageRate,
            value: Allowance::AtMost(value),
            origin: Origin::Component,
        };
        assert_eq!(nested(3, 1_000, &[rate(500)]), 2);
        assert_eq!(nested(3, 1_000, &[rate(499)]), 1_000);
        assert_eq!(nested(3, 1_000, &[rate(0)]), 2);
    }

    #[test]
    fn divisors_and_common_divisors_are_the_largest() {
        for of in 1..200 {
            for most in 1..220 {
                let slowly = (1..=most).rev().find(|part| of % part == 0);
                assert_eq!(Some(longest_divisor(of, most)), slowly);
                let slowly = (1..=of).rev().find(|part| of % part == 0 && most % part == 0);
                assert_eq!(Some(common(of, most)), slowly);
            }
        }
        assert_eq!(longest_divisor(86_399_981, 86_000_000), 1);
    }
}
