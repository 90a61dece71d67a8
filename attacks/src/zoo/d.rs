//! Section D of the catalogue: time outside the guest.

use crate::composed;
use crate::guest_case::GuestCase;
use crate::measured::Measured;
use crate::outcome::Outcome::{LimitExceeded, Timeout, Trap};
use crate::vector::Vector;
use crate::wat;

/// Returns the vectors of the section.
#[must_use]
pub fn vectors() -> Vec<Vector> {
    [waiting(), crowds(), switched_off(), elsewhere()].into_iter().flatten().collect()
}

fn waiting() -> Vec<Vector> {
    vec![
        Vector::guest(
            "D1",
            "a sleep of 584 years",
            GuestCase::new(sleeper("(call $block (call $subscribe (i64.const -1)))"), &[Timeout])
                .check(idle),
        ),
        Vector::guest(
            "D1",
            "a sleep of 584 years in a start function",
            GuestCase::new(
                sleeper("").replace(
                    r#"(func (export "run") )"#,
                    r#"(func (export "run"))
                      (func $s (call $block (call $subscribe (i64.const -1)))) (start $s)"#,
                ),
                &[Timeout],
            )
            .check(idle),
        ),
        Vector::guest(
            "D1",
            "500 sleepers at once",
            GuestCase::new(sleeper("(call $block (call $subscribe (i64.const -1)))"), &[Timeout])
                .timeout_ms(300)
                .set("quota.memory", "\"1GiB\"")
                .runs(500, 500),
        ),
        Vector::guest(
            "D2",
            "waits of no time, without end",
            GuestCase::new(
                sleeper("(loop $l (call $wait_once (i64.const 0)) (br $l))"),
                &[Timeout],
            ),
        ),
        Vector::guest(
            "D2",
            "waits of one nanosecond, without end",
            GuestCase::new(
                sleeper("(loop $l (call $wait_once (i64.const 1)) (br $l))"),
                &[Timeout],
            ),
        ),
        Vector::guest(
            "D2",
            "500 timers that are never waited for, and a sleep",
            GuestCase::new(
                sleeper(
                    "(local $n i32) (loop $l (drop (call $subscribe (i64.const 1)))
                       (local.set $n (i32.add (local.get $n) (i32.const 1)))
                       (br_if $l (i32.lt_u (local.get $n) (i32.const 500))))
                     (call $block (call $subscribe (i64.const -1)))",
                ),
                &[Timeout],
            ),
        ),
        Vector::guest(
            "D3",
            "a wait for one of 300 timers, none of which ends",
            GuestCase::new(many_timers(300), &[Timeout]).check(idle),
        ),
        Vector::guest("D3", "a wait for nothing at all", GuestCase::new(many_timers(0), &[Trap])),
        Vector::guest(
            "D3",
            "a wait for one timer, lent 2 000 times at once",
            GuestCase::new(lent(2_000), &[LimitExceeded, Trap]),
        ),
    ]
}

/// More guests than threads.
fn crowds() -> Vec<Vector> {
    vec![
        Vector::guest(
            "D9",
            "16 endless loops at once, four for each thread of the host and of the machine",
            GuestCase::new(wat::run("(loop $l (br $l))"), &[Timeout]).timeout_ms(100).runs(32, 16),
        ),
        Vector::guest(
            "D10",
            "32 loops of calls to the host at once, each of which is ready",
            GuestCase::new(
                sleeper("(loop $l (call $wait_once (i64.const 0)) (br $l))"),
                &[Timeout],
            )
            .timeout_ms(100)
            .runs(64, 32),
        ),
        Vector::guest(
            "D10",
            "eight chains of components at once",
            GuestCase::new(composed::chain(20), &[Timeout]).timeout_ms(100).runs(16, 8),
        ),
    ]
}

fn switched_off() -> Vec<Vector> {
    vec![
        Vector::off(
            "D8",
            "an asynchronous function of the component model",
            r#"(component (core module $m (func (export "run") (result i32) (i32.const 0))
                 (func (export "cb") (param i32 i32 i32) (result i32) (i32.const 0)))
               (core instance $i (instantiate $m))
               (func (export "run") async (canon lift (core func $i "run") async
                 (callback (core func $i "cb")))))"#,
            "async",
        ),
        Vector::off(
            "D8",
            "a stream of the component model",
            r#"(component (type $s (stream u8)) (import "f" (func (param "s" $s))))"#,
            "async",
        ),
    ]
}

fn elsewhere() -> Vec<Vector> {
    vec![
        Vector::elsewhere("D3", "a caller that drops an execution", "a_dropped_execution_ends"),
        Vector::elsewhere(
            "D3",
            "a wait for the quota of the network that ends with the deadline",
            "a_guest_that_waits_for_the_quota_ends_by_its_deadline_and_leaves_it_exact",
        ),
        Vector::elsewhere(
            "D4",
            "streams that are dropped while they write",
            "a_thousand_executions_dropped_in_mid_write_lose_and_leak_nothing",
        ),
        Vector::elsewhere(
            "D5",
            "a reader of stdout that reads nothing",
            "a_reader_that_stalls_holds_up_neither_deadline_nor_exit",
        ),
        Vector::elsewhere(
            "D6",
            "a server that never answers",
            "a_server_that_never_answers_is_given_up",
        ),
        Vector::elsewhere("D6", "a handshake that stalls", "a_handshake_that_stalls_is_given_up"),
        Vector::elsewhere(
            "D6",
            "a guest that asks for longer timeouts",
            "a_guest_shortens_a_wait_and_lengthens_none",
        ),
        Vector::elsewhere(
            "D7",
            "a flood of names to look up",
            "a_flood_of_look_ups_has_no_more_threads_than_the_component",
        ),
        Vector::elsewhere(
            "D9",
            "guests that never yield: there is no ticker to starve",
            "every_staller_ends_on_a_multi_thread_runtime",
        ),
        Vector::elsewhere(
            "D11",
            "a clock that steps back",
            "a_clock_that_steps_back_grants_nothing_more_and_catches_up",
        ),
        Vector::elsewhere(
            "D12",
            "writes that go on after the end",
            "directories_stay_locked_until_the_last_write_has_ended",
        ),
        Vector::host("D12", "work of a host function on another thread", "Work after the end"),
    ]
}

/// Waiting is no work.
fn idle(measured: &Measured) -> Result<(), String> {
    match measured.cpu_time {
        time if time < measured.whole / 2 => Ok(()),
        time => Err(format!("{time:?} of CPU time for waiting")),
    }
}

/// A guest that makes timers: `$subscribe` and `$block` are WASI's, `$wait_once` waits for a new
/// timer and drops it.
fn sleeper(body: &str) -> String {
    wat::timers(&format!(
        r#"(func $wait_once (param i64) (local $timer i32)
             (local.set $timer (call $subscribe (local.get 0)))
             (call $block (local.get $timer))
             (call $drop (local.get $timer)))
           (func (export "run") {body})"#
    ))
}

/// Waits for `count` timers that end in 584 years.
fn many_timers(count: usize) -> String {
    wat::timers(&format!(
        r#"(func (export "run") (local $n i32)
             (block $made (loop $l
               (br_if $made (i32.ge_u (local.get $n) (i32.const {count})))
               (i32.store (i32.mul (local.get $n) (i32.const 4)) (call $subscribe (i64.const -1)))
               (local.set $n (i32.add (local.get $n) (i32.const 1)))
               (br $l)))
             (call $poll (i32.const 0) (i32.const {count}) (i32.const 60000)))"#
    ))
}

/// Waits for one timer in a list of `count`.
fn lent(count: usize) -> String {
    wat::timers(&format!(
        r#"(func (export "run") (local $n i32) (local $timer i32)
             (local.set $timer (call $subscribe (i64.const -1)))
             (loop $l
               (i32.store (i32.mul (local.get $n) (i32.const 4)) (local.get $timer))
               (local.set $n (i32.add (local.get $n) (i32.const 1)))
               (br_if $l (i32.lt_u (local.get $n) (i32.const {count}))))
             (call $poll (i32.const 0) (i32.const {count}) (i32.const 60000)))"#
    ))
}
