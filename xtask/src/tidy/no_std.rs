//! limits-core stays `no_std`.
//!
//! It has no dependencies (see the table of layers), so the attribute and the absence of
//! `extern crate std` outside its tests are all that is left to check.

use super::Finding;
use crate::source::Source;
use crate::tree::Tree;

const FOLDER: &str = "crates/limits-core/src/";

pub(super) fn rule(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.ending(".rs").filter(|(path, _)| path.starts_with(FOLDER)) {
        let code = Source::parse(text).code;
        if path.ends_with("/lib.rs") && !code.iter().any(|line| line == "#![no_std]") {
            findings.push(Finding::file(path, "must say `#![no_std]`"));
        }
        for (index, line) in code.iter().enumerate() {
            let for_tests = index > 0 && code[index - 1].trim() == "#[cfg(test)]";
            if line.contains("extern crate std") && !for_tests {
                let says = "`extern crate std` is for tests: write `#[cfg(test)]` above it";
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
                "crates/limits-core/src/lib.rs:1: `extern crate std` is for tests: write `#[cfg(test)]` above it",
            ]
        );
    }

    #[test]
    fn std_for_the_tests_is_fine() {
        let lib = "#![no_std]\n#[cfg(test)]\nextern crate std;\n";
        assert_eq!(says(rule, &[("crates/limits-core/src/lib.rs", lib)]), [""; 0]);
    }
}
