//! Compiled components that are kept, and `wasm-limits cache`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::command::{Case, Ended, ROOMY, ended};
use crate::guests::LIBRARY;

const CALL: [&str; 2] = ["--invoke", "add(2, 3)"];

/// Runs the library. Returns the outcome, the part of the cache, and the notices.
fn run(case: &Case, args: &[&str]) -> (String, String, String) {
    let (ended, report) = case.json(&[&CALL, args].concat());
    let word = |value: &Value| String::from(value.as_str().unwrap());
    (word(&report["outcome"]), word(&report["phases"]["compile"]["cache"]), ended.stderr)
}

fn part(case: &Case, args: &[&str]) -> String {
    let (outcome, part, _) = run(case, args);
    assert_eq!(outcome, "success");
    part
}

fn cache(case: &Case, args: &[&str]) -> (Ended, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wasm-limits"));
    command.envs(case.homes()).arg("cache").args(args).args(["--format", "json"]);
    let ended = ended(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    let json = serde_json::from_str(&ended.stdout).unwrap();
    (ended, json)
}

fn key_file(case: &Case) -> PathBuf {
    case.homes()[1].1.join("wasm-limits/cache.key")
}

#[test]
fn a_second_run_takes_the_compiled_component_from_the_cache() {
    let case = Case::new(ROOMY, LIBRARY);
    assert_eq!(part(&case, &[]), "miss");
    assert_eq!(part(&case, &[]), "hit");
    assert_eq!(part(&case, &["--no-cache"]), "off");
    let other = case.path("elsewhere");
    let other = other.to_str().unwrap();
    assert_eq!(part(&case, &["--cache", other]), "miss");
    assert_eq!(part(&case, &["--cache", other]), "hit");
    let (_, listed) = cache(&case, &["list", "--cache", other]);
    assert_eq!(listed["entries"].as_array().unwrap().len(), 1);
    let (listing, listed) = cache(&case, &["list"]);
    assert_eq!(
        (listing.code, listed["entries"][0]["holds"].as_str()),
        (Some(0), Some("translated"))
    );
    let (_, cleared) = cache(&case, &["clear"]);
    assert_eq!(cleared["removed"], 1);
    assert_eq!(cache(&case, &["list"]).1["entries"].as_array().unwrap().len(), 0);
    assert_eq!(part(&case, &[]), "miss");
}

#[test]
fn an_entry_that_another_process_changed_is_compiled_again() {
    let case = Case::new(ROOMY, LIBRARY);
    assert_eq!(part(&case, &[]), "miss");
    let dir = case.homes()[0].1.join("wasm-limits");
    let entry = fs::read_dir(dir).unwrap().next().unwrap().unwrap().path();
    let mut bytes = fs::read(&entry).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&entry, bytes).unwrap();
    assert_eq!(part(&case, &[]), "miss");
    assert_eq!(part(&case, &[]), "hit");
}

#[test]
fn a_key_that_others_may_read_is_one_notice_and_no_cache() {
    let case = Case::new(ROOMY, LIBRARY);
    assert_eq!(part(&case, &[]), "miss");
    fs::set_permissions(key_file(&case), fs::Permissions::from_mode(0o644)).unwrap();
    let (outcome, part, _) = run(&case, &[]);
    assert_eq!((outcome.as_str(), part.as_str()), ("success", "off"));
    let ended = case.run(&CALL);
    let notices = ended.stderr.matches("compiled components are not kept: the key file").count();
    assert_eq!((ended.code, notices), (Some(0), 1), "{ended:?}");
    let (ended, report) = cache(&case, &["list"]);
    assert_eq!((ended.code, report["outcome"].as_str()), (Some(72), Some("host")));
}

#[test]
fn an_invalid_component_is_refused_again_in_the_same_words() {
    let case = Case::new(ROOMY, "(component (core module (func (result i32))))");
    let (first, again) = (case.run(&[]), case.run(&[]));
    assert_eq!(first.code, Some(71), "{first:?}");
    let error = |ended: &Ended| {
        let line = ended.stderr.lines().find(|line| line.contains("invalid component"));
        String::from(line.unwrap())
    };
    assert_eq!((again.code, error(&again)), (Some(71), error(&first)));
    assert_eq!(cache(&case, &["list"]).1["entries"][0]["holds"], "verdict");
}
