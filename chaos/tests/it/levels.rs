//! Components under a shared quota over all of them.

use std::collections::BTreeMap;

use chaos::scenario::Outcome;
use chaos::terms::under_a_host_quota;

use crate::run;

/// Asserts that each component kept within its own limit, in each window: thread `n` of each host
/// takes for component `n`.
fn components_keep_within(outcome: &Outcome, limit: u64) {
    let mut units: BTreeMap<(usize, u64), u64> = BTreeMap::new();
    for host in &outcome.history.hosts {
        for (component, takes) in &host.threads {
            for (window, counts) in takes {
                *units.entry((*component, *window)).or_default() += counts.units;
            }
        }
    }
    let components = units.keys().map(|(component, _)| *component).max();
    assert_eq!(components, Some(2));
    let over: Vec<_> = units.iter().filter(|(_, units)| **units > limit).collect();
    assert!(over.is_empty(), "{over:?} of {limit}");
}

#[test]
fn components_of_four_hosts_keep_within_their_own_limits_and_that_over_all_of_them_and_use_it() {
    // Another process may have the cores for a while; the limits hold each time.
    let mut used = Vec::new();
    for _ in 0..3 {
        let scenario = under_a_host_quota(0);
        let outcome = run(&scenario);
        components_keep_within(&outcome, scenario.component_limits[0]);
        used.push(outcome.verdict.use_percent);
        if outcome.verdict.use_percent >= 95.0 {
            return;
        }
    }
    panic!("use of {used:?} %");
}

#[test]
fn both_limits_hold_while_a_server_is_killed_and_back_empty() {
    let scenario = under_a_host_quota(4);
    let outcome = run(&scenario);
    assert_eq!(outcome.faults.len(), 4);
    components_keep_within(&outcome, scenario.component_limits[0]);
    assert!(outcome.verdict.use_percent >= 20.0, "{outcome}");
}
