//! A host that asks for the whole limit and takes nothing.

use chaos::scenario::Outcome;
use chaos::spec::Greed;
use chaos::terms::beside;

use crate::run;

/// Runs hosts beside a greedy one, and returns its questions in each window, on average.
fn run_beside(greed: Greed) -> (Outcome, u64) {
    let scenario = beside(greed);
    let outcome = run(&scenario);
    let of = |is_greedy: bool| -> u64 {
        let hosts = outcome.history.hosts.iter().filter(|host| (host.host == 0) == is_greedy);
        hosts.flat_map(|host| host.questions.range(outcome.measured.clone())).map(|(_, n)| n).sum()
    };
    let (greedy, honest) = (of(true) / scenario.windows, of(false) / scenario.windows / 3);
    let units: Vec<u64> = outcome.verdict.rows.values().map(|row| row.units).collect();
    println!("{greed:?}: {greedy} questions a window, {honest} of an honest host; {units:?}");
    (outcome, greedy)
}

#[test]
fn a_refused_take_of_all_costs_the_other_hosts_at_most_the_window_after_it() {
    let (outcome, _) = run_beside(Greed::OnceIn(4));
    let rows = outcome.verdict.rows.range(outcome.measured.clone());
    let full = |row: u64| row * 100 >= outcome.verdict.limit * 90;
    let short: Vec<_> =
        rows.filter(|(window, row)| **window % 4 != 1 && !full(row.units)).collect();
    assert!(short.len() <= 3, "{short:?}\n{outcome}");
}

#[test]
fn a_host_that_asks_for_all_again_and_again_asks_the_store_no_more_than_a_busy_one() {
    let (outcome, questions) = run_beside(Greed::Always);
    assert!(questions <= 40, "{questions}\n{outcome}");
}

#[test]
fn waits_that_are_dropped_before_they_are_granted_ask_the_store_no_more_than_a_busy_host() {
    let (outcome, questions) = run_beside(Greed::Waits);
    assert!(questions <= 40, "{questions}\n{outcome}");
}
