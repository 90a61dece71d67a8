//! Component text that is hard to parse, or makes much of little.

use crate::guest_case::{Code, GuestCase};
use crate::outcome::Outcome::{Error, Rejected};
use crate::vector::Vector;

use super::{GROWTH, soon};

/// Bytes of the largest text that is parsed.
const MOST: usize = 4 << 20;

pub(super) fn vectors() -> Vec<Vector> {
    // One function for each: what makes a text holds no values.
    macro_rules! texts {
        ($($title:literal: $text:expr => $says:literal,)*) => {
            vec![$(Vector::guest(
                "F9",
                $title,
                GuestCase::new(Code::Made(|| $text.into_bytes()), &[Error, Rejected])
                    .says($says)
                    .growth(GROWTH)
                    .check(soon),
            ),)*]
        };
    }
    texts! {
        "text of one byte more than is parsed": " ".repeat(MOST + 1) =>
            "4194304",
        "components in each other, 4 MiB of them": fill("(component ") => "nesting too deep",
        "brackets, 4 MiB of them": fill("(") => "expected valid module field",
        "comments in each other, 4 MiB of them": fill("(;") => "unterminated block comment",
        "a string that does not end": format!("(component \"{}", "\\00".repeat(300_000)) => "unexpected end-of-file",
        "functions of six bytes":
            format!("(component (core module {}))", "(func)".repeat(100_000)) =>
            "component rejected",
        "modules of thirteen bytes": format!("(component {})", "(core module)".repeat(50_000)) =>
            "component rejected",
        "expressions in each other": format!("(component (core module (func {}", "(drop ".repeat(200_000)) =>
            "expected an instruction",
        "types with names of their own": {
            let types: String = (0..50_000).map(|at| format!("(type $t{at} string)")).collect();
            format!("(component {types})")
        } => "component rejected",
        "a name of a megabyte":
            format!("(component (import \"{}\" (func)))", "a".repeat(1 << 20)) => "string size out of bounds",
    }
}

/// Repeats a text up to the largest size, with some room for what is around it.
fn fill(part: &str) -> String {
    part.repeat((MOST - 1_024) / part.len())
}
