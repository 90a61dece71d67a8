//! CPU time, which is charged after it was used.

use std::collections::BTreeMap;

use chaos::scenario::Outcome;
use chaos::terms::cpu_time;

use crate::start;

/// Asserts that in each stretch of windows all hosts charged no more than the limits of these
/// windows and what one slice for each host overdraws; and that each host, at the end of each
/// window, had charged no more than it was granted by then and a slice: debt was paid first.
fn debt_is_paid(outcome: &Outcome, limit: u64, slice: u64) {
    let mut charged: BTreeMap<u64, u64> = BTreeMap::new();
    let mut granted: BTreeMap<u64, u64> = BTreeMap::new();
    for host in &outcome.history.hosts {
        let mut balance = (0, 0);
        let windows: Vec<u64> = host.takes.keys().chain(host.received.keys()).copied().collect();
        let (first, last) = (*windows.iter().min().unwrap(), *windows.iter().max().unwrap());
        for window in first..=last {
            let units = host.takes.get(&window).map_or(0, |counts| counts.units);
            let received = host.received.get(&window).copied().unwrap_or(0);
            *charged.entry(window).or_default() += units;
            *granted.entry(window).or_default() += received;
            balance = (balance.0 + units, balance.1 + received);
            let (spent, had) = balance;
            assert!(spent <= had + slice, "host {}: {spent} of {had} in {window}", host.host);
        }
    }
    let hosts = u64::try_from(outcome.history.hosts.len()).unwrap();
    // In the last window hosts that end give units back, which others are granted once more.
    let mut measured = granted.range(outcome.measured.clone());
    assert!(measured.all(|(_, units)| *units <= limit), "{granted:?}");
    let charged: Vec<u64> = charged.into_values().collect();
    for from in 0..charged.len() {
        let (mut sum, mut most) = (0, hosts * slice);
        for units in &charged[from..] {
            sum += units;
            most += limit;
            // A charge is counted in one window and looked at in the next: a slice more.
            assert!(sum <= most + hosts * slice, "{sum} of {most} from {from}: {charged:?}");
            assert!(from > 0 || sum <= most, "{sum} of {most}: {charged:?}");
        }
    }
    let all: u64 = charged.iter().sum();
    println!("charged {all} us in {} windows of {limit} us: {charged:?}", charged.len());
}

/// Returns the hundredths of the measured windows' limits that were charged.
fn used(outcome: &Outcome, limit: u64) -> u64 {
    let rows = outcome.verdict.rows.range(outcome.measured.clone());
    let windows = u64::try_from(outcome.verdict.measured).unwrap();
    rows.map(|(_, row)| row.units).sum::<u64>() * 100 / (windows * limit)
}

#[test]
fn an_overdraft_is_a_slice_for_each_host_and_paid_first() {
    let scenario = cpu_time(7_000, 0);
    let outcome = start(&scenario);
    debt_is_paid(&outcome, scenario.limit, 7_000);
    let used = used(&outcome, scenario.limit);
    assert!(used >= 60, "{used} %: {outcome}");
}

#[test]
fn a_slice_of_more_than_the_limit_is_paid_over_several_windows() {
    let scenario = cpu_time(90_000, 0);
    let outcome = start(&scenario);
    debt_is_paid(&outcome, scenario.limit, 90_000);
    let used = used(&outcome, scenario.limit);
    assert!(used >= 60, "{used} %: {outcome}");
}

#[test]
fn debt_outlives_the_loss_of_the_store() {
    let scenario = cpu_time(15_000, 4);
    let outcome = start(&scenario);
    assert_eq!(outcome.faults.len(), 4);
    debt_is_paid(&outcome, scenario.limit, 15_000);
    let used = used(&outcome, scenario.limit);
    assert!(used >= 10, "{used} %: {outcome}");
}
