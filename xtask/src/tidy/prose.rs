//! House figures: short files, narrow comments, sentences whose subject has a name, few pages.

use super::Finding;
use crate::tree::Tree;

/// The most lines of a file of Rust.
const MAX_LINES: usize = 450;
/// The most columns of a comment.
const MAX_COLUMNS: usize = 100;
/// A document that is a table which a program prints: its length is that of the suite.
const PRINTED: &str = "docs/security.md";
/// The most words in all Markdown.
const MAX_MARKDOWN_WORDS: usize = 43_000;

/// Words in place of the name of a subject: caller, guest, host, operator. They are in parts here,
/// so that this file does not count.
const NAMELESS: [&str; 4] = [
    concat!("who", "ever"),
    concat!("no", "body"),
    concat!("some", "body"),
    concat!("some", "one"),
];
/// The most such words in all Rust and Markdown.
const MAX_NAMELESS: usize = 5;
/// The most comments that begin with a clause in place of a subject.
const MAX_CLAUSES: usize = 15;

pub(super) fn rule(tree: &Tree) -> Vec<Finding> {
    let (mut findings, mut nameless, mut clauses) = (Vec::new(), Vec::new(), Vec::new());
    for (path, text) in [".rs", ".md"].into_iter().flat_map(|suffix| tree.ending(suffix)) {
        let is_rust = path.ends_with(".rs");
        let length = text.lines().count();
        if is_rust && length > MAX_LINES {
            let message = format!("has {length} lines, at most {MAX_LINES}: split it");
            findings.push(Finding::file(path, message));
        }
        for (number, line) in (1..).zip(text.lines()) {
            for word in line.split(|c: char| !c.is_alphanumeric()) {
                if NAMELESS.iter().any(|nameless| word.eq_ignore_ascii_case(nameless)) {
                    nameless.push(Finding::line(
                        path,
                        number,
                        format!("`{word}`: name the subject"),
                    ));
                }
            }
            let Some(comment) = line.trim_start().strip_prefix("//").filter(|_| is_rust) else {
                continue;
            };
            let first = comment.trim_start_matches(['/', '!']).split_whitespace().next();
            if first.is_some_and(|word| word.trim_end_matches("'s") == "What") {
                let message = "the comment begins with a clause: begin with a noun or a verb";
                clauses.push(Finding::line(path, number, message));
            }
            let columns = line.chars().count();
            // A row of a table is one line, and so is a line of JSON.
            let is_row = first.is_some_and(|word| word.starts_with(['|', '{']));
            if columns > MAX_COLUMNS && !is_row {
                let message =
                    format!("a comment of {columns} columns, at most {MAX_COLUMNS}: wrap it");
                findings.push(Finding::line(path, number, message));
            }
        }
    }
    for (some, most) in [(nameless, MAX_NAMELESS), (clauses, MAX_CLAUSES)] {
        if some.len() > most {
            findings.extend(some);
        }
    }
    let texts = tree.ending(".md").filter(|(path, _)| *path != PRINTED);
    let words: usize = texts.map(|(_, text)| text.split_whitespace().count()).sum();
    if words > MAX_MARKDOWN_WORDS {
        let message =
            format!("all Markdown has {words} words, at most {MAX_MARKDOWN_WORDS}: shorten it");
        findings.push(Finding::file("docs", message));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::{MAX_MARKDOWN_WORDS, rule};
    use crate::tidy::messages;

    #[test]
    fn a_long_file_and_a_wide_comment_are_found() {
        let wide = format!("    /// {}\n", "x".repeat(93));
        assert_eq!(
            messages(rule, &[("a.rs", &wide), ("b.md", &"x ".repeat(70))]),
            ["a.rs:1: a comment of 101 columns, at most 100: wrap it"]
        );
        let fits = format!("/// {}\nlet a = \"{}\";\n", "x".repeat(96), "x".repeat(100));
        assert_eq!(messages(rule, &[("a.rs", &fits)]), [""; 0]);
        let row = format!("/// | {} |\n", "x".repeat(100));
        assert_eq!(messages(rule, &[("a.rs", &row)]), [""; 0]);
        let (most, more) = ("\n".repeat(450), "\n".repeat(451));
        assert_eq!(
            messages(rule, &[("a.rs", &most), ("b.rs", &more)]),
            ["b.rs: has 451 lines, at most 450: split it"]
        );
    }

    #[test]
    fn words_without_a_name_are_found_when_there_are_too_many() {
        let text = format!("{}\n", super::NAMELESS[1]);
        assert_eq!(messages(rule, &[("a.md", &text.repeat(5))]), [""; 0]);
        let found = messages(
            rule,
            &[("a.md", &text.repeat(5)), ("b.rs", &format!("// {}'s\n", super::NAMELESS[3]))],
        );
        assert_eq!(found.len(), 6);
        assert_eq!(found[0], format!("b.rs:1: `{}`: name the subject", super::NAMELESS[3]));
    }

    #[test]
    fn comments_that_begin_with_a_clause_are_found_when_there_are_too_many() {
        let text = "/// What is held.\n//! What\n// What it was.\n/// Whatever\n";
        assert_eq!(messages(rule, &[("a.rs", &text.repeat(5))]), [""; 0]);
        let found = messages(rule, &[("a.rs", &text.repeat(6))]);
        assert_eq!(found.len(), 18);
        assert_eq!(
            found[2],
            "a.rs:3: the comment begins with a clause: begin with a noun or a verb"
        );
    }

    #[test]
    fn too_much_markdown_is_found() {
        let most = "x ".repeat(MAX_MARKDOWN_WORDS);
        assert_eq!(messages(rule, &[("a.md", &most)]), [""; 0]);
        assert_eq!(
            messages(rule, &[("a.md", &most), ("b.md", "x")]),
            [format!(
                "docs: all Markdown has {} words, at most {MAX_MARKDOWN_WORDS}: shorten it",
                MAX_MARKDOWN_WORDS + 1
            )]
        );
    }
}
