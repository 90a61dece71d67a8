//! A primary is lost.

use chaos::catalogue::{failovers, split_brain};
use chaos::fault::Fault;
use chaos::scenario::Outcome;

use crate::{run, start};

fn survives(name: &str) -> Outcome {
    let case = failovers().into_iter().find(|case| case.name == name).unwrap();
    let outcome = run(&case.scenario);
    assert!(outcome.verdict.use_percent >= case.least_use, "{outcome}");
    outcome
}

/// Asserts that units were taken after the fault, from the promoted replica.
fn comes_back(outcome: &Outcome) {
    let last = outcome.faults.last().unwrap().0;
    let back = outcome.verdict.rows.range(last + 1..outcome.measured.end);
    assert!(back.filter(|(_, row)| row.units > 0).count() > 0, "{outcome}");
}

#[test]
fn a_primary_is_killed_under_three_sentinels() {
    comes_back(&survives("primary killed under sentinels"));
}

#[test]
fn a_primary_is_stopped_under_three_sentinels_and_goes_on_as_a_replica() {
    comes_back(&survives("primary stopped under sentinels"));
}

#[test]
fn a_replica_that_lags_is_promoted() {
    comes_back(&survives("lagging replica promoted"));
}

#[test]
fn two_primaries_grant_the_limit_once_each_and_no_more() {
    let outcome = start(&split_brain(0));
    let (verdict, split) = (&outcome.verdict, outcome.faults[0].0);
    assert!(matches!(outcome.faults[0].1, Fault::Promote(..)));
    // Before the split there is one, and afterwards there are two.
    assert!(verdict.over > 0 && verdict.worst <= verdict.limit, "{outcome}");
    assert_eq!(verdict.late, 0, "{outcome}");
    assert!(verdict.rows.range(..split).all(|(_, row)| row.over == 0), "{outcome}");
}

#[test]
fn two_primaries_grant_nothing_while_all_replicas_must_have_a_lease() {
    let outcome = run(&split_brain(2));
    let split = outcome.faults[0].0;
    let units: u64 = outcome.verdict.rows.range(split + 2..).map(|(_, row)| row.units).sum();
    assert_eq!(units, 0, "{outcome}");
    assert!(outcome.verdict.rows.range(..split).any(|(_, row)| row.units > 0), "{outcome}");
}
