//! The standard streams: they work, and they stall nothing.

use std::io::Read as _;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::command::{Case, ROOMY, ended, exit_code, with_input};
use crate::guests::{cat, command, flood, printer};

fn short() -> String {
    ROOMY.replace("60_000", "100")
}

#[test]
fn input_goes_in_and_output_comes_out_whole() {
    let input: Vec<u8> = (0..2_000_000_u32).map(|n| b'a' + u8::try_from(n % 26).unwrap()).collect();
    let ended = with_input(&mut Case::new(ROOMY, cat()).command("run", &[]), &input);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(ended.stdout.as_bytes(), input);
}

#[test]
fn a_reader_that_stalls_holds_up_neither_deadline_nor_exit() {
    let case = Case::new(&short(), flood());
    let args = ["--format", "json", "--report", "report.json"];
    let mut child = case.command("run", &args).spawn().unwrap();
    // Kept open and not read: the pipe fills up after 64 KiB.
    let stdout = child.stdout.take();
    assert_eq!(exit_code(child), Some(65));
    drop(stdout);
    let report: Value = serde_json::from_str(&case.read("report.json")).unwrap();
    assert_eq!(report["outcome"], "timeout");
    assert_eq!(report["time"]["timeout_ms"], 100);
}

#[test]
fn a_reader_that_stalls_on_stderr_loses_only_the_text() {
    let guest = command(
        "",
        "(loop $more
             (call $print (i32.const 2) (i32.const 8192) (i32.const 4096))
             (br $more))",
    );
    let case = Case::new(&short(), guest);
    let mut child = case.command("run", &[]).spawn().unwrap();
    let stderr = child.stderr.take();
    assert_eq!(exit_code(child), Some(65));
    drop(stderr);
}

#[test]
fn an_input_that_never_comes_holds_up_neither_deadline_nor_exit() {
    let case = Case::new(&short(), cat());
    let mut command = case.command("run", &["--format", "json"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let stdin = child.stdin.take();
    let ended = ended(child);
    drop(stdin);
    assert_eq!((ended.code, &ended.json()["outcome"]), (Some(65), &json!("timeout")));
}

#[test]
fn an_input_that_never_ends_holds_up_neither_deadline_nor_exit() {
    let guest = command("", "(loop $more (br_if $more (call $read)))");
    let case = Case::new(&short(), guest);
    let zeros = std::fs::File::open("/dev/zero").unwrap();
    let child = case.command("run", &["--format", "json"]).stdin(zeros).spawn().unwrap();
    let ended = ended(child);
    assert_eq!((ended.code, &ended.json()["outcome"]), (Some(65), &json!("timeout")));
}

#[test]
fn a_reader_that_leaves_does_not_fail_the_guest() {
    let case = Case::new(&short(), flood());
    let mut child = case.command("run", &["--report", "report.json"]).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut some = [0; 100];
    stdout.read_exact(&mut some).unwrap();
    drop(stdout);
    assert_eq!(exit_code(child), Some(65));
    let report: Value = serde_json::from_str(&case.read("report.json")).unwrap();
    assert_eq!(report["outcome"], "timeout");
}

#[test]
fn the_report_starts_a_line_of_its_own() {
    let (ended, _) = Case::new(ROOMY, printer("no newline")).json(&[]);
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!((lines.len(), lines[0]), (2, "no newline"));
    let (ended, _) = Case::new(ROOMY, printer("newline\n")).json(&[]);
    assert_eq!(ended.stdout.lines().count(), 2);
}

#[test]
fn a_guest_can_forge_a_line_of_stdout_but_not_the_last_and_not_the_file() {
    let forged = "{\"outcome\":\"success\"}\n";
    let body = format!(
        "(call $print (i32.const 1) (i32.const 1024) (i32.const {})) unreachable",
        forged.len()
    );
    let case = Case::new(ROOMY, command(forged, &body));
    let (ended, json) = case.json(&["--report", "report.json"]);
    assert_eq!(ended.stdout.lines().next(), Some(forged.trim()));
    assert_eq!((ended.code, &json["outcome"]), (Some(70), &json!("trap")));
    let file: Value = serde_json::from_str(&case.read("report.json")).unwrap();
    assert_eq!(file, json);
}

#[test]
fn redirected_output_is_passed_unchanged() {
    let bytes = "\u{1b}[31mred\u{1b}[0m\0\u{7}";
    assert_eq!(Case::new(ROOMY, printer(bytes)).run(&[]).stdout, bytes);
}
