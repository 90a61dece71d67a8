//! Sockets, and the addresses that they reach.

use crate::guest_case::GuestCase;
use crate::outcome::Outcome;
use crate::outcome::Outcome::{Success, Timeout, Trap};
use crate::vector::Vector;
use crate::wasi::{forever, run, times};

/// The loopback, for the component.
const LOOPBACK: &str = "[\"127.0.0.1:*\"]";
/// The loopback, from the operator, whose word it needs.
const OPERATOR: &str = "ceiling.capabilities.network.connect = [\"127.0.0.1:*\"]\n\
                        ceiling.capabilities.network.bind = [\"127.0.0.1:*\"]\n\
                        ceiling.capabilities.network.listen = [\"127.0.0.1:*\"]\n";

/// The arguments of an IPv4 address.
fn address([a, b, c, d]: [u8; 4], port: u16) -> String {
    format!(
        "(i32.const 0) (i32.const {port}) (i32.const {a}) (i32.const {b}) (i32.const {c})
         (i32.const {d}) {}",
        "(i32.const 0)".repeat(6)
    )
}

/// Connects `$s` to an address, and waits for the answer at 1 024.
fn connect(to: &str) -> String {
    format!(
        "(call $new-tcp (i32.const 0) (i32.const 1024)) (call $ok)
         (local.set $s (i32.load (i32.const 1028)))
         (call $connect (local.get $s) (local.get $net) {to} (i32.const 1024)) (call $ok)
         (local.set $p (call $socket-wait (local.get $s)))
         (call $block (local.get $p)) (call $drop-pollable (local.get $p))
         (call $connected (local.get $s) (i32.const 1024))"
    )
}

const CONNECTING: [&str; 6] =
    ["network", "new-tcp", "connect", "connected", "socket-wait", "block"];

/// A guest with TCP. `$net` is the network.
fn on_tcp(calls: &[&str], body: &str, ends: &'static [Outcome]) -> GuestCase {
    let calls: Vec<&str> = [&CONNECTING, calls].concat();
    GuestCase::new(
        run(
            &calls,
            &format!(
                "(local $s i32) (local $p i32) (local $n i32) (local $net i32) (local $l i32)
                 (local $port i32) (local.set $net (call $network)) {body}"
            ),
        ),
        ends,
    )
    .tcp()
    .set("capabilities.network.connect", LOOPBACK)
    .set("capabilities.network.bind", LOOPBACK)
    .set("capabilities.network.listen", LOOPBACK)
    .policy(OPERATOR)
    .timeout_ms(5_000)
}

pub(super) fn network() -> Vec<Vector> {
    let denied = "(call $err (i32.const 1) (i32.const 4)) (call $drop-tcp-socket (local.get $s))";
    let special =
        [[169, 254, 169, 254], [10, 0, 0, 1], [192, 168, 0, 1], [127, 0, 0, 1], [100, 64, 0, 1]];
    let special: String = special.map(|to| connect(&address(to, 80)) + denied).concat();
    vec![
        Vector::guest(
            "G16",
            "addresses inside, by a component that may reach everything",
            on_tcp(&[], &special, &[Success])
                .set("capabilities.network.connect", "[\"**\"]")
                .policy(""),
        ),
        Vector::elsewhere(
            "G16",
            "a name whose addresses change after the decision",
            "a_name_that_is_answered_anew_opens_nothing_that_it_may_not_and_closes_nothing",
        ),
        Vector::elsewhere(
            "G16",
            "spellings of special addresses in requests",
            "no_spelling_of_a_special_address_is_requested",
        ),
        Vector::elsewhere(
            "G14",
            "bytes up and down, heads and failed requests",
            "the_bill_is_what_the_server_saw_on_its_socket",
        ),
        Vector::elsewhere(
            "G15",
            "a body that trickles",
            "a_body_that_trickles_ends_with_the_whole_request",
        ),
        Vector::elsewhere(
            "G15",
            "a peer that never reads",
            "a_guest_whose_peer_never_reads_ends_by_its_deadline_and_its_bytes_are_counted",
        ),
    ]
}

/// Sockets of the loopback, where a guest can talk to itself.
pub(super) fn sockets() -> Vec<Vector> {
    let listening = format!(
        "(call $new-tcp (i32.const 0) (i32.const 1024)) (call $ok)
         (local.set $l (i32.load (i32.const 1028)))
         (call $bind (local.get $l) (local.get $net) {} (i32.const 1024)) (call $ok)
         (call $bound (local.get $l) (i32.const 1024)) (call $ok)
         (call $listen (local.get $l) (i32.const 1024)) (call $ok)
         (call $listening (local.get $l) (i32.const 1024)) (call $ok)
         (call $local (local.get $l) (i32.const 1024)) (call $ok)
         (local.set $port (i32.load16_u (i32.const 1032)))",
        address([127, 0, 0, 1], 0)
    );
    let to_itself = address([127, 0, 0, 1], 7).replacen("(i32.const 7)", "(local.get $port)", 1);
    let closed = "(call $drop-input-stream (i32.load (i32.const 1028)))
                  (call $drop-output-stream (i32.load (i32.const 1032)))
                  (call $drop-tcp-socket (local.get $s))";
    let server = ["bind", "bound", "listen", "listening", "local"];
    let accepting = [&server[..], &["accept"]].concat();
    let sending = [&server[..], &["check-write", "write"]].concat();
    // Writes what may be written, and asks at once again.
    let spin = format!(
        "{listening} {} (call $ok) (local.set $p (i32.load (i32.const 1032))) {}",
        connect(&to_itself),
        forever(
            "(call $check-write (local.get $p) (i32.const 1024))
             (if (i32.load8_u (i32.const 1024))
               (then (if (i32.eqz (i32.load8_u (i32.const 1032)))
                 (then (call $drop-error (i32.load (i32.const 1036))))))
               (else (if (i64.ne (i64.load (i32.const 1032)) (i64.const 0)) (then
                 (call $write (local.get $p) (i32.const 4096) (i32.const 1) (i32.const 1024))))))"
        )
    );
    vec![
        Vector::guest(
            "G15",
            "2 000 connects to a port that refuses them",
            on_tcp(
                &[],
                &times(
                    2_000,
                    &format!(
                        "{} (call $err (i32.const 14) (i32.const 4))
                         (call $drop-tcp-socket (local.get $s))",
                        connect(&address([127, 0, 0, 1], 1))
                    ),
                ),
                &[Success],
            )
            .timeout_ms(30_000),
        ),
        Vector::guest(
            "G15",
            "1 000 connections, each accepted and closed",
            on_tcp(
                &accepting,
                &format!(
                    "{listening} {}",
                    times(
                        1_000,
                        &format!(
                            "{} (call $ok) {closed}
                             (call $accept (local.get $l) (i32.const 1024)) (call $ok)
                             (local.set $s (i32.load (i32.const 1028)))
                             (call $drop-input-stream (i32.load (i32.const 1032)))
                             (call $drop-output-stream (i32.load (i32.const 1036)))
                             (call $drop-tcp-socket (local.get $s))",
                            connect(&to_itself)
                        )
                    )
                ),
                &[Success],
            )
            .timeout_ms(30_000),
        ),
        Vector::guest(
            "G15",
            "connections to itself that are never accepted, until no socket is left",
            on_tcp(
                &server,
                &format!(
                    "{listening} {} (call $new-tcp (i32.const 0) (i32.const 1024))
                     (call $err (i32.const 10) (i32.const 4))",
                    times(31, &format!("{} (call $ok)", connect(&to_itself)))
                ),
                &[Success],
            ),
        ),
        Vector::guest(
            "G15",
            "half-open connections that an execution leaves behind, 50 times 31",
            on_tcp(
                &server,
                &format!(
                    "{listening} {} unreachable",
                    times(31, &format!("{} (call $ok)", connect(&to_itself)))
                ),
                &[Trap],
            )
            .runs(50, 4),
        ),
        Vector::guest(
            "G14",
            "a guest that spins on a stream which the quota refuses",
            on_tcp(&sending, &spin, &[Timeout])
                .set("quota.network_bandwidth", "\"1KiB/s\"")
                .set("quota.network_policy", "\"deny\"")
                .timeout_ms(500),
        ),
        Vector::guest(
            "G14",
            "a guest that spins on a stream which the quota slows",
            on_tcp(&sending, &spin, &[Timeout])
                .set("quota.network_bandwidth", "\"1KiB/s\"")
                .timeout_ms(500),
        ),
    ]
}
