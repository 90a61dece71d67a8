//! Patterns and sets of capabilities: matches, decisions and errors.

mod conjunction;
mod extents;
mod hostile;
mod model;
mod networks;
mod patterns;
mod regressions;
mod set;
mod special;
mod spellings;
mod targets;

use limits_core::{Domain, Pattern};

/// Returns whether a pattern, which must be valid, matches. A text that is not a resource does not.
fn matches(domain: Domain, pattern: &str, resource: &str) -> bool {
    let pattern = Pattern::new(domain, pattern).unwrap_or_else(|error| panic!("{error}"));
    pattern.matches(resource).unwrap_or(false)
}

/// Returns the error of a text that is not a pattern.
fn refusal(domain: Domain, pattern: &str) -> String {
    match Pattern::new(domain, pattern) {
        Ok(_) => panic!("{domain}: {pattern} is a pattern"),
        Err(error) => error.to_string(),
    }
}
