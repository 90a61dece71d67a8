//! Words that do not belong into what is kept.

use super::Finding;
use crate::source::Source;
use crate::tree::Tree;

/// Macros that are never left behind.
const NEVER: [&str; 3] = ["todo", "unimplemented", "dbg"];
/// Macros that write to the terminal, and who may.
const PRINT: [&str; 4] = ["print", "println", "eprint", "eprintln"];
const MAY_PRINT: [&str; 3] = ["benches/", "crates/limits-cli/", "xtask/"];

pub(super) fn rule(tree: &Tree) -> Vec<Finding> {
    let code = tree.ending(".rs").flat_map(|(path, text)| code(path, text));
    let docs = [".rs", ".md"]
        .into_iter()
        .flat_map(|suffix| tree.ending(suffix))
        .flat_map(unchecked_examples);
    let texts = [".rs", ".md", ".toml", ".wat"].into_iter().flat_map(|suffix| tree.ending(suffix));
    code.chain(docs).chain(texts.flat_map(trailing_space)).collect()
}

fn code(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (line, code) in (1..).zip(Source::parse(text).code) {
        let mut find = |says: String| findings.push(Finding::line(path, line, says));
        for name in NEVER.into_iter().filter(|name| calls(&code, name)) {
            find(format!("`{name}!` must not be left behind: finish it or take it out"));
        }
        for name in PRINT.into_iter().filter(|name| calls(&code, name)) {
            if !MAY_PRINT.iter().any(|folder| path.starts_with(folder)) {
                find(format!("`{name}!` in a library: return a value or emit a tracing event"));
            }
        }
        if has_word(&code, "unsafe") {
            find(String::from("no unsafe code here: find the safe way"));
        }
        if code.contains("#[ignore") {
            find(String::from("a test that does not run proves nothing: repair it or take it out"));
        }
        if !code.is_ascii() {
            find(String::from("an identifier must be ASCII"));
        }
    }
    findings
}

/// Tells whether a line invokes a macro.
fn calls(code: &str, name: &str) -> bool {
    code.match_indices(name)
        .any(|(at, _)| code[at + name.len()..].starts_with('!') && !code[..at].ends_with(is_word))
}

/// Tells whether a line has a word by itself.
fn has_word(code: &str, word: &str) -> bool {
    code.split(|c| !is_word(c)).any(|found| found == word)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Finds examples in documentation that are not compiled.
fn unchecked_examples((path, text): (&str, &str)) -> Vec<Finding> {
    let fence = |line: &str| {
        let line = line.trim_start();
        let line = if path.ends_with(".rs") {
            line.strip_prefix("///").or_else(|| line.strip_prefix("//!")).unwrap_or_default()
        } else {
            line
        };
        line.trim_start()
            .strip_prefix("```")
            .is_some_and(|tags| tags.split(',').any(|tag| tag.trim() == "ignore"))
    };
    let lines = (1..).zip(text.lines()).filter(|(_, line)| fence(line));
    lines
        .map(|(line, _)| {
            Finding::line(path, line, "an example that is ignored is none: let it compile")
        })
        .collect()
}

fn trailing_space((path, text): (&str, &str)) -> Vec<Finding> {
    let lines = (1..).zip(text.lines()).filter(|(_, line)| line.ends_with([' ', '\t']));
    lines.map(|(line, _)| Finding::line(path, line, "ends in a space: take it out")).collect()
}

#[cfg(test)]
mod tests {
    use super::rule;
    use crate::tidy::says;

    fn one(path: &str, text: &str) -> String {
        let findings = says(rule, &[(path, text)]);
        assert_eq!(findings.len(), 1, "{findings:?}");
        findings.concat()
    }

    #[test]
    fn what_was_left_behind_is_found() {
        for name in ["todo", "unimplemented", "dbg"] {
            assert_eq!(
                one("crates/a/src/lib.rs", &format!("fn f() {{\n    {name}!()\n}}\n")),
                format!(
                    "crates/a/src/lib.rs:2: `{name}!` must not be left behind: finish it or take it out"
                )
            );
        }
    }

    #[test]
    fn printing_in_a_library_is_found_and_elsewhere_fine() {
        assert_eq!(
            one("crates/a/src/lib.rs", "println!(\"x\");\n"),
            "crates/a/src/lib.rs:1: `println!` in a library: return a value or emit a tracing event"
        );
        assert_eq!(says(rule, &[("xtask/src/main.rs", "println!(\"x\");\n")]), [""; 0]);
    }

    #[test]
    fn unsafe_ignored_tests_and_foreign_letters_are_found() {
        assert!(one("a/src/b.rs", "unsafe { f() }\n").ends_with("find the safe way"));
        assert!(one("a/src/b.rs", "#[ignore = \"slow\"]\n").ends_with("repair it or take it out"));
        assert!(one("a/src/b.rs", "let größe = 1;\n").ends_with("must be ASCII"));
    }

    #[test]
    fn strings_comments_and_longer_words_are_left_alone() {
        let text = "// todo!() unsafe größe\nlet s = \"dbg!(unsafe) ü\"; my_todo!(); let unsafe_code = 1;\n";
        assert_eq!(says(rule, &[("a/src/b.rs", text)]), [""; 0]);
    }

    #[test]
    fn an_example_that_is_not_compiled_is_found() {
        assert_eq!(
            one("a/src/b.rs", "/// ```rust,ignore\n/// x\n/// ```\n"),
            "a/src/b.rs:1: an example that is ignored is none: let it compile"
        );
        assert_eq!(
            one("crates/a/README.md", "```ignore\nx\n```\n"),
            "crates/a/README.md:1: an example that is ignored is none: let it compile"
        );
    }

    #[test]
    fn a_space_at_the_end_is_found() {
        assert_eq!(one("a/src/b.rs", "//! B. \n"), "a/src/b.rs:1: ends in a space: take it out");
        assert_eq!(one("x.md", "a\t\n"), "x.md:1: ends in a space: take it out");
    }
}
