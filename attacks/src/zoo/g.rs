//! Section G of the catalogue: storage, messages and the network.

use core::time::Duration;

use super::c::on_files;
use crate::guest_case::GuestCase;
use crate::measured::Measured;
use crate::outcome::Outcome::{QuotaExceeded, Success, Timeout, Trap};
use crate::vector::Vector;
use crate::wasi::{ROOT, digits, forever, run, times};

/// The loopback, for the component.
const LOOPBACK: &str = "[\"127.0.0.1:*\"]";
/// The loopback, from the operator, whose word it needs.
const OPERATOR: &str = "ceiling.capabilities.network.connect = [\"127.0.0.1:*\"]\n\
                        ceiling.capabilities.network.bind = [\"127.0.0.1:*\"]\n\
                        ceiling.capabilities.network.listen = [\"127.0.0.1:*\"]\n";

/// Returns the vectors of the section.
#[must_use]
pub fn vectors() -> Vec<Vector> {
    [pairs(), listings(), files(), messages(), network(), sockets(), cpu_time(), elsewhere()]
        .into_iter()
        .flatten()
        .collect()
}

/// A guest with a store of pairs. `$b` is its bucket.
fn on_pairs(calls: &[&str], body: &str, ends: &'static [crate::outcome::Outcome]) -> GuestCase {
    let calls: Vec<&str> = [&["bucket"], calls].concat();
    GuestCase::new(
        run(
            &calls,
            &format!(
                "(local $b i32) (local $n i32) (local $i i32) (local $k i32) (local $at i32)
                 (local $more i32) (local $seen i32) (local $cursor i64)
                 (call $bucket (i32.const 0) (i32.const 0) (i32.const 1024)) (call $ok)
                 (local.set $b (i32.load (i32.const 1028))) {body}"
            ),
        ),
        ends,
    )
    .keyvalue()
    .set("capabilities.storage.read", "[\"**\"]")
    .set("capabilities.storage.write", "[\"**\"]")
    .set("capabilities.storage.delete", "[\"**\"]")
    .timeout_ms(10_000)
}

/// Sets the pair whose key is the first bytes at 2 048.
fn set(key_bytes: u32, value_bytes: u32) -> String {
    format!(
        "(call $set (local.get $b) (i32.const 2048) (i32.const {key_bytes}) (i32.const 4096)
           (i32.const {value_bytes}) (i32.const 1024))"
    )
}

/// The error `other` of keys and of messages.
const OTHER_OF_KEYS: &str = "(call $err (i32.const 2) (i32.const 4))";
const OTHER_OF_MESSAGES: &str = "(call $err (i32.const 3) (i32.const 4))";

fn pairs() -> Vec<Vector> {
    let name = digits();
    vec![
        Vector::guest(
            "G1",
            "a pair that is overwritten 100 times and deleted twice",
            on_pairs(
                &["set", "delete"],
                &format!(
                    "{name} {} {} {} {OTHER_OF_KEYS}",
                    times(100, &format!("{} (call $ok)", set(6, 2_000))),
                    "(call $delete (local.get $b) (i32.const 2048) (i32.const 6) (i32.const 1024))
                     (call $ok)"
                        .repeat(2),
                    times(4, &format!("{name} {} (call $ok)", set(6, 2_000)))
                        + &name
                        + &set(6, 2_000),
                ),
                &[Success],
            )
            .set("quota.storage", "\"8KiB\""),
        ),
        Vector::guest(
            "G2",
            "pairs without a value, past the number of entries",
            on_pairs(
                &["set"],
                &format!(
                    "{} {name} {} {OTHER_OF_KEYS}",
                    times(50, &format!("{name} {} (call $ok)", set(6, 0))),
                    set(6, 0)
                ),
                &[Success],
            )
            .set("quota.storage_entries", 50),
        ),
        Vector::guest(
            "G2",
            "a key of 100 000 bytes",
            on_pairs(
                &["set"],
                &format!(
                    "(memory.fill (i32.const 2048) (i32.const 97) (i32.const 100000)) {}
                     {OTHER_OF_KEYS}",
                    set(100_000, 1)
                ),
                &[Success],
            ),
        ),
        Vector::guest(
            "G5",
            "the storage of 8 executions, of which 5 fit",
            on_pairs(
                &["random", "set"],
                &format!(
                    "(call $random (i64.const 8) (i32.const 1024))
                     (i64.store (i32.const 2048) (i64.add (i64.const 0x4141414141414141)
                       (i64.and (i64.const 0x0f0f0f0f0f0f0f0f)
                         (i64.load (i32.load (i32.const 1024))))))
                     {} (call $ok)",
                    set(8, 1_600)
                ),
                &[Success, Trap],
            )
            .set("quota.storage", "\"8KiB\"")
            .runs(8, 2)
            .check(|measured| match measured.outcomes.get(&Success) {
                Some(5) => Ok(()),
                other => Err(format!("{other:?} of 8 executions had room")),
            }),
        ),
        Vector::guest(
            "G8",
            "reads of 30 MB in one call",
            on_pairs(
                &["set", "get-many"],
                &format!(
                    "{name} {} (call $ok) {} (call $get-many (local.get $b) (i32.const 8192)
                       (i32.const 100) (i32.const 1024)) {OTHER_OF_KEYS}",
                    set(6, 300_000),
                    times(
                        100,
                        "(i64.store (i32.add (i32.const 8192)
                             (i32.shl (local.get $n) (i32.const 3))) (i64.const 0x600000800))"
                    )
                ),
                &[Success],
            )
            .growth(64 << 20),
        ),
    ]
}

/// A store with many keys.
fn listings() -> Vec<Vector> {
    // A thousand pairs of one call: the key's place and length, and no value. The keys lie from
    // 65 536 on, eight bytes each: six digits of $n times a thousand and its own number.
    let fill = format!(
        "(local.set $i (i32.const 0))
         (loop $keys
           (local.set $k (i32.add (i32.mul (local.get $n) (i32.const 1000)) (local.get $i)))
           (local.set $at (i32.add (i32.const 65536) (i32.shl (local.get $i) (i32.const 3))))
           {}
           (i32.store (i32.add (i32.const 8192) (i32.shl (local.get $i) (i32.const 4)))
             (local.get $at))
           (i32.store (i32.add (i32.const 8196) (i32.shl (local.get $i) (i32.const 4)))
             (i32.const 6))
           (local.set $i (i32.add (local.get $i) (i32.const 1)))
           (br_if $keys (i32.lt_u (local.get $i) (i32.const 1000))))
         (call $set-many (local.get $b) (i32.const 8192) (i32.const 1000) (i32.const 1024))
         (call $ok)",
        (0..6_u32).fold(String::new(), |code, place| {
            let unit = 10_u32.pow(5 - place);
            code + &format!(
                "(i32.store8 offset={place} (local.get $at) (i32.add (i32.const 48) (i32.rem_u
                   (i32.div_u (local.get $k) (i32.const {unit})) (i32.const 10))))"
            )
        })
    );
    let list = "(loop $pages
         (call $list-keys (local.get $b) (local.get $more) (local.get $cursor) (i32.const 1024))
         (call $ok)
         (if (i32.gt_u (i32.load (i32.const 1036)) (i32.const 1000)) (then unreachable))
         (local.set $seen (i32.add (local.get $seen) (i32.load (i32.const 1036))))
         (local.set $more (i32.load8_u (i32.const 1040)))
         (local.set $cursor (i64.load (i32.const 1048)))
         (br_if $pages (local.get $more)))
         (if (i32.ne (local.get $seen) (i32.const 100000)) (then unreachable))";
    vec![
        Vector::guest(
            "G8",
            "100 000 keys, and a listing of them",
            on_pairs(
                &["set-many", "list-keys"],
                &format!("{} {list}", times(100, &fill)),
                &[Success],
            )
            .timeout_ms(60_000)
            .growth(96 << 20),
        ),
        Vector::guest(
            "G8",
            "a batch of 1 001 keys",
            on_pairs(
                &["get-many"],
                &format!(
                    "(call $get-many (local.get $b) (i32.const 8192) (i32.const 1001)
                       (i32.const 1024)) {OTHER_OF_KEYS}"
                ),
                &[Success],
            ),
        ),
        Vector::guest(
            "G8",
            "listings from the start, without end",
            on_pairs(
                &["list-keys"],
                &forever(
                    "(call $list-keys (local.get $b) (i32.const 0) (i64.const 0) (i32.const 1024))
                     (call $ok)",
                ),
                &[Timeout],
            )
            .timeout_ms(300),
        ),
    ]
}

fn files() -> Vec<Vector> {
    // Opens the path of `bytes` bytes at 2 048 to read it, which must fail.
    let refused = |code: &str, bytes: u32| {
        format!(
            "{code} (call $open (local.get $root) (i32.const 1) (i32.const 2048)
               (i32.const {bytes}) (i32.const 0) (i32.const 1) (i32.const 1024))
             (if (i32.eqz (i32.load8_u (i32.const 1024))) (then unreachable))"
        )
    };
    let text = |text: &str| {
        text.bytes().enumerate().fold(String::new(), |code, (index, byte)| {
            code + &format!("(i32.store8 (i32.const {}) (i32.const {byte}))", 2_048 + index)
        })
    };
    let outside = ["..", "../..", "/etc/passwd", "a/../../etc/passwd", "", "l/passwd", "a\0b"]
        .iter()
        .map(|path| refused(&text(path), u32::try_from(path.len()).unwrap_or(0)))
        .collect::<String>();
    vec![
        Vector::guest(
            "G6",
            "paths that lead out of the directory",
            on_files(GuestCase::new(
                run(
                    &["directories", "open", "symlink"],
                    &format!(
                        "(local $root i32) {ROOT} {}
                         (call $symlink (local.get $root) (i32.const 2048) (i32.const 4)
                           (i32.const 2052) (i32.const 1) (i32.const 1024))
                         {outside}",
                        text("/etcl")
                    ),
                ),
                &[Success],
            )),
        ),
        Vector::guest(
            "G7",
            "a sparse file of a terabyte",
            on_files(GuestCase::new(
                run(
                    &["directories", "open", "set-size"],
                    &format!(
                        "(local $root i32) {ROOT} {}
                         (call $open (local.get $root) (i32.const 0) (i32.const 2048) (i32.const 1)
                           (i32.const 1) (i32.const 3) (i32.const 1024)) (call $ok)
                         (call $set-size (i32.load (i32.const 1028)) (i64.const 0x10000000000)
                           (i32.const 1024)) (call $err (i32.const 6) (i32.const 1))",
                        text("a")
                    ),
                ),
                &[Success],
            )),
        ),
        Vector::guest(
            "G2",
            "empty files, past the bytes of their entries",
            on_files(GuestCase::new(
                run(
                    &["directories", "open"],
                    &format!(
                        "(local $root i32) (local $n i32) {ROOT} {}
                         (call $err (i32.const 6) (i32.const 4))",
                        times(
                            17,
                            &format!(
                                "{} (call $open (local.get $root) (i32.const 0) (i32.const 2048)
                                   (i32.const 6) (i32.const 1) (i32.const 3) (i32.const 1024))
                                 (if (i32.lt_u (local.get $n) (i32.const 16)) (then (call $ok)))",
                                digits()
                            )
                        )
                    ),
                ),
                &[Success],
            ))
            .set("quota.storage", "\"64KiB\""),
        ),
    ]
}

/// A guest with messages. `$c` is its client; a message of `bytes` bytes is sent to `t`.
fn on_messages(body: &str, ends: &'static [crate::outcome::Outcome]) -> GuestCase {
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

fn send(bytes: u32) -> String {
    format!(
        "(call $send (local.get $c) (i32.const 2048) (i32.const 1)
           (call $message (i32.const 4096) (i32.const {bytes})) (i32.const 1024))"
    )
}

fn messages() -> Vec<Vector> {
    vec![
        Vector::guest(
            "G9",
            "an eleventh message at a rate of ten",
            on_messages(
                &format!(
                    "{} {} {OTHER_OF_MESSAGES}",
                    times(10, &format!("{} (call $ok)", send(5))),
                    send(5)
                ),
                &[Success],
            )
            .set("quota.message_rate", 10)
            .set("quota.period", "\"1s\"")
            .set("quota.message_policy", "\"deny\"")
            // A new window would have ten more.
            .policy("ceiling.quota = { message_rate = 10, period = \"3600s\" }\n"),
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
            on_messages(&format!("{} {OTHER_OF_MESSAGES}", send(300_000)), &[Success]),
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
fn on_tcp(calls: &[&str], body: &str, ends: &'static [crate::outcome::Outcome]) -> GuestCase {
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

fn network() -> Vec<Vector> {
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
fn sockets() -> Vec<Vector> {
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
