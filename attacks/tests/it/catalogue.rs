//! Every row of the catalogue has a vector.

use attacks::catalogue;

#[test]
fn every_row_of_the_catalogue_has_a_vector() {
    let (missing, unknown) = catalogue::differences();
    assert_eq!(missing, Vec::<String>::new());
    assert_eq!(unknown, Vec::<String>::new());
}
