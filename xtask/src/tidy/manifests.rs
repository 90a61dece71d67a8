//! Manifests inherit what the workspace decides once, and spell their keys right.

use super::Finding;
use crate::manifest::Manifest;
use crate::tree::Tree;

const INHERITED: [&str; 5] = ["version", "edition", "rust-version", "license", "repository"];
const FOR_USERS: [&str; 5] = ["description", "readme", "include", "keywords", "categories"];
const PACKAGE: [&str; 13] = [
    "name",
    "description",
    "version",
    "edition",
    "rust-version",
    "license",
    "repository",
    "readme",
    "include",
    "keywords",
    "categories",
    "publish",
    "default-run",
];
const DEPENDENCY: [&str; 4] = ["workspace", "features", "optional", "default-features"];

pub(super) fn rule(tree: &Tree) -> Vec<Finding> {
    let packages = tree.packages().flat_map(|(folder, manifest)| package(folder, &manifest));
    packages.chain(root(tree)).collect()
}

fn package(folder: &str, manifest: &Manifest) -> Vec<Finding> {
    let path = format!("{folder}/Cargo.toml");
    let mut findings = Vec::new();
    for key in INHERITED {
        if manifest.package(&format!("{key}.workspace")).is_none_or(|entry| !entry.inherits()) {
            findings.push(Finding::file(
                &path,
                format!("write `{key}.workspace = true` under [package]"),
            ));
        }
    }
    if !manifest.entries().iter().any(|entry| entry.table == "lints" && entry.key == "workspace") {
        findings.push(Finding::file(
            &path,
            "write `[lints]` and `workspace = true`: the lints are decided once",
        ));
    }
    if manifest.is_published() {
        for key in FOR_USERS.into_iter().filter(|key| manifest.package(key).is_none()) {
            findings.push(Finding::file(&path, format!("a published package needs `{key}`")));
        }
    }
    if manifest.is_published() != folder.starts_with("crates/") {
        findings.push(Finding::file(
            &path,
            "packages under crates/ are published; all others say `publish = false`",
        ));
    }
    // A package that is a workspace of its own decides its versions itself.
    let decided = |table: &str| table.starts_with("workspace.");
    for entry in manifest.entries().iter().filter(|entry| !decided(&entry.table)) {
        if entry.table == "package" && !PACKAGE.contains(&entry.name()) {
            let says = format!(
                "unknown key `{}`: a slip, or new in xtask/src/tidy/manifests.rs",
                entry.name()
            );
            findings.push(Finding::line(&path, entry.line, says));
        }
        if entry.is_dependency() && !entry.inherits() {
            let says = format!(
                "write `{}.workspace = true`: versions are in the root manifest",
                entry.name()
            );
            findings.push(Finding::line(&path, entry.line, says));
        }
        for key in
            keys_of(&entry.value).filter(|key| entry.is_dependency() && !DEPENDENCY.contains(key))
        {
            let says =
                format!("unknown key `{key}` for a dependency: expected one of {DEPENDENCY:?}");
            findings.push(Finding::line(&path, entry.line, says));
        }
    }
    findings
}

/// In the root manifest each of our crates has its path and the workspace's version.
fn root(tree: &Tree) -> Vec<Finding> {
    let Some(text) = tree.text("Cargo.toml") else { return Vec::new() };
    let manifest = Manifest::parse(text);
    let version = workspace_version(&manifest).unwrap_or("\"\"");
    let published: Vec<String> =
        tree.published().map(|(_, manifest)| manifest.name().to_owned()).collect();
    let ours = |name: &str| published.iter().any(|ours| ours == name);
    let entries = manifest.entries().iter().filter(|entry| entry.table == "workspace.dependencies");
    entries
        .filter(|entry| ours(entry.name()))
        .filter(|entry| {
            !entry.value.contains("path = ")
                || !entry.value.contains(&format!("version = {version}"))
        })
        .map(|entry| {
            let says = format!("{} needs its path and `version = {version}`", entry.name());
            Finding::line("Cargo.toml", entry.line, says)
        })
        .collect()
}

/// Returns the version of the workspace as it is written, quotes included.
pub(super) fn workspace_version(root: &Manifest) -> Option<&str> {
    let mut entries = root.entries().iter();
    entries
        .find(|entry| entry.table == "workspace.package" && entry.key == "version")
        .map(|entry| entry.value.as_str())
}

/// Returns the keys of an inline table; none of anything else.
fn keys_of(value: &str) -> impl Iterator<Item = &str> {
    let inside = value.strip_prefix('{').unwrap_or_default();
    inside
        .split('=')
        .filter_map(|part| part.rsplit([',', '{', ' ']).find(|word| !word.is_empty()))
        .filter(|word| {
            word.starts_with(|c: char| c.is_ascii_lowercase())
                && *word != "true"
                && *word != "false"
        })
}

#[cfg(test)]
mod tests {
    use super::rule;
    use crate::tidy::says;

    const GOOD: &str = "[package]\nname = \"a\"\ndescription = \"d\"\nversion.workspace = true\nedition.workspace = true\nrust-version.workspace = true\nlicense.workspace = true\nrepository.workspace = true\nreadme = \"README.md\"\ninclude = []\nkeywords = []\ncategories = []\n[dependencies]\nserde = { workspace = true, optional = true, features = [\"derive\", \"x\"] }\n[lints]\nworkspace = true\n";

    fn with(from: &str, to: &str) -> Vec<String> {
        let broken = GOOD.replace(from, to);
        assert_ne!(broken, GOOD, "the sample has no {from}");
        says(rule, &[("crates/a/Cargo.toml", &broken)])
    }

    #[test]
    fn a_manifest_in_the_house_style_is_fine() {
        assert_eq!(says(rule, &[("crates/a/Cargo.toml", GOOD)]), [""; 0]);
    }

    #[test]
    fn a_package_key_of_its_own_is_found() {
        assert_eq!(
            with("edition.workspace = true", "edition = \"2021\""),
            ["crates/a/Cargo.toml: write `edition.workspace = true` under [package]"]
        );
    }

    #[test]
    fn lints_that_are_not_inherited_are_found() {
        assert_eq!(
            with("[lints]\nworkspace = true\n", ""),
            [
                "crates/a/Cargo.toml: write `[lints]` and `workspace = true`: the lints are decided once"
            ]
        );
    }

    #[test]
    fn a_version_outside_the_root_is_found() {
        assert_eq!(
            with(
                "serde = { workspace = true, optional = true, features = [\"derive\", \"x\"] }",
                "serde = \"1\""
            ),
            [
                "crates/a/Cargo.toml:14: write `serde.workspace = true`: versions are in the root manifest"
            ]
        );
    }

    #[test]
    fn a_package_that_is_a_workspace_has_versions_in_its_workspaces_table_only() {
        let own = "[workspace.dependencies]\nserde = \"1\"\n[lints]";
        assert_eq!(with("[lints]", own), [""; 0]);
        assert_eq!(
            with(
                "[lints]",
                &format!("{own}\nworkspace = true\n[dev-dependencies]\nproptest = \"1\"\n[lints]")
            ),
            [
                "crates/a/Cargo.toml:20: write `proptest.workspace = true`: versions are in the root manifest"
            ]
        );
    }

    #[test]
    fn a_misspelt_key_is_found() {
        assert_eq!(
            with("optional = true", "defualt-features = false"),
            [
                "crates/a/Cargo.toml:14: unknown key `defualt-features` for a dependency: expected one of [\"workspace\", \"features\", \"optional\", \"default-features\"]"
            ]
        );
        assert_eq!(
            with("keywords = []", "keywords = []\ncategorys = []"),
            [
                "crates/a/Cargo.toml:12: unknown key `categorys`: a slip, or new in xtask/src/tidy/manifests.rs"
            ]
        );
    }

    #[test]
    fn what_users_look_for_must_be_there() {
        assert_eq!(
            with("description = \"d\"\n", ""),
            ["crates/a/Cargo.toml: a published package needs `description`"]
        );
    }

    #[test]
    fn only_packages_under_crates_are_published() {
        assert_eq!(
            says(rule, &[("tests/Cargo.toml", GOOD)]),
            [
                "tests/Cargo.toml: packages under crates/ are published; all others say `publish = false`"
            ]
        );
    }

    #[test]
    fn the_root_names_our_crates_with_path_and_version() {
        let root = "[workspace.package]\nversion = \"0.2.0\"\n[workspace.dependencies]\na = { path = \"crates/a\", version = \"0.1.0\" }\n";
        assert_eq!(
            says(rule, &[("Cargo.toml", root), ("crates/a/Cargo.toml", GOOD)]),
            ["Cargo.toml:4: a needs its path and `version = \"0.2.0\"`"]
        );
    }
}
