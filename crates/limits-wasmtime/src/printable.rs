//! Text from strangers, made fit for a log line.

use limits_core::Escaped;

/// The most characters of a stranger's text that reach an error.
const MOST: usize = 512;

/// Shows `text` as one line of visible characters and cuts it after 512 of them; see [`Escaped`].
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
    Escaped::head(text, MOST).to_string()
}

/// Shows an error with all its causes, outermost first, made [printable].
pub(crate) fn whole(error: &wasmtime::Error) -> String {
    let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
    printable(&causes.join(": "))
}

#[cfg(test)]
mod tests {
    use super::{MOST, printable, whole};

    #[test]
    fn an_error_is_shown_with_its_causes() {
        let error = wasmtime::Error::msg("no\nroom").context("mapping").context("growing");
        assert_eq!(whole(&error), "growing: mapping: no\\nroom");
    }

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
