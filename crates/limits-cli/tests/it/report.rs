//! The report: for people, for scripts, and with what a policy changed.

use serde_json::json;

use crate::command::{ALL_FILES, Case, ROOMY, with_input};
use crate::guests::{LIBRARY, cat};

#[test]
fn people_get_a_table_on_stderr_without_colours_in_a_pipe() {
    let limits = "[resources.memory]\nmax_bytes = \"4MiB\"\n[resources.cpu]\ntimeout_ms = 60_000\n\
                  [quota]\nmessage_rate = 5\n[capabilities]\nnetwork.connect = [\"a.example:1\"]\n";
    let ended = Case::new(limits, LIBRARY).run(&["--invoke", "spin()"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(64), ""));
    let text = ended.stderr;
    assert!(
        text.starts_with("out_of_fuel guest (exit code 64)\n  why      out of fuel: "),
        "{text}"
    );
    assert!(text.contains("1_000_000") && text.contains("default"), "{text}");
    assert!(text.contains("65536 (64 KiB)   4194304 (4 MiB)"), "{text}");
    assert!(text.contains("60_000 ms") && text.contains("component"), "{text}");
    assert!(text.contains("\n  quota    message rate: 0 of 5 in 1s, 0.0 %\n"), "{text}");
    assert!(!text.contains('\u{1b}'), "{text}");
}

#[test]
fn what_a_policy_lowers_is_lowered_and_told() {
    let case = Case::new(ROOMY, LIBRARY);
    case.write("policy.toml", "[ceiling]\nresources.cpu.max_fuel = 5_000\n");
    let (ended, json) = case.json(&["--invoke", "spin()", "--policy", "policy.toml"]);
    assert_eq!((ended.code, &json["fuel"]["max"]), (Some(64), &json!(5_000)));
    let limits = &json["limits"];
    assert_eq!(limits["resources.cpu.max_fuel"], json!({"value": 5_000, "origin": "policy"}));
    assert_eq!(
        limits["resources.memory.max_bytes"],
        json!({"value": 67_108_864, "origin": "component"})
    );
    assert_eq!(limits["resources.memory.max_tables"], json!({"value": 32, "origin": "default"}));
    let changes = json["policy"].as_array().unwrap();
    assert_eq!(changes.len(), 1);
    let change = changes[0].as_str().unwrap();
    assert!(change.starts_with("resources.cpu.max_fuel lowered from "), "{change}");
}

#[test]
fn an_override_applies_to_the_identity_that_the_operator_gives() {
    let case = Case::new(ROOMY, LIBRARY);
    case.write("policy.toml", "[component.other]\nresources.cpu.max_fuel = 5_000\n");
    let fuel = |args: &[&str]| {
        let args: Vec<&str> = ["--invoke", "add(1, 2)", "--policy", "policy.toml"]
            .iter()
            .chain(args)
            .copied()
            .collect();
        case.json(&args).1["fuel"]["max"].as_u64().unwrap()
    };
    assert_eq!(fuel(&[]), 9_000_000_000_000_000_000);
    assert_eq!(fuel(&["--id", "other"]), 5_000);
}

#[test]
fn repeated_runs_are_counted_and_read_the_same_input() {
    let case = Case::new(ROOMY, cat());
    let mut command = case.command("run", &["--repeat", "3", "--format", "json"]);
    let ended = with_input(&mut command, b"again ");
    let json = ended.json();
    assert_eq!(ended.code, Some(0));
    assert_eq!(ended.stdout.lines().next(), Some("again again again "));
    assert_eq!(json["runs"], json!({"count": 3, "by_outcome": {"success": 3}}));
}

#[test]
fn repeated_runs_are_counted_also_if_there_was_none() {
    let case = Case::new(&format!("{ROOMY}{ALL_FILES}"), LIBRARY);
    for args in [
        ["--component", "missing.wasm"],
        ["--policy", "missing.toml"],
        ["--report", "no/such/folder.json"],
        ["--dir", "nowhere::/"],
    ] {
        let args = [&args[..], &["--repeat", "3", "--invoke", "add(1, 2)"]].concat();
        let (ended, json) = case.json(&args);
        assert_eq!(ended.code, Some(71));
        assert_eq!(json["runs"], json!({"count": 0, "by_outcome": {}}), "{args:?}");
    }
}

#[test]
fn the_report_file_is_json_also_beside_text() {
    let case = Case::new(ROOMY, LIBRARY);
    let ended = case.run(&["--invoke", "add(1, 2)", "--report", "report.json"]);
    assert!(ended.stderr.starts_with("success guest\n"), "{ended:?}");
    let json: serde_json::Value = case.report("report.json");
    assert_eq!((&json["outcome"], &json["result"]), (&json!("success"), &json!("3")));
}

#[test]
fn component_text_and_binary_are_both_run() {
    let text = Case::new(ROOMY, LIBRARY);
    let binary = Case::new(ROOMY, wat::parse_str(LIBRARY).unwrap());
    assert!(text.path("component.wat").exists() && binary.path("component.wasm").exists());
    for case in [text, binary] {
        assert_eq!(case.json(&["--invoke", "add(1, 2)"]).1["result"], "3");
    }
}
