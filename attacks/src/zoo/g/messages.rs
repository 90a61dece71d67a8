//! Messages.

use crate::guest_case::GuestCase;
use crate::measured::Measured;
use crate::outcome::Outcome;
use crate::outcome::Outcome::{Success, Timeout};
use crate::vector::Vector;
use crate::wasi::{forever, run, times};

/// The error `other` of a transport.
pub(super) const OTHER: &str = "(call $err (i32.const 3) (i32.const 4))";

/// A guest with messages. `$c` is its client; a message of `bytes` bytes is sent to `t`.
fn on_messages(body: &str, ends: &'static [Outcome]) -> GuestCase {
    GuestCase::new(
        run(
            &["client", "message", "send"],
            &format!(
                "(local $c i32) (local $n i32)
                 (call $client (i32.const 0) (i32.const 0) (i32.const 1024)) (call $ok)
                 (local.set $c (i32.load (i32.const 1028)))
                 (i32.store8 (i32.const 2048) (i32.const 116)) {body}"
            ),
        ),
        ends,
    )
    .messages()
    .set("capabilities.messaging.send", "[\"**\"]")
    .timeout_ms(2_000)
}

/// Sends a message of so many bytes.
pub(super) fn send(bytes: u32) -> String {
    format!(
        "(call $send (local.get $c) (i32.const 2048) (i32.const 1)
           (call $message (i32.const 4096) (i32.const {bytes})) (i32.const 1024))"
    )
}

/// Returns the vectors.
pub(super) fn messages() -> Vec<Vector> {
    vec![
        Vector::guest(
            "G9",
            "an eleventh message in a window of ten",
            on_messages(
                &format!("{} {} {OTHER}", times(10, &format!("{} (call $ok)", send(5))), send(5)),
                &[Success],
            )
            // Ten in a window, which is long, since a new one would have ten more.
            .set("quota.message_rate", 1)
            .set("quota.period", "\"10s\"")
            .set("quota.message_policy", "\"deny\""),
        ),
        Vector::guest(
            "G9",
            "messages without end, of which most are refused",
            on_messages(&forever(&send(5)), &[Timeout])
                .set("quota.message_rate", 10)
                .set("quota.message_policy", "\"deny\"")
                .timeout_ms(300),
        ),
        Vector::guest(
            "G9",
            "3 000 messages in one execution, each of which is gone once it is sent",
            on_messages(&times(3_000, &format!("{} (call $ok)", send(5_000))), &[Success])
                .set("quota.message_rate", 1_000_000)
                .timeout_ms(20_000),
        ),
        Vector::guest(
            "G9",
            "messages without end, which wait for their rate",
            on_messages(&forever(&send(5)), &[Timeout])
                .set("quota.message_rate", 10)
                .timeout_ms(300)
                .check(waits),
        ),
        Vector::guest(
            "G12",
            "a message of 300 KB",
            on_messages(&format!("{} {OTHER}", send(300_000)), &[Success]),
        ),
        Vector::elsewhere(
            "G10",
            "a queue that no receiver empties",
            "a_full_queue_is_an_error_that_the_sender_reads_and_is_not_charged_for",
        ),
        Vector::elsewhere(
            "G10",
            "16 executions of two components that fill one queue",
            "sixteen_executions_of_two_components_fill_a_queue_to_its_last_place",
        ),
        Vector::host("G11", "messages that answer each other without end", "Cycles of messages"),
        Vector::elsewhere(
            "G17",
            "a sender that a guest invents",
            "a_message_arrives_as_it_was_with_its_senders_id",
        ),
    ]
}

/// The guest waited, and did not spin.
fn waits(measured: &Measured) -> Result<(), String> {
    if measured.cpu_time < measured.deadline / 2 {
        return Ok(());
    }
    Err(format!("the guest ran for {:?} where it should wait", measured.cpu_time))
}
