//! Every row of the catalogue has a vector.

use attacks::catalogue;

/// Rows that have no vector yet. Goes as they come.
const MISSING: &str = "\
    C1 C2 C3 C4 C5 C6 C7 C8 C9 C10 C11 C12 C13 C14 C15 C16 C17 \
    E1 E2 E3 E4 E5 E6 E7 E8 E9 \
    G1 G2 G3 G4 G5 G6 G7 G8 G9 G10 G11 G12 G13 G14 G15 G16 G17 G18 G19 G20";

#[test]
fn every_row_of_the_catalogue_has_a_vector() {
    let (missing, unknown) = catalogue::differences();
    assert_eq!(missing.join(" "), MISSING);
    assert_eq!(unknown, Vec::<String>::new());
}
