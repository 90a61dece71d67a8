//! Section C of the catalogue: the host's memory, handles, descriptors and threads.

mod payloads;

use crate::guest_case::{Code, GuestCase};
use crate::outcome::Outcome::{LimitExceeded, Rejected, Success, Timeout, Trap};
use crate::vector::Vector;
use crate::wasi::{ROOT, forever, guest, run, times};

/// The guest's directory and everything in it.
const FILES: &str = "[\"/data\", \"/data/**\"]";
const MIB: u64 = 1 << 20;

/// Returns the vectors of the section.
#[must_use]
pub fn vectors() -> Vec<Vector> {
    [handles(), behind_handles(), descriptors(), payloads::payloads(), threads(), code(), numbers()]
        .into_iter()
        .flatten()
        .collect()
}

/// A guest with a directory of its own.
pub(crate) fn on_files(case: GuestCase) -> GuestCase {
    case.directory()
        .set("capabilities.filesystem.read", FILES)
        .set("capabilities.filesystem.write", FILES)
        .timeout_ms(5_000)
}

fn handles() -> Vec<Vector> {
    vec![
        Vector::guest(
            "C1",
            "timers that are never dropped",
            GuestCase::new(
                run(&["timer"], &forever("(drop (call $timer (i64.const -1)))")),
                &[LimitExceeded],
            )
            .timeout_ms(2_000)
            .says("resource table limit of 1024 entries exceeded"),
        ),
        Vector::guest(
            "C1",
            "handles of the guest's own resource, without end",
            GuestCase::new(
                r#"(component
                     (type $r (resource (rep i32)))
                     (core func $new (canon resource.new $r))
                     (core module $m
                       (import "host" "new" (func $new (param i32) (result i32)))
                       (func (export "run") (loop $l (drop (call $new (i32.const 1))) (br $l))))
                     (core instance $i (instantiate $m
                       (with "host" (instance (export "new" (func $new))))))
                     (func (export "run") (canon lift (core func $i "run"))))"#,
                &[LimitExceeded],
            )
            .timeout_ms(2_000)
            .says("handle limit of 1024 handles exceeded"),
        ),
        Vector::guest(
            "C4",
            "stdout, asked for again and again",
            GuestCase::new(run(&["stdout"], &forever("(drop (call $stdout))")), &[LimitExceeded])
                .timeout_ms(2_000),
        ),
        Vector::guest(
            "C8",
            "a wait for 100 000 times the same timer",
            GuestCase::new(
                run(
                    &["timer", "poll"],
                    &format!(
                        "(local $n i32) (local $timer i32)
                         (local.set $timer (call $timer (i64.const -1)))
                         {} (call $poll (i32.const 8192) (i32.const 100000) (i32.const 1024))",
                        times(
                            100_000,
                            "(i32.store (i32.add (i32.const 8192)
                               (i32.shl (local.get $n) (i32.const 2))) (local.get $timer))"
                        )
                    ),
                ),
                &[LimitExceeded],
            )
            .timeout_ms(2_000),
        ),
    ]
}

/// Bytes of the host behind each handle.
fn behind_handles() -> Vec<Vector> {
    vec![
        Vector::guest(
            "C2",
            "header fields of 60 KB each, as many as the host takes",
            GuestCase::new(
                run(
                    &["new-fields", "append"],
                    &forever(
                        "(i32.store8 (i32.const 2048) (i32.const 120))
                         (memory.fill (i32.const 4096) (i32.const 97) (i32.const 60000))
                         (call $append (call $new-fields) (i32.const 2048) (i32.const 1)
                           (i32.const 4096) (i32.const 60000) (i32.const 1024))",
                    ),
                ),
                &[Trap],
            )
            .timeout_ms(5_000)
            .says("total size of fields exceeds limit"),
        ),
        Vector::guest(
            "C2",
            "messages of 256 KB that are never sent",
            GuestCase::new(
                run(
                    &["message"],
                    &forever("(drop (call $message (i32.const 0) (i32.const 262000)))"),
                ),
                &[LimitExceeded],
            )
            .timeout_ms(5_000)
            .says("held message limit"),
        ),
        Vector::guest(
            "C2",
            "metadata of one message, without end",
            GuestCase::new(
                guest(
                    &["message", "add-metadata"],
                    &format!(
                        r#"(func (export "run") (local $n i32) (local $message i32)
                             (local.set $message (call $message (i32.const 0) (i32.const 0)))
                             {})"#,
                        forever(&format!(
                            "(local.set $n (i32.add (local.get $n) (i32.const 1))) {}
                             (call $add-metadata (local.get $message) (i32.const 2048) (i32.const 6)
                               (i32.const 4096) (i32.const 100000))",
                            crate::wasi::digits()
                        ))
                    ),
                ),
                &[Timeout],
            )
            .timeout_ms(500),
        ),
        Vector::guest(
            "C2",
            "streams of one file, as many as the host takes",
            on_files(GuestCase::new(
                run(
                    &["directories", "open", "write-at", "file-input"],
                    &format!(
                        "(local $root i32) (local $file i32) {ROOT}
                         (i32.store8 (i32.const 2048) (i32.const 97))
                         (call $open (local.get $root) (i32.const 0) (i32.const 2048) (i32.const 1)
                           (i32.const 1) (i32.const 3) (i32.const 1024))
                         (call $ok)
                         (local.set $file (i32.load (i32.const 1028)))
                         (call $write-at (local.get $file) (i32.const 0) (i32.const 400000)
                           (i64.const 0) (i32.const 1024))
                         (call $ok) {}",
                        forever(
                            "(call $file-input (local.get $file) (i64.const 0) (i32.const 1024))
                             (call $ok)"
                        )
                    ),
                ),
                &[LimitExceeded],
            )),
        ),
    ]
}

fn descriptors() -> Vec<Vector> {
    let open = |drop: &str| {
        format!(
            "(call $open (local.get $root) (i32.const 0) (i32.const 2048) (i32.const 6)
               (i32.const 1) (i32.const 3) (i32.const 1024)) {drop}"
        )
    };
    let name = crate::wasi::digits();
    vec![
        Vector::guest(
            "C3",
            "files that are opened and never closed",
            on_files(GuestCase::new(
                run(
                    &["directories", "open"],
                    &format!(
                        "(local $root i32) (local $n i32) {ROOT} {} {} (call $err (i32.const 22)
                           (i32.const 4))",
                        times(127, &format!("{name} {} (call $ok)", open(""))),
                        open("")
                    ),
                ),
                &[Success],
            )),
        ),
        Vector::guest(
            "C3",
            "sockets that are made and never closed",
            GuestCase::new(
                run(
                    &["new-tcp"],
                    &format!(
                        "(local $n i32) {} (call $new-tcp (i32.const 0) (i32.const 1024))
                         (call $err (i32.const 10) (i32.const 4))",
                        times(32, "(call $new-tcp (i32.const 0) (i32.const 1024)) (call $ok)")
                    ),
                ),
                &[Success],
            )
            .tcp()
            .set("capabilities.network.connect", "[\"example.com:443\"]")
            .timeout_ms(2_000),
        ),
        Vector::guest(
            "C9",
            "a listing of more entries than the host holds",
            on_files(GuestCase::new(
                run(
                    &["directories", "open", "list"],
                    &format!(
                        "(local $root i32) (local $n i32) {ROOT} {}
                         (call $list (local.get $root) (i32.const 1024))
                         (call $err (i32.const 22) (i32.const 4))",
                        times(
                            20,
                            &format!(
                                "{name} {} (call $ok)",
                                open("(call $drop-descriptor (i32.load (i32.const 1028)))")
                            )
                        )
                    ),
                ),
                &[Success],
            ))
            .set("resources.host.max_directory_entries", 19),
        ),
        Vector::elsewhere(
            "C12",
            "pipes and devices in a directory",
            "special_files_are_not_opened",
        ),
    ]
}

fn threads() -> Vec<Vector> {
    vec![
        Vector::guest(
            "C11",
            "32 executions that open files without end",
            on_files(GuestCase::new(
                run(
                    &["directories", "open"],
                    &format!(
                        "(local $root i32) {ROOT} {}",
                        forever(
                            "(i32.store8 (i32.const 2048) (i32.const 97))
                             (call $open (local.get $root) (i32.const 0) (i32.const 2048)
                               (i32.const 1) (i32.const 1) (i32.const 3) (i32.const 1024))
                             (call $ok)
                             (call $drop-descriptor (i32.load (i32.const 1028)))"
                        )
                    ),
                ),
                &[Timeout],
            ))
            .timeout_ms(500)
            .runs(32, 32),
        ),
        Vector::elsewhere(
            "C11",
            "calls that block, from many executions",
            "no_more_threads_block_for_a_component_than_it_may_have",
        ),
        Vector::guest(
            "C14",
            "100 executions that sleep at the end of their stacks",
            GuestCase::new(
                guest(
                    &["timer", "block"],
                    r#"(func $deep (param $n i32)
                         (if (local.get $n)
                           (then (call $deep (i32.sub (local.get $n) (i32.const 1))))
                           (else (call $block (call $timer (i64.const -1))))))
                       (func (export "run") (call $deep (i32.const 8000)))"#,
                ),
                &[Timeout],
            )
            .set("quota.memory", "\"256MiB\"")
            .timeout_ms(500)
            .runs(100, 100)
            .growth(100 * MIB),
        ),
    ]
}

fn code() -> Vec<Vector> {
    vec![
        Vector::guest(
            "C13",
            "100 instances of 100 000 globals each",
            GuestCase::new(Code::Made(many_globals), &[Rejected]),
        ),
        Vector::guest(
            "C15",
            "100 000 functions that do nothing",
            GuestCase::new(Code::Made(many_functions), &[Rejected, Success])
                .timeout_ms(2_000)
                .growth(96 * MIB),
        ),
        Vector::off(
            "C17",
            "a call through a subtype, which aborts a build without `gc`",
            r#"(component (core module
                 (type $s (sub (func))) (type $u (sub $s (func))) (func $x (type $u))
                 (table $t 1 funcref) (elem (table $t) (i32.const 0) func $x)
                 (func (export "f") (call_indirect $t (type $s) (i32.const 0)))))"#,
            "gc",
        ),
    ]
}

fn numbers() -> Vec<Vector> {
    vec![Vector::guest(
        "C16",
        "numbers out of every range for functions of the host",
        on_files(GuestCase::new(
            run(
                &[
                    "directories",
                    "open",
                    "read",
                    "write-at",
                    "set-size",
                    "file-input",
                    "bucket",
                    "timer",
                    "ready",
                ],
                &format!(
                    "(local $root i32) (local $file i32) {ROOT}
                     (i32.store8 (i32.const 2048) (i32.const 97))
                     (call $open (local.get $root) (i32.const 0) (i32.const 2048) (i32.const 1)
                       (i32.const 1) (i32.const 3) (i32.const 1024))
                     (call $ok)
                     (local.set $file (i32.load (i32.const 1028)))
                     (call $read (local.get $file) (i64.const -1) (i64.const -1) (i32.const 1024))
                     (call $write-at (local.get $file) (i32.const 0) (i32.const 9) (i64.const -1)
                       (i32.const 1024))
                     (call $set-size (local.get $file) (i64.const -1) (i32.const 1024))
                     (call $file-input (local.get $file) (i64.const -1) (i32.const 1024))
                     (drop (call $ready (call $timer (i64.const -1))))
                     (call $bucket (i32.const 0) (i32.const 0) (i32.const 1024))"
                ),
            ),
            &[Success, Trap],
        )),
    )]
}

fn many_globals() -> Vec<u8> {
    let globals = "(global (mut i64) (i64.const 1))".repeat(100_000);
    let instances = "(core instance (instantiate $m))".repeat(100);
    binary(&format!("(component (core module $m {globals}) {instances})"))
}

fn many_functions() -> Vec<u8> {
    let functions = "(func)".repeat(100_000);
    binary(&crate::wat::component(&format!("{functions} (func (export \"run\"))")))
}

/// Returns the binary of a text that is too long for the command. A text that is wrong has none,
/// and ends as no component.
pub(crate) fn binary(text: &str) -> Vec<u8> {
    ::wat::parse_str(text).unwrap_or_default()
}
