//! Rust source with code and comments told apart, strings blanked out.

/// One file, split into what is compiled and what is only said, line by line.
#[derive(Debug)]
pub(crate) struct Source {
    /// The lines without comments and without the contents of literals.
    pub(crate) code: Vec<String>,
    /// The comments of each line.
    pub(crate) comments: Vec<String>,
}

#[derive(Clone, Copy)]
enum State {
    Code,
    LineComment,
    /// How many block comments are open.
    BlockComment(usize),
    Text,
    /// How many `#` end it.
    RawText(usize),
}

impl Source {
    /// Splits a file. Good enough for code that compiles; macros are not expanded.
    pub(crate) fn parse(text: &str) -> Self {
        let (code, comments) = Self::aligned(text);
        let lines = |text: String| text.lines().map(|line| line.trim_end().to_owned()).collect();
        Self { code: lines(code), comments: lines(comments) }
    }

    /// Splits a file into code and comments, each character where it is in `text`.
    pub(crate) fn aligned(text: &str) -> (String, String) {
        let chars: Vec<char> = text.chars().collect();
        let (mut code, mut comments) = (String::new(), String::new());
        let mut state = State::Code;
        let mut at = 0;
        while let Some(&c) = chars.get(at) {
            let next = chars.get(at + 1).copied();
            let mut width = 1;
            let (mut to_code, mut to_comments) = (' ', ' ');
            if c == '\n' {
                (to_code, to_comments) = (c, c);
                if matches!(state, State::LineComment) {
                    state = State::Code;
                }
            } else {
                match state {
                    State::Code => match (c, next) {
                        ('/', Some('/')) => state = State::LineComment,
                        ('/', Some('*')) => (state, width) = (State::BlockComment(1), 2),
                        ('"', _) => {
                            state = raw_hashes(&chars[..at]).map_or(State::Text, State::RawText);
                        }
                        ('\'', _) => width = char_literal(&chars[at..]),
                        _ => to_code = c,
                    },
                    State::LineComment => to_comments = c,
                    State::BlockComment(open) => match (c, next) {
                        ('*', Some('/')) if open == 1 => (state, width) = (State::Code, 2),
                        ('*', Some('/')) => (state, width) = (State::BlockComment(open - 1), 2),
                        ('/', Some('*')) => (state, width) = (State::BlockComment(open + 1), 2),
                        _ => to_comments = c,
                    },
                    State::Text if c == '\\' && next != Some('\n') => width = 2,
                    State::Text if c == '"' => state = State::Code,
                    State::RawText(hashes) if c == '"' && closes(&chars[at + 1..], hashes) => {
                        (state, width) = (State::Code, 1 + hashes);
                    }
                    State::Text | State::RawText(_) => {}
                }
            }
            code.push(to_code);
            comments.push(to_comments);
            for _ in 1..width {
                code.push(' ');
                comments.push(' ');
            }
            at += width;
        }
        (code, comments)
    }

    /// Returns the index of the line where the file's tests start, if it has any.
    pub(crate) fn tests_start(&self) -> Option<usize> {
        let pairs = self.code.iter().zip(self.code.iter().skip(1));
        pairs.enumerate().find_map(|(line, (attribute, item))| {
            (attribute.trim() == "#[cfg(test)]" && item.trim_start().starts_with("mod "))
                .then_some(line)
        })
    }
}

/// Tells how many `#` a raw string that starts after `before` has; `None` if it is not raw.
fn raw_hashes(before: &[char]) -> Option<usize> {
    let hashes = before.iter().rev().take_while(|&&c| c == '#').count();
    let mut prefix = before.iter().rev().skip(hashes);
    if prefix.next() != Some(&'r') {
        return None;
    }
    let word = |c: &&char| c.is_alphanumeric() || **c == '_';
    match prefix.next() {
        Some('b' | 'c') => prefix.next().filter(word).is_none().then_some(hashes),
        other => other.filter(word).is_none().then_some(hashes),
    }
}

/// Tells whether `rest` starts with the `#`s that end a raw string.
fn closes(rest: &[char], hashes: usize) -> bool {
    rest.len() >= hashes && rest[..hashes].iter().all(|&c| c == '#')
}

/// Returns the length of the character literal at the start of `rest`, or 1 for a lifetime.
fn char_literal(rest: &[char]) -> usize {
    match rest {
        ['\'', '\\', _, tail @ ..] => tail.iter().position(|&c| c == '\'').map_or(1, |end| end + 4),
        ['\'', _, '\'', ..] => 3,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::Source;

    #[test]
    fn comments_and_strings_are_not_code() {
        let source =
            Source::parse("let a = \"todo // no\"; // I1: yes\n/* x /* y */ z */ let b = 1;\n");
        assert_eq!(source.code[0].replace(' ', ""), "leta=;");
        assert_eq!(source.comments[0].trim(), "/ I1: yes");
        assert_eq!(source.code[1].trim(), "let b = 1;");
        assert!(source.comments[1].contains("y") && source.comments[1].contains('z'));
    }

    #[test]
    fn raw_strings_end_where_their_hashes_say() {
        let source = Source::parse("f(r#\"a \" b\"#, br\"\\\", c);\nattr\"x\";");
        assert_eq!(source.code[0].replace(' ', ""), "f(r#,br,c);");
        assert_eq!(source.code[1].replace(' ', ""), "attr;");
    }

    #[test]
    fn a_quote_in_a_character_opens_nothing_and_a_lifetime_is_none() {
        let source = Source::parse("let q = '\"'; let e = '\\''; fn f<'a>(x: &'a str) {} // end");
        assert!(source.code[0].contains("fn f< a>(x: & a str) {}"), "{}", source.code[0]);
        assert_eq!(source.comments[0].trim(), "/ end");
    }

    #[test]
    fn lines_stay_where_they_are() {
        let source = Source::parse("a\n\"x\\\n  y\n\"\nb // c\n");
        assert_eq!((source.code.len(), source.code[4].trim()), (5, "b"));
        assert_eq!(source.comments.len(), 5);
    }

    #[test]
    fn characters_stay_where_they_are() {
        let text = "f('\\n', \"\u{e9}\\\"\", r#\"x\"#); /* y */ g('z'); // end";
        let (code, comments) = Source::aligned(text);
        let place = |text: &str, c| text.chars().position(|found| found == c);
        for c in ['f', ';', 'g'] {
            assert_eq!(place(&code, c), place(text, c));
        }
        assert_eq!(place(&comments, 'y'), place(text, 'y'));
        assert_eq!(code.chars().count(), text.chars().count());
    }

    #[test]
    fn the_tests_of_a_file_start_at_their_module() {
        let source = Source::parse(
            "#[cfg(test)]\nextern crate std;\nfn a() {}\n#[cfg(test)]\nmod tests {}\n",
        );
        assert_eq!(source.tests_start(), Some(3));
        assert_eq!(Source::parse("fn a() {}\n").tests_start(), None);
    }
}
