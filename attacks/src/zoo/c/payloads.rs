//! Bytes that pass between guest and host in one call.

use super::{MIB, on_files};
use crate::guest_case::GuestCase;
use crate::outcome::Outcome::{LimitExceeded, Success, Timeout};
use crate::vector::Vector;
use crate::wasi::{ROOT, forever, run, times};

/// Returns the vectors.
pub(super) fn payloads() -> Vec<Vector> {
    vec![
        Vector::guest(
            "C5",
            "empty writes to stdout, without end",
            GuestCase::new(
                run(
                    &["stdout", "write"],
                    &format!(
                        "(local $stream i32) (local.set $stream (call $stdout)) {}",
                        forever(
                            "(call $write (local.get $stream) (i32.const 0) (i32.const 0)
                               (i32.const 1024))"
                        )
                    ),
                ),
                &[Timeout],
            )
            .timeout_ms(500)
            .growth(16 * MIB),
        ),
        Vector::elsewhere(
            "C5",
            "empty writes to a stream that stands still",
            "empty_writes_do_not_reach_a_stream_whose_reader_stands_still",
        ),
        Vector::guest(
            "C6",
            "a write of 2 MiB in one call",
            GuestCase::new(
                run(
                    &["stdout", "write"],
                    "(drop (memory.grow (i32.const 32)))
                     (call $write (call $stdout) (i32.const 0) (i32.const 2097152)
                       (i32.const 1024))",
                ),
                &[LimitExceeded],
            )
            .memory_mib(4)
            .timeout_ms(2_000),
        ),
        Vector::guest(
            "C6",
            "30 000 strings that overlap, 15 MB in all",
            GuestCase::new(
                run(
                    &["bucket", "get-many"],
                    &format!(
                        "(local $n i32)
                         (memory.fill (i32.const 300000) (i32.const 97) (i32.const 512))
                         (call $bucket (i32.const 0) (i32.const 0) (i32.const 1024)) (call $ok) {}
                         (call $get-many (i32.load (i32.const 1028)) (i32.const 8192)
                           (i32.const 30000) (i32.const 1024))",
                        times(
                            30_000,
                            "(i64.store (i32.add (i32.const 8192)
                                 (i32.shl (local.get $n) (i32.const 3)))
                               (i64.const 0x200000493e0))"
                        )
                    ),
                ),
                &[LimitExceeded],
            )
            .keyvalue()
            .set("capabilities.storage.read", "[\"**\"]")
            .timeout_ms(2_000),
        ),
        Vector::guest(
            "C7",
            "64 MiB of random bytes in one call",
            GuestCase::new(
                run(&["random"], "(call $random (i64.const 67108864) (i32.const 1024))"),
                &[LimitExceeded],
            )
            .timeout_ms(2_000),
        ),
        Vector::guest(
            "C7",
            "64 KiB of random bytes, again and again",
            GuestCase::new(
                run(&["random"], &forever("(call $random (i64.const 65536) (i32.const 1024))")),
                &[Timeout],
            ),
        ),
        Vector::guest(
            "C10",
            "a read of all bytes that there can be",
            on_files(GuestCase::new(
                run(
                    &["directories", "open", "write-at", "read"],
                    &format!(
                        "(local $root i32) {ROOT}
                         (i32.store8 (i32.const 2048) (i32.const 97))
                         (call $open (local.get $root) (i32.const 0) (i32.const 2048) (i32.const 1)
                           (i32.const 1) (i32.const 3) (i32.const 1024))
                         (call $ok)
                         (i32.store (i32.const 512) (i32.load (i32.const 1028)))
                         (call $write-at (i32.load (i32.const 512)) (i32.const 0)
                           (i32.const 400000) (i64.const 0) (i32.const 1024))
                         (call $ok)
                         (call $read (i32.load (i32.const 512)) (i64.const -1) (i64.const 0)
                           (i32.const 1024))
                         (call $ok)
                         (if (i32.gt_u (i32.load (i32.const 1032)) (i32.const 65536))
                           (then unreachable))"
                    ),
                ),
                &[Success],
            )),
        ),
    ]
}
