//! Ctrl-C and the signals that stop a process.

use core::time::Duration;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::{Value, json};

use crate::command::{Case, ROOMY, exit_code, signal};
use crate::guests::{command, zeros};

const PRINT_AND_WAIT: &str =
    "(call $print (i32.const 1) (i32.const 1024) (i32.const 3)) (drop (call $read))";

/// Runs a guest that prints a line and then does `body`, interrupts it there, and returns the
/// exit code and the report.
fn interrupted(body: &str, args: &[&str]) -> (Option<i32>, Value) {
    stopped("INT", body, args)
}

fn stopped(by: &str, body: &str, args: &[&str]) -> (Option<i32>, Value) {
    let text = "started\n";
    let print = format!("(call $print (i32.const 1) (i32.const 1024) (i32.const {}))", text.len());
    let case = Case::new(ROOMY, command(text, &format!("{print} {body}")));
    let args: Vec<&str> = ["--report", "report.json"].iter().chain(args).copied().collect();
    let mut command = with_hangup(&case.command("run", &args));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    // Kept open: an input that never comes.
    let stdin = child.stdin.take();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line, text);
    signal(by, child.id());
    let code = exit_code(child);
    drop(stdin);
    (code, case.report("report.json"))
}

/// Returns the command with a hangup that is not ignored, as it is under `nohup`.
fn with_hangup(command: &Command) -> Command {
    let mut with = Command::new("env");
    with.arg("--default-signal=HUP").arg(command.get_program()).args(command.get_args());
    with.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    with.current_dir(command.get_current_dir().unwrap()).stderr(Stdio::piped());
    with
}

#[test]
fn a_spinning_guest_is_cancelled_and_reported() {
    let (code, json) = interrupted("(loop $l (br $l))", &[]);
    assert_eq!((code, &json["outcome"]), (Some(130), &json!("cancelled")));
    assert_eq!(json["error"]["message"], "cancelled by Ctrl-C");
    assert!(json["fuel"]["consumed"].as_u64().unwrap() > 0);
}

#[test]
fn the_signals_that_end_a_process_cancel_and_report_as_well() {
    for (name, message) in [("TERM", "cancelled by SIGTERM"), ("HUP", "cancelled by SIGHUP")] {
        let (code, json) = stopped(name, "(loop $l (br $l))", &[]);
        assert_eq!((code, &json["outcome"]), (Some(130), &json!("cancelled")));
        assert_eq!(json["error"]["message"], message);
    }
}

#[test]
fn a_hangup_that_is_ignored_stays_ignored() {
    let case = Case::new(ROOMY, command("go\n", PRINT_AND_WAIT));
    let script =
        format!("trap '' HUP; exec {} run Component.toml", env!("CARGO_BIN_EXE_wasm-limits"));
    let mut child = Command::new("bash")
        .args(["-c", &script])
        .envs(case.homes())
        .current_dir(case.path(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "go\n");
    signal("HUP", child.id());
    drop(child.stdin.take());
    assert_eq!(exit_code(child), Some(0));
}

#[test]
fn work_on_a_strangers_bytes_hears_a_signal() {
    let functions = "(func)".repeat((4 << 20) / "(func)".len() - 8);
    let case = Case::new(ROOMY, format!("(component (core module {functions}))"));
    for verb in ["check", "run", "calibrate"] {
        let mut command = with_hangup(&case.command(verb, &["--format", "json"]));
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let status = format!("/proc/{}/status", child.id());
        // From here on the signal is heard, and parsing has hardly begun.
        let is_caught = |status: &str| {
            let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
            u64::from_str_radix(mask.trim(), 16).unwrap() & (1 << (15 - 1)) != 0
        };
        while !is_caught(&std::fs::read_to_string(&status).unwrap()) {
            std::thread::yield_now();
        }
        signal("TERM", child.id());
        let ended = crate::command::ended(child);
        let json = ended.json();
        assert_eq!((ended.code, &json["outcome"]), (Some(130), &json!("cancelled")), "{verb}");
        assert_eq!(json["error"]["message"], "cancelled by SIGTERM before the guest was entered");
    }
}

#[test]
fn ctrl_c_ends_the_wait_for_a_reader_that_is_slow() {
    let case = Case::new(ROOMY, zeros(31));
    let args = ["--format", "json", "--report", "report.json"];
    let mut child = case.command("run", &args).spawn().unwrap();
    // Not read: some of the output stays in our pipe for as long as we are patient.
    let stdout = child.stdout.take();
    while case.read_if_there("report.json").is_empty() {
        std::thread::yield_now();
    }
    let start = Instant::now();
    // The report was written before the wait begins; the signal may come before it does.
    while child.try_wait().unwrap().is_none() {
        signal("INT", child.id());
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(start.elapsed() < Duration::from_secs(8), "it waited for the reader");
    assert_eq!(exit_code(child), Some(130));
    drop(stdout);
}

#[test]
fn a_guest_that_waits_for_input_is_cancelled() {
    let (code, json) = interrupted("(drop (call $read))", &[]);
    assert_eq!((code, &json["outcome"]), (Some(130), &json!("cancelled")));
}

#[test]
fn repetition_ends() {
    let (code, json) = interrupted("(loop $l (br $l))", &["--repeat", "3"]);
    assert_eq!(code, Some(130));
    assert_eq!(json["runs"], json!({"count": 1, "by_outcome": {"cancelled": 1}}));
}

#[test]
fn a_guest_that_sleeps_is_cancelled() {
    let (code, json) = interrupted(
        "(i32.store (i32.const 112) (i32.const 1))
         (i64.store (i32.const 120) (i64.const 0x4000000000000000))
         (drop (call $poll (i32.const 96) (i32.const 256) (i32.const 1) (i32.const 16)))",
        &[],
    );
    assert_eq!((code, &json["outcome"]), (Some(130), &json!("cancelled")));
}

#[test]
fn all_runs_at_the_same_time_are_cancelled_and_no_other_begins() {
    let args = ["--repeat", "9", "--parallel", "3"];
    let (code, json) = interrupted("(loop $l (br $l))", &args);
    assert_eq!((code, &json["outcome"]), (Some(130), &json!("cancelled")));
    assert_eq!(json["error"]["message"], "cancelled by Ctrl-C");
    assert_eq!(json["runs"], json!({"count": 3, "by_outcome": {"cancelled": 3}}));
}
