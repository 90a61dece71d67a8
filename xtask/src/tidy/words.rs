//! Lines that are never left behind: ignored tests, ignored examples, trailing space.

use super::Finding;
use crate::tree::Tree;

pub(super) fn rule(tree: &Tree) -> Vec<Finding> {
    let texts = [".rs", ".md", ".toml", ".wat"].into_iter().flat_map(|suffix| tree.ending(suffix));
    let mut findings = Vec::new();
    for (path, text) in texts {
        for (number, line) in (1..).zip(text.lines()) {
            let trimmed = line.trim_start().trim_start_matches(['/', '!']).trim_start();
            let tags = trimmed.strip_prefix("```").unwrap_or_default();
            if tags.split(',').any(|tag| tag.trim() == "ignore") {
                let message = "an ignored example is not checked: let it compile";
                findings.push(Finding::line(path, number, message));
            }
            if path.ends_with(".rs") && line.trim_start().starts_with("#[ignore") {
                let message = "an ignored test is not run: repair it or remove it";
                findings.push(Finding::line(path, number, message));
            }
            if line.ends_with([' ', '\t']) {
                findings.push(Finding::line(path, number, "ends in a space: remove it"));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::rule;
    use crate::tidy::messages;

    #[test]
    fn what_is_left_behind_is_found() {
        let example = "an ignored example is not checked: let it compile";
        for (path, text, message) in [
            ("a/src/b.rs", "/// ```rust,ignore\n/// x\n/// ```\n", example),
            ("crates/a/README.md", "```ignore\nx\n```\n", example),
            (
                "a/src/b.rs",
                "    #[ignore = \"slow\"]\n",
                "an ignored test is not run: repair it or remove it",
            ),
            ("a/src/b.rs", "//! B. \n", "ends in a space: remove it"),
            ("x.md", "a\t\n", "ends in a space: remove it"),
        ] {
            assert_eq!(messages(rule, &[(path, text)]), [format!("{path}:1: {message}")]);
        }
        assert_eq!(
            messages(rule, &[("a/src/b.rs", "let s = \"#[ignore] ```ignore\";\n")]),
            [""; 0]
        );
    }
}
