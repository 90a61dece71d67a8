//! Text from strangers, safe to show.

use core::fmt::{self, Write as _};

/// Shows a text escaped and at most 128 characters long, so that a hostile one can neither write
/// control sequences to a terminal nor fill a log.
pub(crate) struct Quoted<'t>(pub(crate) &'t str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOST: usize = 128;
        let mut letters = self.0.chars();
        for letter in letters.by_ref().take(MOST) {
            // Quotes need no escape between backticks.
            if let '\'' | '"' = letter {
                f.write_char(letter)?;
            } else {
                letter.escape_debug().try_for_each(|escaped| f.write_char(escaped))?;
            }
        }
        if letters.next().is_some() { f.write_char('…') } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::Quoted;
    use std::string::{String, ToString as _};

    #[test]
    fn control_characters_are_escaped_and_long_texts_are_cut() {
        assert_eq!(Quoted("a\u{1b}[31m'b'\n").to_string(), "a\\u{1b}[31m'b'\\n");
        let long: String = core::iter::repeat_n('x', 200).collect();
        assert_eq!(Quoted(&long).to_string().chars().count(), 129);
    }
}
