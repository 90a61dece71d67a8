//! Section F of the catalogue: compiling and loading.
//!
//! The bombs are those of [`crate::bombs`]: large ones fall to the pre-pass, small ones to the
//! budget of the worker. `tests/it/bombs.rs` has the mutations.

mod features;
mod files;
mod texts;

use core::fmt::Write as _;
use core::time::Duration;

use wasm_encoder::{Component, CustomSection, RawSection};

use crate::bombs::Bomb;
use crate::guest_case::{Code, GuestCase};
use crate::measured::Measured;
use crate::outcome::Outcome::{Rejected, Success};
use crate::vector::Vector;

/// The bytes by which the host may grow while it refuses a bomb.
pub const GROWTH: u64 = 64 << 20;

/// A refusal takes two seconds; on a busy machine few times as many.
pub const SOON: Duration = Duration::from_secs(10);

/// Returns the vectors of the section.
#[must_use]
pub fn vectors() -> Vec<Vector> {
    let mut all = bombs();
    all.extend(small_bombs());
    all.extend(texts::vectors());
    all.extend(files::vectors());
    all.extend(features::vectors());
    all
}

/// A component that is refused soon, in these words.
fn rejected(code: fn() -> Vec<u8>, says: &'static str) -> GuestCase {
    GuestCase::new(Code::Made(code), &[Rejected]).says(says).growth(GROWTH).check(soon)
}

/// Tells whether a component was refused in time.
fn soon(measured: &Measured) -> Result<(), String> {
    // The command tells the time of the whole process alone.
    match measured.compile.max(measured.whole) {
        time if time > SOON => Err(format!("took {time:?} to refuse")),
        _ => Ok(()),
    }
}

fn bombs() -> Vec<Vector> {
    // One function for each: what makes a component holds no values.
    macro_rules! bombs {
        ($($bomb:ident $title:literal: $says:literal,)*) => {
            vec![$(Vector::guest(
                Bomb::$bomb.row(),
                $title,
                rejected(|| Bomb::$bomb.large(), $says),
            ),)*]
        };
    }
    bombs! {
        Diamonds "forty thousand locals, ten thousand branches": "locals in one function",
        Values "calls that hand on a thousand values": "values handed on in one function",
        Loops "four hundred loops in each other": "nested loops in one function",
        FlatLoops "a hundred thousand loops": "in one function",
        Nesting "a hundred thousand blocks in each other": "in one function",
        Straight "a body of a million operators": "bytes in the body of one function",
        Calls "a quarter million calls in one function": "in one function",
        BranchTables "a branch table of a million targets": "branch targets in one function",
        Elements "three hundred thousand elements at a computed place": "elements",
        Segments "ten thousand data segments at computed places": "segments with a computed place",
        Functions "a hundred thousand functions": "functions",
        Signatures "twenty thousand types": "types",
        Constants "a constant of three hundred thousand operators": "constant operators",
        TypeTower "a hundred thousand types in each other": "nested types",
        TypeGraph "a type of 2^100 parts": "parts in one type",
    }
}

fn small_bombs() -> Vec<Vector> {
    vec![
        Vector::guest(
            "F1",
            "a bomb within every limit of the structure",
            rejected(within_limits, "compiling it takes more than"),
        ),
        Vector::guest(
            "F1",
            "the same inside 40 MB of custom sections, which buy no budget",
            rejected(padded, "compiling it takes more than"),
        ),
        Vector::guest(
            "F15",
            "two hundred modules, each with code of its own to register",
            GuestCase::new(Code::Made(many_modules), &[Success]).growth(GROWTH),
        ),
    ]
}

/// Eight functions, each of as many locals and branches as one may have.
fn within_limits() -> Vec<u8> {
    let sets: String = (0..2_900)
        .map(|at| format!("(if (local.get 0) (then (local.set {} (i32.const 1))))", 1 + at % 1_600))
        .collect();
    let sum = (1..1_600).fold(String::from("(local.get 0)"), |mut sum, local| {
        let _ = write!(sum, "(i32.add (local.get {local}))");
        sum
    });
    let function =
        format!("(func (param i32) (local {}) {sets} (drop {sum}))", "i32 ".repeat(1_600));
    let text = format!("(component (core module {}))", function.repeat(8));
    wat::parse_str(text).unwrap_or_default()
}

fn padded() -> Vec<u8> {
    let mut component = Component::new();
    let padding = vec![0; 20 << 20];
    component.section(&CustomSection { name: "before".into(), data: (&padding).into() });
    component.section(&RawSection { id: 4, data: &within_limits() });
    component.section(&CustomSection { name: "after".into(), data: padding.into() });
    component.finish()
}

fn many_modules() -> Vec<u8> {
    let modules: String = (0..198)
        .map(|number| {
            format!("(core module (func (export \"f\") (result i32) (i32.const {number})))")
        })
        .collect();
    format!(
        "(component {modules}
           (core module $m (func (export \"run\")))
           (core instance $i (instantiate $m))
           (func (export \"run\") (canon lift (core func $i \"run\"))))"
    )
    .into_bytes()
}
