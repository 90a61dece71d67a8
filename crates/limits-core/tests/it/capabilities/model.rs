//! The matcher beside a slow one that follows the definition.

use limits_core::{Domain, Pattern};
use proptest::collection::vec;
use proptest::prelude::*;

/// Returns whether one segment matches: `*` is any characters, also none.
fn segment(pattern: &[u8], text: &[u8]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some((b'*', rest)) => (0..=text.len()).any(|taken| segment(rest, &text[taken..])),
        Some((byte, rest)) => text.first() == Some(byte) && segment(rest, &text[1..]),
    }
}

/// Returns whether all segments match; `is_first` is true at the beginning of the pattern.
fn segments(pattern: &[&str], text: &[&str], is_first: bool) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some((&"**", rest)) => {
            let least = usize::from(is_first || rest.is_empty());
            (least..=text.len()).any(|taken| segments(rest, &text[taken..], false))
        }
        Some((first, rest)) => {
            !text.is_empty()
                && segment(first.as_bytes(), text[0].as_bytes())
                && segments(rest, &text[1..], false)
        }
    }
}

/// Segments of a pattern in few letters, so that they often match.
fn pattern_segments() -> impl Strategy<Value = Vec<String>> {
    let one = prop_oneof![
        3 => "[ab*]{1,5}".prop_filter("one star at a time", |text| !text.contains("**")),
        2 => Just(String::from("**")),
        1 => Just(String::from("*")),
    ];
    vec(one, 1..6)
}

fn text_segments() -> impl Strategy<Value = Vec<String>> {
    vec("[ab]{1,6}", 1..8)
}

/// Checks one case in a domain.
fn agrees(domain: Domain, pattern: &[String], text: &[String]) -> Result<(), TestCaseError> {
    let separator = domain.separator().to_string();
    let (mut joined, mut resource) = (pattern.join(&separator), text.join(&separator));
    match domain {
        Domain::Filesystem => {
            joined.insert(0, '/');
            resource.insert(0, '/');
        }
        Domain::Network => {
            joined.push_str(":1");
            resource.push_str(":1");
        }
        _ => {}
    }
    let pattern: Vec<&str> = pattern.iter().map(String::as_str).collect();
    let text: Vec<&str> = text.iter().map(String::as_str).collect();
    let expected = segments(&pattern, &text, domain != Domain::Filesystem);
    let found = Pattern::new(domain, &joined).expect("a valid pattern").matches(&resource);
    prop_assert_eq!(found, Ok(expected), "{} against {}", joined, resource);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_096))]

    #[test]
    fn patterns_match_by_their_definition(
        pattern in pattern_segments(),
        text in text_segments(),
    ) {
        for domain in [Domain::Filesystem, Domain::Network, Domain::Storage, Domain::Messaging] {
            agrees(domain, &pattern, &text)?;
        }
    }

    #[test]
    fn a_text_without_wildcards_matches_itself_alone(a in text_segments(), b in text_segments()) {
        for domain in [Domain::Filesystem, Domain::Network, Domain::Storage, Domain::Messaging] {
            agrees(domain, &a, &a)?;
            agrees(domain, &a, &b)?;
        }
    }
}
