//! What the documents and manifests promise, checked.

mod changelog;
mod headers;
mod includes;
mod invariants;
mod layers;
mod licences;
mod manifests;
mod no_std;
mod paths;
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
    says: String,
}

impl Finding {
    /// Points at a whole file.
    fn file(path: impl Into<String>, says: impl Into<String>) -> Self {
        Self { path: path.into(), line: None, says: says.into() }
    }

    /// Points at a line, counted from 1.
    fn line(path: impl Into<String>, line: usize, says: impl Into<String>) -> Self {
        Self { path: path.into(), line: Some(line), says: says.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.says)
    }
}

/// A rule looks at all tracked files.
type Rule = fn(&Tree) -> Vec<Finding>;

const RULES: &[Rule] = &[
    changelog::rule,
    headers::rule,
    includes::rule,
    invariants::rule,
    layers::rule,
    licences::rule,
    manifests::rule,
    no_std::rule,
    paths::rule,
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

/// Applies a rule to samples and returns what it says, for the rules' tests.
#[cfg(test)]
fn says(rule: Rule, samples: &[(&str, &str)]) -> Vec<String> {
    rule(&Tree::of(samples)).iter().map(ToString::to_string).collect()
}
