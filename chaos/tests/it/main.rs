//! Hosts on real servers, under faults. Asserted are counts and order; use has generous bounds, so
//! that a loaded machine passes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::print_stdout, reason = "verdicts stand in the log")]

mod cpu_time;
mod failovers;
mod faults;
mod flood;
mod greed;
mod levels;
mod planted;
mod steady;
mod store_loss;

use std::path::Path;

use chaos::scenario::{Outcome, Scenario};

/// Runs a scenario whose hosts follow all rules, and which must not exceed its limit.
fn run(scenario: &Scenario) -> Outcome {
    let outcome = start(scenario);
    let verdict = &outcome.verdict;
    assert_eq!((verdict.over, verdict.late), (0, 0), "{outcome}{}", outcome.logs.join("\n"));
    outcome
}

/// Runs a scenario, and prints its outcome.
fn start(scenario: &Scenario) -> Outcome {
    let outcome = scenario.run(Path::new(env!("CARGO_BIN_EXE_chaos"))).unwrap();
    assert_eq!(outcome.failures, [""; 0]);
    println!("{outcome}");
    outcome
}
