//! Promises of documents and manifests that no compiler and no lint checks.

mod dependencies;
mod files;
mod invariants;
mod layers;
mod manifests;
mod paths;
mod prose;
mod readmes;
mod words;

use core::fmt;

use crate::failure::Result;
use crate::tree::Tree;
use crate::workspace;

/// One breach of a rule, with what to do about it.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Finding {
    path: String,
    line: Option<usize>,
    message: String,
}

impl Finding {
    /// Points at a whole file.
    fn file(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), line: None, message: message.into() }
    }

    /// Points at a line, counted from 1.
    fn line(path: impl Into<String>, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.into(), line: Some(line), message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.message)
    }
}

/// A rule reads the tracked files and returns its findings.
type Rule = fn(&Tree) -> Vec<Finding>;

const RULES: &[Rule] = &[
    dependencies::rule,
    files::rule,
    invariants::rule,
    layers::rule,
    manifests::rule,
    paths::rule,
    prose::rule,
    readmes::rule,
    words::rule,
];

/// Checks every rule and prints every finding.
pub(crate) fn run() -> Result {
    let tree = Tree::tracked(&workspace::root())?;
    let mut findings: Vec<Finding> = RULES.iter().flat_map(|rule| rule(&tree)).collect();
    findings.sort();
    for finding in &findings {
        eprintln!("{finding}");
    }
    match findings.len() {
        0 => Ok(()),
        1 => Err("1 finding".into()),
        count => Err(format!("{count} findings").into()),
    }
}

/// Applies a rule to samples and returns its findings as they are printed.
#[cfg(test)]
fn messages(rule: Rule, samples: &[(&str, &str)]) -> Vec<String> {
    rule(&Tree::of(samples)).iter().map(ToString::to_string).collect()
}
