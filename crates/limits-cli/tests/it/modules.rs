//! Core modules of WASI preview 1, of which the command makes components.

use serde_json::{Value, json};

use crate::command::{Case, ROOMY, ended};
use crate::guests::{command_module, module_against};

/// The text of a command that prints `text`.
fn printer(text: &str) -> String {
    let body = format!("(call $print (i32.const 1) (i32.const 1024) (i32.const {}))", text.len());
    command_module(text, &body)
}

/// Runs a module, and returns the message of the error that must have come of it.
fn error(module: impl AsRef<[u8]>, args: &[&str]) -> String {
    refused((71, "error"), module, args)
}

fn refused(by: (i32, &str), module: impl AsRef<[u8]>, args: &[&str]) -> String {
    let (ended, json) = Case::new(ROOMY, module).json(args);
    let (code, outcome) = by;
    assert_eq!((ended.code, json["outcome"].as_str()), (Some(code), Some(outcome)), "{ended:?}");
    String::from(json["error"]["message"].as_str().unwrap())
}

/// Runs a module, and returns the reason why no component can be made of it.
fn reason(module: impl AsRef<[u8]>) -> String {
    reason_of(error(module, &[]))
}

fn reason_of(message: String) -> String {
    let (start, reason) = message.split_once(": ").unwrap();
    assert!(
        start.starts_with("cannot make a component of the core module ./component.wa"),
        "{message}"
    );
    String::from(reason)
}

#[test]
fn a_program_of_preview_1_runs_as_it_is_in_text_and_in_binary() {
    let text = printer("hello\n");
    let binary = wat::parse_str(&text).unwrap();
    for module in [text.as_bytes(), &binary] {
        let ended = Case::new(ROOMY, module).run(&[]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "hello\n"), "{ended:?}");
    }
}

#[test]
fn every_command_adapts_a_module_that_component_toml_names() {
    let case = Case::new(ROOMY, "");
    let module = wat::parse_str(printer("hello\n")).unwrap();
    case.write("program.wasm", &module);
    let text = case.read("Component.toml").replace("version", "path = \"program.wasm\"\nversion");
    case.write("Component.toml", text);
    assert_eq!(case.run(&[]).stdout, "hello\n");
    let args = ["--format", "json", "--runs", "2"];
    let calibrated = ended(case.command("calibrate", &args).spawn().unwrap()).json();
    assert_eq!(calibrated["runs"], json!({"count": 2, "by_outcome": {"success": 2}}));
    let checked = ended(case.command("check", &args[..2]).spawn().unwrap()).json();
    assert_eq!(checked["file"]["adapted"], "command");
    // The size and the hash are those of the file.
    assert_eq!(checked["file"]["bytes"], module.len());
    let text = ended(case.command("check", &[]).spawn().unwrap()).stdout;
    let line =
        format!("./program.wasm, {} B, a core module, adapted as a command, not", module.len());
    assert!(text.contains(&line), "{text}");
}

#[test]
fn a_policy_pins_the_bytes_of_the_module_as_its_file_has_them() {
    let case = Case::new(ROOMY, printer("hello\n"));
    let checked = ended(case.command("check", &["--format", "json"]).spawn().unwrap()).json();
    let sha256 = checked["file"]["sha256"].as_str().unwrap();
    let fuel = |sha256: &str| {
        let policy = format!(
            "[ceiling]\nresources.cpu.max_fuel = 1\n[component.guest]\nsha256 = \"{sha256}\"\n\
             resources.cpu.max_fuel = 5_000_000\n"
        );
        case.write("policy.toml", policy);
        let (ended, json) = case.json(&["--policy", "policy.toml"]);
        (ended.code, json["fuel"]["max"].clone())
    };
    assert_eq!(fuel(sha256), (Some(0), json!(5_000_000)));
    assert_eq!(fuel(&"0".repeat(64)), (Some(64), json!(1)));
}

const CALC: &str = "package test:calc;
    interface math { add: func(a: u32, b: u32) -> u32; }
    world calc { export math; export twice: func(a: u32) -> u32; }";

/// A library that counts its instantiations in `_initialize`, and uses WASI.
const REACTOR: &str = r#"(module
    (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
    (memory (export "memory") 1)
    (global $ready (mut i32) (i32.const 0))
    (func (export "_initialize") (global.set $ready (i32.const 1)))
    (func (export "test:calc/math#add") (param i32 i32) (result i32)
        (if (call $yield) (then unreachable))
        (i32.add (local.get 0) (local.get 1)))
    (func (export "twice") (param i32) (result i32)
        (i32.mul (local.get 0) (i32.add (global.get $ready) (i32.const 1)))))"#;

#[test]
fn functions_of_a_library_are_called_if_the_module_has_their_world() {
    let case = Case::new(ROOMY, module_against(CALC, REACTOR));
    let result = |call| {
        let (ended, json) = case.json(&["--invoke", call]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        json["result"].clone()
    };
    assert_eq!(result("test:calc/math#add(20, 22)"), "42");
    assert_eq!(result("twice(21)"), "42");
    let checked = ended(case.command("check", &["--format", "json"]).spawn().unwrap()).json();
    assert_eq!(checked["file"]["adapted"], "reactor");
    let message = error(module_against(CALC, REACTOR), &[]);
    assert!(message.starts_with("the component is a library, as it exports no wasi:cli/run"));
}

#[test]
fn a_library_without_a_world_has_nothing_to_call() {
    let nothing = "nothing of it can be called: it exports no `_start`, and has no WIT world (a \
                   `component-type` section) that gives its functions types; build it as a command \
                   or a component";
    assert_eq!(reason(REACTOR), nothing);
    assert_eq!(reason("(module)"), nothing);
    assert_eq!(reason("(module (func (export \"add\")))"), nothing);
    assert_eq!(reason("(module (memory (export \"_start\") 1))"), nothing);
}

#[test]
fn a_function_beside_the_start_of_a_program_is_none_of_the_component() {
    let message = error(printer("hello\n"), &["--invoke", "add(1, 2)"]);
    assert_eq!(
        message,
        "the component exports no function `add`; it exports wasi:cli/run@0.2.12#run; the file is \
         a core module without a WIT world (a `component-type` section), of which only `_start` can \
         be called: without --invoke"
    );
    let message = error(module_against(CALC, REACTOR), &["--invoke", "other()"]);
    assert!(message.ends_with("it exports twice, test:calc/math#add"), "{message}");
}

/// A program with some more fields.
fn program(fields: &str) -> String {
    format!("(module {fields} (func (export \"_start\")))")
}

const MEMORY: &str = "(memory (export \"memory\") 1)";

#[test]
fn imports_that_preview_1_does_not_have_are_named() {
    let has_not = |names: &str| {
        format!(
            "it imports {names}, which WASI preview 1 does not have; --stub-imports stands in for \
             imports of components only"
        )
    };
    let foo = format!("(import \"env\" \"foo\" (func)) {MEMORY}");
    assert_eq!(reason(program(&foo)), has_not("`env.foo`"));
    let sockets = format!(
        "(import \"wasi_snapshot_preview1\" \"sock_open\" (func)) (import \"a\" \"b\" (func))
         {MEMORY}"
    );
    assert_eq!(reason(program(&sockets)), has_not("`wasi_snapshot_preview1.sock_open`"));
    let many: String =
        (0..6).map(|index| format!("(import \"env\" \"f{index}\" (global i32))")).collect();
    assert_eq!(
        reason(program(&format!("{many} {MEMORY}"))),
        has_not("`env.f0`, `env.f1`, `env.f2`, `env.f3` and 2 more")
    );
    let hostile = format!("(import \"\\1b[2J\" \"{}\" (func)) {MEMORY}", "n".repeat(9_000));
    let shown = format!("`\\u{{1b}}[2J.{}…`", "n".repeat(59));
    assert_eq!(reason(program(&hostile)), has_not(&shown));
}

#[test]
fn a_module_that_no_component_can_be_made_of_is_told_why() {
    for (module, why) in [
        (
            program(&format!("(import \"wasi_unstable\" \"fd_write\" (func)) {MEMORY}")),
            "it imports `wasi_unstable`, the WASI before preview 1: build it with a newer \
             toolchain, for wasm32-wasip1",
        ),
        (
            program("(import \"env\" \"memory\" (memory 1 1 shared))"),
            "it shares memory between threads, which are not supported: build it without threads, \
             for wasm32-wasip1",
        ),
        (
            program(&format!(
                "(import \"wasi\" \"thread-spawn\" (func (param i32) (result i32))) {MEMORY}"
            )),
            "it shares memory between threads, which are not supported: build it without threads, \
             for wasm32-wasip1",
        ),
        (
            program("(memory (export \"memory\") i64 1)"),
            "its memory has 64-bit addresses, which components cannot have",
        ),
        (
            program("(memory 1)"),
            "it does not export a memory of its own as `memory`, which WASI preview 1 requires",
        ),
        (
            program(&format!(
                "(import \"wasi_snapshot_preview1\" \"fd_close\" (func (param i64))) {MEMORY}"
            )),
            "failed to decode world from module: failed to validate the imports of the adapter \
             module `wasi_snapshot_preview1`: type mismatch for function `fd_close`: expected \
             `[I64] -> []` but found `[I32] -> [I32]`",
        ),
    ] {
        assert_eq!(reason(module), why);
    }
    let imports = "(import \"env\" \"f\" (func))".repeat(4_097);
    let module = program(&format!("{imports} {MEMORY}"));
    let message = refused((73, "rejected"), module, &[]);
    assert_eq!(reason_of(message), "it has more than 4096 imports");
}

#[test]
fn a_module_that_is_cut_off_or_has_a_broken_world_is_an_error() {
    let whole = module_against(CALC, REACTOR);
    let mut cut = whole.clone();
    cut.truncate(whole.len() - 9);
    assert!(reason(&cut).starts_with("unexpected end"), "{}", reason(&cut));
    // The world's first byte after its name says in which form it is.
    let at = whole.windows(14).position(|bytes| bytes == b"component-type").unwrap();
    for index in at + 14..whole.len().min(at + 80) {
        let mut broken = whole.clone();
        broken[index] ^= 0xff;
        // No form of it makes the command panic; some bytes are text.
        let (ended, json) = Case::new(ROOMY, &broken).json(&["--invoke", "twice(21)"]);
        let message = json["error"]["message"].as_str().unwrap_or_default();
        assert!([Some(0), Some(71)].contains(&ended.code), "{index}: {ended:?}");
        assert!(!message.contains("panicked"), "{index}: {message}");
    }
}

#[test]
fn a_module_of_another_host_runs_with_its_imports_stubbed_if_it_has_a_world() {
    let wit = "package test:bot;
        interface io { say: func(to: u32); }
        world bot { import io; export quiet: func() -> u32; }";
    let module = r#"(module
        (import "test:bot/io" "say" (func (param i32)))
        (func (export "quiet") (result i32) (i32.const 7)))"#;
    let case = Case::new(ROOMY, module_against(wit, module));
    let (_, json) = case.json(&["--invoke", "quiet()"]);
    let message = json["error"]["message"].as_str().unwrap();
    assert!(message.starts_with("the component imports `test:bot/io`, which this"), "{message}");
    let (ended, json) = case.json(&["--invoke", "quiet()", "--stub-imports"]);
    assert_eq!((ended.code, &json["result"]), (Some(0), &json!("7")), "{ended:?}");
    assert_eq!(json["error"], Value::Null);
}
