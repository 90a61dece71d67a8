//! One server, and its faults.

use chaos::catalogue::faults;

use crate::run;

/// The windows of a scenario.
const WINDOWS: u64 = 24;

macro_rules! cases {
    ($($test:ident $name:literal)*) => {
        $(#[test]
        fn $test() {
            survives($name);
        })*

        #[test]
        fn every_scenario_is_a_test() {
            let names: Vec<_> = faults(WINDOWS).iter().map(|case| case.name).collect();
            assert_eq!(names, [$($name),*]);
        }
    };
}

cases! {
    a_server_that_is_killed_and_back_empty "killed, and back empty"
    a_server_that_is_flushed "FLUSHALL"
    a_server_that_forgets_its_scripts "SCRIPT FLUSH"
    keys_that_are_deleted "keys deleted"
    keys_that_are_evicted "keys evicted"
    a_server_that_is_stopped_for_longer_than_a_window "server stopped for 300 ms"
    a_server_that_is_stopped_for_three_windows "server stopped for 3 windows"
    a_host_that_is_stopped_for_two_windows "host stopped for 2 windows"
    a_host_that_is_killed "host killed"
    hosts_that_leave_give_back_what_they_have "hosts that leave and join"
    units_that_are_handed_back_are_granted_again_in_their_window "units handed back, in later windows too"
    one_of_twenty_replies_is_cut_after_its_commit "5 % of replies cut"
    one_of_five_replies_is_cut_after_its_commit "20 % of replies cut"
    hosts_whose_clocks_differ_and_drift "clocks an hour apart, and adrift"
}

fn survives(name: &str) {
    let case = faults(WINDOWS).into_iter().find(|case| case.name == name).unwrap();
    let outcome = run(&case.scenario);
    assert_eq!(outcome.faults.len(), case.scenario.faults.len());
    assert!(outcome.verdict.use_percent >= case.least_use, "{outcome}");
    // Callers are refused, never blocked: they go on to ask while a server is away.
    let asked = outcome.verdict.rows.range(outcome.measured.clone());
    assert!(asked.filter(|(_, row)| row.asked > 0).count() > 20, "{outcome}");
    if let Some(unreceived) = outcome.verdict.unreceived {
        assert!(outcome.cuts > 0, "{outcome}");
        // One lease for each host, and a lease is at most a quarter of its share.
        assert!(unreceived <= case.scenario.limit / 4, "{outcome}");
    }
}
