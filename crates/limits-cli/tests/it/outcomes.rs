//! Each outcome, with its exit code and its JSON.

use serde_json::{Value, json};

use crate::command::{Case, Ended, ROOMY};
use crate::guests::{LIBRARY, command, printer};

fn library(limits: &str, call: &str) -> (Ended, Value) {
    Case::new(limits, LIBRARY).json(&["--invoke", call])
}

fn number(json: &Value) -> u64 {
    json.as_u64().unwrap_or_else(|| panic!("{json} is not a whole number"))
}

#[test]
fn a_guest_that_comes_to_its_end_is_a_success() {
    let (ended, json) = Case::new(ROOMY, printer("hello\n")).json(&[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.stdout.lines().next(), Some("hello"));
    assert_eq!(ended.stderr, "");
    assert_eq!(json["component"], "guest");
    assert_eq!(json["outcome"], "success");
    assert_eq!((&json["result"], &json["error"]), (&Value::Null, &Value::Null));
    let fuel = &json["fuel"];
    assert_eq!(number(&fuel["max"]), 9_000_000_000_000_000_000);
    assert_eq!(number(&fuel["max"]) - number(&fuel["consumed"]), number(&fuel["remaining"]));
    assert!(number(&fuel["consumed"]) > 0);
    assert_eq!(fuel["exact"], true);
    assert!(fuel["percent"].is_f64());
    assert_eq!(json["memory"]["max"], 67_108_864);
    assert!(number(&json["memory"]["peak"]) >= 2 * 65_536);
    assert_eq!(json["memory"]["refusals"], 0);
    assert_eq!(json["time"]["timeout_ms"], 60_000);
    assert!(json["time"]["wall_ms"].as_f64().unwrap() > 0.0);
    assert!(json["time"]["cpu_ms"].as_f64().unwrap() > 0.0);
    assert_eq!(json.get("runs"), None);
}

#[test]
fn a_guest_that_uses_all_its_fuel_is_out_of_fuel() {
    let limits = "[resources.memory]\nmax_bytes = 65536\n[resources.cpu]\ntimeout_ms = 60_000\n";
    let (ended, json) = library(limits, "spin()");
    assert_eq!((ended.code, &json["outcome"]), (Some(64), &json!("out_of_fuel")));
    let error = &json["error"];
    assert!(error["message"].as_str().unwrap().starts_with("out of fuel: "), "{error}");
    assert_eq!(error["limit"], 1_000_000);
    assert!(number(&error["used"]) >= 1_000_000);
    assert_eq!(json["fuel"]["remaining"], 0);
}

#[test]
fn a_guest_that_does_not_end_by_its_deadline_times_out() {
    let limits = ROOMY.replace("60_000", "50");
    let (ended, json) = library(&limits, "spin()");
    assert_eq!((ended.code, &json["outcome"]), (Some(65), &json!("timeout")));
    assert_eq!(json["error"]["limit"], 50);
    assert!(number(&json["error"]["used"]) >= 50);
    assert!(json["time"]["wall_ms"].as_f64().unwrap() >= 50.0);
}

#[test]
fn a_guest_that_waits_for_ever_times_out() {
    // Waits on a relative clock: userdata 8 bytes, tag 0, clock 1, timeout 2^62 ns.
    let sleeper = command(
        "",
        "(i32.store (i32.const 116) (i32.const 1))
         (i64.store (i32.const 124) (i64.const 0x4000000000000000))
         (i32.store (i32.const 112) (i32.const 1))
         (i64.store (i32.const 120) (i64.const 0x4000000000000000))
         (drop (call $poll (i32.const 96) (i32.const 256) (i32.const 1) (i32.const 16)))",
    );
    let (ended, json) = Case::new(&ROOMY.replace("60_000", "50"), sleeper).json(&[]);
    assert_eq!((ended.code, &json["outcome"]), (Some(65), &json!("timeout")), "{ended:?}");
}

#[test]
fn a_component_that_does_not_fit_into_its_memory_is_out_of_memory() {
    let big = r#"(component
        (core module $m (memory 2) (func (export "f")))
        (core instance $i (instantiate $m))
        (func (export "f") (canon lift (core func $i "f"))))"#;
    let limits = "[resources.memory]\nmax_bytes = 65536\n[resources.cpu]\ntimeout_ms = 60_000\n";
    let (ended, json) = Case::new(limits, big).json(&["--invoke", "f()"]);
    assert_eq!((ended.code, &json["outcome"]), (Some(66), &json!("out_of_memory")));
    assert_eq!(
        json["error"],
        json!({
            "message": "out of memory: memory limit of 65536 bytes exceeded: 0 in use, 131072 \
                        more requested",
            "limit": 65_536, "used": 0, "requested": 131_072
        })
    );
}

#[test]
fn a_guest_that_exceeds_another_limit_says_which() {
    let limits = ROOMY.replace("64MiB\"", "64MiB\"\nmax_instances = 0");
    let (ended, json) = library(&limits, "add(1, 2)");
    assert_eq!((ended.code, &json["outcome"]), (Some(67), &json!("limit_exceeded")));
    let error = &json["error"];
    assert!(
        error["message"].as_str().unwrap().starts_with("instance limit of 0 core instances"),
        "{error}"
    );
    assert_eq!(error["limit"], 0);
    assert_eq!(
        json["limits"]["resources.memory.max_instances"],
        json!({"value": 0, "origin": "component"})
    );
}

#[test]
fn a_guest_that_traps_traps() {
    let (ended, json) = library(ROOMY, "trap()");
    assert_eq!((ended.code, &json["outcome"]), (Some(70), &json!("trap")));
    let message = json["error"]["message"].as_str().unwrap();
    assert!(message.starts_with("guest trapped: ") && message.contains("unreachable"), "{message}");
    assert_eq!(json["memory"]["refusals"], 0);
}

#[test]
fn a_guest_that_traps_after_a_refused_growth_gets_a_hint() {
    let limits = ROOMY.replace("64MiB", "1MiB");
    let (ended, json) = library(&limits, "eat()");
    assert_eq!((ended.code, &json["outcome"]), (Some(70), &json!("trap")));
    assert_eq!(json["memory"], json!({"max": 1_048_576, "peak": 1_048_576, "refusals": 1}));
    let error = &json["error"];
    assert!(
        error["message"].as_str().unwrap().ends_with(
            "(hint: it had been refused to grow once before, last: memory limit of 1048576 bytes \
             exceeded: 1048576 in use, 65536 more requested)"
        ),
        "{error}"
    );
    assert_eq!(
        (&error["limit"], &error["used"], &error["requested"]),
        (&json!(1_048_576), &json!(1_048_576), &json!(65_536))
    );
}

#[test]
fn a_guest_that_says_it_failed_exits_with_one() {
    let failing = r#"(component
        (core module $m (func (export "run") (result i32) (i32.const 1)))
        (core instance $i (instantiate $m))
        (func $run (result (result)) (canon lift (core func $i "run")))
        (instance $command (export "run" (func $run)))
        (export "wasi:cli/run@0.2.3" (instance $command)))"#;
    let (ended, json) = Case::new(ROOMY, failing).json(&[]);
    assert_eq!((ended.code, &json["outcome"]), (Some(1), &json!("exit")));
    assert_eq!(json["error"]["message"], "the guest ended itself with exit code 1");
}

#[test]
fn a_guest_that_exits_with_zero_succeeds_and_with_more_does_not() {
    let (ended, json) = Case::new(ROOMY, command("", "(call $exit (i32.const 0))")).json(&[]);
    assert_eq!((ended.code, &json["outcome"]), (Some(0), &json!("success")));
    let (ended, json) = Case::new(ROOMY, command("", "(call $exit (i32.const 7))")).json(&[]);
    // The adapter of WASI preview 1 knows failure, but not which.
    assert_eq!((ended.code, &json["outcome"]), (Some(1), &json!("exit")));
}

#[test]
fn a_guests_own_exit_code_is_ours() {
    let wit = "package test:guest;
        world guest { import wasi:cli/exit@0.2.0; export wasi:cli/run@0.2.0; }
        package wasi:cli@0.2.0 {
            interface run { run: func() -> result; }
            interface exit { exit-with-code: func(status-code: u8); }
        }";
    let module = r#"(module
        (import "wasi:cli/exit@0.2.0" "exit-with-code" (func $exit (param i32)))
        (memory (export "memory") 1)
        (func (export "wasi:cli/run@0.2.0#run") (result i32)
            (call $exit (i32.const 42)) unreachable))"#;
    let (ended, json) = Case::new(ROOMY, crate::guests::against(wit, module)).json(&[]);
    assert_eq!((ended.code, &json["outcome"]), (Some(42), &json!("exit")), "{ended:?}");
    assert_eq!(json["error"]["message"], "the guest ended itself with exit code 42");
}

#[test]
fn more_random_bytes_than_the_limit_in_one_call_end_the_guest() {
    let wit = "package test:guest;
        world guest { import wasi:random/random@0.2.0; export wasi:cli/run@0.2.0; }
        package wasi:cli@0.2.0 { interface run { run: func() -> result; } }
        package wasi:random@0.2.0 {
            interface random { get-random-bytes: func(len: u64) -> list<u8>; }
        }";
    let module = r#"(module
        (import "wasi:random/random@0.2.0" "get-random-bytes" (func $random (param i64 i32)))
        (memory (export "memory") 4)
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
        (func (export "wasi:cli/run@0.2.0#run") (result i32)
            (call $random (i64.const 65536) (i32.const 0))
            (call $random (i64.const 65537) (i32.const 0))
            (i32.const 0)))"#;
    let (ended, json) = Case::new(ROOMY, crate::guests::against(wit, module)).json(&[]);
    assert_eq!((ended.code, &json["outcome"]), (Some(67), &json!("limit_exceeded")), "{ended:?}");
    assert_eq!(
        json["error"],
        json!({
            "message": "random limit of 65536 bytes per host call exceeded: 0 in use, 65537 more \
                        requested",
            "limit": 65_536, "used": 0, "requested": 65_537
        })
    );
}

#[test]
fn a_trap_that_only_the_runtime_knows_is_not_blamed_on_a_host_function() {
    let component = r#"(component
        (core module $m (func (export "char") (result i32) (i32.const 0xd800)))
        (core instance $i (instantiate $m))
        (func (export "char") (result char) (canon lift (core func $i "char"))))"#;
    let (ended, json) = Case::new(ROOMY, component).json(&["--invoke", "char()"]);
    assert_eq!((ended.code, &json["outcome"]), (Some(70), &json!("trap")), "{ended:?}");
    let message = json["error"]["message"].as_str().unwrap();
    assert!(message.starts_with("guest trapped: ") && message.contains("char"), "{message}");
}
