//! The code of a file in which decisions are looked for; all else is blank.

use core::ops::Range;

use super::predicate;
use crate::source::Source;

/// Stands for each character of a literal that is not a space, so that the literal is an operand.
const LITERAL: char = '"';

/// What a macro says to a log or checks in debug builds only decides nothing.
const UNDECIDED: [&str; 15] = [
    "debug",
    "debug_assert",
    "debug_assert_eq",
    "debug_assert_ne",
    "debug_span",
    "error",
    "error_span",
    "event",
    "info",
    "info_span",
    "span",
    "trace",
    "trace_span",
    "warn",
    "warn_span",
];

/// An item that starts with one of these has its commas inside of brackets or in its own head.
const ITEMS: [&str; 15] = [
    "async",
    "const",
    "enum",
    "extern",
    "fn",
    "impl",
    "let",
    "macro_rules",
    "mod",
    "pub",
    "static",
    "struct",
    "trait",
    "type",
    "use",
];

/// A file, character by character.
pub(super) struct Code {
    /// The text as it is.
    pub(super) text: Vec<char>,
    /// The same without what decides nothing: comments, attributes, imports, tests, logs.
    pub(super) code: Vec<char>,
    /// The modules in files of their own that are not part of the package outside of tests.
    pub(super) left_out: Vec<String>,
}

impl Code {
    /// Reads a file that compiles and that rustfmt has formatted.
    pub(super) fn parse(text: &str) -> Self {
        let (code, comments) = Source::aligned(text);
        let text: Vec<char> = text.chars().collect();
        let masked = text.iter().zip(code.chars().zip(comments.chars()));
        let code = masked.map(|(&raw, (code, comment))| {
            // A `/` or a `*` is where a comment starts or ends.
            let literal = code == ' ' && comment == ' ' && !raw.is_whitespace();
            if literal && raw != '/' && raw != '*' { LITERAL } else { code }
        });
        let mut file = Self { code: code.collect(), text, left_out: Vec::new() };
        file.blank_attributes();
        file.blank_imports();
        file.blank_macros();
        file
    }

    /// Returns each word with its place.
    pub(super) fn words(&self) -> impl Iterator<Item = (Range<usize>, String)> {
        let mut at = 0;
        core::iter::from_fn(move || {
            let start = at + self.code[at..].iter().position(|&c| is_word(c))?;
            at = self.word_end(start);
            Some((start..at, self.code[start..at].iter().collect()))
        })
    }

    /// Tells whether the code goes on with `text` at `start`.
    pub(super) fn starts(&self, start: usize, text: &str) -> bool {
        text.chars().enumerate().all(|(at, c)| self.code.get(start + at) == Some(&c))
    }

    /// Tells whether the code before `end` ends in `text`, not counting space in between.
    pub(super) fn ends(&self, end: usize, text: &str) -> bool {
        let start = self.last(end).and_then(|last| (last + 1).checked_sub(text.chars().count()));
        start.is_some_and(|start| self.starts(start, text))
    }

    /// Tells whether the last word before `end` is `word` and only space comes after it.
    pub(super) fn ends_word(&self, end: usize, word: &str) -> bool {
        let start = self.last(end).and_then(|last| last.checked_sub(word.len()));
        self.ends(end, word) && start.is_none_or(|before| !is_word(self.code[before]))
    }

    /// Returns where the last character before `end` is that is not a space.
    pub(super) fn last(&self, end: usize) -> Option<usize> {
        self.code[..end].iter().rposition(|c| !c.is_whitespace())
    }

    /// Returns where the first character from `start` on is that is not a space.
    pub(super) fn next(&self, start: usize) -> usize {
        let space = self.code[start..].iter().position(|c| !c.is_whitespace());
        space.map_or(self.code.len(), |space| start + space)
    }

    /// Returns the end of the word at `start`.
    pub(super) fn word_end(&self, start: usize) -> usize {
        let length = self.code[start..].iter().position(|&c| !is_word(c));
        length.map_or(self.code.len(), |length| start + length)
    }

    /// Returns the end of what the bracket at `open` encloses, the closing bracket included.
    fn closed(&self, open: usize) -> usize {
        let mut depth = 0_usize;
        for (at, c) in self.code.iter().enumerate().skip(open) {
            match c {
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' if depth <= 1 => return at + 1,
                ')' | ']' | '}' => depth -= 1,
                _ => {}
            }
        }
        self.code.len()
    }

    fn blank(&mut self, place: Range<usize>) {
        for c in &mut self.code[place] {
            if *c != '\n' {
                *c = ' ';
            }
        }
    }

    /// Blanks attributes, with their items where these are not compiled.
    fn blank_attributes(&mut self) {
        let mut at = 0;
        while let Some(found) = self.code[at..].iter().position(|&c| c == '#') {
            let start = at + found;
            let inner = self.starts(start, "#![");
            let open = start + 1 + usize::from(inner);
            at = start + 1;
            if self.code.get(open) != Some(&'[') {
                continue;
            }
            let close = self.closed(open);
            let words: String = self.text[open + 1..close - 1].iter().collect();
            let predicate = words.trim().strip_prefix("cfg(").and_then(|it| it.strip_suffix(')'));
            self.blank(start..close);
            at = close;
            if !predicate.is_none_or(predicate::holds) {
                at = if inner { self.code.len() } else { self.item_end(close) };
                self.leave_out(close..at);
            }
        }
    }

    /// Blanks an item, and notes it if it is a module in a file of its own.
    fn leave_out(&mut self, item: Range<usize>) {
        let words: String = self.code[item.clone()].iter().collect();
        let words = words.trim().trim_end_matches(';');
        if let Some((_, name)) = words.rsplit_once("mod ")
            && name.chars().all(is_word)
        {
            self.left_out.push(name.to_owned());
        }
        self.blank(item);
    }

    /// Returns the end of the item, statement, field or arm that starts after `start`.
    fn item_end(&self, start: usize) -> usize {
        let mut start = self.next(start);
        while self.starts(start, "#[") {
            start = self.next(self.closed(start + 1));
        }
        let word: String = self.code[start..self.word_end(start)].iter().collect();
        let is_item = ITEMS.contains(&word.as_str());
        let mut depth = 0_usize;
        for (at, c) in self.code.iter().enumerate().skip(start) {
            match c {
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' if depth == 0 => return at,
                ')' | ']' | '}' => {
                    depth -= 1;
                    if depth == 0 && *c == '}' && word != "let" {
                        return at + 1;
                    }
                }
                ';' if depth == 0 => return at + 1,
                ',' if depth == 0 && !is_item => return at + 1,
                _ => {}
            }
        }
        self.code.len()
    }

    fn blank_imports(&mut self) {
        let imports: Vec<usize> = self.words_named(|word| word == "use");
        for start in imports {
            let length = self.code[start..].iter().position(|&c| c == ';');
            if let Some(length) = length.filter(|_| self.starts(start, "use ")) {
                self.blank(start..start + length + 1);
            }
        }
    }

    fn blank_macros(&mut self) {
        for start in self.words_named(|word| UNDECIDED.contains(&word)) {
            let end = self.word_end(start);
            if self.starts(end, "!(") {
                let close = self.closed(end + 1);
                self.blank(end..close);
            }
        }
    }

    fn words_named(&self, is: fn(&str) -> bool) -> Vec<usize> {
        self.words().filter(|(_, word)| is(word)).map(|(place, _)| place.start).collect()
    }
}

/// Tells whether a character is part of a name or of a number.
pub(super) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::Code;

    /// What is left of a file, without space.
    fn left(text: &str) -> String {
        let code = Code::parse(text);
        assert_eq!(code.code.len(), code.text.len());
        code.code.iter().filter(|c| !c.is_whitespace()).collect()
    }

    #[test]
    fn what_decides_nothing_is_blank() {
        for (text, expected) in [
            ("//! Doc.\na // b\n/* c */ d", "ad"),
            ("#![expect(x, reason = \"y\")]\n#[must_use]\nfn f() {}", "fnf(){}"),
            ("use a::{b, c};\npub(crate) use d;\ne", "pub(crate)e"),
            ("a;\n#[cfg(test)]\nmod tests {\n    b { c }\n}\nd;", "a;d;"),
            ("#[cfg(test)]\n#[expect(x)]\nfn f<A, B>(a: A) { b }\nc", "c"),
            ("match a {\n    #[cfg(test)]\n    b => c,\n    d => e,\n}", "matcha{d=>e,}"),
            ("#[cfg(loom)]\nlet a = if b { c } else { d };\ne;", "e;"),
            ("#[cfg(not(test))]\nfn f() {}", "fnf(){}"),
            ("tracing::debug!(a = b < c, \"d\");\nwarn!(e);", "tracing::debug;warn;"),
            ("debug_assert!(a < b);\nassert!(a < b);", "debug_assert;assert!(a<b);"),
        ] {
            assert_eq!(left(text), expected, "{text}");
        }
    }

    #[test]
    fn a_file_that_is_compiled_for_tests_only_is_blank() {
        assert_eq!(left("#![cfg(test)]\nfn f() {}\n"), "");
    }

    #[test]
    fn test_modules_in_files_of_their_own_are_noted() {
        let text = "#[cfg(all(test, not(loom)))]\nmod laws;\n#[cfg(test)]\nmod tests {}\nmod a;\n";
        assert_eq!(Code::parse(text).left_out, ["laws"]);
    }
}
