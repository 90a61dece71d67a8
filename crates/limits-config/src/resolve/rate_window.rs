//! The window of a component's rates where the operator has written some of them.

use core::time::Duration;

use limits_core::Allowance;

use crate::grammar::period;
use crate::grammar::value::Value;
use crate::resolve::change::Rule;
use crate::resolve::policy_layers::{HashPin, PolicyLayers, PolicyTable, Resolved};
use crate::settings::declared::Declared;
use crate::settings::rates::{is_rate, vanishes};
use crate::settings::table::SettingKey;

/// Makes the window in which rates are counted a part of the operator's, if the operator has
/// written a rate: in a window of its own choice, a component would get more at once.
///
/// `from` is the period that the component asks for, `rates` holds its rates in effect.
pub(crate) fn nest(
    layers: &PolicyLayers<'_>,
    period: &mut Resolved,
    from: Value,
    rates: &Declared,
) {
    let Some((whole, rule)) = operators_window(layers) else { return };
    let Some(asked) = period.value.at_most() else { return };
    let nested = nested(asked, whole, rates);
    if nested == asked {
        return;
    }
    let before = period.rule.replace(rule);
    if let Some((table, HashPin::Absent)) = &layers.component_override
        && nested < asked
        && before == Some(table.rule(SettingKey::Period.as_str()))
    {
        period.over_ceiling = before.map(|rule| (period.value, rule));
    }
    period.value = Value::number(nested);
    period.rule = period.rule.take().filter(|_| period.value != from);
}

/// Returns the longest window, in milliseconds, that fits a whole number of times into each window
/// in which the operator counts a rate of this component, and the rule of the shortest of these.
fn operators_window(layers: &PolicyLayers<'_>) -> Option<(u64, Rule)> {
    let over = layers.component_override.as_ref();
    let pinned = over.filter(|(_, pin)| *pin == HashPin::Matches);
    let is_lifted =
        |key: SettingKey| pinned.is_some_and(|(table, _)| table.settings.get(key).is_some());
    if is_lifted(SettingKey::Period) {
        return None;
    }
    let over = over.and_then(|(table, _)| window_of(table, |_| true));
    let ceiling = window_of(&layers.ceiling, |key| !is_lifted(key));
    [ceiling, over].into_iter().flatten().reduce(|(one, first), (other, second)| {
        (common(one, other), if other < one { second } else { first })
    })
}

/// Returns the window of a table of the policy in milliseconds, with the key that sets it, if one
/// of the table's rates counts.
fn window_of(table: &PolicyTable<'_>, counts: impl Fn(SettingKey) -> bool) -> Option<(u64, Rule)> {
    // A rate of zero is zero in any window.
    let is_bound = |amount| matches!(amount, Some(Allowance::AtMost(1..)));
    let (rate, _) = table
        .settings
        .iter()
        .find(|(key, value)| is_rate(*key) && is_bound(value.amount()) && counts(*key))?;
    let given = table.settings.get(SettingKey::Period);
    let key = if given.is_some() { SettingKey::Period } else { rate };
    let window = given.unwrap_or_else(|| table.settings.default_of(SettingKey::Period));
    window.at_most().map(|ms| (ms, table.rule(key.as_str())))
}

/// Returns the window for rates that the component wants to be `asked` milliseconds long, such
/// that a whole number of them makes up one of the operator's, which is `whole` milliseconds long.
///
/// All windows are numbered from one origin, so those of the component then never reach over an end
/// of the operator's. The amounts granted in each, rounded down, add up to no more than the
/// operator wrote for the whole.
fn nested(asked: u64, whole: u64, rates: &Declared) -> u64 {
    let part = longest_divisor(whole, asked);
    let window = Duration::from_millis(part);
    let mut rates = rates.iter().filter(|(key, _)| is_rate(*key));
    // Shorter windows make it worse. The operator's own window is the one the rates are meant for.
    if rates.any(|(_, rate)| rate.amount().is_some_and(|rate| vanishes(rate, window))) {
        whole
    } else {
        part
    }
}

/// Returns the longest window of which a whole number makes up each of two.
fn common(one: u64, other: u64) -> u64 {
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
    use crate::grammar::value::Value;
    use crate::settings::declared::Declared;
    use crate::settings::table::SettingKey;

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
            assert_eq!(nested(asked, whole, &Declared::default()), part, "{asked} in {whole}");
        }
    }

    #[test]
    fn a_window_in_which_a_rate_would_be_nothing_is_the_operators() {
        let rate = |rate| Declared::from_iter([(SettingKey::MessageRate, Value::number(rate))]);
        assert_eq!(nested(3, 1_000, &rate(500)), 2);
        assert_eq!(nested(3, 1_000, &rate(499)), 1_000);
        assert_eq!(nested(3, 1_000, &rate(0)), 2);
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
