//! Guest output on its way to a terminal.

use limits_wasmtime::printable;

/// Replaces with `?` what drives a terminal or changes how it shows other text: control and
/// formatting characters, and bytes that are not UTF-8. Text, tabs and line ends stay.
///
/// `split` carries over the first bytes of a character whose rest is in the next piece; at most
/// three, which are never shown if the rest does not come.
pub(crate) fn tame(bytes: &[u8], split: &mut Vec<u8>) -> Vec<u8> {
    let mut all = core::mem::take(split);
    all.extend_from_slice(bytes);
    let mut tamed = Vec::with_capacity(all.len());
    let mut chunks = all.utf8_chunks().peekable();
    while let Some(chunk) = chunks.next() {
        for c in chunk.valid().chars() {
            let shown = if is_plain(c) { c } else { '?' };
            tamed.extend_from_slice(shown.encode_utf8(&mut [0; 4]).as_bytes());
        }
        let rest = chunk.invalid();
        if chunks.peek().is_none() && is_begun(rest) {
            *split = rest.to_vec();
        } else if !rest.is_empty() {
            tamed.push(b'?');
        }
    }
    tamed
}

fn is_plain(c: char) -> bool {
    match c {
        '\n' | '\r' | '\t' => true,
        c if c.is_ascii() => !c.is_ascii_control(),
        c => {
            let mut bytes = [0; 4];
            let text: &str = c.encode_utf8(&mut bytes);
            printable(text) == text
        }
    }
}

/// Tells whether these bytes begin a character.
fn is_begun(bytes: &[u8]) -> bool {
    core::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

#[cfg(test)]
mod tests {
    use super::tame;

    fn tamed(pieces: &[&[u8]]) -> String {
        let mut split = Vec::new();
        let tamed: Vec<u8> = pieces.iter().flat_map(|piece| tame(piece, &mut split)).collect();
        String::from_utf8(tamed).unwrap()
    }

    #[test]
    fn guest_output_keeps_text_and_loses_controls() {
        assert_eq!(tamed(&[b"a\tb\r\n\x1b[0m\x07\x7f"]), "a\tb\r\n?[0m??");
        assert_eq!(tamed(&["é\u{a0}漢🎈".as_bytes()]), "é\u{a0}漢🎈");
        assert_eq!(tamed(&["\u{9b}31m\u{85}".as_bytes()]), "?31m?");
    }

    #[test]
    fn what_turns_or_hides_text_is_replaced() {
        let text = "a\u{202e}b\u{200b}c\u{2066}d\u{feff}e\u{e0041}f";
        assert_eq!(tamed(&[text.as_bytes()]), "a?b?c?d?e?f");
    }

    #[test]
    fn bytes_that_are_not_utf8_are_replaced() {
        assert_eq!(tamed(&[b"\x9b31m\xffa\xe2\x80b"]), "?31m?a?b");
    }

    #[test]
    fn a_character_split_over_several_writes_is_still_seen() {
        assert_eq!(tamed(&[b"\xc2", b"\x9b31m"]), "?31m");
        assert_eq!(tamed(&[b"a\xe2", b"\x80", b"\xaeb"]), "a?b");
        let text = "é漢🎈\u{202e}".as_bytes();
        let bytes: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(tamed(&bytes), "é漢🎈?");
        assert_eq!(tamed(&[b"\xe2\x80", b"x"]), "?x");
    }
}
