//! limits-core stays `no_std`.
//!
//! It has no dependencies (see the table of layers), so the attribute and the absence of
//! `extern crate std` outside its tests and its feature are all that is left to check.

use super::Finding;
use crate::source::Source;
use crate::tree::Tree;

const FOLDER: &str = "crates/limits-core/src/";
/// What may stand above `extern crate std`.
const GATES: [&str; 2] = ["#[cfg(test)]", "#[cfg(any(test, feature = \"std\"))]"];

pub(super) fn rule(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.ending(".rs").filter(|(path, _)| path.starts_with(FOLDER)) {
        let code = Source::parse(text).code;
        if path.ends_with("/lib.rs") && !code.iter().any(|line| line == "#![no_std]") {
            findings.push(Finding::file(path, "must say `#![no_std]`"));
        }
        for (index, line) in code.iter().enumerate() {
            // The gate is looked up in the text: it has a string, which is no code.
            let above = index.checked_sub(1).and_then(|above| text.lines().nth(above));
            let is_gated = above.is_some_and(|above| GATES.contains(&above.trim()));
            if line.contains("extern crate std") && !is_gated {
                let says = "`extern crate std` is for tests and the feature `std`: write `#[cfg(any(test, feature = \"std\"))]` above it";
                findings.push(Finding::line(path, index + 1, says));
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
    fn std_outside_the_tests_is_found() {
        assert_eq!(
            says(rule, &[("crates/limits-core/src/lib.rs", "extern crate std;\n")]),
            [
                "crates/limits-core/src/lib.rs: must say `#![no_std]`",
                "crates/limits-core/src/lib.rs:1: `extern crate std` is for tests and the feature `std`: write `#[cfg(any(test, feature = \"std\"))]` above it",
            ]
        );
    }

    #[test]
    fn std_for_the_tests_and_its_feature_is_fine() {
        for gate in super::GATES {
            let lib = format!("#![no_std]\n{gate}\nextern crate std;\n");
            assert_eq!(says(rule, &[("crates/limits-core/src/lib.rs", &lib)]), [""; 0]);
        }
    }
}
