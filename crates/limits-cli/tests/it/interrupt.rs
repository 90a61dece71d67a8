//! Ctrl-C.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::command::{Case, ROOMY, exit_code, signal};
use crate::guests::command;

/// Runs a guest that prints a line and then does `body`, interrupts it there, and returns the
/// exit code and the report.
fn interrupted(body: &str, args: &[&str]) -> (Option<i32>, Value) {
    let text = "started\n";
    let print = format!("(call $print (i32.const 1) (i32.const 1024) (i32.const {}))", text.len());
    let case = Case::new(ROOMY, command(text, &format!("{print} {body}")));
    let args: Vec<&str> = ["--report", "report.json"].iter().chain(args).copied().collect();
    let mut child = case.command("run", &args).stdin(Stdio::piped()).spawn().unwrap();
    // Kept open: an input that never comes.
    let stdin = child.stdin.take();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line, text);
    signal("INT", child.id());
    let code = exit_code(child);
    drop(stdin);
    (code, serde_json::from_str(&case.read("report.json")).unwrap())
}

#[test]
fn a_spinning_guest_is_cancelled_and_reported() {
    let (code, json) = interrupted("(loop $l (br $l))", &[]);
    assert_eq!((code, &json["outcome"]), (Some(130), &json!("cancelled")));
    assert_eq!(json["error"]["message"], "execution cancelled by the host");
    assert!(json["fuel"]["consumed"].as_u64().unwrap() > 0);
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
