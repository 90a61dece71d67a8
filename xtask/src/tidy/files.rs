//! Whole files: changelog, headers of modules, included files, and `no_std`.

use super::Finding;
use crate::manifest::Manifest;
use crate::tree::{Tree, is_inside};

/// The crate that must compile without the standard library.
const NO_STD: &str = "crates/limits-core/src/lib.rs";

/// The lines that may stand above its `extern crate std`.
const STD_GATES: [&str; 2] = ["#[cfg(test)]", "#[cfg(any(test, feature = \"std\"))]"];

pub(super) fn rule(tree: &Tree) -> Vec<Finding> {
    let parts = [changelog, headers, included, no_std];
    parts.iter().flat_map(|part| part(tree)).collect()
}

/// The changelog has a heading for the workspace's version.
fn changelog(tree: &Tree) -> Vec<Finding> {
    let Some(root) = tree.text("Cargo.toml").map(Manifest::parse) else { return Vec::new() };
    let version = root.text(&["workspace", "package", "version"]);
    let is_heading = |line: &str| {
        line.starts_with('#') && line.split([' ', '[', ']']).any(|word| word == version)
    };
    if tree.text("CHANGELOG.md").is_some_and(|text| text.lines().any(is_heading)) {
        return Vec::new();
    }
    let message = format!("has no heading for {version}: write what changed for users");
    vec![Finding::file("CHANGELOG.md", message)]
}

/// Each module opens with a line of documentation. The lint `missing_docs` asks for it in public
/// modules only.
fn headers(tree: &Tree) -> Vec<Finding> {
    let is_mute = |text: &str| {
        let first = text.lines().next().unwrap_or_default();
        let words = first.strip_prefix("//!").map_or("", str::trim);
        words.is_empty() && !first.starts_with("#![doc = ")
    };
    tree.ending(".rs")
        .filter(|(path, text)| path.contains("/src/") && is_mute(text))
        .map(|(path, _)| Finding::file(path, "must open with `//!` and a line about its content"))
        .collect()
}

/// The source of a published crate includes only files that are in its package.
fn included(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (package, _) in tree.published() {
        let (source, readme) = (format!("{package}/src"), format!("{package}/README.md"));
        for (path, text) in tree.ending(".rs").filter(|(path, _)| is_inside(path, &source)) {
            for (line, file) in Tree::included(path, text) {
                if file != readme && !is_inside(&file, &source) {
                    let message = format!("`{file}` is not packed: keep it under {source}");
                    findings.push(Finding::line(path, line, message));
                }
            }
        }
    }
    findings
}

/// limits-core names `std` only where a feature or a test allows it. A compiler finds this on a
/// target without `std` alone, and such a target is an extra installation.
fn no_std(tree: &Tree) -> Vec<Finding> {
    let Some(text) = tree.text(NO_STD) else { return Vec::new() };
    let mut findings = Vec::new();
    if !text.lines().any(|line| line == "#![no_std]") {
        findings.push(Finding::file(NO_STD, "must have `#![no_std]`"));
    }
    let pairs = [""].into_iter().chain(text.lines()).zip(text.lines());
    for (number, (above, line)) in (1..).zip(pairs) {
        if line.contains("extern crate std") && !STD_GATES.contains(&above.trim()) {
            let message = format!("write `{}` above `extern crate std`", STD_GATES[1]);
            findings.push(Finding::line(NO_STD, number, message));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::{NO_STD, STD_GATES, changelog, headers, included, no_std};
    use crate::tidy::messages;

    const MANIFEST: (&str, &str) = ("crates/a/Cargo.toml", "[package]\nname = \"a\"\n");

    #[test]
    fn a_version_without_its_heading_is_found() {
        let root = ("Cargo.toml", "[workspace.package]\nversion = \"0.2.0\"\n");
        let finding = ["CHANGELOG.md: has no heading for 0.2.0: write what changed for users"];
        let wrong = ("CHANGELOG.md", "## 0.1.0\n0.2.0 comes\n");
        assert_eq!(messages(changelog, &[root, wrong]), finding);
        assert_eq!(messages(changelog, &[root]), finding);
        assert_eq!(messages(changelog, &[root, ("CHANGELOG.md", "## [0.2.0] - soon\n")]), [""; 0]);
    }

    #[test]
    fn a_module_without_a_header_is_found() {
        let samples = [
            ("crates/a/src/good.rs", "//! Good.\n"),
            ("crates/a/src/lib.rs", "#![doc = include_str!(\"../README.md\")]\n"),
            ("crates/a/src/empty.rs", "//!\n"),
            ("crates/a/src/mute.rs", "use core::fmt;\n"),
        ];
        assert_eq!(
            messages(headers, &samples),
            [
                "crates/a/src/empty.rs: must open with `//!` and a line about its content",
                "crates/a/src/mute.rs: must open with `//!` and a line about its content",
            ]
        );
    }

    #[test]
    fn an_included_file_outside_the_package_is_found() {
        let lib = "#![doc = include_str!(\"../README.md\")]\ninclude_str!(\"text.txt\");\n\
                   include_str!(\"../../../docs/x.json\");\n";
        assert_eq!(
            messages(included, &[MANIFEST, ("crates/a/src/lib.rs", lib)]),
            ["crates/a/src/lib.rs:3: `docs/x.json` is not packed: keep it under crates/a/src"]
        );
    }

    #[test]
    fn std_without_a_gate_is_found() {
        assert_eq!(
            messages(no_std, &[(NO_STD, "extern crate std;\n")]),
            [
                "crates/limits-core/src/lib.rs: must have `#![no_std]`",
                "crates/limits-core/src/lib.rs:1: write `#[cfg(any(test, feature = \"std\"))]` above `extern crate std`",
            ]
        );
        for gate in STD_GATES {
            let lib = format!("#![no_std]\n{gate}\nextern crate std;\n");
            assert_eq!(messages(no_std, &[(NO_STD, &lib)]), [""; 0]);
        }
    }
}
