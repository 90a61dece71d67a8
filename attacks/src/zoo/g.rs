//! Section G of the catalogue: storage, messages and the network.

mod composed;
mod messages;
mod network;
mod storage;

use core::time::Duration;

use crate::guest_case::GuestCase;
use crate::outcome::Outcome::{QuotaExceeded, Success};
use crate::vector::Vector;

/// Returns the vectors of the section.
#[must_use]
pub fn vectors() -> Vec<Vector> {
    [
        storage::pairs(),
        storage::listings(),
        storage::files(),
        messages::messages(),
        network::network(),
        network::sockets(),
        composed::composed(),
        cpu_time(),
        elsewhere(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn cpu_time() -> Vec<Vector> {
    let burst = crate::wat::run(
        "(local $n i32) (loop $l (local.set $n (i32.add (local.get $n) (i32.const 1)))
           (br_if $l (i32.lt_u (local.get $n) (i32.const 3000000))))",
    );
    vec![Vector::guest(
        "G18",
        "200 short executions at 50 ms of CPU time a second",
        GuestCase::new(burst, &[Success, QuotaExceeded])
            .timeout_ms(1_000)
            .policy("ceiling.quota = { cpu_time = \"50ms/s\", cpu_time_policy = \"deny\" }\n")
            .runs(200, 2)
            .check(|measured| {
                // Each window that was begun, and a slice more for each execution at once.
                let seconds = u32::try_from(measured.whole.as_secs()).unwrap_or(u32::MAX);
                let most = Duration::from_millis(50) * (seconds + 2) + Duration::from_millis(5);
                if !measured.outcomes.contains_key(&QuotaExceeded) {
                    return Err(String::from("no execution met the quota"));
                }
                if measured.cpu_time > most {
                    return Err(format!("{:?} of {most:?} were used", measured.cpu_time));
                }
                Ok(())
            }),
    )]
}

fn elsewhere() -> Vec<Vector> {
    [
        (
            "G3",
            "16 executions that race for the last byte of their pairs",
            "sixteen_executions_on_one_bucket_share_the_quota_to_its_last_byte",
        ),
        (
            "G3",
            "16 executions that race for the last byte of their files",
            "sixteen_executions_share_one_quota_to_its_last_byte",
        ),
        (
            "G4",
            "executions that are dropped between reserving and setting",
            "executions_that_are_dropped_while_they_set_lose_and_leak_nothing",
        ),
        (
            "G4",
            "executions that are dropped in the middle of a write",
            "a_thousand_executions_dropped_in_mid_write_lose_and_leak_nothing",
        ),
        (
            "G5",
            "a second process, with the keys of the first",
            "a_second_run_finds_the_keys_of_the_first_and_counts_them",
        ),
        (
            "G7",
            "a host that is killed amid changes",
            "a_process_that_is_killed_leaves_quota_and_pairs_equal",
        ),
        (
            "G3",
            "two components under one ceiling of the host",
            "two_components_below_one_host_send_the_hosts_quota_to_the_byte",
        ),
        (
            "G16",
            "an address that another execution was given for a name",
            "names_of_one_execution_are_not_those_of_another",
        ),
        ("G13", "rates and periods at their ends", "extreme_rates_and_periods_go_on"),
        ("G13", "time that passes unused", "time_that_passes_unused_is_not_saved_up"),
        (
            "G19",
            "streams that wait for the next window together",
            "over_ten_windows_sixteen_streams_send_the_quota_to_the_byte",
        ),
        (
            "G20",
            "components without end as labels of metrics",
            "the_number_of_labels_is_bounded_however_many_components_come_and_go",
        ),
    ]
    .into_iter()
    .map(|(id, title, test)| Vector::elsewhere(id, title, test))
    .collect()
}
