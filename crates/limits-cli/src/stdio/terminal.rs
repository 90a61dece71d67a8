//! Text on its way to a terminal, of guests and of the command.

use limits_core::{Escaped, is_hidden};

/// Replaces hidden characters, which control a terminal or change other text, and bytes that are
/// not UTF-8 with `?`. Text, tabs and line ends stay.
///
/// `split` carries over the first bytes of an incomplete character, at most three. They are not
/// shown if the rest does not arrive.
pub(crate) fn sanitize(bytes: &[u8], split: &mut Vec<u8>) -> Vec<u8> {
    let mut all = core::mem::take(split);
    all.extend_from_slice(bytes);
    let mut sanitized = Vec::with_capacity(all.len());
    let mut chunks = all.utf8_chunks().peekable();
    while let Some(chunk) = chunks.next() {
        for c in chunk.valid().chars() {
            let shown = if is_plain(c) { c } else { '?' };
            sanitized.extend_from_slice(shown.encode_utf8(&mut [0; 4]).as_bytes());
        }
        let rest = chunk.invalid();
        if chunks.peek().is_none() && is_begun(rest) {
            *split = rest.to_vec();
        } else if !rest.is_empty() {
            sanitized.push(b'?');
        }
    }
    sanitized
}

/// Returns whether a guest may write a character to a terminal.
fn is_plain(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\t') || !is_hidden(c)
}

/// Escapes hidden characters in lines of the command; colours stay if `is_coloured`. Foreign texts
/// are escaped before they become part of a line: this is the second line of defence.
pub(crate) fn lines(text: &str, is_coloured: bool) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(|c| is_hidden(c) && c != '\n') {
        let (plain, hidden) = rest.split_at(at);
        shown.push_str(plain);
        let length = match colour(hidden) {
            Some(length) if is_coloured => {
                shown.push_str(hidden.get(..length).unwrap_or_default());
                length
            }
            Some(length) => length,
            None => {
                let length = hidden.chars().next().map_or(0, char::len_utf8);
                let letter = hidden.get(..length).unwrap_or_default();
                shown.push_str(&Escaped::head(letter, 1).to_string());
                length
            }
        };
        rest = hidden.get(length..).unwrap_or_default();
    }
    shown.push_str(rest);
    shown
}

/// Returns the length of the sequence at the start of a text, if it only sets colours and styles.
fn colour(text: &str) -> Option<usize> {
    let numbers = text.strip_prefix("\u{1b}[")?;
    let end = numbers.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    numbers.get(end..)?.starts_with('m').then_some("\u{1b}[".len() + end + "m".len())
}

/// Returns whether the bytes begin a character.
fn is_begun(bytes: &[u8]) -> bool {
    core::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

#[cfg(test)]
mod tests {
    use super::{lines, sanitize};
    use limits_core::is_hidden;

    fn sanitized(pieces: &[&[u8]]) -> String {
        let mut split = Vec::new();
        let sanitized: Vec<u8> =
            pieces.iter().flat_map(|piece| sanitize(piece, &mut split)).collect();
        String::from_utf8(sanitized).unwrap()
    }

    #[test]
    fn guest_output_keeps_text_and_loses_controls() {
        assert_eq!(sanitized(&[b"a\tb\r\n\x1b[0m\x07\x7f"]), "a\tb\r\n?[0m??");
        assert_eq!(sanitized(&["é\u{a0}漢🎈".as_bytes()]), "é\u{a0}漢🎈");
        assert_eq!(sanitized(&["\u{9b}31m\u{85}".as_bytes()]), "?31m?");
    }

    #[test]
    fn what_turns_or_hides_text_is_replaced() {
        let text = "a\u{202e}b\u{200b}c\u{2066}d\u{feff}e\u{e0041}f";
        assert_eq!(sanitized(&[text.as_bytes()]), "a?b?c?d?e?f");
    }

    #[test]
    fn every_hidden_character_of_a_guest_is_replaced() {
        for c in ('\0'..=char::MAX).filter(|c| is_hidden(*c)) {
            let kept = matches!(c, '\n' | '\r' | '\t');
            let shown = if kept { c } else { '?' };
            let mut bytes = [0; 4];
            assert_eq!(sanitized(&[c.encode_utf8(&mut bytes).as_bytes()]), String::from(shown));
        }
    }

    #[test]
    fn every_hidden_character_in_our_lines_is_escaped() {
        for c in ('\0'..=char::MAX).filter(|c| is_hidden(*c) && *c != '\n') {
            let shown = lines(&format!("a{c}b\n"), true);
            assert!(!shown.trim_end().contains(is_hidden), "{shown:?}");
            assert!(shown.starts_with("a\\") && shown.ends_with("b\n"), "{shown:?}");
        }
    }

    #[test]
    fn colours_stay_where_they_are_wanted_and_nothing_else_does() {
        let text = "\u{1b}[1;31mred\u{1b}[0m \u{1b}[2J\u{1b}[1\u{1b}";
        assert_eq!(lines(text, true), "\u{1b}[1;31mred\u{1b}[0m \\u{1b}[2J\\u{1b}[1\\u{1b}");
        assert_eq!(lines(text, false), "red \\u{1b}[2J\\u{1b}[1\\u{1b}");
    }

    #[test]
    fn bytes_that_are_not_utf8_are_replaced() {
        assert_eq!(sanitized(&[b"\x9b31m\xffa\xe2\x80b"]), "?31m?a?b");
    }

    #[test]
    fn a_character_split_over_several_writes_is_still_seen() {
        assert_eq!(sanitized(&[b"\xc2", b"\x9b31m"]), "?31m");
        assert_eq!(sanitized(&[b"a\xe2", b"\x80", b"\xaeb"]), "a?b");
        let text = "é漢🎈\u{202e}".as_bytes();
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(sanitized(&bytes), "é漢🎈?");
        assert_eq!(sanitized(&[b"\xe2\x80", b"x"]), "?x");
    }
}
