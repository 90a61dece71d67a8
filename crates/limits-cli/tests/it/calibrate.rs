//! `wasm-limits calibrate`.

use serde_json::{Value, json};

use crate::command::{Case, Ended, ROOMY, ended, with_input};
use crate::guests::{LIBRARY, cat, printer};

fn calibrate(case: &Case, args: &[&str]) -> Ended {
    ended(case.command("calibrate", args).spawn().unwrap())
}

#[test]
fn what_it_prints_is_a_section_under_which_the_component_runs() {
    let tight = "[resources.memory]\nmax_bytes = 65536\n[resources.cpu]\nmax_fuel = 1\n\
                 timeout_ms = 60_000\n";
    let case = Case::new(tight, printer("noise\n"));
    assert_eq!(case.run(&[]).code, Some(66));
    let ended = calibrate(&case, &["--runs", "3"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let section = &ended.stdout;
    assert!(!section.contains("noise"), "the guest's output is dropped: {section}");
    assert!(ended.stderr.starts_with("success guest, 3 runs\n"), "{ended:?}");
    for key in ["resources.memory.max_bytes", "resources.cpu.max_fuel"] {
        let line = ended.stderr.lines().find(|line| line.contains(&format!("tight    {key}: ")));
        assert!(line.unwrap().contains(", set by the component, is less than "), "{ended:?}");
    }
    // A machine that is busy while this runs must not make the guest time out.
    let pasted: String = section
        .lines()
        .map(|line| if line.starts_with("timeout_ms") { "timeout_ms = 60_000" } else { line })
        .map(|line| format!("{line}\n"))
        .collect();
    let fitted = Case::new(&pasted, printer("noise\n"));
    let (ended, json) = fitted.json(&[]);
    assert_eq!((ended.code, &json["outcome"]), (Some(0), &json!("success")), "{section}");
}

#[test]
fn the_json_has_the_distribution_and_the_suggestion() {
    let case = Case::new(ROOMY, LIBRARY);
    let args = ["--runs", "5", "--invoke", "add(1, 2)", "--headroom", "2", "--format", "json"];
    let ended = calibrate(&case, &args);
    let json = ended.json();
    assert_eq!((ended.code, ended.stdout.lines().count()), (Some(0), 1), "{ended:?}");
    assert_eq!((&json["component"], &json["outcome"]), (&json!("guest"), &json!("success")));
    assert_eq!(json["runs"], json!({"count": 5, "by_outcome": {"success": 5}}));
    let fuel = &json["fuel"];
    assert_eq!(fuel["min"], fuel["max"], "the same work burns the same fuel");
    assert_eq!(json["suggested"]["max_fuel"].as_u64().unwrap(), 2 * fuel["max"].as_u64().unwrap());
    assert_eq!(
        json["peak_memory"],
        json!({"min": 65_536, "median": 65_536, "p99": 65_536, "max": 65_536})
    );
    assert_eq!(json["suggested"]["max_bytes"], 131_072);
    assert!(json["suggested"]["timeout_ms"].as_u64().unwrap() >= 10);
    for time in ["cpu_ms", "wall_ms"] {
        assert!(json[time]["median"].as_f64().unwrap() > 0.0, "{json}");
    }
    assert_eq!(json["too_tight"], json!([]));
}

#[test]
fn every_run_reads_the_same_input() {
    let case = Case::new(ROOMY, cat());
    let mut command = case.command("calibrate", &["--runs", "4", "--format", "json"]);
    let json = with_input(&mut command, &[b'x'; 100_000]).json();
    assert_eq!(json["fuel"]["min"], json["fuel"]["max"], "{json}");
    assert!(json["fuel"]["min"].as_u64().unwrap() > 1_000, "{json}");
}

#[test]
fn a_guest_that_does_not_succeed_cannot_be_measured() {
    let case = Case::new(ROOMY, LIBRARY);
    let ended = calibrate(&case, &["--invoke", "trap()", "--format", "json"]);
    let json = ended.json();
    assert_eq!((ended.code, &json["outcome"]), (Some(70), &json!("trap")));
    assert_eq!(json["runs"]["count"], 1);
    assert_eq!((&json["fuel"], &json["suggested"]), (&Value::Null, &Value::Null));
    let ended = calibrate(&case, &["--invoke", "spin()", "--timeout", "20"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(65), ""));
    assert!(ended.stderr.contains("\n  run 1    execution timed out after 20 ms"), "{ended:?}");
}
