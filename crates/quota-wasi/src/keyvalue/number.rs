//! Numbers that guests increment.

use super::refused::Refused;

/// Returns a value as a number: decimal digits without a sign, as `increment` writes them.
fn parsed(value: &[u8]) -> Option<u64> {
    let text = core::str::from_utf8(value).ok()?;
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain)
}

/// Adds to a value that is a number; one that is not there is 0.
pub(crate) fn incremented(value: Option<&[u8]>, delta: u64) -> Result<u64, Refused> {
    let old = match value {
        None => 0,
        Some(value) => parsed(value).ok_or_else(|| {
            let problem = "the value is no number: expected decimal digits, up to 2^64 - 1";
            Refused::told(problem)
        })?,
    };
    old.checked_add(delta).ok_or_else(|| {
        Refused::told(format!("the sum of {old} and {delta} is greater than 2^64 - 1"))
    })
}

#[cfg(test)]
mod tests {
    use super::incremented;
    use crate::keyvalue::refused::Refused;

    #[test]
    fn only_decimal_digits_are_a_number() {
        for (value, expected) in [
            (&b"0"[..], Some(1)),
            (b"41", Some(42)),
            (b"007", Some(8)),
            (b"18446744073709551614", Some(u64::MAX)),
            (b"18446744073709551615", None),
            (b"18446744073709551616", None),
            (b"", None),
            (b"+1", None),
            (b"-1", None),
            (b" 1", None),
            (b"1\n", None),
            (b"1.0", None),
            (b"0x1", None),
            ("\u{661}".as_bytes(), None),
            (&[0xff], None),
            (&[0, 0, 0, 0, 0, 0, 0, 1], None),
        ] {
            assert_eq!(incremented(Some(value), 1).ok(), expected, "{value:?}");
        }
        assert_eq!(incremented(None, u64::MAX).ok(), Some(u64::MAX));
    }

    #[test]
    fn a_guest_reads_why_a_value_is_not_incremented() {
        let told = |value: &[u8]| match incremented(Some(value), 2) {
            Err(Refused::Told(text)) => text,
            other => panic!("{other:?}"),
        };
        assert_eq!(told(b"x"), "the value is no number: expected decimal digits, up to 2^64 - 1");
        assert_eq!(
            told(b"18446744073709551614"),
            "the sum of 18446744073709551614 and 2 is greater than 2^64 - 1"
        );
    }
}
