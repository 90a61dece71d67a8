//! Without faults.

use chaos::catalogue::{peer, stopped_hosts};
use chaos::scenario::Scenario;
use chaos::spec::Limiter;

use crate::{run, start};

#[test]
fn four_hosts_of_two_threads_share_a_limit_over_sixty_windows_and_use_it() {
    // Another process may have the cores for a while; the limit holds each time.
    let mut used = Vec::new();
    for _ in 0..3 {
        let verdict = run(&Scenario::default()).verdict;
        assert_eq!(verdict.measured, 60);
        used.push(verdict.use_percent);
        if verdict.use_percent >= 99.0 {
            return;
        }
    }
    panic!("use of {used:?} %");
}

#[test]
fn no_take_is_late_though_its_host_was_stopped_in_the_middle_of_it() {
    let outcome = run(&stopped_hosts(40));
    let units: u64 = outcome.verdict.rows.values().map(|row| row.units).sum();
    assert!(units > 10_000, "{units} units: too few to be stopped in the middle of");
}

#[test]
fn a_counter_asked_for_each_request_costs_a_question_each_and_exceeds_the_limit_when_it_is_lost() {
    let peers = start(&peer(Limiter::Incr, true)).verdict;
    assert!(peers.over > 0, "{peers}");
    let ours = run(&peer(Limiter::Cluster, true)).verdict;
    assert!(ours.questions * 10 < peers.questions, "{ours}{peers}");
}

#[test]
fn plain_leases_exceed_the_limit_when_the_store_loses_its_data() {
    let peers = start(&peer(Limiter::PlainLease, true)).verdict;
    assert!(peers.worst * 10 > peers.limit, "{peers}");
}
