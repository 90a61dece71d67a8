//! Each path and each link in a document leads to a file of the repository.
//!
//! The rule reads the targets of links, and words in backticks and in shell blocks that look like
//! paths. After a path `::name` may follow, and the file must then contain that name.

use super::Finding;
use crate::tree::{Tree, folder, join};

/// A word that starts with one of these and a `/` is a path.
const FOLDERS: [&str; 9] =
    [".cargo", ".ci", "benches", "crates", "docs", "examples", "src", "tests", "xtask"];
/// A word without a `/` that ends in one of these is the name of a file.
const ENDINGS: [&str; 2] = [".md", ".rs"];
/// A changelog may name files of earlier versions.
const HISTORY: &str = "CHANGELOG.md";

pub(super) fn rule(tree: &Tree) -> Vec<Finding> {
    let documents = tree.ending(".md").filter(|(path, _)| *path != HISTORY);
    documents.flat_map(|(path, text)| document(tree, path, text)).collect()
}

fn document(tree: &Tree, path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut block: Option<bool> = None; // Inside a code block: whether it is of a shell.
    for (number, line) in (1..).zip(text.lines()) {
        let mut find = |message: String| findings.push(Finding::line(path, number, message));
        if let Some(tag) = line.trim_start().strip_prefix("```") {
            block = match block {
                Some(_) => None,
                None => Some(matches!(tag.trim(), "sh" | "bash" | "console")),
            };
            continue;
        }
        let words: Vec<&str> = match block {
            Some(true) => line.split_whitespace().collect(),
            Some(false) => continue,
            None => line.split('`').skip(1).step_by(2).flat_map(str::split_whitespace).collect(),
        };
        for word in words {
            if let Some(message) = check(tree, path, word) {
                find(message);
            }
        }
        if block.is_none() {
            for target in links(line).iter().filter(|target| !resolves(tree, folder(path), target))
            {
                find(format!("links to `{target}`, which does not exist: repair the link"));
            }
        }
    }
    findings
}

/// Returns a message about a word that looks like a path of a file that does not exist.
fn check(tree: &Tree, document: &str, word: &str) -> Option<String> {
    let word = word.trim_matches(['"', '\'', ',', ';', '(', ')']).trim_end_matches(['.', ':']);
    let (path, name) = word.split_once("::").unwrap_or((word, ""));
    let path = path.trim_start_matches("./");
    let path = match path.rsplit_once(':') {
        Some((path, line)) if line.chars().all(|c| c.is_ascii_digit()) => path,
        _ => path,
    };
    if path.contains(['*', '<', '{', '$', '…']) {
        return None;
    }
    let found = match path.split_once('/') {
        Some((first, _)) if FOLDERS.contains(&first) => {
            let beside = join(folder(document), path)?;
            [path, &beside].into_iter().find(|path| tree.has(path)).map(str::to_owned)
        }
        Some(_) => return None,
        None if ENDINGS
            .iter()
            .any(|ending| path.len() > ending.len() && path.ends_with(ending)) =>
        {
            tree.paths().find(|file| file.rsplit('/').next() == Some(path)).map(str::to_owned)
        }
        None => return None,
    };
    let Some(found) = found else {
        return Some(format!("`{path}` does not exist: repair the path"));
    };
    let name = name.rsplit("::").next().unwrap_or_default();
    let has_name = |text: &str| {
        text.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|word| word == name)
    };
    if name.is_empty() || tree.text(&found).is_none_or(has_name) {
        return None;
    }
    Some(format!("`{found}` has no `{name}`: repair the name"))
}

/// Returns the targets of a line's links that are files here, without their fragments. A link
/// inside of backticks is a sample.
fn links(line: &str) -> Vec<String> {
    let prose: String = line.split('`').step_by(2).collect();
    let targets = prose.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let is_file = |target: &&str| {
        !target.contains("://") && !target.starts_with(['#', '<']) && !target.starts_with("mailto:")
    };
    let file = |target: &str| target.split('#').next().unwrap_or(target).to_owned();
    targets.filter(is_file).map(file).collect()
}

fn resolves(tree: &Tree, folder: &str, target: &str) -> bool {
    join(folder, target).is_some_and(|path| path.is_empty() || tree.has(&path))
}

#[cfg(test)]
mod tests {
    use super::rule;
    use crate::tidy::messages;

    const SOURCE: (&str, &str) = ("crates/a/src/fuel.rs", "fn test_fuel() {}\n");

    fn of(text: &str) -> Vec<String> {
        messages(rule, &[SOURCE, ("docs/map.md", text)])
    }

    #[test]
    fn a_path_that_does_not_exist_is_found() {
        let finding =
            |path: &str| [format!("docs/map.md:1: `{path}` does not exist: repair the path")];
        assert_eq!(of("see `crates/a/src/gone.rs`\n"), finding("crates/a/src/gone.rs"));
        assert_eq!(of("see `gone.rs`.\n"), finding("gone.rs"));
        assert_eq!(
            of("see `run --x examples/gone/Component.toml`\n"),
            finding("examples/gone/Component.toml")
        );
        assert_eq!(of("`crates/a/src/fuel.rs` and `docs/gone.md:12`\n"), finding("docs/gone.md"));
    }

    #[test]
    fn a_name_that_its_file_does_not_contain_is_found() {
        assert_eq!(of("`crates/a/src/fuel.rs::tests::test_fuel`\n"), [""; 0]);
        assert_eq!(
            of("`crates/a/src/fuel.rs::test_fuels`\n"),
            ["docs/map.md:1: `crates/a/src/fuel.rs` has no `test_fuels`: repair the name"]
        );
    }

    #[test]
    fn a_link_to_a_file_that_does_not_exist_is_found() {
        assert_eq!(
            of("[a](../crates/a/src/fuel.rs#x) [b](https://x.y/z) [c](#here) [d](map.md)\n"),
            [""; 0]
        );
        assert_eq!(
            of("[a](crates/a/src/fuel.rs)\n"),
            [
                "docs/map.md:1: links to `crates/a/src/fuel.rs`, which does not exist: repair the link"
            ]
        );
        assert_eq!(
            of("[a](../../x)\n"),
            ["docs/map.md:1: links to `../../x`, which does not exist: repair the link"]
        );
    }

    #[test]
    fn shell_blocks_are_checked_and_other_blocks_are_not() {
        assert_eq!(
            of("```sh\ncat docs/gone.md\n```\n```text\ncat docs/gone.md\n```\n"),
            ["docs/map.md:2: `docs/gone.md` does not exist: repair the path"]
        );
    }

    #[test]
    fn paths_outside_the_repository_are_not_checked() {
        assert_eq!(
            of("`a/b`, `crates/*/src`, `wasi:cli/run`, `fuel.rs`, `/app/data/**`, `.md`\n"),
            [""; 0]
        );
    }

    #[test]
    fn a_path_may_start_at_the_documents_own_folder() {
        assert_eq!(messages(rule, &[SOURCE, ("crates/a/README.md", "`src/fuel.rs`\n")]), [""; 0]);
    }
}
