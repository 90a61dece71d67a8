//! Guest output on its way to a terminal.

/// Replaces the bytes of guest output that drive a terminal; text, tabs and line ends stay.
///
/// `after_c2` carries over whether the last byte of the previous piece began a two-byte
/// character, since the C1 controls are encoded in two bytes.
pub(crate) fn tame(bytes: &[u8], after_c2: &mut bool) -> Vec<u8> {
    bytes
        .iter()
        .map(|&byte| {
            let is_c1 = *after_c2 && (0x80..=0x9f).contains(&byte);
            *after_c2 = byte == 0xc2;
            let is_c0 = byte < 0x20 && !matches!(byte, b'\n' | b'\r' | b'\t');
            if is_c0 || is_c1 || byte == 0x7f { b'?' } else { byte }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::tame;

    #[test]
    fn guest_output_keeps_text_and_loses_controls() {
        let mut after_c2 = false;
        assert_eq!(tame(b"a\tb\r\n\x1b[0m\x07", &mut after_c2), b"a\tb\r\n?[0m?");
        assert_eq!(tame("é\u{a0}".as_bytes(), &mut after_c2), "é\u{a0}".as_bytes());
    }

    #[test]
    fn a_control_split_over_two_writes_is_still_seen() {
        let mut after_c2 = false;
        assert_eq!(tame(b"\xc2", &mut after_c2), b"\xc2");
        assert_eq!(tame(b"\x9b31m", &mut after_c2), b"?31m");
    }
}
