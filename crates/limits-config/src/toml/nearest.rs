//! Misspelt words.

/// Finds the valid word that a misspelt one most resembles.
///
/// A word is close if at most a third of its letters are wrong, or if one of the two contains the
/// other.
pub(crate) fn nearest(name: &str, valid: &[&'static str]) -> Option<&'static str> {
    const SHORTEST_PART: usize = 3;
    const LONGEST: usize = 64;
    if name.len() > LONGEST {
        return None;
    }
    let name = name.to_lowercase();
    let is_part =
        |key: &str| name.len() >= SHORTEST_PART && (key.contains(&name) || name.contains(key));
    valid
        .iter()
        .map(|key| (strsim::osa_distance(&name, key), *key))
        .filter(|(distance, key)| *distance <= 1.max(key.len() / 3) || is_part(key))
        .min()
        .map(|(_, key)| key)
}
