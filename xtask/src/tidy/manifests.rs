//! Each manifest takes versions and lints from the workspace, and only crates/ is published.
//!
//! Cargo itself reports misspelt keys, versions that do not fit and what a registry would refuse.

use super::Finding;
use crate::manifest::Manifest;
use crate::tree::Tree;

const INHERITED: [&[&str]; 6] = [
    &["package", "version"],
    &["package", "edition"],
    &["package", "rust-version"],
    &["package", "license"],
    &["package", "repository"],
    &["lints"],
];

pub(super) fn rule(tree: &Tree) -> Vec<Finding> {
    tree.packages().flat_map(|(folder, manifest)| package(folder, &manifest)).collect()
}

fn package(folder: &str, manifest: &Manifest) -> Vec<Finding> {
    let mut messages = Vec::new();
    for path in INHERITED {
        let inherits = manifest.get(path).and_then(|value| value.get("workspace"));
        if inherits.and_then(toml::Value::as_bool) != Some(true) {
            let path = path.join(".");
            messages.push(format!("{path} must be the workspace's: write `workspace = true`"));
        }
    }
    // A package that is a workspace of its own takes versions from its own table.
    for dependency in manifest.dependencies().iter().filter(|dependency| !dependency.inherits) {
        let name = &dependency.name;
        messages.push(format!(
            "write `{name}.workspace = true`: versions are in the workspace's manifest"
        ));
    }
    if manifest.is_published() != folder.starts_with("crates/") {
        messages.push(String::from(
            "packages under crates/ are published, all others have `publish = false`",
        ));
    }
    let path = format!("{folder}/Cargo.toml");
    messages.into_iter().map(|message| Finding::file(&path, message)).collect()
}

#[cfg(test)]
mod tests {
    use super::rule;
    use crate::tidy::messages;

    const GOOD: &str = "\
[package]
name = \"a\"
version.workspace = true
edition.workspace = true
rust-version.workspace = true
license.workspace = true
repository.workspace = true
[dependencies]
serde = { workspace = true, optional = true }
[lints]
workspace = true
";

    #[test]
    fn each_departure_from_the_workspace_is_found() {
        assert_eq!(messages(rule, &[("crates/a/Cargo.toml", GOOD)]), [""; 0]);
        for (from, to, message) in [
            (
                "edition.workspace = true",
                "edition = \"2021\"",
                "package.edition must be the workspace's: write `workspace = true`",
            ),
            (
                "[lints]\nworkspace = true\n",
                "",
                "lints must be the workspace's: write `workspace = true`",
            ),
            (
                "{ workspace = true, optional = true }",
                "\"1\"",
                "write `serde.workspace = true`: versions are in the workspace's manifest",
            ),
            (
                "[lints]",
                "[workspace.dependencies]\nserde = \"1\"\n[dev-dependencies]\nloom = \"1\"\n[lints]",
                "write `loom.workspace = true`: versions are in the workspace's manifest",
            ),
        ] {
            let broken = GOOD.replace(from, to);
            assert_eq!(
                messages(rule, &[("crates/a/Cargo.toml", &broken)]),
                [format!("crates/a/Cargo.toml: {message}")]
            );
        }
    }

    #[test]
    fn only_packages_under_crates_are_published() {
        assert_eq!(
            messages(rule, &[("tests/Cargo.toml", GOOD)]),
            [
                "tests/Cargo.toml: packages under crates/ are published, all others have `publish = false`"
            ]
        );
    }
}
