//! Each published crate has a README, which is its documentation, and a row in both maps.

use super::Finding;
use crate::tree::Tree;

const INCLUDE: &str = "#![doc = include_str!(\"../README.md\")]";
const MAPS: [&str; 2] = ["README.md", "docs/ARCHITECTURE.md"];

pub(super) fn rule(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (folder, manifest) in tree.published() {
        let name = manifest.name();
        if !tree.has(&format!("{folder}/README.md")) {
            findings.push(Finding::file(
                folder,
                "has no README.md: write its purpose and what it does not do",
            ));
        }
        let library = format!("{folder}/src/lib.rs");
        if tree.text(&library).is_some_and(|text| !text.starts_with(INCLUDE)) {
            findings.push(Finding::file(library, format!("must start with `{INCLUDE}`")));
        }
        for map in MAPS {
            let has_row =
                |text: &str| text.lines().any(|line| line.starts_with('|') && names(line, name));
            if !tree.text(map).is_some_and(has_row) {
                findings.push(Finding::file(map, format!("has no table row for {name}: add one")));
            }
        }
    }
    findings
}

/// Reports whether a table row names the crate as a whole word.
fn names(row: &str, name: &str) -> bool {
    row.split(|c: char| !(c.is_alphanumeric() || c == '-' || c == '_')).any(|word| word == name)
}

#[cfg(test)]
mod tests {
    use super::rule;
    use crate::tidy::messages;

    const MANIFEST: (&str, &str) = ("crates/a/Cargo.toml", "[package]\nname = \"a\"\n");

    #[test]
    fn a_crate_without_a_description_is_found() {
        assert_eq!(
            messages(
                rule,
                &[
                    MANIFEST,
                    ("crates/a/src/lib.rs", "//! Hello.\n"),
                    ("README.md", "| a-b | ab |\n")
                ]
            ),
            [
                "crates/a: has no README.md: write its purpose and what it does not do",
                "crates/a/src/lib.rs: must start with `#![doc = include_str!(\"../README.md\")]`",
                "README.md: has no table row for a: add one",
                "docs/ARCHITECTURE.md: has no table row for a: add one",
            ]
        );
    }

    #[test]
    fn a_described_crate_is_fine() {
        let samples = [
            MANIFEST,
            ("crates/a/README.md", ""),
            ("crates/a/src/lib.rs", "#![doc = include_str!(\"../README.md\")]\n"),
            ("README.md", "| [`a`](crates/a) | things |\n"),
            ("docs/ARCHITECTURE.md", "| `a` | things |\n"),
        ];
        assert_eq!(messages(rule, &samples), [""; 0]);
    }
}
