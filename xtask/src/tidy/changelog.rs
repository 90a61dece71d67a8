//! The changelog has a heading for the version that the workspace is at.

use super::{Finding, manifests};
use crate::manifest::Manifest;
use crate::tree::Tree;

pub(super) fn rule(tree: &Tree) -> Vec<Finding> {
    let Some(root) = tree.text("Cargo.toml").map(Manifest::parse) else { return Vec::new() };
    let version = manifests::workspace_version(&root).unwrap_or_default().trim_matches('"');
    let heads = |line: &str| {
        line.starts_with('#') && line.split([' ', '[', ']']).any(|word| word == version)
    };
    if tree.text("CHANGELOG.md").is_some_and(|text| text.lines().any(heads)) {
        return Vec::new();
    }
    vec![Finding::file(
        "CHANGELOG.md",
        format!("has no heading for {version}: write what changed for users"),
    )]
}

#[cfg(test)]
mod tests {
    use super::rule;
    use crate::tidy::says;

    const ROOT: (&str, &str) = ("Cargo.toml", "[workspace.package]\nversion = \"0.2.0\"\n");

    #[test]
    fn a_version_without_its_heading_is_found() {
        let finding = ["CHANGELOG.md: has no heading for 0.2.0: write what changed for users"];
        assert_eq!(says(rule, &[ROOT, ("CHANGELOG.md", "## 0.1.0\n0.2.0 comes\n")]), finding);
        assert_eq!(says(rule, &[ROOT]), finding);
    }

    #[test]
    fn a_heading_may_carry_more_than_the_version() {
        assert_eq!(says(rule, &[ROOT, ("CHANGELOG.md", "## [0.2.0] - soon\n")]), [""; 0]);
    }
}
