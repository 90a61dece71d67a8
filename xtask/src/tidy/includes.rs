//! What a published crate compiles in is in its package.

use super::Finding;
use crate::tree::{Tree, folder, is_inside, join};

const MACROS: [&str; 2] = ["include_bytes!(\"", "include_str!(\""];

pub(super) fn rule(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (package, _) in tree.published() {
        let source = format!("{package}/src");
        let readme = format!("{package}/README.md");
        for (path, text) in tree.ending(".rs").filter(|(path, _)| is_inside(path, &source)) {
            for (line, code) in (1..).zip(text.lines()) {
                for file in MACROS.into_iter().filter_map(|name| included(code, name)) {
                    let found = join(folder(path), file);
                    if !found.is_some_and(|found| found == readme || is_inside(&found, &source)) {
                        let says = format!("`{file}` is not packed: keep it under {source}");
                        findings.push(Finding::line(path, line, says));
                    }
                }
            }
        }
    }
    findings
}

/// Returns the path that a line includes with a macro.
fn included<'a>(code: &'a str, name: &str) -> Option<&'a str> {
    let (before, after) = code.split_once(name)?;
    if before.trim_start().starts_with("//") { None } else { after.split('"').next() }
}

#[cfg(test)]
mod tests {
    use super::rule;
    use crate::tidy::says;

    #[test]
    fn a_file_that_would_not_be_packed_is_found() {
        let lib = format!(
            "#![doc = {0}(\"../README.md\")]\n{0}(\"text.txt\");\n{0}(\"../../../docs/x.json\");\n",
            "include_str!"
        );
        let manifest = ("crates/a/Cargo.toml", "[package]\nname = \"a\"\n");
        assert_eq!(
            says(rule, &[manifest, ("crates/a/src/lib.rs", &lib)]),
            [
                "crates/a/src/lib.rs:3: `../../../docs/x.json` is not packed: keep it under crates/a/src"
            ]
        );
    }
}
