//! The syntax of host names.

use super::segment::Segments;

/// The longest host name and its longest label, in bytes.
const MAX_NAME: usize = 253;
const MAX_LABEL: usize = 63;

/// Returns whether a text is a host name, without a dot at the end.
pub(super) fn is_host_name(name: &str) -> bool {
    name.len() <= MAX_NAME
        && Segments::of(name, '.').all(is_label)
        && !name.rsplit('.').next().is_some_and(is_number)
}

/// Returns whether a component's id can be a part of a host name.
pub(super) fn is_id(id: &str) -> bool {
    is_label(id) && !id.bytes().any(|byte| byte.is_ascii_uppercase())
}

fn is_label(text: &str) -> bool {
    (1..=MAX_LABEL).contains(&text.len()) && text.bytes().all(is_label_byte)
}

pub(super) const fn is_label_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// Returns whether resolvers read a last label as a number: `127.1` and `0x7f.1` are addresses to
/// them.
pub(super) fn is_number(label: &str) -> bool {
    let hex = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    hex.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
        || label.bytes().all(|byte| byte.is_ascii_digit())
}
