//! A host that registers and unregisters components without a pause.

use chaos::flood::flood;

#[test]
fn two_thousand_components_that_come_and_go_leave_no_lessee_behind() {
    let flood = flood(2_000).unwrap();
    println!("{flood:?}");
    // The one that stays.
    assert_eq!(flood.lessees, 1, "{flood:?}");
    assert!(flood.most_lessees <= 2_001, "{flood:?}");
    // A key for each rate and id, for seven days, and no more.
    assert!(flood.keys <= 2_001, "{flood:?}");
    // A component that is gone is found after a second at the latest, which is five windows.
    assert!(flood.questions <= 20 * flood.components, "{flood:?}");
    assert!(flood.round_trips <= flood.questions, "{flood:?}");
}
