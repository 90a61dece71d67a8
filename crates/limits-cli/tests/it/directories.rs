//! Directories that several processes are given, and the count of a large one.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};

use serde_json::{Value, json};

use crate::command::{Case, Ended, ended, signal};
use crate::files::{case, roomy};
use crate::guests::command;

/// Says that it runs, and waits for the end of its input.
fn waiter() -> Vec<u8> {
    command(
        "running\n",
        "(call $print (i32.const 1) (i32.const 1024) (i32.const 8)) (drop (call $read))",
    )
}

/// Starts a run, and waits until its guest runs.
fn running(case: &Case, dirs: &[&str]) -> (Child, ChildStdin) {
    let mut child = case.command("run", dirs).stdin(Stdio::piped()).spawn().unwrap();
    let stdin = child.stdin.take().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "running\n", "{:?}", ended(child));
    (child, stdin)
}

fn released((child, stdin): (Child, ChildStdin)) -> Ended {
    drop(stdin);
    ended(child)
}

#[test]
fn a_second_process_is_told_that_the_directory_is_in_use_and_may_have_it_afterwards() {
    let case = case(&roomy(""), waiter());
    fs::create_dir(case.path("other")).unwrap();
    std::os::unix::fs::symlink("given", case.path("link")).unwrap();
    let first = running(&case, &["--dir", "given::/data"]);
    for dir in ["given", "link"] {
        let (ended, json) =
            case.json(&["--dir", "other::/data/a", "--dir", &format!("{dir}::/data")]);
        assert_eq!((ended.code, &json["outcome"]), (Some(72), &json!("host")), "{ended:?}");
        assert_eq!(
            json["error"]["message"],
            format!(
                "the directory {dir} is in use: another process runs guests that write there, and \
                 only one can count; try again once it has ended, or give the directory with :ro"
            )
        );
    }
    // Not what the first has: another directory, or none to write.
    for dir in ["other::/data", "given::/data:ro"] {
        assert_eq!(released(running(&case, &["--dir", dir])).code, Some(0), "{dir}");
    }
    assert_eq!(released(first).code, Some(0));
    assert_eq!(released(running(&case, &["--dir", "given::/data"])).code, Some(0));
}

#[test]
fn a_directory_for_reading_is_not_locked() {
    let case = case(&roomy(""), waiter());
    let readers = [(); 2].map(|()| running(&case, &["--dir", "given::/data:ro"]));
    assert_eq!(released(running(&case, &["--dir", "given::/data"])).code, Some(0));
    for reader in readers {
        assert_eq!(released(reader).code, Some(0));
    }
}

/// Makes a directory that takes long to count. Links are made faster than files.
fn fill(dir: &Path) {
    const FILES: u32 = 60;
    const LINKS: u32 = 1_000;
    for file in 0..FILES {
        let first = dir.join(file.to_string());
        fs::write(&first, "").unwrap();
        for link in 0..LINKS {
            fs::hard_link(&first, dir.join(format!("{file}-{link}"))).unwrap();
        }
    }
}

/// Runs, sends Ctrl-C once the command has the directory open, and returns the report.
fn interrupted_while_counting(case: &Case, given: &Path) -> Value {
    let args = ["--dir", "given::/data", "--format", "json"];
    // An input that never comes.
    let mut child = case.command("run", &args).stdin(Stdio::piped()).spawn().unwrap();
    let stdin = child.stdin.take();
    let open = format!("/proc/{}/fd", child.id());
    let is_given = |one: fs::DirEntry| fs::read_link(one.path()).is_ok_and(|path| path == given);
    while !fs::read_dir(&open).unwrap().flatten().any(is_given) {
        assert_eq!(child.try_wait().unwrap(), None);
    }
    signal("INT", child.id());
    let ended = ended(child);
    drop(stdin);
    let json = ended.json();
    assert_eq!((ended.code, &json["outcome"]), (Some(130), &json!("cancelled")), "{ended:?}");
    json
}

#[test]
fn ctrl_c_ends_the_count_of_a_large_directory() {
    let case = case(&roomy(""), waiter());
    let given = fs::canonicalize(case.path("given")).unwrap();
    fill(&given);
    // On a busy machine the signal may come after the count, and then ends the guest.
    let ends_the_count = || {
        let error = &interrupted_while_counting(&case, &given)["error"]["message"];
        error == "cancelled by Ctrl-C before the guest was entered"
    };
    assert!((0..20).any(|_| ends_the_count()));
}
