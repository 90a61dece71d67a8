//! What patterns match, what a set decides, and what both refuse.

mod capabilities {
    mod hostile;
    mod model;
    mod origin;
    mod patterns;
    mod set;
}

use limits_core::{Domain, Pattern};

/// Tells whether a pattern that must be valid matches; what is no resource does not match.
fn matches(domain: Domain, pattern: &str, resource: &str) -> bool {
    let pattern = Pattern::new(domain, pattern).unwrap_or_else(|error| panic!("{error}"));
    pattern.matches(resource).unwrap_or(false)
}

/// Returns why a text is no pattern.
fn refusal(domain: Domain, pattern: &str) -> String {
    match Pattern::new(domain, pattern) {
        Ok(_) => panic!("{domain}: {pattern} is a pattern"),
        Err(error) => error.to_string(),
    }
}
