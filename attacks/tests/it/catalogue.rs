//! Every row of the catalogue has a vector.

use attacks::catalogue;

/// Rows that have no vector yet. Goes as they come.
const MISSING: &str = "\
    C1 C2 C3 C4 C5 C6 C7 C8 C9 C10 C11 C12 C13 C14 C15 C16 C17 \
    E1 E2 E3 E4 E5 E6 E7 E8 E9 \
    F1 F2 F3 F4 F5 F6 F7 F8 F9 F10 F11 F12 F13 F14 F15 \
    G1 G2 G3 G4 G5 G6 G7 G8 G9 G10 G11 G12 G13 G14 G15 G16 G17 G18 G19 G20 \
    H1 H2 H3 H4 H5 H6 H7 H8 H9 H10 H11 H12 H13 H14 H15 H16 H17";

#[test]
fn every_row_of_the_catalogue_has_a_vector() {
    let (missing, unknown) = catalogue::differences();
    assert_eq!(missing.join(" "), MISSING);
    assert_eq!(unknown, Vec::<String>::new());
}
