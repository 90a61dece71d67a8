//! Hosts that break a rule of the protocol: the checker finds each, by what that rule prevents.

use chaos::catalogue::{lagging, planted};
use chaos::scenario::Scenario;
use chaos::spec::Plant;

use crate::start;

#[test]
fn a_new_key_that_grants_at_once_doubles_units() {
    let verdict = start(&planted(Plant::NoNewborn)).verdict;
    assert!(verdict.worst * 10 >= verdict.limit, "{verdict}");
    assert_eq!(verdict.late, 0, "{verdict}");
}

#[test]
fn a_replica_that_lags_and_grants_at_once_doubles_units() {
    let scenario = Scenario { plants: vec![Plant::NoNewborn], ..lagging().scenario };
    let verdict = start(&scenario).verdict;
    assert!(verdict.worst * 10 >= verdict.limit, "{verdict}");
}

#[test]
fn a_lease_without_a_deadline_is_spent_in_windows_that_it_is_not_for() {
    let verdict = start(&planted(Plant::NoDeadline)).verdict;
    assert!(verdict.late > 0, "{verdict}");
}

#[test]
fn a_take_that_looks_at_the_clock_only_before_its_swap_is_late_when_it_is_stopped_between() {
    let verdict = start(&planted(Plant::NoSecondLook)).verdict;
    assert!(verdict.late > 0, "{verdict}");
}

#[test]
fn a_repeated_question_with_another_ticket_is_charged_again_and_never_exceeds_the_limit() {
    let verdict = start(&planted(Plant::NoTicket)).verdict;
    // More than a lease; with the rule it is one at most.
    assert!(verdict.unreceived > Some(verdict.limit / 20), "{verdict}");
    assert_eq!((verdict.over, verdict.late), (0, 0), "{verdict}");
}
