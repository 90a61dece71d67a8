//! JSON without hidden characters.

use std::io;

use limits_core::EscapedJson;
use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// Serialises a value as one line.
pub(crate) fn to_line(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    // Numbers and texts under names that are texts: serialising them cannot fail.
    let _ = value.serialize(&mut Serializer::with_formatter(&mut bytes, Escaping));
    bytes.push(b'\n');
    bytes
}

/// Escapes the hidden characters that JSON itself allows in a text.
struct Escaping;

impl Formatter for Escaping {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        write!(writer, "{}", EscapedJson(fragment))
    }
}

#[cfg(test)]
mod tests {
    use super::to_line;

    #[test]
    fn nothing_in_a_text_ends_the_line_or_drives_a_terminal() {
        let text = "a\n\"b\u{7f}\u{9b}31m\u{85}\u{2028}\u{202e}txt\\ä√\u{200b}\u{ad}\u{e0041}";
        let line = String::from_utf8(to_line(&text)).unwrap();
        assert_eq!(
            line,
            "\"a\\n\\\"b\\u007f\\u009b31m\\u0085\\u2028\\u202etxt\\\\ä√\\u200b\\u00ad\\udb40\\udc41\"\n"
        );
        assert_eq!(serde_json::from_str::<String>(&line).unwrap(), text);
    }
}
