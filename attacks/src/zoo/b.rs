//! Section B of the catalogue: memory of the guest.

use crate::composed;
use crate::guest_case::{Code, GuestCase};
use crate::measured::Measured;
use crate::outcome::Outcome::{
    LimitExceeded, OutOfMemory, QuotaExceeded, Rejected, Success, Timeout, Trap,
};
use crate::vector::Vector;
use crate::wat;

const MIB: u64 = 1 << 20;

/// Grows a memory by 16 pages until that is refused, and touches each page.
const EAT: &str = "(local $at i32)
    (loop $l
      (local.set $at (memory.grow (i32.const 16)))
      (if (i32.ne (local.get $at) (i32.const -1)) (then
        (memory.fill (i32.mul (local.get $at) (i32.const 65536)) (i32.const 1)
          (i32.const 1048576))
        (br $l))))";

/// Returns the vectors of the section.
#[must_use]
pub fn vectors() -> Vec<Vector> {
    [growing(), many(), tables(), initial(), over_time(), switched_off()]
        .into_iter()
        .flatten()
        .collect()
}

fn growing() -> Vec<Vector> {
    vec![
        Vector::guest(
            "B1",
            "growth until it is refused, and then without end",
            GuestCase::new(
                wat::component(
                    r#"(memory 1) (func (export "run")
                       (loop $l (drop (memory.grow (i32.const 16))) (br $l)))"#,
                ),
                &[Timeout],
            ),
        ),
        Vector::guest(
            "B1",
            "16 MiB, each page touched, then a trap",
            GuestCase::new(eater("unreachable"), &[Trap])
                .memory_mib(16)
                .timeout_ms(500)
                .says("it had been refused"),
        ),
        Vector::guest(
            "B7",
            "40 growths past the memory's own maximum, after which there is room as before",
            GuestCase::new(
                wat::component(
                    r#"(memory 1 2) (func (export "run") (local $n i32)
                       (loop $l (drop (memory.grow (i32.const 5)))
                         (local.set $n (i32.add (local.get $n) (i32.const 1)))
                         (br_if $l (i32.lt_u (local.get $n) (i32.const 40))))
                       (if (i32.ne (memory.grow (i32.const 1)) (i32.const 1))
                         (then unreachable)))"#,
                ),
                &[Success],
            )
            .set("resources.memory.max_bytes", "131072"),
        ),
        Vector::guest(
            "B7",
            "40 growths past a table's own maximum, after which there is room as before",
            GuestCase::new(
                wat::component(
                    r#"(table $t 1 1000 funcref) (func (export "run") (local $n i32)
                       (loop $l (drop (table.grow $t (ref.null func) (i32.const 5000)))
                         (local.set $n (i32.add (local.get $n) (i32.const 1)))
                         (br_if $l (i32.lt_u (local.get $n) (i32.const 40))))
                       (if (i32.ne (table.grow $t (ref.null func) (i32.const 999)) (i32.const 1))
                         (then unreachable)))"#,
                ),
                &[Success],
            )
            .set("resources.memory.max_bytes", "8000"),
        ),
    ]
}

fn many() -> Vec<Vector> {
    vec![
        Vector::guest(
            "B2",
            "100 memories of 1 MiB in one module",
            GuestCase::new(run_with(&"(memory 16)".repeat(100)), REFUSED).memory_mib(200),
        ),
        Vector::guest(
            "B2",
            "eight memories that grow in turn: the limit is of their sum",
            GuestCase::new(eight_eaters(), &[Trap])
                .memory_mib(16)
                .timeout_ms(500)
                .check(no_more_than_allowed),
        ),
        Vector::guest(
            "B3",
            "100 instances of a module with a memory",
            GuestCase::new(instances(100, "(memory 1)"), REFUSED).memory_mib(200),
        ),
        Vector::guest("B3", "900 empty instances", GuestCase::new(instances(900, ""), REFUSED)),
        Vector::guest(
            "B3",
            "two components, each of which grows to the whole limit",
            GuestCase::new(two_eaters(), &[Trap, Timeout])
                .memory_mib(16)
                .timeout_ms(500)
                .check(no_more_than_allowed),
        ),
        Vector::guest(
            "B4",
            "100 memories without a byte, of 4 GiB of addresses each",
            GuestCase::new(run_with(&"(memory 0)".repeat(100)), REFUSED),
        ),
        Vector::guest(
            "B4",
            "eight memories without a byte, in each of 64 executions at once",
            GuestCase::new(
                wat::component(&format!(
                    r#"{} (func (export "run") (loop $l (br $l)))"#,
                    "(memory 0)".repeat(8)
                )),
                &[Timeout],
            )
            .timeout_ms(100)
            .runs(64, 64)
            .growth(64 * MIB),
        ),
        Vector::host("B4", "thousands of stores with eight memories each", "Address space."),
    ]
}

/// The ends of a component with too many parts.
const REFUSED: &[crate::outcome::Outcome] = &[Rejected, LimitExceeded];

fn tables() -> Vec<Vector> {
    vec![
        Vector::guest(
            "B5",
            "a table that grows to 100 million elements at once",
            GuestCase::new(
                wat::component(
                    r#"(table $t 1 funcref) (func (export "run")
                       (if (i32.eq (i32.const -1)
                           (table.grow $t (ref.null func) (i32.const 100000000)))
                         (then unreachable)))"#,
                ),
                &[Trap],
            )
            .says("it had been refused"),
        ),
        Vector::guest(
            "B5",
            "four tables of ten million elements",
            GuestCase::new(run_with(&"(table 10000000 funcref)".repeat(4)), REFUSED).memory_mib(64),
        ),
        Vector::guest(
            "B5",
            "32 tables that grow by one element in turn, without end",
            GuestCase::new(
                wat::component(&format!(
                    r#"{} (func (export "run") (loop $l {} (br $l)))"#,
                    "(table 0 funcref)".repeat(32),
                    (0..32)
                        .map(|at| format!("(drop (table.grow {at} (ref.null func) (i32.const 1)))"))
                        .collect::<String>()
                )),
                &[Timeout],
            ),
        ),
    ]
}

fn initial() -> Vec<Vector> {
    vec![
        Vector::guest(
            "B8",
            "a memory that begins with 4 GiB",
            GuestCase::new(run_with("(memory 65536)"), &[OutOfMemory]),
        ),
        Vector::guest(
            "B8",
            "a table that begins with four thousand million elements",
            GuestCase::new(run_with("(table 4294967295 funcref)"), REFUSED),
        ),
        Vector::guest(
            "B8",
            "a memory that begins one page above the limit",
            GuestCase::new(run_with("(memory 17)"), &[OutOfMemory]),
        ),
        Vector::guest(
            "B9",
            "90 000 data segments",
            GuestCase::new(Code::Made(segments), &[Rejected]).says("max_segments"),
        ),
        Vector::guest(
            "B9",
            "initial data of 8 MiB in each of 32 executions at once",
            GuestCase::new(Code::Made(image), &[Success, Timeout])
                .memory_mib(8)
                .timeout_ms(500)
                .runs(64, 32),
        ),
    ]
}

fn over_time() -> Vec<Vector> {
    vec![
        Vector::guest(
            "B11",
            "32 MiB, then a trap, 40 times: the memory of each is given back",
            GuestCase::new(eater("unreachable"), &[Trap])
                .memory_mib(32)
                .timeout_ms(500)
                .runs(40, 1),
        ),
        Vector::guest(
            "B11",
            "16 MiB, then no end, 32 times, four at once",
            GuestCase::new(eater("(loop $l (br $l))"), &[Timeout])
                .memory_mib(16)
                .timeout_ms(100)
                .runs(32, 4),
        ),
        Vector::guest(
            "B11",
            "16 MiB in each of eight executions at once, of which the quota has room for two",
            GuestCase::new(eater("(loop $l (br $l))"), &[Timeout, QuotaExceeded])
                .memory_mib(16)
                .set("quota.memory", "\"32MiB\"")
                .timeout_ms(200)
                .runs(8, 8)
                .check(|measured| match measured.growth {
                    0..=67_108_864 => Ok(()),
                    growth => Err(format!("{growth} bytes, under a quota of 32 MiB")),
                }),
        ),
    ]
}

fn switched_off() -> Vec<Vector> {
    vec![
        Vector::off(
            "B6",
            "a heap of garbage beside the memory",
            r#"(component (core module (type $s (struct (field i64)))
                 (func (export "run") (drop (struct.new_default $s)))))"#,
            "gc",
        ),
        Vector::off(
            "B10",
            "memories of 64 bits",
            "(component (core module (memory i64 1)))",
            "memory64",
        ),
        Vector::off(
            "B10",
            "pages of one byte",
            "(component (core module (memory 1 1 (pagesize 1))))",
            "custom page sizes",
        ),
        Vector::off(
            "B10",
            "tail calls, which no stack bounds",
            r#"(component (core module (func $f (export "run") (return_call $f))))"#,
            "tail calls",
        ),
        Vector::off(
            "B10",
            "memory that threads share, which no limit sees grow",
            "(component (core module (memory 1 1 shared)))",
            "threads",
        ),
    ]
}

/// The peak is of the whole process, so it is held to the memory of the limits and no margin but
/// that of every vector.
fn no_more_than_allowed(measured: &Measured) -> Result<(), String> {
    match measured.growth {
        growth if growth <= measured.allowed_memory + 24 * MIB => Ok(()),
        growth => Err(format!("{growth} bytes beside {} allowed", measured.allowed_memory)),
    }
}

fn run_with(fields: &str) -> String {
    wat::component(&format!(r#"{fields} (func (export "run"))"#))
}

fn eater(then: &str) -> String {
    wat::component(&format!(r#"(memory 0) (func (export "run") {EAT} {then})"#))
}

fn eight_eaters() -> String {
    let memories = "(memory 0)".repeat(8);
    let eats: String = (0..8)
        .map(|at| {
            EAT.replace("(local $at i32)", "")
                .replace("memory.grow", &format!("memory.grow {at}"))
                .replace("memory.fill", &format!("memory.fill {at}"))
        })
        .collect();
    wat::component(&format!(
        r#"{memories} (func (export "run") (local $at i32) {eats} unreachable)"#
    ))
}

fn two_eaters() -> String {
    let [inner, outer] = [EAT.into(), format!("(call $inner) {EAT} unreachable")];
    let text = composed::pair(&inner, &outer);
    // Locals come before everything else.
    text.replace("(call $inner) (local $at i32)", "(local $at i32) (call $inner)")
        .replace("(core module $m ", "(core module $m (memory 0) ")
        .replace(
            r#"(memory 0) (import "" "inner" (func $inner))"#,
            r#"(import "" "inner" (func $inner)) (memory 0)"#,
        )
}

fn instances(count: usize, fields: &str) -> String {
    let instances: String =
        (0..count).map(|n| format!("(core instance $i{n} (instantiate $m))")).collect();
    format!(
        r#"(component
             (core module $m {fields} (func (export "run")))
             {instances}
             (func (export "run") (canon lift (core func $i0 "run"))))"#
    )
}

fn segments() -> Vec<u8> {
    let segments = "(data (i32.const 0) \"\")".repeat(90_000);
    wat::binary(&run_with(&format!("(memory 1) {segments}")))
}

fn image() -> Vec<u8> {
    let byte = "x".repeat(8 << 20);
    wat::binary(&run_with(&format!("(memory 128) (data (i32.const 0) \"{byte}\")")))
}
