//! Each source file says first what it is about.

use super::Finding;
use crate::tree::Tree;

pub(super) fn rule(tree: &Tree) -> Vec<Finding> {
    tree.ending(".rs")
        .filter(|(path, _)| path.contains("/src/") && !says_something(path, tree))
        .map(|(path, _)| Finding::file(path, "must open with `//!` and a line about what is in it"))
        .collect()
}

fn says_something(path: &str, tree: &Tree) -> bool {
    let first = tree.text(path).and_then(|text| text.lines().next()).unwrap_or_default();
    let said = first.strip_prefix("//!").is_some_and(|words| !words.trim().is_empty());
    said || first.starts_with("#![doc = ")
}

#[cfg(test)]
mod tests {
    use super::rule;
    use crate::tidy::says;

    #[test]
    fn a_file_that_says_nothing_is_found() {
        let samples = [
            ("crates/a/src/good.rs", "//! Good.\n"),
            ("crates/a/src/lib.rs", "#![doc = include_str!(\"../README.md\")]\n"),
            ("crates/a/src/empty.rs", "//!\n"),
            ("crates/a/src/mute.rs", "use core::fmt;\n"),
        ];
        assert_eq!(
            says(rule, &samples),
            [
                "crates/a/src/empty.rs: must open with `//!` and a line about what is in it",
                "crates/a/src/mute.rs: must open with `//!` and a line about what is in it",
            ]
        );
    }
}
