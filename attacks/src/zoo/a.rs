//! Section A of the catalogue: CPU time inside the guest.

mod entered;
mod over_time;

use crate::guest_case::{Code, GuestCase};
use crate::outcome::Outcome::{OutOfFuel, Rejected, Timeout, Trap};
use crate::vector::Vector;
use crate::wat;

/// Returns the vectors of the section.
#[must_use]
pub fn vectors() -> Vec<Vector> {
    [plain(), costly(), entered::vectors(), over_time::vectors(), elsewhere()]
        .into_iter()
        .flatten()
        .collect()
}

/// A guest that goes on until its deadline.
fn endless(text: String) -> GuestCase {
    GuestCase::new(text, &[Timeout])
}

fn plain() -> Vec<Vector> {
    vec![
        Vector::guest("A1", "an endless loop", endless(wat::run("(loop $l (br $l))"))),
        Vector::guest(
            "A1",
            "an endless loop with little fuel",
            GuestCase::new(wat::run("(loop $l (br $l))"), &[OutOfFuel]).fuel(1_000_000),
        ),
        Vector::guest(
            "A2",
            "ten calls, each of which makes ten, twelve deep",
            endless(call_tree(12)),
        ),
        Vector::guest(
            "A3",
            "recursion without end",
            GuestCase::new(wat::component(r#"(func $r (export "run") (call $r))"#), &[Trap])
                .says("call stack exhausted"),
        ),
        Vector::guest(
            "A3",
            "recursion through a table, with frames of 64 values",
            GuestCase::new(deep_frames(), &[Trap]).says("call stack exhausted"),
        ),
        Vector::guest(
            "A6",
            "a body of 7 MB without a loop",
            GuestCase::new(Code::Made(long_body), &[Rejected]).says("max_body_bytes"),
        ),
        Vector::guest(
            "A6",
            "a loop around 20 000 operators without a loop",
            endless(wat::run(&format!(
                "(local $n i64) (loop $l {} (br $l))",
                "(local.set $n (i64.div_u (i64.const 9) (i64.const 7)))".repeat(5_000)
            ))),
        ),
    ]
}

/// Operators that take much more time than fuel.
fn costly() -> Vec<Vector> {
    let looped = |fields: &str, body: &str| {
        endless(wat::component(&format!(
            r#"{fields} (func (export "run") (local $n i32) (loop $l {body} (br $l)))"#
        )))
    };
    vec![
        Vector::guest(
            "A7",
            "loads that miss every cache",
            looped(
                "(memory 1024)",
                "(local.set $n (i32.add (i32.load (i32.and (local.get $n) (i32.const 0x3fffff0)))
                   (i32.add (i32.mul (local.get $n) (i32.const 1664525)) (i32.const 1013904223))))",
            )
            .memory_mib(64),
        ),
        Vector::guest(
            "A7",
            "square roots of subnormal numbers",
            looped("", "(drop (f64.div (f64.sqrt (f64.const 5e-324)) (f64.const 3e-310)))"),
        ),
        Vector::guest(
            "A7",
            "indirect calls through a table that is never filled in ahead",
            looped(
                "(table 1000 funcref) (elem (i32.const 0) func $f $f $f $f) (func $f)",
                "(call_indirect (i32.and (local.get $n) (i32.const 3)))",
            ),
        ),
        Vector::guest(
            "A8",
            "memory.fill of 60 MiB, again and again",
            looped(
                "(memory 960)",
                "(memory.fill (i32.const 0) (i32.const 1) (i32.const 62914560))",
            )
            .memory_mib(60),
        ),
        Vector::guest(
            "A8",
            "memory.copy of 30 MiB over itself",
            looped(
                "(memory 960)",
                "(memory.copy (i32.const 1) (i32.const 0) (i32.const 31457280))",
            )
            .memory_mib(60),
        ),
        Vector::guest(
            "A8",
            "memory.fill of 60 MiB with fuel for 1 000 bytes",
            GuestCase::new(
                wat::component(
                    r#"(memory 960) (func (export "run")
                       (memory.fill (i32.const 0) (i32.const 1) (i32.const 62914560)))"#,
                ),
                &[OutOfFuel],
            )
            .memory_mib(60)
            .fuel(1_000)
            .check(|measured| match measured.growth {
                0..=33_554_432 => Ok(()),
                _ => Err(String::from("the memory was filled before the fuel was counted")),
            }),
        ),
        Vector::guest(
            "A8",
            "table.fill, table.copy and memory.init in a loop",
            looped(
                r#"(memory 1) (table $t 20000 funcref) (data $d "0123456789abcdef")"#,
                "(table.fill $t (i32.const 0) (ref.null func) (i32.const 20000))
                 (table.copy $t $t (i32.const 1) (i32.const 0) (i32.const 19999))
                 (memory.init $d (i32.const 0) (i32.const 0) (i32.const 16))",
            ),
        ),
        Vector::guest(
            "A9",
            "growth of a memory that is refused, again and again",
            looped("(memory 1)", "(drop (memory.grow (i32.const 65535)))"),
        ),
        Vector::guest(
            "A9",
            "growth by no page, again and again",
            looped("(memory 1)", "(drop (memory.grow (i32.const 0)))"),
        ),
    ]
}

fn elsewhere() -> Vec<Vector> {
    vec![
        Vector::elsewhere(
            "A4",
            "a guest that enters the host, which runs a guest, and so on",
            "i7_nested_executions_are_charged_once",
        ),
        Vector::off(
            "A5",
            "exceptions that catch the end",
            r#"(component (core module (func (export "run")
                 (loop $l (block $h (try_table (catch_all $h) (loop $x (br $x)))) (br $l)))))"#,
            "exceptions",
        ),
        Vector::elsewhere(
            "A13",
            "a destructor that the host enters",
            "a_destructor_is_inside_the_deadline",
        ),
        Vector::off(
            "A16",
            "garbage that the host must collect",
            r#"(component (core module (type $a (array (mut i8)))
                 (func (export "run") (loop $l
                   (drop (array.new_default $a (i32.const 1000000))) (br $l)))))"#,
            "gc",
        ),
        Vector::off(
            "A17",
            "a wait on shared memory that blocks the thread",
            r#"(component (core module (memory 1 1 shared) (func (export "run")
                 (drop (memory.atomic.wait32
                   (i32.const 0) (i32.const 0) (i64.const -1))))))"#,
            "threads",
        ),
        Vector::off(
            "A17",
            "atomic operations on a memory that is not shared",
            r#"(component (core module (memory 1 1) (func (export "run")
                 (drop (i32.atomic.load (i32.const 0))))))"#,
            "threads",
        ),
        Vector::elsewhere(
            "A18",
            "guests of seven kinds that never yield, on one thread",
            "neighbours_keep_running_beside_spinning_guests",
        ),
    ]
}

fn call_tree(depth: usize) -> String {
    let mut fields = String::from("(func $f0)");
    for level in 1..=depth {
        let calls = format!("(call $f{})", level - 1).repeat(10);
        fields += &format!("(func $f{level} {calls})");
    }
    fields += &format!(r#"(func (export "run") (call $f{depth}))"#);
    wat::component(&fields)
}

fn deep_frames() -> String {
    let locals = "(local i64)".repeat(64);
    let uses: String = (0..64)
        .map(|at| format!("(local.set {at} (i64.add (local.get {at}) (global.get $g)))"))
        .collect();
    let keeps: String = (0..64).map(|at| format!("(global.set $g (local.get {at}))")).collect();
    wat::component(&format!(
        r#"(table 1 funcref) (elem (i32.const 0) func $r) (global $g (mut i64) (i64.const 1))
           (func $r (export "run") {locals} {uses} (call_indirect (i32.const 0)) {keeps})"#
    ))
}

fn long_body() -> Vec<u8> {
    // Each is a nop.
    wat::component_of(&wat::module_of(core::iter::repeat_n(1, 7_000_000)))
}
