//! Texts of errors that guests and component files may have written.

use limits_core::Escaped;

/// Characters of such a text that reach an error.
const MOST: usize = 512;

/// Returns `text` as one line of visible characters, cut after 512 of them; see [`Escaped`].
pub(crate) fn escaped(text: &str) -> String {
    Escaped::head(text, MOST).to_string()
}

/// Returns the text of an error and all its causes, outermost first, escaped.
pub(crate) fn whole(error: &wasmtime::Error) -> String {
    let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
    escaped(&causes.join(": "))
}

#[cfg(test)]
mod tests {
    use super::{MOST, escaped, whole};

    #[test]
    fn an_error_is_shown_with_its_causes() {
        let error = wasmtime::Error::msg("no\nroom").context("mapping").context("growing");
        assert_eq!(whole(&error), "growing: mapping: no\\nroom");
    }

    #[test]
    fn a_long_text_is_cut_and_shows_it() {
        let cut = escaped(&"x".repeat(100_000));
        assert_eq!(cut.chars().count(), MOST + 1);
        assert!(cut.ends_with('…'));
    }
}
