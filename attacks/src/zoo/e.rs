//! Section E of the catalogue: logs, output and errors.

use core::fmt::Write as _;

use crate::guest_case::GuestCase;
use crate::measured::Measured;
use crate::outcome::Outcome::{Error, Rejected, Success, Timeout, Trap};
use crate::vector::Vector;
use crate::wasi::{forever, run, times};
use crate::wat;

/// The longest message that a log may get.
const LONGEST: usize = 4_096;

/// Returns the vectors of the section.
#[must_use]
pub fn vectors() -> Vec<Vector> {
    [output(), names(), restarts(), texts()].into_iter().flatten().collect()
}

/// The message is short and has no characters by which a guest could write lines of its own.
fn plain(measured: &Measured) -> Result<(), String> {
    let message = &measured.message;
    match message.chars().find(|character| character.is_control() || is_bidi(*character)) {
        Some(character) => Err(format!("the message has {character:?}: {message:?}")),
        None if message.len() > LONGEST => Err(format!("the message has {} bytes", message.len())),
        None => Ok(()),
    }
}

/// Tells whether a character changes the direction of others.
const fn is_bidi(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn output() -> Vec<Vector> {
    let put = "(call $put (local.get $stream) (i32.const 4096) (i32.const 4096) (i32.const 1024))";
    let both = format!(
        "(local $stream i32) (local $other i32) (local.set $stream (call $stdout))
         (local.set $other (call $stderr)) {}",
        forever(&format!(
            "{put} (call $put (local.get $other) (i32.const 4096) (i32.const 4096)
               (i32.const 1024))"
        ))
    );
    vec![
        Vector::guest(
            "E1",
            "stdout and stderr, flooded until the deadline",
            GuestCase::new(run(&["stdout", "stderr", "put"], &both), &[Timeout])
                .timeout_ms(500)
                .set("quota.cpu_time", "\"unlimited\""),
        ),
        Vector::guest(
            "E1",
            "4 MB for stdout, of which 64 KiB are allowed",
            GuestCase::new(
                run(
                    &["stdout", "put"],
                    &format!(
                        "(local $stream i32) (local $n i32) (local.set $stream (call $stdout)) {}",
                        times(1_000, &format!("{put} (call $ok)"))
                    ),
                ),
                &[Success],
            )
            .timeout_ms(5_000)
            .set("resources.host.max_output_bytes", "\"64KiB\""),
        ),
        Vector::guest(
            "E1",
            "stdout at a rate of 4 KiB a second",
            GuestCase::new(
                run(
                    &["stdout", "put"],
                    &format!(
                        "(local $stream i32) (local.set $stream (call $stdout)) {}",
                        forever(put)
                    ),
                ),
                &[Timeout],
            )
            .timeout_ms(300)
            .set("resources.host.max_output_rate", "\"4KiB/s\"")
            .check(|measured| match measured.cpu_time.as_millis() {
                0..=150 => Ok(()),
                ms => Err(format!("the guest spun for {ms} ms where it should wait")),
            }),
        ),
    ]
}

fn names() -> Vec<Vector> {
    let trap_in = |name: &str| {
        GuestCase::new(
            wat::component(&format!(
                r#"(func $f (@name "{name}") unreachable) (func (export "run") (call $f))"#
            )),
            &[Trap],
        )
        .check(plain)
    };
    vec![
        Vector::guest(
            "E2",
            "a trap in a function named by newlines and escapes",
            trap_in(r"\1b[2J\1b[31m\0aERROR forged\0d\0a\e2\80\ae"),
        ),
        Vector::guest(
            "E2",
            "lines for stdout with escapes and bytes that are no text",
            GuestCase::new(
                run(
                    &["stdout", "put"],
                    "(i64.store (i32.const 4096) (i64.const 0xff0a0d6d5b1bfe80))
                     (call $put (call $stdout) (i32.const 4096) (i32.const 8) (i32.const 1024))
                     (call $ok) unreachable",
                ),
                &[Trap],
            )
            .timeout_ms(2_000)
            .check(plain),
        ),
        Vector::guest("E3", "a trap in a function named by a demangling bomb", trap_in(&bomb(20))),
        Vector::guest(
            "E4",
            "a trap in a function with a name of 90 KB",
            trap_in(&"n".repeat(90_000)),
        ),
    ]
}

/// Returns a mangled name of C++ whose readable form doubles `n` times.
fn bomb(n: u32) -> String {
    let digit = |index: u32| match char::from_digit(index, 36) {
        Some(digit) => digit.to_ascii_uppercase(),
        None => 'Z',
    };
    let parts = (0..n).fold(String::new(), |mut parts, index| {
        let one = format!("S{}_", digit(index));
        // Writing to a string does not fail.
        let _ = write!(parts, "S_I{one}{one}E");
        parts
    });
    format!("_Z1f1AIiiE{parts}")
}

fn restarts() -> Vec<Vector> {
    vec![
        Vector::elsewhere(
            "E5",
            "failures whose payload a log would show",
            "failures_of_requests_fill_no_log_and_show_no_payload",
        ),
        Vector::host("E6", "errors of the host with backtraces", "Backtraces by the environment"),
        Vector::elsewhere(
            "E7",
            "denials without end, in the log",
            "a_flood_of_denials_is_no_flood_of_tracing_events",
        ),
        Vector::guest(
            "E7",
            "300 traps one after another",
            GuestCase::new(wat::run("unreachable"), &[Trap]).runs(300, 2).check(plain),
        ),
        Vector::guest(
            "E8",
            "a trap in a module whose DWARF is nonsense",
            GuestCase::new(
                wat::component(
                    r#"(func (export "run") unreachable)
                       (@custom ".debug_info" "\ff\ff\ff\ff\00\00\00\80\04\00\00\00\00\00\08\01")
                       (@custom ".debug_line" "\ff\ff\ff\7f\05\00\ff\ff")
                       (@custom ".debug_abbrev" "\01\11\01\ff\ff\ff\ff\ff\ff\ff\ff\ff")"#,
                ),
                &[Trap],
            )
            .check(plain),
        ),
    ]
}

fn texts() -> Vec<Vector> {
    vec![
        Vector::guest(
            "E9",
            "text that is no component, with escapes",
            GuestCase::new("(component \"\u{1b}[2J\u{1b}[31m\nERROR forged\r\n\u{202e}", &[Error])
                .check(plain),
        ),
        Vector::guest(
            "E9",
            "an import with a name of 90 KB",
            GuestCase::new(
                format!(r#"(component (import "{}" (func)) )"#, "a-".repeat(45_000) + "a"),
                &[Rejected],
            )
            .check(plain),
        ),
        Vector::guest(
            "E9",
            "an import of a core module with escapes in its name",
            GuestCase::new(
                r#"(component (core module $m (import "\1b[2J\0aERROR" "\0d" (func)))
                     (core instance (instantiate $m)))"#,
                &[Error],
            )
            .check(plain),
        ),
    ]
}
