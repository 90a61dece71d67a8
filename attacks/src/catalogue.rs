//! The rows of the attack catalogue.

use std::collections::BTreeSet;

use crate::zoo::SECTIONS;

/// The sections of the catalogue and the number of rows of each.
const ROWS: [(char, u32); 8] =
    [('A', 18), ('B', 11), ('C', 17), ('D', 12), ('E', 9), ('F', 15), ('G', 20), ('H', 17)];

/// Returns all rows, such as `A1`.
pub fn rows() -> impl Iterator<Item = String> {
    ROWS.into_iter()
        .flat_map(|(section, last)| (1..=last).map(move |row| format!("{section}{row}")))
}

/// Returns the rows that no vector has, and the vectors that have no row.
#[must_use]
pub fn differences() -> (Vec<String>, Vec<String>) {
    let rows: BTreeSet<String> = rows().collect();
    let vectors: BTreeSet<String> = SECTIONS
        .iter()
        .flat_map(|(_, _, vectors)| vectors())
        .map(|vector| String::from(vector.id))
        .collect();
    (
        self::rows().filter(|row| !vectors.contains(row)).collect(),
        vectors.difference(&rows).cloned().collect(),
    )
}
