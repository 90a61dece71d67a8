//! Storage: pairs of a store, and files.

use crate::guest_case::GuestCase;
use crate::outcome::Outcome;
use crate::outcome::Outcome::{Success, Timeout, Trap};
use crate::vector::Vector;
use crate::wasi::{ROOT, digits, forever, run, times};
use crate::zoo::c::on_files;

/// A guest with a store of pairs. `$b` is its bucket.
fn on_pairs(calls: &[&str], body: &str, ends: &'static [Outcome]) -> GuestCase {
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

/// The error `other` of a store.
const OTHER: &str = "(call $err (i32.const 2) (i32.const 4))";

pub(super) fn pairs() -> Vec<Vector> {
    let name = digits();
    vec![
        Vector::guest(
            "G1",
            "a pair that is overwritten 100 times and deleted twice",
            on_pairs(
                &["set", "delete"],
                &format!(
                    "{name} {} {} {} {OTHER}",
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
                    "{} {name} {} {OTHER}",
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
                     {OTHER}",
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
                       (i32.const 100) (i32.const 1024)) {OTHER}",
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
pub(super) fn listings() -> Vec<Vector> {
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
                       (i32.const 1024)) {OTHER}"
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

pub(super) fn files() -> Vec<Vector> {
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
