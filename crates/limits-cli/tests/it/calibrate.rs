//! `wasm-limits calibrate`.

use serde_json::{Value, json};

use crate::command::{Case, Ended, ROOMY, ended, with_input};
use crate::files::{OK, case, given, roomy};
use crate::guests::{LIBRARY, cat, command, printer};

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

/// Opens the files of one letter each in the first directory, made if need be, writes ten bytes to
/// each and prints the error numbers of both.
fn writer(letters: &str) -> Vec<u8> {
    let one = |at: usize| {
        format!(
            "(call $print_number (call $path_open
                (i32.const 3) (i32.const 0) (i32.const {}) (i32.const 1)
                (i32.const 1) (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 64)))
             (i32.store (i32.const 0) (i32.const 8192))
             (i32.store (i32.const 4) (i32.const 10))
             (call $print_number (call $fd_write
                (i32.load (i32.const 64)) (i32.const 0) (i32.const 1) (i32.const 16)))",
            1_024 + at
        )
    };
    let body: String = (0..letters.len()).map(one).collect();
    command(letters, &body)
}

/// Calibrates with the directory at `/data`, and returns the report and the printed section.
fn measured(case: &Case, args: &[&str]) -> (Value, String) {
    let args = [&["--dir", "given::/data", "--runs", "2"], args].concat();
    let json = calibrate(case, &[&args[..], &["--format", "json"]].concat()).json();
    let ended = calibrate(case, &args);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    (json, ended.stdout)
}

#[test]
fn quotas_and_capabilities_are_those_that_the_runs_used() {
    let case = case(&roomy("[quota]\nstorage = 5_000"), writer("ab"));
    let (json, section) = measured(&case, &["--headroom", "2"]);
    let suggested = &json["suggested"];
    // Two entries of 4096 bytes, and ten bytes in each; twice of it in whole KiB.
    assert_eq!(suggested["quota"]["storage"], (2_u64 * 2 * 4_106).next_multiple_of(1_024));
    assert_eq!(suggested["quota"]["storage_entries"], 4);
    assert_eq!(suggested["quota"]["memory"], suggested["max_bytes"]);
    assert!((10..=1_000).contains(&suggested["quota"]["cpu_time"].as_u64().unwrap()), "{json}");
    assert_eq!(
        suggested["capabilities"],
        json!({"filesystem.write": ["/data/a", "/data/b"]}),
        "nothing was read"
    );
    let tight = &json["too_tight"][0];
    assert_eq!(
        (&tight["key"], &tight["limit"], &tight["needed"]),
        (&json!("quota.storage"), &json!(5_000), &json!(2 * 4_106))
    );
    assert_eq!((&json["refusals"], &json["enforced"]), (&json!([]), &json!(true)));
    // Under the section as it is the component runs; only the time is the machine's.
    let pasted: String = section
        .lines()
        .filter(|line| !line.starts_with("timeout_ms") && !line.starts_with("cpu_time"))
        .map(|line| format!("{line}\n"))
        .collect();
    let pasted = pasted.replace("[quota]", "timeout_ms = 60_000\n[quota]");
    let fitted = crate::files::case(&pasted, writer("ab"));
    let (ended, json, said) = given(&fitted, &[]);
    assert_eq!((ended.code, said), (Some(0), OK.repeat(4)), "{section}");
    assert_eq!((&json["refusals"], &json["quota"]["storage"]["denied"]), (&json!([]), &json!(0)));
}

#[test]
fn many_files_of_a_directory_are_one_pattern() {
    let (json, _) = measured(&case(&roomy(""), writer("abcdefghij")), &[]);
    assert_eq!(json["suggested"]["capabilities"], json!({"filesystem.write": ["/data/*"]}));
}

#[test]
fn refused_requests_are_comments_and_observed_ones_are_suggested() {
    let limits = format!("{ROOMY}[capabilities]\nfilesystem.write = [\"/data/a\"]\n");
    let case = case(&limits, writer("ab"));
    let (json, section) = measured(&case, &[]);
    assert_eq!(json["suggested"]["capabilities"], json!({"filesystem.write": ["/data/a"]}));
    let refusal = &json["refusals"][0];
    assert_eq!((&refusal["last"], &refusal["count"]), (&json!("/data/b"), &json!(2)));
    let says = "# refused: filesystem.write of `/data/b` 2 times; Component.toml [capabilities] \
                needs: filesystem.write = [\"/data/a\", \"/data/b\"]\n";
    assert!(section.contains("filesystem.write = [\"/data/a\"]\n# refused: "), "{section}");
    assert!(section.ends_with(says), "{section}");
    assert!(!case.path("given/b").exists());

    let (json, section) = measured(&case, &["--observe"]);
    assert_eq!(
        json["suggested"]["capabilities"],
        json!({"filesystem.write": ["/data/a", "/data/b"]})
    );
    assert_eq!((&json["enforced"], &json["refusals"][0]["count"]), (&json!(false), &json!(2)));
    assert!(section.ends_with("\nfilesystem.write = [\"/data/a\", \"/data/b\"]\n"), "{section}");
    assert!(case.path("given/b").exists());
    let args = ["--observe", "--dir", "given::/data", "--runs", "1"];
    let text = calibrate(&case, &args).stderr;
    let note = "  observed nothing above was refused: the capabilities would have\n";
    assert!(text.contains(note) && text.contains("  refused  filesystem.write of"), "{text}");

    // The component's file is not all that it takes.
    case.write("policy.toml", "[ceiling]\ncapabilities.filesystem.write = [\"/data/a\"]\n");
    let grants = limits.replace("\"/data/a\"", "\"/data/**\"");
    let text = case.read("Component.toml").replace(&limits, &grants);
    case.write("Component.toml", text);
    let (_, section) = measured(&case, &["--observe", "--policy", "policy.toml"]);
    let says = "# would be refused: filesystem.write of `/data/b` 2 times; policy.toml [ceiling] \
                needs: capabilities.filesystem.write = [\"/data/a\", \"/data/b\"]\n";
    assert!(section.ends_with(says), "{section}");
}

#[test]
fn a_directory_that_no_capability_can_use_is_observed_all_the_same() {
    let case = case(ROOMY, writer("a"));
    let args = ["--dir", "given::/data", "--runs", "1"];
    assert_eq!(calibrate(&case, &args).code, Some(69));
    let (json, _) = measured(&case, &["--observe"]);
    assert_eq!(json["suggested"]["capabilities"], json!({"filesystem.write": ["/data/a"]}));
}
