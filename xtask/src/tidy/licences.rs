//! Each package carries both licences, the same as at the root.

use super::Finding;
use crate::tree::Tree;

const FILES: [&str; 2] = ["LICENSE-APACHE", "LICENSE-MIT"];

pub(super) fn rule(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in FILES {
        let Some(root) = tree.text(file) else {
            findings.push(Finding::file(file, "is missing at the root"));
            continue;
        };
        for (folder, _) in tree.published() {
            let path = format!("{folder}/{file}");
            if tree.text(&path) != Some(root) {
                findings.push(Finding::file(
                    path,
                    format!("must be a link to the root's: `ln -s ../../{file}`"),
                ));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::rule;
    use crate::tidy::says;

    #[test]
    fn a_licence_that_is_missing_or_another_is_found() {
        let samples = [
            ("LICENSE-APACHE", "Apache"),
            ("crates/a/Cargo.toml", "[package]\nname = \"a\"\n"),
            ("crates/a/LICENSE-APACHE", "Apathy"),
        ];
        assert_eq!(
            says(rule, &samples),
            [
                "crates/a/LICENSE-APACHE: must be a link to the root's: `ln -s ../../LICENSE-APACHE`",
                "LICENSE-MIT: is missing at the root",
            ]
        );
    }
}
