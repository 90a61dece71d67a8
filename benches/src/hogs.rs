//! Guests that take all that they can get, each in a way of its own.

use crate::wrap;

/// Bytes of memory that each of them may have: that of the largest.
pub const MEMORY: u64 = 16 << 20;

const LOADS: &str = "(local.set $n (i32.load (i32.and
    (i32.add (i32.mul (local.get $n) (i32.const 1664525)) (i32.const 1013904223))
    (i32.const 0xfffff0))))";

/// Returns the components of fourteen kinds, by name. Those that end are to be started anew. Two of
/// them import functions of the host: `step`, which does nothing, and `pause`, which waits for
/// nothing.
#[must_use]
pub fn kinds() -> [(&'static str, String); 14] {
    let looped = |fields: &str, body: &str| {
        wrap(&format!(r#"{fields} (func (export "run") (local $n i32) (loop $l {body} (br $l)))"#))
    };
    let bulk = |operator: &str| {
        looped(
            "(memory 32)",
            &format!("({operator} (i32.const 0) (i32.const 1048576) (i32.const 1048576))"),
        )
    };
    [
        ("endless loop", looped("", "")),
        (
            "tree of calls",
            looped(
                r"(func $f (param i32)
                    (if (local.get 0) (then
                      (call $f (i32.sub (local.get 0) (i32.const 1)))
                      (call $f (i32.sub (local.get 0) (i32.const 1))))))",
                "(call $f (i32.const 12))",
            ),
        ),
        (
            "calls through a table",
            looped(
                r"(type $t (func)) (table 1 funcref) (elem (i32.const 0) $f) (func $f (type $t))",
                "(call_indirect (type $t) (i32.const 0))",
            ),
        ),
        (
            "stores in order",
            looped(
                "(memory 16)",
                "(i64.store (i32.and (local.get $n) (i32.const 0xffff0)) (i64.const 7))
                 (local.set $n (i32.add (local.get $n) (i32.const 8)))",
            ),
        ),
        ("loads that miss the caches", looped("(memory 256)", LOADS)),
        (
            "cheap code, then loads that miss",
            looped(
                &format!(
                    r"(memory 256)
                    (func $cheap (local $n i32) (loop $l
                      (br_if $l (i32.ne (i32.const 4000000)
                        (local.tee $n (i32.add (local.get $n) (i32.const 1)))))))
                    (func $dear (local $n i32) (local $i i32) (loop $l {LOADS}
                      (br_if $l (i32.ne (i32.const 40000)
                        (local.tee $i (i32.add (local.get $i) (i32.const 1)))))))"
                ),
                "(call $cheap) (call $dear)",
            ),
        ),
        ("filling of 1 MiB", bulk("memory.fill")),
        ("copying of 1 MiB", bulk("memory.copy")),
        ("growth that fails", looped("(memory 1 1)", "(drop (memory.grow (i32.const 9)))")),
        (
            "growth to the limit, and an end",
            wrap(
                r#"(memory 1)
                   (func (export "run") (loop $l
                     (i32.store (i32.shl (i32.sub (memory.size) (i32.const 1)) (i32.const 16))
                       (i32.const 1))
                     (br_if $l (i32.ge_s (memory.grow (i32.const 1)) (i32.const 0)))))"#,
            ),
        ),
        (
            "multiplication of vectors",
            looped(
                "(global $v (mut v128) (v128.const i32x4 3 5 7 9))",
                "(global.set $v (i32x4.mul (global.get $v) (global.get $v)))",
            ),
        ),
        ("recursion until it traps", wrap(r#"(func $f (export "run") (call $f))"#)),
        ("host calls that do nothing", calling("step")),
        ("host calls that wait for nothing", calling("pause")),
    ]
}

/// Returns a component that calls a function of the host without end.
fn calling(function: &str) -> String {
    format!(
        r#"(component
          (import "{function}" (func $host))
          (core func $lowered (canon lower (func $host)))
          (core module $m (import "h" "f" (func $f))
            (func (export "run") (loop $l (call $f) (br $l))))
          (core instance $i (instantiate $m
            (with "h" (instance (export "f" (func $lowered))))))
          (func (export "run") (canon lift (core func $i "run"))))"#
    )
}
