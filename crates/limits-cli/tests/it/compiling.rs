//! Components of strangers, compiled in a worker within the operator's `[compile]`.

use core::time::Duration;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::time::Instant;

use limits_core::StructureCount;
use serde_json::{Value, json};

use crate::command::{Case, Ended, ROOMY, ended};
use crate::guests::{LIBRARY, command_module};

const ADD: [&str; 2] = ["--invoke", "add(1, 2)"];

/// A component with at least one of everything that is counted.
const RICH: &str = r#"(component
    (type (instance (type (record (field "name" u8)))))
    (component $inner)
    (instance (instantiate $inner))
    (core module $base (global (export "at") i32 (i32.const 0)))
    (core instance $base (instantiate $base))
    (core module $m
        (import "base" "at" (global $at i32))
        (memory 1)
        (table 2 funcref)
        (global i32 (i32.const 7))
        (elem (global.get $at) func $add)
        (data (global.get $at) "x")
        (func $add (export "add") (param i32 i32) (result i32)
            (loop $l (br_if $l (i32.const 0)))
            (block $b (br_table $b $b (i32.const 0)))
            (if (i32.const 0) (then (drop (call $add (i32.const 1) (i32.const 2)))))
            (i32.add (local.get 0) (local.get 1))))
    (core instance $i (instantiate $m (with "base" (instance $base))))
    (func (export "add") (param "a" u32) (param "b" u32) (result u32)
        (canon lift (core func $i "add"))))"#;

/// A component that takes some tenths of a second to compile.
fn heavy() -> Vec<u8> {
    let functions: String = (0..3_000)
        .map(|n| format!("(func (param i32) (result i32) (i32.mul (local.get 0) (i32.const {n})))"))
        .collect();
    let text = LIBRARY.replacen("(core module $m", &format!("(core module $m {functions}"), 1);
    wat::parse_str(text).unwrap()
}

/// Runs the `add` of a component under a policy with this `[compile]`.
fn under(case: &Case, compile: &str) -> (Ended, Value) {
    case.write("policy.toml", format!("[compile]\n{compile}\n"));
    case.json(&[&ADD[..], &["--policy", "policy.toml"]].concat())
}

fn message(json: &Value) -> &str {
    json["error"]["message"].as_str().unwrap()
}

#[test]
fn every_count_of_a_components_structure_has_a_limit_that_the_operator_sets() {
    let case = Case::new(ROOMY, RICH);
    let (ended, json) = under(&case, "workers = 1");
    assert_eq!((ended.code, &json["result"]), (Some(0), &json!("3")), "{ended:?}");
    for count in StructureCount::ALL {
        let key = count.key();
        let (ended, json) = under(&case, &format!("{key} = 0"));
        assert_eq!((ended.code, &json["outcome"]), (Some(73), &json!("rejected")), "{key}: {json}");
        assert!(message(&json).contains(key), "{key}: {json}");
        let setting = json!({"value": 0, "origin": "policy"});
        assert_eq!(json["compile"][format!("compile.{key}")], setting);
    }
}

#[test]
fn a_rejection_has_its_numbers_in_every_command() {
    let case = Case::new(ROOMY, RICH);
    case.write("policy.toml", "[compile]\nmax_memories = 0\n");
    for (verb, more) in [("run", &ADD[..]), ("check", &[]), ("calibrate", &ADD)] {
        let args = [&["--policy", "policy.toml", "--format", "json"], more].concat();
        let ended = ended(case.command(verb, &args).spawn().unwrap());
        let json = ended.json();
        assert_eq!((ended.code, &json["outcome"]), (Some(73), &json!("rejected")), "{ended:?}");
        assert!(
            message(&json).starts_with("component rejected: it has 1 memories, max_memories is 0"),
            "{json}"
        );
        assert_eq!((&json["error"]["limit"], &json["error"]["requested"]), (&json!(0), &json!(1)));
    }
}

#[test]
fn a_spent_budget_of_compiling_is_a_rejection() {
    let case = Case::new(ROOMY, heavy());
    for (compile, whys) in [
        (
            "cpu_ms = 20\ncpu_ms_per_mib = 0",
            // The clock runs on while others have the cores: it has four times the CPU time.
            &["20 ms of CPU time", "80 ms of time"][..],
        ),
        ("memory = \"1MiB\"\nmemory_per_mib = 0", &[""]),
    ] {
        let (ended, json) = under(&case, compile);
        assert_eq!((ended.code, &json["outcome"]), (Some(73), &json!("rejected")), "{json}");
        let is_why = |why: &&str| {
            let start = format!("component rejected: compiling it takes more than {why}");
            message(&json).starts_with(&start)
        };
        assert!(whys.iter().any(is_why), "{compile}: {json}");
        assert_eq!(json["phases"]["compile"], Value::Null);
    }
    // The parts for each MiB alone are enough for this one: it has a ninth of a MiB.
    let compile = "cpu_ms = 0\ncpu_ms_per_mib = 1_000_000\nmemory = 0\nmemory_per_mib = \"64GiB\"";
    let (ended, _) = under(&case, compile);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn without_a_budget_the_same_component_compiles_inline() {
    let case = Case::new(ROOMY, heavy());
    case.write("policy.toml", "[compile]\ncpu_ms = 20\ncpu_ms_per_mib = 0\n");
    let args = [&ADD[..], &["--policy", "policy.toml", "--compile", "inline"]].concat();
    let (ended, json) = case.json(&args);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let compile = &json["phases"]["compile"];
    assert_eq!(compile["mode"], "inline");
    for unknown in ["cpu_ms", "peak_memory", "confinement"] {
        assert_eq!(compile[unknown], Value::Null);
    }
    // The structure is bounded all the same.
    case.write("policy.toml", "[compile]\nmax_functions = 10\n");
    let (ended, json) = case.json(&args);
    assert_eq!((ended.code, &json["outcome"]), (Some(73), &json!("rejected")), "{ended:?}");
}

#[test]
fn text_and_modules_pass_through_the_worker_and_the_report_has_its_phases() {
    let module =
        command_module("hello\n", "(call $print (i32.const 1) (i32.const 1024) (i32.const 6))");
    let binary = wat::parse_str(&module).unwrap();
    for component in [module.as_bytes(), &binary] {
        let case = Case::new(ROOMY, component);
        let (ended, json) = case.json(&["--no-cache"]);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
        assert!(ended.stdout.starts_with("hello\n"));
        let phases = &json["phases"];
        for ms in ["load_ms", "instantiate_ms", "run_ms"] {
            assert!(phases[ms].as_f64().unwrap() > 0.0, "{phases}");
        }
        let compile = &phases["compile"];
        assert_eq!((&compile["mode"], &compile["cache"]), (&json!("worker"), &json!("off")));
        assert!(compile["ms"].as_f64().unwrap() > 0.0, "{phases}");
        assert!(compile["cpu_ms"].as_f64().unwrap() > 0.0, "{phases}");
        assert!(compile["peak_memory"].as_u64().unwrap() > 1 << 20, "{phases}");
        let text = case.run(&["--no-cache"]).stderr;
        let line = text.lines().find(|line| line.starts_with("  phases   load ")).unwrap();
        assert!(line.contains(" ms (worker, cache off, "), "{line}");
    }
}

#[test]
fn a_worker_that_is_missing_or_broken_is_the_hosts_failure_and_nothing_is_compiled() {
    let case = Case::new(ROOMY, LIBRARY);
    for (program, script) in [("missing", None), ("silent", Some("exit 0")), ("loud", Some("yes"))]
    {
        let path = case.path(program);
        if let Some(script) = script {
            fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        for (verb, more) in [("run", &ADD[..]), ("check", &[]), ("calibrate", &ADD)] {
            let worker = ["--format", "json", "--compile-worker", path.to_str().unwrap()];
            let ended = ended(case.command(verb, &[&worker, more].concat()).spawn().unwrap());
            let json = ended.json();
            assert_eq!((ended.code, &json["outcome"]), (Some(72), &json!("host")), "{ended:?}");
            let message = message(&json);
            assert!(message.starts_with("compile worker: "), "{message}");
            assert!(message.contains("; --compile inline compiles in this process"), "{message}");
        }
    }
}

#[test]
fn an_interrupt_ends_the_worker_with_the_command() {
    // Seconds of parsing.
    let functions = "(func)".repeat((4 << 20) / "(func)".len() - 8);
    let case = Case::new(ROOMY, format!("(component (core module {functions}))"));
    for verb in ["check", "run", "calibrate"] {
        let mut command = case.command(verb, &["--format", "json"]);
        let child = command.process_group(0).spawn().unwrap();
        let command = child.id();
        let worker = eventually("a worker", || worker_of(command));
        // As a terminal sends Ctrl-C: to all processes of the group.
        let group = format!("-{command}");
        assert!(Command::new("kill").args(["-INT", "--", &group]).status().unwrap().success());
        let ended = ended(child);
        assert_eq!((ended.code, &ended.json()["outcome"]), (Some(130), &json!("cancelled")));
        eventually("the end of the worker", || (!is_alive(worker)).then_some(()));
    }
}

/// Polls until there is something.
fn eventually<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{what} did not come");
        std::thread::yield_now();
    }
}

/// Finds the process that a command started.
fn worker_of(command: u32) -> Option<u32> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let mut ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.find(|id| status(*id).is_some_and(|(_, parent)| parent == command))
}

fn is_alive(process: u32) -> bool {
    // A zombie has ended.
    status(process).is_some_and(|(state, _)| state != "Z" && state != "X")
}

/// Returns the state and the parent of a process.
fn status(process: u32) -> Option<(String, u32)> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name of the program, in parentheses, may have any character.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    Some((String::from(fields.next()?), fields.next()?.parse().ok()?))
}
