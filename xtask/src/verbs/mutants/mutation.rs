//! One mutation: a piece of a file and what stands there instead.

use core::fmt;
use core::ops::Range;

/// A change of one decision in a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Mutation {
    /// The file by its path from the root.
    pub(super) file: String,
    /// The line, counted from 1.
    pub(super) line: usize,
    /// The line before the change, without the space around it.
    before: String,
    /// The line after the change; empty if nothing is left of it.
    after: String,
    /// What is replaced, in characters from the start of the file.
    place: Range<usize>,
    with: String,
}

impl Mutation {
    /// Replaces `place`, which is within one line of `text`.
    pub(super) fn new(file: &str, text: &[char], place: Range<usize>, with: &str) -> Self {
        let start =
            text[..place.start].iter().rposition(|&c| c == '\n').map_or(0, |newline| newline + 1);
        let length = text[start..].iter().position(|&c| c == '\n');
        let end = length.map_or(text.len(), |length| start + length);
        let piece = |range: Range<usize>| text[range].iter().collect::<String>();
        let after = piece(start..place.start) + with + &piece(place.end..end);
        Self {
            file: file.to_owned(),
            line: 1 + text[..start].iter().filter(|&&c| c == '\n').count(),
            before: piece(start..end).trim().to_owned(),
            after: after.trim().to_owned(),
            place,
            with: with.to_owned(),
        }
    }

    /// Returns the text of the file with the change in it.
    pub(super) fn apply(&self, text: &str) -> String {
        let kept = text.chars().take(self.place.start);
        kept.chain(self.with.chars()).chain(text.chars().skip(self.place.end)).collect()
    }

    /// Tells whether it weakens the ordering of an atomic access.
    pub(super) fn weakens_an_ordering(&self) -> bool {
        self.with == super::decisions::RELAXED
    }

    /// Returns the line before and after the change, as the table of argued survivors names it.
    pub(super) fn change(&self) -> String {
        let after = if self.after.is_empty() { "(removed)" } else { &self.after };
        format!("{} -> {after}", self.before)
    }
}

impl fmt::Display for Mutation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.change())
    }
}

#[cfg(test)]
mod tests {
    use super::Mutation;

    #[test]
    fn a_mutation_changes_its_place_and_nothing_else() {
        let text = "fn f() {\n    é < b\n}\n";
        let chars: Vec<char> = text.chars().collect();
        let mutation = Mutation::new("a.rs", &chars, 15..16, "<=");
        assert_eq!(mutation.to_string(), "a.rs:2: é < b -> é <= b");
        assert_eq!(mutation.apply(text), "fn f() {\n    é <= b\n}\n");
    }

    #[test]
    fn a_removed_line_is_called_so() {
        let chars: Vec<char> = "    f();".chars().collect();
        assert_eq!(
            Mutation::new("a.rs", &chars, 4..8, "").to_string(),
            "a.rs:1: f(); -> (removed)"
        );
    }
}
