//! Component text, parsed into a binary.

use limits_core::Escaped;

use crate::source::source_error::SourceError;

/// Bytes that component text may have. Parsing takes up to a hundred times as much memory: text
/// is for people who write it by hand.
const MAX_TEXT_BYTES: u64 = 4 * 1024 * 1024;

/// The mark that some editors put before a text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Characters that an error shows of the parser's reason.
const MOST_OF_A_REASON: usize = 512;

/// Parses the text of a component or a core module.
///
/// # Errors
///
/// [`SourceError::TextTooLarge`], [`SourceError::Text`].
pub(crate) fn parse(bytes: &[u8]) -> Result<Vec<u8>, SourceError> {
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if length > MAX_TEXT_BYTES {
        return Err(SourceError::TextTooLarge { bytes: length, most: MAX_TEXT_BYTES });
    }
    let text = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    match wat::Parser::new().parse_bytes(None, text) {
        Ok(binary) => Ok(binary.into_owned()),
        Err(error) => Err(SourceError::Text { reason: one_line(&error) }),
    }
}

/// Shortens an error of the parser, which has the reason in its first line and the place in the
/// second.
fn one_line(error: &wat::Error) -> String {
    let text = error.to_string();
    let mut lines = text.lines().map(str::trim);
    let what = Escaped::head(lines.next().unwrap_or_default(), MOST_OF_A_REASON);
    match lines.next().and_then(|line| line.strip_prefix("-->")) {
        // The position follows the last two colons.
        Some(place) => match place.trim().rsplitn(3, ':').take(2).collect::<Vec<_>>()[..] {
            [column, line] => format!("{what} at line {line}, column {column}"),
            _ => what.to_string(),
        },
        None => what.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_TEXT_BYTES, parse};
    use crate::source::source_error::SourceError;

    #[test]
    fn text_is_parsed_with_and_without_a_mark_before_it() {
        let translated = parse(b"(component)").unwrap();
        assert!(translated.starts_with(b"\0asm"));
        assert_eq!(parse("\u{feff}(component)".as_bytes()).unwrap(), translated);
    }

    #[test]
    fn the_place_of_an_error_is_in_its_one_line() {
        let error = parse(b"(component\n  (oops))").unwrap_err();
        let SourceError::Text { reason } = &error else { panic!("{error}") };
        assert!(reason.ends_with(" at line 2, column 4"), "{reason}");
        for hostile in [&b"\xff\xfe"[..], b"", b"(component \"\x1b[2J\" \n\n)", b"\0as"] {
            let error = parse(hostile).unwrap_err().to_string();
            assert!(!error.contains(limits_core::is_hidden), "{error}");
        }
    }

    #[test]
    fn text_beyond_4_mib_is_not_parsed() {
        let mut text = b"(component)".to_vec();
        text.resize(usize::try_from(MAX_TEXT_BYTES).unwrap(), b' ');
        assert!(parse(&text).is_ok());
        text.push(b' ');
        let error = parse(&text).unwrap_err();
        assert_eq!(error, SourceError::TextTooLarge { bytes: 4_194_305, most: 4_194_304 });
    }
}
