//! Text from strangers, made fit for a log line.

/// The most characters of a stranger's text that reach an error.
const MOST: usize = 512;

/// Escapes control and formatting characters in `text` and cuts it after 512 characters.
///
/// Guests choose their export names and panic messages, and component files can put anything
/// into the error of a failed load: new lines that forge log records, terminal escapes, marks
/// that turn the reading direction. What comes out is one line of visible characters.
///
/// ```
/// assert_eq!(limits_wasmtime::printable("two\nlines \u{1b}[31m"), "two\\nlines \\u{1b}[31m");
/// ```
#[must_use]
pub fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(MOST));
    for (count, c) in text.chars().enumerate() {
        if count == MOST {
            out.push('…');
            break;
        }
        if c.is_control() || is_format(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// Tells characters that are not control characters but change how others are shown: bidirectional
/// marks and overrides, zero-width characters, line and paragraph separators, tags.
const fn is_format(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::{MOST, printable};

    #[test]
    fn ordinary_text_stays_as_it_is() {
        assert_eq!(printable("naïve café, 100 %"), "naïve café, 100 %");
    }

    #[test]
    fn nothing_can_forge_a_line_or_drive_a_terminal() {
        assert_eq!(
            printable("a\r\nb\u{1b}[2J\u{202e}c\u{0}"),
            "a\\r\\nb\\u{1b}[2J\\u{202e}c\\u{0}"
        );
    }

    #[test]
    fn long_text_is_cut_and_says_so() {
        let cut = printable(&"x".repeat(100_000));
        assert_eq!(cut.chars().count(), MOST + 1);
        assert!(cut.ends_with('…'));
    }
}
