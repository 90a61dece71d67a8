//! Guest code that is entered beside the call, and by other components inside.

use super::endless;
use crate::guest_case::{Argument, GuestCase};
use crate::outcome::Outcome::{OutOfFuel, Rejected, Timeout, Trap};
use crate::vector::Vector;
use crate::{composed, wat};

/// Returns the vectors.
pub(super) fn vectors() -> Vec<Vector> {
    [beside_the_call(), deep(), composed()].into_iter().flatten().collect()
}

/// Code beside the call.
fn beside_the_call() -> Vec<Vector> {
    vec![
        Vector::guest(
            "A10",
            "an endless start function",
            endless(wat::component(
                r#"(func $s (loop $l (br $l))) (start $s) (func (export "run"))"#,
            )),
        ),
        Vector::guest(
            "A10",
            "a start function that uses all fuel",
            GuestCase::new(
                wat::component(r#"(func $s (loop $l (br $l))) (start $s) (func (export "run"))"#),
                &[OutOfFuel],
            )
            .fuel(1_000_000),
        ),
        Vector::guest(
            "A10",
            "start functions of 100 instances that share one deadline",
            endless(many_starts()),
        ),
        Vector::guest(
            "A11",
            "an endless cabi_realloc as the host passes a string",
            endless(string_taker("(loop $l (br $l)) unreachable", "")).argument(TEXT),
        ),
        Vector::guest(
            "A11",
            "a cabi_realloc that returns a place outside the memory",
            GuestCase::new(string_taker("(i32.const 0x7ffffff0)", ""), &[Trap]).argument(TEXT),
        ),
        Vector::guest(
            "A11",
            "a cabi_realloc that grows the memory without end",
            GuestCase::new(
                string_taker(
                    "(loop $l (br_if $l (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
                     unreachable",
                    "",
                ),
                &[Trap],
            )
            .argument(TEXT),
        ),
        Vector::guest(
            "A11",
            "an endless cabi_realloc as the host returns random bytes",
            endless(endless_lowering()),
        ),
        Vector::guest(
            "A12",
            "an endless post-return",
            endless(string_taker("(i32.const 1024)", "(loop $l (br $l))")).argument(TEXT),
        ),
        Vector::guest(
            "A13",
            "an endless destructor of a resource that another component drops",
            endless(composed::resource("(loop $l (br $l))", "(call $drop (call $make))")),
        ),
        Vector::guest(
            "A13",
            "a destructor of one second, for each of a thousand resources",
            endless(composed::resource(
                "(local $n i32) (loop $l
                   (local.set $n (i32.add (local.get $n) (i32.const 1)))
                   (br_if $l (i32.lt_u (local.get $n) (i32.const 1_000_000_000))))",
                "(local $n i32) (loop $l (call $drop (call $make))
                   (local.set $n (i32.add (local.get $n) (i32.const 1)))
                   (br_if $l (i32.lt_u (local.get $n) (i32.const 1_000))))",
            )),
        ),
    ]
}

const TEXT: Argument = Argument::Text('a', 1_000);

/// Recursion that passes through the host.
fn deep() -> Vec<Vector> {
    vec![
        Vector::guest(
            "A3",
            "recursion that asks the host for a timer and waits for it at each level",
            GuestCase::new(
                wat::timers(
                    r#"(func $wait (local $timer i32)
                         (local.set $timer (call $subscribe (i64.const 0)))
                         (call $block (local.get $timer))
                         (call $drop (local.get $timer)))
                       (func $r (export "run") (call $wait) (call $r) (call $wait))"#,
                ),
                &[Trap],
            )
            .timeout_ms(10_000)
            .says("call stack exhausted"),
        ),
        Vector::guest(
            "A11",
            "recursion in the cabi_realloc that the host enters from a deep stack",
            GuestCase::new(deep_lowering(), &[Trap])
                .argument(Argument::U32(5_000))
                .timeout_ms(1_000)
                .says("call stack exhausted"),
        ),
        Vector::guest(
            "A11",
            "a cabi_realloc that calls the host, which the canonical ABI forbids",
            GuestCase::new(leaving(), &[Trap]),
        ),
        Vector::guest(
            "A13",
            "a destructor that makes and drops a resource, whose destructor does the same",
            GuestCase::new(composed::recursive_destructor(), &[Trap]).timeout_ms(2_000),
        ),
    ]
}

/// Two components in one.
fn composed() -> Vec<Vector> {
    vec![
        Vector::guest(
            "A4",
            "a component that calls another component inside, which never returns",
            endless(composed::pair("(loop $l (br $l))", "(call $inner)")),
        ),
        Vector::guest(
            "A4",
            "calls from one component to another, without end",
            endless(composed::pair("", "(loop $l (call $inner) (br $l))")),
        ),
        Vector::guest(
            "A4",
            "a chain of 40 components, each of which calls the next ten times",
            endless(composed::chain(40)),
        ),
        Vector::guest(
            "A4",
            "a chain of 400 components, as deep as the stack of calls",
            GuestCase::new(composed::chain(400), &[Rejected]).says("max_core_instances"),
        ),
        Vector::guest(
            "A4",
            "the same where the operator allows so many",
            GuestCase::new(composed::chain(400), &[Timeout, Trap])
                .policy("[compile]\nmax_core_instances = 5000\nmax_modules = 5000")
                .set("resources.memory.max_instances", 4_000)
                .timeout_ms(200),
        ),
        Vector::guest(
            "A14",
            "a string of 15 MiB from UTF-8 to UTF-16 between two components, again and again",
            endless(composed::transcoding("utf8", "utf16", 15 << 20)).memory_mib(64),
        ),
        Vector::guest(
            "A14",
            "a string of 15 MiB from UTF-8 to latin1+utf16, which turns out to be UTF-16",
            endless(composed::transcoding("utf8", "latin1+utf16", 15 << 20)).memory_mib(64),
        ),
    ]
}

fn many_starts() -> String {
    let instances: String =
        (0..100).map(|n| format!("(core instance $i{n} (instantiate $m))")).collect();
    format!(
        r#"(component
             (core module $m
               (func $s (local $n i32) (loop $l
                 (local.set $n (i32.add (local.get $n) (i32.const 1)))
                 (br_if $l (i32.lt_u (local.get $n) (i32.const 10_000_000)))))
               (start $s) (func (export "run")))
             {instances}
             (func (export "run") (canon lift (core func $i99 "run"))))"#
    )
}

/// A component whose `run` takes a string.
fn string_taker(realloc: &str, post_return: &str) -> String {
    format!(
        r#"(component
             (core module $m (memory (export "mem") 1)
               (func (export "run") (param i32 i32) (result i32) (i32.const 0))
               (func (export "realloc") (param i32 i32 i32 i32) (result i32) {realloc})
               (func (export "post") (param i32) {post_return}))
             (core instance $i (instantiate $m))
             (func (export "run") (param "text" string) (result u32)
               (canon lift (core func $i "run") (memory (core memory $i "mem"))
                 (realloc (core func $i "realloc")) (post-return (core func $i "post")))))"#
    )
}

fn endless_lowering() -> String {
    wat::with_imports(
        wat::RANDOM,
        &[("random", r#"$random "get-random-bytes""#)],
        r#"(import "host" "random" (func $random (param i64 i32)))
           (func (export "run") (call $random (i64.const 64) (i32.const 0)))"#,
    )
    .replace("(i32.const 4096)", "(loop $l (br $l)) unreachable")
}

/// Recurses, asks for random bytes at each level, and recurses in the `realloc` for them.
fn deep_lowering() -> String {
    wat::with_imports(
        wat::RANDOM,
        &[("random", r#"$random "get-random-bytes""#)],
        r#"(import "host" "random" (func $random (param i64 i32)))
           (func $r (export "run") (param $n i32)
             (if (i32.eqz (local.get $n)) (then (call $random (i64.const 64) (i32.const 0))))
             (call $r (i32.sub (local.get $n) (i32.const 1))) (drop (local.get $n)))"#,
    )
    .replace(
        r#"(func (export "realloc")"#,
        r#"(func $deep (param i32) (call $deep (local.get 0)) (drop (local.get 0)))
           (func (export "realloc")"#,
    )
    .replace("(i32.const 4096)", "(call $deep (i32.const 1)) (i32.const 4096)")
    .replace(r#"(func (export "run") (canon"#, r#"(func (export "run") (param "depth" u32) (canon"#)
}

/// A `realloc` that makes a timer, through a table that is filled after the fact.
fn leaving() -> String {
    let imports = format!("{}{}", wat::CLOCK, wat::RANDOM);
    wat::with_imports(
        &imports,
        &[
            ("random", r#"$random "get-random-bytes""#),
            ("subscribe", r#"$clock "subscribe-duration""#),
        ],
        r#"(import "libc" "table" (table 1 funcref))
           (import "host" "random" (func $random (param i64 i32)))
           (import "host" "subscribe" (func $subscribe (param i64) (result i32)))
           (elem (i32.const 0) func $subscribe)
           (func (export "run") (call $random (i64.const 64) (i32.const 0)))"#,
    )
    .replace(
        r#"(func (export "realloc")"#,
        r#"(table (export "table") 1 funcref) (type $t (func (param i64) (result i32)))
           (func (export "realloc")"#,
    )
    .replace("(i32.const 4096)", "(call_indirect (type $t) (i64.const 1) (i32.const 0))")
}
