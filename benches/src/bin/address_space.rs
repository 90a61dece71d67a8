//! The cost of an engine's tight address space beside the wide one, and of copying between two
//! components inside one. Interleaved rounds; medians of ratios.

use core::error::Error;
use std::time::Instant;

use bench_report::{Options, Report, Rounds, Row};
use limits_benches::{Guest, roomy, wrap};
use limits_wasmtime::{AddressSpace, EngineBuilder};

const ROUNDS: usize = 41;
const LARGEST: u64 = 80 << 20;

/// Guests that use their memory in different ways, some 10 ms each.
fn guests() -> Vec<(&'static str, String)> {
    let looped = |times: u32, body: &str| {
        format!(
            r#"(memory 1024)
               (func (export "run") (local $i i32) (local $x i32)
                 (loop $l
                   {body}
                   (local.set $i (i32.add (local.get $i) (i32.const 1)))
                   (br_if $l (i32.lt_u (local.get $i) (i32.const {times})))))"#
        )
    };
    vec![
        ("arithmetic, no memory", wrap(&looped(10_000_000, "(local.set $x (i32.mul (local.get $x) (i32.const 1664525)))"))),
        (
            "loads one after another over 1 MiB",
            wrap(&looped(
                8_000_000,
                "(local.set $x (i32.add (local.get $x)
                   (i32.load (i32.and (i32.shl (local.get $i) (i32.const 2)) (i32.const 0xfffff)))))",
            )),
        ),
        (
            "loads and stores at computed addresses in 64 KiB",
            wrap(&looped(
                4_000_000,
                "(local.set $x (i32.add (i32.mul (local.get $x) (i32.const 1664525)) (i32.const 1013904223)))
                 (i32.store (i32.and (local.get $x) (i32.const 0xfffc))
                   (i32.add (local.get $i)
                     (i32.load (i32.and (i32.shr_u (local.get $x) (i32.const 8)) (i32.const 0xfffc)))))",
            )),
        ),
        ("memory.copy of 4 KiB", wrap(&looped(40_000, "(memory.copy (i32.const 0) (i32.const 65536) (i32.const 4096))"))),
        (
            "instantiation with 1 MiB of data",
            wrap(&format!(
                r#"(memory 17) (data (i32.const 0) "{}") (func (export "run"))"#,
                "x".repeat(1 << 20)
            )),
        ),
        ("instantiation of one page", wrap(r#"(memory 1) (func (export "run"))"#)),
    ]
}

/// Two components in one, of which one passes the other a string of `mib` MiB sixteen times.
fn copying(mib: u32, encoding: &str) -> String {
    let bytes = mib << 20;
    let pages = 2 * mib * 16 + 2;
    format!(
        r#"(component
             (component $back
               (core module $m (memory (export "mem") {pages})
                 (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024)
                 (func (export "take") (param i32 i32)))
               (core instance $i (instantiate $m))
               (func (export "take") (param "s" string) (canon lift (core func $i "take")
                 (memory (core memory $i "mem")) (realloc (core func $i "realloc"))
                 string-encoding={encoding})))
             (component $front
               (import "take" (func $take (param "s" string)))
               (core module $libc (memory (export "mem") {pages}))
               (core instance $libc (instantiate $libc))
               (core func $take' (canon lower (func $take) (memory (core memory $libc "mem"))))
               (core module $m (import "libc" "mem" (memory 1))
                 (import "" "take" (func $take (param i32 i32)))
                 (func (export "run") (local $i i32)
                   (memory.fill (i32.const 0) (i32.const 0x61) (i32.const {bytes}))
                   (loop $l
                     (call $take (i32.const 0) (i32.const {bytes}))
                     (local.set $i (i32.add (local.get $i) (i32.const 1)))
                     (br_if $l (i32.lt_u (local.get $i) (i32.const 16))))))
               (core instance $i (instantiate $m (with "libc" (instance $libc))
                 (with "" (instance (export "take" (func $take'))))))
               (func (export "run") (canon lift (core func $i "run"))))
             (instance $back (instantiate $back))
             (instance $front (instantiate $front (with "take" (func $back "take"))))
             (export "run" (func $front "run")))"#
    )
}

async fn micros(guest: &Guest) -> Result<f64, Box<dyn Error>> {
    let limits = roomy().execution_timeout_ms(60_000).build()?;
    let start = Instant::now();
    guest.run(&limits).await?;
    Ok(start.elapsed().as_secs_f64() * 1e6)
}

fn main() -> Result<(), Box<dyn Error>> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(measure())
}

async fn measure() -> Result<(), Box<dyn Error>> {
    let options = Options::from_env();
    let mut report = Report::new(options.clone());
    let engine = |mode| EngineBuilder::new().address_space(mode).build();
    for (name, text) in guests() {
        let wide = Guest::on(engine(AddressSpace::Wide)?, name, &text)?;
        let tight = engine(AddressSpace::Tight { largest_memory: LARGEST })?;
        let tight = Guest::on(tight, name, &text)?;
        let mut rounds = Rounds::new(2);
        for _ in 0..options.rounds(ROUNDS) {
            rounds.push([Some(micros(&tight).await?), Some(micros(&wide).await?)]);
        }
        let row = Row::new("tight address space beside the wide", name, "us");
        report.row(row.compared(&rounds, 0, "wide", 1));
    }
    for encoding in ["utf8", "utf16", "latin1+utf16"] {
        let guest = Guest::new("copy", &copying(4, encoding))?;
        let mut rounds = Rounds::new(1);
        for _ in 0..options.rounds(11) {
            rounds.push([Some(micros(&guest).await? / 1e3 / 64.0)]);
        }
        let name = format!("UTF-8 to {encoding}, 4 MiB at once, per MiB");
        let row = Row::new("copied between two components", &name, "ms");
        report.row(row.measured(rounds.median(0)));
    }
    Ok(report.finish()?)
}
