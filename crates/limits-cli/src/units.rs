//! Numbers as reports show them.

use core::time::Duration;

/// Returns a duration in milliseconds, to the microsecond.
pub(crate) fn milliseconds(duration: Duration) -> f64 {
    three_decimals(duration.as_secs_f64() * 1e3)
}

/// Rounds for display.
pub(crate) fn three_decimals(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

/// Groups digits by three, so that 1000000 and 10000000 differ at a glance.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('_');
        }
        text.push(digit);
    }
    text
}

/// Writes a number of times.
pub(crate) fn times(count: u64) -> String {
    match count {
        1 => String::from("once"),
        count => format!("{count} times"),
    }
}

#[cfg(test)]
mod tests {
    use super::{grouped, milliseconds};
    use core::time::Duration;

    #[test]
    #[expect(clippy::float_cmp, reason = "both are the same decimal number")]
    fn time_is_rounded_to_the_microsecond() {
        assert_eq!(milliseconds(Duration::from_nanos(1_234_567)), 1.235);
        assert_eq!(milliseconds(Duration::ZERO), 0.0);
    }

    #[test]
    fn digits_are_grouped_by_three() {
        let shown = [0, 999, 1_000, 123_456, u64::MAX].map(grouped);
        assert_eq!(shown, ["0", "999", "1_000", "123_456", "18_446_744_073_709_551_615"]);
    }
}
