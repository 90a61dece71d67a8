//! Text from guests, files and peers as one visible line.

use core::fmt::{self, Write as _};

/// A text from a guest, a file or a peer as one line of visible characters, cut to a length.
///
/// Guests choose their export names, messages and resource names; files choose their keys, values
/// and names. Unescaped, such texts could end the line and forge the next one, drive a terminal,
/// reverse the text that follows, hide a part of themselves, or fill a log. Each [hidden
/// character](is_hidden) is written as `\n`, `\r`, `\t` or by its number, such as `\u{1b}`. All
/// others stay, backslashes and quotes included, so that escaping a second time changes nothing. A
/// cut is marked by `…`.
///
/// ```
/// use limits_core::Escaped;
///
/// assert_eq!(Escaped::head("two\nlines \u{1b}[31m", 512).to_string(), "two\\nlines \\u{1b}[31m");
/// assert_eq!(Escaped::head("component", 4).to_string(), "comp…");
/// assert_eq!(Escaped::tail("a/long/path.toml", 9).to_string(), "…path.toml");
/// let text = Escaped::head("say \"x\\y\"", 64).in_quotes();
/// assert_eq!(format!("\"{text}\""), "\"say \\\"x\\\\y\\\"\"");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Escaped<'t> {
    text: &'t str,
    cut: Cut,
    in_quotes: bool,
}

#[derive(Clone, Copy, Debug)]
enum Cut {
    No,
    Before,
    After,
}

impl<'t> Escaped<'t> {
    /// Keeps the first `most` characters of a text, counted before they are escaped.
    #[must_use]
    pub fn head(text: &'t str, most: usize) -> Self {
        match text.char_indices().nth(most) {
            Some((end, _)) => Self::of(text.get(..end).unwrap_or_default(), Cut::After),
            None => Self::of(text, Cut::No),
        }
    }

    /// Keeps the last `most` characters of a text, counted before they are escaped: for paths,
    /// whose end identifies them.
    #[must_use]
    pub fn tail(text: &'t str, most: usize) -> Self {
        // The start of the last character to leave out, if there is one.
        match text.char_indices().nth_back(most) {
            Some((at, letter)) => {
                let start = at.saturating_add(letter.len_utf8());
                Self::of(text.get(start..).unwrap_or_default(), Cut::Before)
            }
            None => Self::of(text, Cut::No),
        }
    }

    /// Also puts a backslash before `"` and `\`, for a text between double quotes.
    #[must_use]
    pub const fn in_quotes(mut self) -> Self {
        self.in_quotes = true;
        self
    }

    const fn of(text: &'t str, cut: Cut) -> Self {
        Self { text, cut, in_quotes: false }
    }
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Cut::Before = self.cut {
            f.write_char('…')?;
        }
        let is_special =
            |letter| is_hidden(letter) || (self.in_quotes && matches!(letter, '"' | '\\'));
        replaced(self.text, is_special, f, |letter, f| match letter {
            // The short forms of Rust's string literals.
            '\n' | '\r' | '\t' | '"' | '\\' => write!(f, "{}", letter.escape_default()),
            letter => write!(f, "{}", letter.escape_unicode()),
        })?;
        if let Cut::After = self.cut { f.write_char('…') } else { Ok(()) }
    }
}

/// Returns a text as this crate's errors quote it.
pub(crate) fn quoted(text: &str) -> Escaped<'_> {
    const MOST: usize = 128;
    Escaped::head(text, MOST)
}

/// Returns a reason as this crate's errors show it. The cut is generous, since reasons are
/// shortened where they are made; it bounds those of host functions.
pub(crate) fn shown_reason(text: &str) -> Escaped<'_> {
    const MOST: usize = 8_192;
    Escaped::head(text, MOST)
}

/// A piece of a JSON string with its [hidden characters](is_hidden) written as `\u001b`, which a
/// reader of the JSON turns back into the same text.
///
/// JSON itself escapes only the characters below U+0020. Each `"` and `\` of the piece must be
/// escaped already, as in the fragments that `serde_json` passes to
/// `Formatter::write_string_fragment`:
///
/// ```
/// use limits_core::EscapedJson;
///
/// assert_eq!(EscapedJson("\u{202e}txt.exe\u{e0041}").to_string(), r"\u202etxt.exe\udb40\udc41");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct EscapedJson<'t>(pub &'t str);

impl fmt::Display for EscapedJson<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        replaced(self.0, is_hidden, f, |letter, f| {
            letter.encode_utf16(&mut [0; 2]).iter().try_for_each(|unit| write!(f, "\\u{unit:04x}"))
        })
    }
}

/// Writes a text, with its special characters replaced.
fn replaced(
    text: &str,
    is_special: impl Fn(char) -> bool,
    f: &mut fmt::Formatter<'_>,
    replace: impl Fn(char, &mut fmt::Formatter<'_>) -> fmt::Result,
) -> fmt::Result {
    let mut rest = text;
    while let Some(at) = rest.find(&is_special) {
        let (plain, special) = rest.split_at(at);
        f.write_str(plain)?;
        let mut letters = special.chars();
        if let Some(letter) = letters.next() {
            replace(letter, f)?;
        }
        rest = letters.as_str();
    }
    f.write_str(rest)
}

/// Returns whether a character is invisible, acts on a terminal or on the text around it, or ends
/// the line.
///
/// These are the control characters (C0, DEL and C1), the separators of lines and paragraphs,
/// Unicode's `Default_Ignorable_Code_Point` (marks, embeddings, overrides and isolates of
/// direction, characters without a width, soft hyphens, fillers, variation selectors, tags), and
/// all other format characters but the signs that are visible: those of Arabic, Syriac and Kaithi
/// numbers. Spaces and combining characters are not hidden.
///
/// ```
/// use limits_core::is_hidden;
///
/// assert!(is_hidden('\u{1b}') && is_hidden('\u{202e}') && is_hidden('\u{200b}'));
/// assert!(!is_hidden(' ') && !is_hidden('é') && !is_hidden('漢'));
/// ```
#[must_use]
pub const fn is_hidden(letter: char) -> bool {
    matches!(
        letter,
        '\0'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            | '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{13430}'..='\u{1343f}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use super::{Escaped, EscapedJson, is_hidden};
    use std::format;
    use std::string::{String, ToString as _};

    #[test]
    fn nothing_in_a_text_ends_its_line_or_drives_a_terminal() {
        let text = "a\r\n\tb\0\u{1b}[2J\u{7f}\u{9b}31m\u{85}\u{2028}c";
        assert_eq!(
            Escaped::head(text, 64).to_string(),
            r"a\r\n\tb\u{0}\u{1b}[2J\u{7f}\u{9b}31m\u{85}\u{2028}c"
        );
    }

    #[test]
    fn nothing_in_a_text_turns_or_hides_a_part_of_it() {
        for letter in [
            '\u{ad}',
            '\u{34f}',
            '\u{61c}',
            '\u{180e}',
            '\u{200b}',
            '\u{200d}',
            '\u{200e}',
            '\u{200f}',
            '\u{2029}',
            '\u{202a}',
            '\u{202e}',
            '\u{2060}',
            '\u{2064}',
            '\u{2066}',
            '\u{2069}',
            '\u{3164}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{fff9}',
            '\u{fffb}',
            '\u{e0001}',
            '\u{e0041}',
            '\u{e0100}',
        ] {
            let text = format!("a{letter}b");
            let shown = format!("a\\u{{{:x}}}b", u32::from(letter));
            assert_eq!(Escaped::head(&text, 64).to_string(), shown);
        }
    }

    #[test]
    fn every_control_character_is_hidden_and_no_ordinary_one_is() {
        for letter in '\0'..=char::MAX {
            assert!(is_hidden(letter) || !letter.is_control(), "{letter:?}");
            assert!(!is_hidden(letter) || !letter.is_alphanumeric() || is_filler(letter));
        }
        for letter in " ~é漢🎈\u{a0}\u{301}\u{5d0}\u{fffd}".chars() {
            assert!(!is_hidden(letter), "{letter:?}");
        }
    }

    /// Letters by name, which are there for their not being seen.
    fn is_filler(letter: char) -> bool {
        matches!(letter, '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}')
    }

    #[test]
    fn an_escaped_text_stays_as_it_is() {
        let once = Escaped::head("a\u{1b}\n'\"\\n", 64).to_string();
        assert_eq!(once, r#"a\u{1b}\n'"\n"#);
        assert_eq!(Escaped::head(&once, 64).to_string(), once);
    }

    #[test]
    fn between_quotes_the_quotes_and_backslashes_are_escaped() {
        let shown = Escaped::head("a'\"\\\u{1b}", 64).in_quotes().to_string();
        assert_eq!(shown, r#"a'\"\\\u{1b}"#);
    }

    #[test]
    fn a_long_text_is_cut_at_either_end_and_says_so() {
        let text = "é漢🎈x";
        for (most, head, tail) in [
            (0, "…", "…"),
            (1, "é…", "…x"),
            (3, "é漢🎈…", "…漢🎈x"),
            (4, text, text),
            (usize::MAX, text, text),
        ] {
            assert_eq!(Escaped::head(text, most).to_string(), head);
            assert_eq!(Escaped::tail(text, most).to_string(), tail);
        }
        assert_eq!(Escaped::tail("", 0).to_string(), "");
        let long: String = core::iter::repeat_n('\u{1b}', 200).collect();
        assert_eq!(Escaped::head(&long, 128).to_string().chars().count(), 6 * 128 + 1);
    }

    #[test]
    fn json_reads_back_what_was_escaped() {
        let shown = EscapedJson("a\u{7f}\u{9b}\u{2028}ä√\u{e0041}").to_string();
        assert_eq!(shown, r"a\u007f\u009b\u2028ä√\udb40\udc41");
    }
}
