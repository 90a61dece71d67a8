//! Predicates of `#[cfg(...)]`: whether an item is part of what the tests of a package run.

/// Tells whether an item with this predicate is compiled on this host with all features, outside of
/// tests and of the model checker.
pub(super) fn holds(predicate: &str) -> bool {
    let predicate = predicate.trim();
    let inner = |name: &str| {
        predicate.strip_prefix(name)?.trim_start().strip_prefix('(')?.strip_suffix(')').map(parts)
    };
    if let Some(parts) = inner("all") {
        parts.into_iter().all(holds)
    } else if let Some(parts) = inner("any") {
        parts.into_iter().any(holds)
    } else if let Some(parts) = inner("not") {
        !parts.into_iter().all(holds)
    } else {
        let (name, value) = predicate.split_once('=').unwrap_or((predicate, ""));
        match (name.trim(), value.trim().trim_matches('"')) {
            ("test" | "loom" | "doc" | "miri", _) => false,
            ("unix", _) => cfg!(unix),
            ("windows", _) => cfg!(windows),
            ("target_os", value) => value == std::env::consts::OS,
            ("target_family", value) => value == std::env::consts::FAMILY,
            ("target_arch", value) => value == std::env::consts::ARCH,
            _ => true,
        }
    }
}

/// Splits a list at its commas, not at those inside of parentheses.
fn parts(list: &str) -> Vec<&str> {
    let (mut open, mut start, mut parts) = (0_usize, 0, Vec::new());
    for (at, c) in list.char_indices() {
        match c {
            '(' => open += 1,
            ')' => open = open.saturating_sub(1),
            ',' if open == 0 => {
                parts.push(&list[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&list[start..]);
    parts.retain(|part| !part.trim().is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::holds;

    #[test]
    fn an_item_is_compiled_with_all_features_outside_of_tests() {
        for (predicate, expected) in [
            ("test", false),
            ("not(test)", true),
            ("all(loom, test)", false),
            ("all(test, not(loom))", false),
            ("not(all(loom, test))", true),
            ("feature = \"std\"", true),
            ("any(test, feature = \"schema\")", true),
            ("any(test, all(loom, unix),)", false),
            ("target_os = \"none-of-these\"", false),
            ("not(target_os = \"none-of-these\")", true),
        ] {
            assert_eq!(holds(predicate), expected, "{predicate}");
        }
    }
}
