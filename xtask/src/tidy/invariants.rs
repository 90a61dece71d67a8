//! Each numbered invariant is named by a test of its crate, and no test names a missing one.
//!
//! A doc comment states one as `- I7: what always holds`; a test names it in a comment.

use std::collections::BTreeMap;

use super::Finding;
use crate::tree::{Tree, is_inside};

/// The names of test modules in files of their own.
const TESTS: [&str; 3] = ["/tests.rs", "/proptests.rs", "/loom.rs"];

/// A file and a line.
type Place = (String, usize);

pub(super) fn rule(tree: &Tree) -> Vec<Finding> {
    tree.published().flat_map(|(folder, _)| pair(tree, folder)).collect()
}

fn pair(tree: &Tree, folder: &str) -> Vec<Finding> {
    let mut stated: BTreeMap<String, Place> = BTreeMap::new();
    let mut named: BTreeMap<String, Place> = BTreeMap::new();
    let mut findings = Vec::new();
    for (path, text) in tree.ending(".rs").filter(|(path, _)| is_inside(path, folder)) {
        let tests = if is_test(path) { Some(0) } else { tests_start(text) };
        for (index, comment) in text.lines().map(comment).enumerate() {
            let place = (path.to_owned(), index + 1);
            if tests.is_some_and(|start| index >= start) {
                for invariant in mentions(comment) {
                    named.entry(invariant).or_insert(place.clone());
                }
            } else if let Some(invariant) = statement(comment)
                && let Some((other, _)) = stated.insert(invariant.clone(), place)
            {
                let message =
                    format!("{invariant} is taken by {other}: numbers run through the whole crate");
                findings.push(Finding::line(path, index + 1, message));
            }
        }
    }
    for (invariant, (path, line)) in
        stated.iter().filter(|(invariant, _)| !named.contains_key(*invariant))
    {
        let message =
            format!("no test names {invariant}: write `// {invariant}` at the one that would fail");
        findings.push(Finding::line(path, *line, message));
    }
    for (invariant, (path, line)) in
        named.iter().filter(|(invariant, _)| !stated.contains_key(*invariant))
    {
        let message =
            format!("{invariant} is stated nowhere in {folder}: state it or remove the name");
        findings.push(Finding::line(path, *line, message));
    }
    findings
}

/// Reports whether a whole file is compiled for tests only: by its place or by its name.
fn is_test(path: &str) -> bool {
    path.contains("/tests/") || TESTS.iter().any(|name| path.ends_with(name))
}

/// Returns the comment at the end of a line, its first slashes included; empty if there is none.
/// Comments in `/* */` are not read.
fn comment(line: &str) -> &str {
    let mut slashes = line.match_indices("//").map(|(at, _)| at);
    // A space before it tells a comment from the `//` of an address.
    let start = slashes.find(|&at| at == 0 || line[..at].ends_with(char::is_whitespace));
    start.map_or("", |start| &line[start..])
}

/// Returns the index of the line at which a file's module of tests starts, if it has one.
fn tests_start(text: &str) -> Option<usize> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    lines.windows(2).position(|pair| pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod "))
}

/// Returns the invariant that a line of a doc comment states.
fn statement(comment: &str) -> Option<String> {
    let words = comment.strip_prefix("///").or_else(|| comment.strip_prefix("//!"))?.trim_start();
    let words = words.strip_prefix("- ").unwrap_or(words);
    let end = words.find([':', '.'])?;
    mentions(&words[..end]).pop().filter(|invariant| invariant.len() == end)
}

/// Returns the invariants that a comment names outside of backticks.
fn mentions(comment: &str) -> Vec<String> {
    let prose: String = comment.split('`').step_by(2).collect();
    let words = prose.split(|c: char| !c.is_alphanumeric() && c != '_');
    let is_invariant = |word: &&str| {
        word.strip_prefix('I')
            .is_some_and(|n| !n.is_empty() && n.chars().all(|c| c.is_ascii_digit()))
    };
    words.filter(is_invariant).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::rule;
    use crate::tidy::messages;

    const MANIFEST: (&str, &str) = ("crates/a/Cargo.toml", "[package]\nname = \"a\"\n");

    #[test]
    fn an_invariant_without_a_test_and_a_test_without_its_invariant_are_found() {
        let lib = "//! # Invariants\n//! - I1: kept\n//! I2. kept too\n#[cfg(test)]\nmod tests {\n    // I2 and I3 hold; `I4` is code.\n}\n";
        assert_eq!(
            messages(rule, &[MANIFEST, ("crates/a/src/lib.rs", lib)]),
            [
                "crates/a/src/lib.rs:2: no test names I1: write `// I1` at the one that would fail",
                "crates/a/src/lib.rs:6: I3 is stated nowhere in crates/a: state it or remove the name",
            ]
        );
    }

    #[test]
    fn a_test_in_the_tests_folder_counts_and_a_mention_in_the_code_does_not() {
        let lib = "/// - I1: kept\n/// - I2: kept\nstruct A; // I2\n";
        let test = "// I1\nlet x = Val::I32;\n";
        assert_eq!(
            messages(
                rule,
                &[MANIFEST, ("crates/a/src/lib.rs", lib), ("crates/a/tests/it.rs", test)]
            ),
            ["crates/a/src/lib.rs:2: no test names I2: write `// I2` at the one that would fail"]
        );
    }

    #[test]
    fn a_test_module_in_a_file_of_its_own_counts() {
        let lib = "/// - I1: kept\n/// - I2: kept\n";
        for file in ["crates/a/src/b/tests.rs", "crates/a/src/loom.rs", "crates/a/src/tests/c.rs"] {
            assert_eq!(
                messages(rule, &[MANIFEST, ("crates/a/src/lib.rs", lib), (file, "// I1, I2\n")]),
                [""; 0]
            );
        }
        assert_eq!(
            messages(
                rule,
                &[MANIFEST, ("crates/a/src/lib.rs", lib), ("crates/a/src/attests.rs", "// I1\n")]
            )
            .len(),
            2
        );
    }

    #[test]
    fn a_number_used_twice_is_found() {
        let (one, two) =
            ("//! - I1: one\n", "//! - I1: two\n#[cfg(test)]\nmod tests {\n// I1\n}\n");
        assert_eq!(
            messages(rule, &[MANIFEST, ("crates/a/src/one.rs", one), ("crates/a/src/two.rs", two)]),
            [
                "crates/a/src/two.rs:1: I1 is taken by crates/a/src/one.rs: numbers run through the whole crate"
            ]
        );
    }
}
