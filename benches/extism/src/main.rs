//! The same guest here and in Extism: a plugin made and called, one kept and called, a loop, and a
//! guest that never ends.
//!
//! `cargo xtask bench` runs it. Both sides have compiled the guest before, limit its memory and its
//! fuel, and give it a time limit. Extism calls core modules and passes bytes, so the guest has no
//! arguments.

mod ours;
mod theirs;

use core::error::Error;
use core::hint::black_box;
use std::time::Instant;

use bench_report::{Options, Report, Rounds, Row, Target};

use crate::ours::Ours;
use crate::theirs::Theirs;

/// A guest with a call that does nothing, a loop of some 50 ms, and one that never ends.
const GUEST: &str = r#"
    (memory 1)
    (func (export "run") (result i32) (i32.const 0))
    (func (export "loop") (result i32) (local $i i32)
      (loop $l
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $l (i32.lt_u (local.get $i) (i32.const 60000000))))
      (i32.const 0))
    (func (export "spin") (result i32) (loop $l br $l) (i32.const 0))"#;
const FUEL: u64 = 100_000_000_000;
const MEMORY_PAGES: u32 = 16;
/// The time limit of the guest that never ends.
const TIMEOUT_MS: u64 = 20;
const PEER: &str = "Extism 1.30";

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::from_env();
    let mut report = Report::new(options.clone());
    let mut ours = Ours::new(GUEST)?;
    let mut theirs = Theirs::new(GUEST)?;
    let group = "beside Extism";

    let cold = compare(options.rounds(101), 200, [&mut || ours.cold(), &mut || theirs.cold()])?;
    let row = Row::new(group, "made, called once, dropped", "us");
    report.row(row.compared(&cold, 0, PEER, 1).target(Target::Ratio(1.0)));

    let kept = compare(
        options.rounds(101),
        2_000,
        [&mut || ours.kept("run"), &mut || theirs.kept("run")],
    )?;
    let row = Row::new(group, "call of a kept one", "us");
    report.row(row.compared(&kept, 0, PEER, 1).target(Target::Ratio(1.0)));

    let busy =
        compare(options.rounds(31), 1, [&mut || ours.kept("loop"), &mut || theirs.kept("loop")])?;
    let row = Row::new(group, "tight loop", "us");
    report.row(row.compared(&busy, 0, PEER, 1));

    let late = lateness(options.rounds(51), &ours, &theirs)?;
    let row = Row::new(group, "end after a deadline of 20 ms, median", "us");
    report.row(row.compared(&late, 0, PEER, 1).target(Target::Ratio(1.0)));
    report.finish()?;
    Ok(())
}

type Operation<'a> = &'a mut dyn FnMut() -> Result<(), Box<dyn Error>>;

/// Returns the microseconds of each operation, in rounds that run a batch of both.
fn compare(
    rounds: usize,
    batch: u32,
    mut operations: [Operation<'_>; 2],
) -> Result<Rounds, Box<dyn Error>> {
    let mut found = Rounds::new(operations.len());
    // The first round warms up.
    for round in 0..=rounds {
        let mut times = Vec::new();
        for operation in &mut operations {
            let began = Instant::now();
            for _ in 0..batch {
                black_box(operation()?);
            }
            times.push(Some(began.elapsed().as_secs_f64() * 1e6 / f64::from(batch)));
        }
        if round > 0 {
            found.push(times);
        }
    }
    Ok(found)
}

/// Returns the microseconds from the deadline of a guest that never ends to its end.
fn lateness(rounds: usize, ours: &Ours, theirs: &Theirs) -> Result<Rounds, Box<dyn Error>> {
    let mut found = Rounds::new(2);
    for _ in 0..rounds {
        let late = |time: core::time::Duration| Some(time.as_secs_f64() * 1e6 - 2e4);
        found.push([late(ours.spin()?), late(theirs.spin()?)]);
    }
    Ok(found)
}
