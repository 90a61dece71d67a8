//! Dead dependencies: declared in a manifest, named by no source.
//!
//! Compilers do not report them, and each costs every build time and every audit attention.

use std::collections::BTreeSet;

use super::Finding;
use crate::manifest::{FEATURES_ONLY, Manifest};
use crate::tree::{Tree, is_inside};

pub(super) fn rule(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut inherited = BTreeSet::new();
    for (folder, manifest) in tree.packages() {
        let sources = [".rs", ".md"].into_iter().flat_map(|suffix| tree.ending(suffix));
        let own = sources.filter(|(path, _)| is_inside(path, folder));
        let texts: Vec<&str> = own
            .flat_map(|(path, text)| {
                // Examples in an included page are compiled as tests.
                let pages = Tree::included(path, text).into_iter();
                pages.filter_map(|(_, page)| tree.text(&page)).chain([text])
            })
            .collect();
        for name in manifest.dependencies().into_iter().map(|dependency| dependency.name) {
            let word = name.replace('-', "_");
            let is_named = texts.iter().any(|text| has_word(text, &word));
            let is_for_features = manifest.is_for_features()
                || manifest.list(&FEATURES_ONLY).any(|only| only == name);
            if !is_named && !is_for_features {
                let path = format!("{folder}/Cargo.toml");
                findings.push(Finding::file(path, format!("no source names {name}: remove it")));
            }
            inherited.insert(name);
        }
    }
    let root = tree.text("Cargo.toml").map(Manifest::parse);
    let shared = root.as_ref().and_then(|root| root.get(&["workspace", "dependencies"]));
    for name in shared.and_then(toml::Value::as_table).into_iter().flat_map(toml::Table::keys) {
        if !inherited.contains(name) {
            findings.push(Finding::file("Cargo.toml", format!("no member uses {name}: remove it")));
        }
    }
    findings
}

/// Reports whether a text has a word that is no part of a longer one.
fn has_word(text: &str, word: &str) -> bool {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|found| found == word)
}

#[cfg(test)]
mod tests {
    use super::rule;
    use crate::tidy::messages;

    #[test]
    fn a_dependency_that_no_source_names_is_found() {
        let manifest = "[package]\nname = \"a\"\n[dependencies]\nbyte-unit = \"1\"\nserde = \"1\"\n\
                        toml = \"1\"\n[package.metadata.tidy]\nfeatures-only = [\"toml\"]\n";
        let samples = [
            ("crates/a/Cargo.toml", manifest),
            ("crates/a/src/lib.rs", "include_str!(\"../../../docs/x.md\"); // not serde_json\n"),
            ("docs/x.md", "use byte_unit::Byte;\n"),
            ("crates/b/src/lib.rs", "use serde::Serialize;\n"),
            (
                "crates/c/Cargo.toml",
                "[package]\nname = \"c\"\n[dependencies]\nfnv = \"1\"\n\
                 [package.metadata.tidy]\nfeatures-only = true\n",
            ),
        ];
        assert_eq!(
            messages(rule, &samples),
            ["crates/a/Cargo.toml: no source names serde: remove it"]
        );
    }

    #[test]
    fn a_dependency_of_the_workspace_that_no_member_uses_is_found() {
        let samples = [
            ("Cargo.toml", "[workspace.dependencies]\nanyhow = \"1\"\nserde = \"1\"\n"),
            ("crates/a/Cargo.toml", "[dev-dependencies]\nserde.workspace = true\n"),
            ("crates/a/README.md", "```rust\nuse serde::Serialize;\n```\n"),
        ];
        assert_eq!(messages(rule, &samples), ["Cargo.toml: no member uses anyhow: remove it"]);
    }
}
