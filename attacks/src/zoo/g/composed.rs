//! Several guests under one quota.

use super::messages::{OTHER, send};
use crate::guest_case::GuestCase;
use crate::outcome::Outcome::{Success, Trap};
use crate::vector::Vector;
use crate::wasi::{pair, run, times};

/// Two components inside one, or several executions of one, which have one quota and one set of
/// limits.
pub(super) fn composed() -> Vec<Vector> {
    let of =
        |body: String| format!(r#"(func (export "run") (local $n i32) (local $c i32) {body})"#);
    let socket = "(call $new-tcp (i32.const 0) (i32.const 1024))";
    let client = "(call $client (i32.const 0) (i32.const 0) (i32.const 1024)) (call $ok)
                  (local.set $c (i32.load (i32.const 1028)))
                  (i32.store8 (i32.const 2048) (i32.const 116))";
    let sent = format!("{} (call $ok)", send(5));
    let messages = ["client", "message", "send"];
    let at_ten = |case: GuestCase| {
        case.messages()
            .set("capabilities.messaging.send", "[\"**\"]")
            .set("quota.message_policy", "\"deny\"")
            .set("quota.message_rate", 1)
            .set("quota.period", "\"10s\"")
            .timeout_ms(2_000)
    };
    let request = |check: &str| {
        format!(
            "(local.set $c (call $new-request (call $new-fields)))
             (i32.store8 (i32.const 2048) (i32.const 120))
             (drop (call $set-authority
               (local.get $c) (i32.const 1) (i32.const 2048) (i32.const 1)))
             (call $handle (local.get $c) (i32.const 0) (i32.const 0) (i32.const 1024)) {check}"
        )
    };
    vec![
        Vector::guest(
            "G3",
            "two components in one that open 33 sockets",
            GuestCase::new(
                pair(
                    &["new-tcp"],
                    &of(times(20, &format!("{socket} (call $ok)"))),
                    &of(times(12, &format!("{socket} (call $ok)"))
                        + socket
                        + "(call $err (i32.const 10) (i32.const 4))"),
                ),
                &[Success],
            )
            .tcp()
            .set("capabilities.network.connect", "[\"example.com:443\"]")
            .timeout_ms(2_000),
        ),
        Vector::guest(
            "G3",
            "two components in one that send 11 messages in a window of ten",
            at_ten(GuestCase::new(
                pair(
                    &messages,
                    &of(format!("{client} {}", times(6, &sent))),
                    &of(format!("{client} {} {} {OTHER}", times(4, &sent), send(5))),
                ),
                &[Success],
            )),
        ),
        Vector::guest(
            "G3",
            "eight executions that send three messages each in a window of ten",
            at_ten(GuestCase::new(
                run(
                    &messages,
                    &format!("(local $n i32) (local $c i32) {client} {}", times(3, &sent)),
                ),
                &[Success, Trap],
            ))
            .runs(8, 8)
            .check(|measured| match measured.outcomes.get(&Success) {
                None | Some(1..=3) => Ok(()),
                Some(more) => Err(format!("{more} executions sent three messages each")),
            }),
        ),
        Vector::guest(
            "G3",
            "two components in one that make 11 requests of ten",
            GuestCase::new(
                pair(
                    &["new-fields", "new-request", "set-authority", "handle"],
                    &of(times(6, &request(""))),
                    &of(times(4, &request(""))
                        + &request("(call $err (i32.const 38) (i32.const 8))")),
                ),
                &[Success],
            )
            .http()
            .set("capabilities.network.connect", "[\"example.com:443\"]")
            .set("resources.host.max_requests", 10)
            .timeout_ms(2_000),
        ),
    ]
}
