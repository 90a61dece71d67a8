//! Sizes: "50MB", "1.5 GiB", 4096.

use byte_unit::{Byte, UnitType};

use crate::toml::shown::quoted;

/// The units in the order of the documentation, each with its power of two.
const UNITS: [(&str, u32); 10] = [
    ("B", 0),
    ("KB", 10),
    ("kB", 10),
    ("MB", 20),
    ("GB", 30),
    ("TB", 40),
    ("KiB", 10),
    ("MiB", 20),
    ("GiB", 30),
    ("TiB", 40),
];

/// The error of reading a size or a rate.
///
/// Its message shows the text shortened and escaped.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SizeError {
    /// The text does not follow the grammar.
    #[error("`{}` is not {expected}", quoted(text))]
    Malformed {
        /// The text.
        text: String,
        /// The expected form, with an example.
        expected: &'static str,
    },
    /// The unit counts bits; only bytes are accepted.
    #[error("`{}`: bits are not accepted, did you mean `{}`?", quoted(text), quoted(meant))]
    Bits {
        /// The text.
        text: String,
        /// The same number with the closest unit of bytes.
        meant: String,
    },
    /// The unit is unknown.
    #[error(
        "`{}` has an unknown unit{} (units are B, KB, kB, MB, GB, TB, KiB, MiB, GiB, TiB)",
        quoted(text),
        suggestion(meant.as_deref())
    )]
    UnknownUnit {
        /// The text.
        text: String,
        /// The same number with the closest unit, if one is close.
        meant: Option<String>,
    },
    /// The number and its unit do not come out as whole bytes.
    #[error("`{}` is not a whole number of bytes", quoted(text))]
    NotWhole {
        /// The text.
        text: String,
    },
    /// The number does not fit 64 bits.
    #[error("`{}` is too large: the most is {}", quoted(text), u64::MAX)]
    TooLarge {
        /// The text.
        text: String,
    },
    /// A rate lacks its `/s`.
    #[error("`{}` is not a rate, did you mean `{}`?", quoted(text), quoted(meant))]
    NotPerSecond {
        /// The text.
        text: String,
        /// The text as a rate.
        meant: String,
    },
}

fn suggestion(meant: Option<&str>) -> String {
    meant.map_or_else(String::new, |meant| format!(", did you mean `{}`?", quoted(meant)))
}

/// Reads a size in bytes, such as `50MB`, `1.5 GiB` or `4096`.
///
/// The grammar is strict and case-sensitive: digits, an optional fraction, an optional single
/// space, and one of `B KB kB MB GB TB KiB MiB GiB TiB` or nothing for bytes. All units are
/// powers of 1024, so `KB` and `KiB` are the same. The arithmetic is exact.
///
/// ```
/// use limits_config::parse_storage;
///
/// assert_eq!(parse_storage("100 MB"), Ok(100 * 1024 * 1024));
/// assert_eq!(parse_storage("1.5KiB"), Ok(1536));
/// assert_eq!(
///     parse_storage("10Mb").unwrap_err().to_string(),
///     "`10Mb`: bits are not accepted, did you mean `10MB`?"
/// );
/// ```
///
/// # Errors
///
/// [`SizeError`] if the text is anything else, is not a whole number of bytes, or exceeds
/// `u64::MAX`.
pub fn parse_storage(size: &str) -> Result<u64, SizeError> {
    parse_size(size, size, "a size, such as 50MB")
}

/// Reads a size; `whole` and `expected` are what an error shows.
pub(crate) fn parse_size(
    size: &str,
    whole: &str,
    expected: &'static str,
) -> Result<u64, SizeError> {
    let malformed = || SizeError::Malformed { text: whole.to_owned(), expected };
    let (digits, rest) = split_digits(size);
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => {
            let (fraction, rest) = split_digits(rest);
            if fraction.is_empty() {
                return Err(malformed());
            }
            (fraction, rest)
        }
        None => ("", rest),
    };
    let unit = rest.strip_prefix(' ').unwrap_or(rest);
    let bare = unit.is_empty();
    if digits.is_empty() || (bare && !(rest.is_empty() && fraction.is_empty())) {
        return Err(malformed());
    }
    let power = if bare { 0 } else { power_of(unit, size, whole).ok_or_else(malformed)?? };
    let too_large = || SizeError::TooLarge { text: whole.to_owned() };
    let units: u64 = digits.parse().map_err(|_error| too_large())?;
    let bytes = units.checked_mul(1_u64 << power).ok_or_else(too_large)?;
    let part = exact_part(fraction, power)
        .ok_or_else(|| SizeError::NotWhole { text: whole.to_owned() })?;
    bytes.checked_add(part).ok_or_else(too_large)
}

pub(crate) fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().take_while(u8::is_ascii_digit).count())
}

/// Finds the power of two of a unit; `None` if the text is not even a word.
fn power_of(unit: &str, size: &str, whole: &str) -> Option<Result<u32, SizeError>> {
    if let Some((_, power)) = UNITS.iter().find(|(name, _)| *name == unit) {
        return Some(Ok(*power));
    }
    if !unit.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return None;
    }
    let number = size.strip_suffix(unit).unwrap_or_default();
    let rate = whole.strip_prefix(size).unwrap_or_default();
    let lower = unit.to_ascii_lowercase();
    let stem = lower.strip_suffix('s').unwrap_or(&lower);
    let stem = stem.strip_suffix("it").or_else(|| stem.strip_suffix("yte")).unwrap_or(stem);
    let meant = UNITS
        .iter()
        .map(|(name, _)| *name)
        .find(|name| {
            name.to_ascii_lowercase().strip_suffix('b')
                == Some(stem.strip_suffix('b').unwrap_or(stem))
        })
        .map(|name| format!("{number}{name}{rate}"));
    let bits = unit.ends_with('b') || lower.ends_with("bit") || lower.ends_with("bits");
    Some(Err(match meant {
        Some(meant) if bits => SizeError::Bits { text: whole.to_owned(), meant },
        meant => SizeError::UnknownUnit { text: whole.to_owned(), meant },
    }))
}

/// Multiplies the decimal fraction `0.fraction` by two to the `power`, or `None` if the result is
/// not whole.
fn exact_part(fraction: &str, power: u32) -> Option<u64> {
    let mut digits: Vec<u8> =
        fraction.trim_end_matches('0').bytes().map(|digit| digit - b'0').collect();
    // A fraction of n digits that does not end in 0 needs n doublings to become whole.
    if digits.len() > usize::try_from(power).unwrap_or(usize::MAX) {
        return None;
    }
    let mut whole = 0_u64;
    for _ in 0..power {
        let mut carry = 0;
        for digit in digits.iter_mut().rev() {
            let doubled = *digit * 2 + carry;
            *digit = doubled % 10;
            carry = doubled / 10;
        }
        whole = whole * 2 + u64::from(carry);
    }
    digits.iter().all(|digit| *digit == 0).then_some(whole)
}

/// Writes a number of bytes for people: exact, and rounded in the largest fitting unit.
///
/// ```
/// use limits_config::format_size;
///
/// assert_eq!(format_size(4_194_304), "4194304 (4 MiB)");
/// assert_eq!(format_size(5_000_000), "5000000 (4.77 MiB)");
/// assert_eq!(format_size(512), "512 B");
/// ```
#[must_use]
pub fn format_size(bytes: u64) -> String {
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let rounded = Byte::from_u64(bytes).get_appropriate_unit(UnitType::Binary);
    let number = format!("{:.2}", rounded.get_value());
    let number = number.trim_end_matches('0').trim_end_matches('.');
    format!("{bytes} ({number} {})", rounded.get_unit())
}

#[cfg(test)]
mod tests {
    use super::{format_size, parse_storage};
    use proptest::prelude::*;

    #[test]
    fn units_fractions_and_spaces_are_read_and_are_powers_of_1024() {
        let table = [
            ("0", 0),
            ("4096", 4096),
            ("1B", 1),
            ("1 B", 1),
            ("2KB", 2 << 10),
            ("2kB", 2 << 10),
            ("2KiB", 2 << 10),
            ("50MB", 50 << 20),
            ("50 MiB", 50 << 20),
            ("3GB", 3 << 30),
            ("3GiB", 3 << 30),
            ("4TB", 4 << 40),
            ("4TiB", 4 << 40),
            ("0.5KB", 512),
            ("1.5 GiB", 3 << 29),
            ("1.50GiB", 3 << 29),
            ("1.0B", 1),
            // 2^-40 of a TiB, the finest fraction that is whole.
            ("0.0000000000009094947017729282379150390625TiB", 1),
            ("18446744073709551615", u64::MAX),
            ("18446744073709551615B", u64::MAX),
        ];
        for (text, bytes) in table {
            assert_eq!(parse_storage(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn everything_else_is_refused_with_a_reason() {
        // The original's sizes overflowed, and knew neither MiB nor spaces nor fractions.
        const UNITS: &str = "(units are B, KB, kB, MB, GB, TB, KiB, MiB, GiB, TiB)";
        let not_a_size = |text: &str| format!("`{text}` is not a size, such as 50MB");
        let unit = |text: &str, meant: &str| {
            format!("`{text}` has an unknown unit, did you mean `{meant}`? {UNITS}")
        };
        let bits = |text: &str, meant: &str| {
            format!("`{text}`: bits are not accepted, did you mean `{meant}`?")
        };
        let mut table = vec![
            ("10Mb", bits("10Mb", "10MB")),
            ("10 mb", bits("10 mb", "10 MB")),
            ("10Mbit", bits("10Mbit", "10MB")),
            ("10 Gibit", bits("10 Gibit", "10 GiB")),
            ("1.5kib", bits("1.5kib", "1.5KiB")),
            ("8b", bits("8b", "8B")),
            ("8bits", bits("8bits", "8B")),
            ("10M", unit("10M", "10MB")),
            ("10MIB", unit("10MIB", "10MiB")),
            ("10mB", unit("10mB", "10MB")),
            ("10bytes", unit("10bytes", "10B")),
            ("10PB", format!("`10PB` has an unknown unit {UNITS}")),
            ("0.1KB", String::from("`0.1KB` is not a whole number of bytes")),
            ("0.5B", String::from("`0.5B` is not a whole number of bytes")),
            (
                "18446744073709551616",
                String::from(
                    "`18446744073709551616` is too large: the most is 18446744073709551615",
                ),
            ),
            (
                "16777216TB",
                String::from("`16777216TB` is too large: the most is 18446744073709551615"),
            ),
            (
                "99999999999TB",
                String::from("`99999999999TB` is too large: the most is 18446744073709551615"),
            ),
        ];
        for text in [
            "", " ", "MB", "-5MB", "+5MB", " 5MB", "5MB ", "5  MB", "5\tMB", "5.MB", ".5MB", "1.5",
            "5 ", "1_000", "0x10", "1e9", "NaN", "inf", "5,5MB", "5MB/s", "٣MB", "1.2.3MB",
        ] {
            table.push((text, not_a_size(&text.escape_debug().to_string())));
        }
        for (text, error) in table {
            assert_eq!(parse_storage(text).unwrap_err().to_string(), error, "{text}");
        }
    }

    #[test]
    fn a_hostile_text_is_shown_short_and_escaped() {
        let error = parse_storage(&"\u{1b}[2J".repeat(1000)).unwrap_err().to_string();
        assert!(!error.contains('\u{1b}') && error.chars().count() < 500, "{error}");
    }

    #[test]
    fn a_size_is_shown_exactly_and_rounded() {
        let table = [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1024 (1 KiB)"),
            (1536, "1536 (1.5 KiB)"),
            (4_194_304, "4194304 (4 MiB)"),
            (104_857_600, "104857600 (100 MiB)"),
            (10 << 40, "10995116277760 (10 TiB)"),
            (u64::MAX, "18446744073709551615 (16 EiB)"),
        ];
        for (bytes, text) in table {
            assert_eq!(format_size(bytes), text);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn any_text_parses_or_errs(text in "\\PC{0,24}") {
            if let Err(error) = parse_storage(&text) {
                prop_assert!(!error.to_string().is_empty());
            }
        }

        #[test]
        fn anything_near_the_grammar_parses_or_errs(
            text in "[0-9]{0,24}(\\.[0-9]{0,45})? ?(B|KB|kB|MB|GB|TB|KiB|MiB|GiB|TiB|b|M|/s|)",
        ) {
            if let Err(error) = parse_storage(&text) {
                prop_assert!(!error.to_string().is_empty());
            }
        }

        #[test]
        fn what_is_shown_is_read_back(bytes: u64) {
            let shown = format_size(bytes);
            let exact = shown.split(' ').next().unwrap_or_default();
            prop_assert_eq!(parse_storage(exact), Ok(bytes));
            prop_assert_eq!(parse_storage(&format!("{bytes}B")), Ok(bytes));
        }

        #[test]
        fn an_exact_fraction_is_read_exactly(bytes in 0_u64..1 << 50) {
            // Every count of bytes is a finite decimal fraction of a KiB: 1/1024 has ten digits.
            let thousandths = (bytes % 1024) * 9_765_625;
            let text = format!("{}.{thousandths:010}KiB", bytes / 1024);
            prop_assert_eq!(parse_storage(&text), Ok(bytes));
        }
    }
}
