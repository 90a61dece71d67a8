//! Each manifest takes versions and lints from the workspace, and only crates/ is published.
//!
//! Cargo itself reports misspelt keys, versions that do not fit and what a registry would refuse.

use super::Finding;
use crate::manifest::Manifest;
use crate::tree::Tree;

const INHERITED: [&[&str]; 5] = [
    &["package", "version"],
    &["package", "edition"],
    &["package", "rust-version"],
    &["package", "license"],
    &["package", "repository"],
];

/// The one package with an unsafe function. A lint that the workspace forbids cannot be lowered, so
/// it has the workspace's lints in a table of its own.
const UNSAFE: &str = "crates/limits-compile";

pub(super) fn rule(tree: &Tree) -> Vec<Finding> {
    let workspace = Manifest::parse(tree.text("Cargo.toml").unwrap_or_default());
    tree.packages().flat_map(|(folder, manifest)| package(folder, &manifest, &workspace)).collect()
}

/// Returns a message if the package has other lints than the workspace.
fn lints(folder: &str, manifest: &Manifest, workspace: &Manifest) -> Option<String> {
    if folder != UNSAFE {
        let inherits = manifest.get(&["lints", "workspace"]).and_then(toml::Value::as_bool);
        let message = "lints must be the workspace's: write `workspace = true`";
        return (inherits != Some(true)).then(|| String::from(message));
    }
    let mut expected = workspace.get(&["workspace", "lints"])?.clone();
    let unsafe_code = expected.get_mut("rust").and_then(|rust| rust.get_mut("unsafe_code"));
    if let Some(level) = unsafe_code {
        *level = toml::Value::from("deny");
    }
    let message = "lints must be the workspace's but for `unsafe_code = \"deny\"`";
    (manifest.get(&["lints"]) != Some(&expected)).then(|| String::from(message))
}

fn package(folder: &str, manifest: &Manifest, workspace: &Manifest) -> Vec<Finding> {
    let mut messages: Vec<String> = lints(folder, manifest, workspace).into_iter().collect();
    for path in INHERITED {
        let inherits = manifest.get(path).and_then(|value| value.get("workspace"));
        if inherits.and_then(toml::Value::as_bool) != Some(true) {
            let path = path.join(".");
            messages.push(format!("{path} must be the workspace's: write `workspace = true`"));
        }
    }
    // A package that is a workspace of its own takes versions from its own table, and one that only
    // turns on features follows the packages that use them.
    let mut dependencies = manifest.dependencies();
    dependencies.retain(|dependency| !dependency.inherits && !manifest.is_for_features());
    for dependency in dependencies {
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
        let only = "[package.metadata.tidy]\nfeatures-only = true\n";
        let only = GOOD.replace("{ workspace = true, optional = true }", "\"1\"") + only;
        assert_eq!(messages(rule, &[("crates/a/Cargo.toml", &only)]), [""; 0]);
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

    #[test]
    fn the_package_with_an_unsafe_function_has_all_other_lints() {
        let root = "[workspace.lints.rust]\nunsafe_code = \"forbid\"\nmissing_docs = \"warn\"\n";
        let own = |lints: &str| {
            GOOD.replace("[lints]\nworkspace = true\n", &format!("[lints.rust]\n{lints}"))
        };
        let path = "crates/limits-compile/Cargo.toml";
        let good = own("unsafe_code = \"deny\"\nmissing_docs = \"warn\"\n");
        assert_eq!(messages(rule, &[("Cargo.toml", root), (path, &good)]), [""; 0]);
        let message = "lints must be the workspace's but for `unsafe_code = \"deny\"`";
        for bad in
            ["unsafe_code = \"deny\"\n", "unsafe_code = \"allow\"\nmissing_docs = \"warn\"\n"]
        {
            let found = messages(rule, &[("Cargo.toml", root), (path, &own(bad))]);
            assert_eq!(found, [format!("{path}: {message}")]);
        }
    }
}
