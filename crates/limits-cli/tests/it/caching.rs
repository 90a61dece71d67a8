//! Compiled components that are kept from run to run.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::command::{ALL_FILES, Case, ROOMY, ended};
use crate::guests::LIBRARY;

const ADD: [&str; 2] = ["--invoke", "add(1, 2)"];

/// Runs the library and returns the part of the cache in it.
fn used(case: &Case, args: &[&str]) -> Value {
    let (ended, json) = case.json(&[&ADD[..], args].concat());
    assert_eq!((ended.code, &json["result"]), (Some(0), &json!("3")), "{ended:?}");
    assert_eq!(ended.stderr, "");
    json["phases"]["compile"]["cache"].clone()
}

fn homes(case: &Case) -> [std::path::PathBuf; 2] {
    case.homes().map(|(_, home)| home.join("wasm-limits"))
}

/// Counts the files below a directory.
fn files(dir: &Path) -> usize {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries.map(|entry| if entry.path().is_dir() { files(&entry.path()) } else { 1 }).sum()
}

#[test]
fn the_second_start_of_a_component_is_a_hit_in_text_and_in_binary() {
    for component in [LIBRARY.into(), wat::parse_str(LIBRARY).unwrap()] {
        let case = Case::new(ROOMY, component);
        assert_eq!(used(&case, &[]), "miss");
        let [cache, state] = homes(&case);
        assert!(files(&cache) > 0);
        assert!(state.join("cache.key").is_file());
        assert_eq!(used(&case, &[]), "hit");
        assert_eq!(used(&case, &["--repeat", "2"]), "hit");
        let (_, json) = case.json(&ADD);
        let compile = &json["phases"]["compile"];
        // No worker ran.
        assert_eq!((&compile["cpu_ms"], &compile["peak_memory"]), (&Value::Null, &Value::Null));
    }
}

#[test]
fn without_a_cache_nothing_is_kept() {
    let case = Case::new(ROOMY, LIBRARY);
    assert_eq!(used(&case, &["--no-cache"]), "off");
    assert_eq!(used(&case, &["--no-cache"]), "off");
    let [cache, state] = homes(&case);
    assert!(!cache.exists() && !state.exists());
}

#[test]
fn a_cache_of_ones_own_has_the_users_key() {
    let case = Case::new(ROOMY, LIBRARY);
    for expected in ["miss", "hit"] {
        assert_eq!(used(&case, &["--cache", "kept"]), expected);
    }
    assert!(files(&case.path("kept")) > 0);
    let [cache, state] = homes(&case);
    assert!(!cache.exists() && state.join("cache.key").is_file());
}

#[test]
fn a_kept_component_is_held_to_the_policy_of_the_day() {
    let case = Case::new(ROOMY, LIBRARY);
    assert_eq!(used(&case, &[]), "miss");
    case.write("policy.toml", "[compile]\nmax_functions = 1\n");
    let (ended, json) = case.json(&[&ADD[..], &["--policy", "policy.toml"]].concat());
    assert_eq!((ended.code, &json["outcome"]), (Some(73), &json!("rejected")), "{ended:?}");
}

#[test]
fn a_cache_that_cannot_be_used_is_one_notice() {
    let case = Case::new(ROOMY, LIBRARY);
    case.write("file", "no directory");
    let (ended, json) = case.json(&[&ADD[..], &["--cache", "file"]].concat());
    assert_eq!((ended.code, &json["result"]), (Some(0), &json!("3")), "{ended:?}");
    assert_eq!(json["phases"]["compile"]["cache"], "off");
    assert!(ended.stderr.starts_with("warning: compiled components are not kept: "), "{ended:?}");
    assert_eq!(ended.stderr.lines().count(), 1, "{ended:?}");
}

#[test]
fn a_guest_that_could_read_the_key_has_no_cache() {
    let case = Case::new(&format!("{ROOMY}{ALL_FILES}"), LIBRARY);
    let [_, state] = homes(&case);
    let above = state.parent().unwrap();
    fs::create_dir_all(above).unwrap();
    let dir = format!("{}::/home:ro", above.display());
    for _ in 0..2 {
        let (ended, json) = case.json(&[&ADD[..], &["--dir", &dir]].concat());
        assert_eq!((ended.code, &json["result"]), (Some(0), &json!("3")), "{ended:?}");
        assert_eq!(json["phases"]["compile"]["cache"], "off");
        assert!(ended.stderr.contains(", which is given to the guest\n"), "{ended:?}");
    }
    assert!(!state.exists());
}

#[test]
fn a_user_without_a_home_has_no_cache_and_one_notice() {
    let case = Case::new(ROOMY, LIBRARY);
    // A home that is no absolute path is none.
    let mut command = case.command("run", &ADD);
    let ended = ended(command.env("HOME", "home").spawn().unwrap());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let notice = "warning: compiled components are not kept: there is no home directory for their \
                  key\n";
    assert_eq!(ended.stderr.matches("warning: ").count(), 1, "{ended:?}");
    assert!(ended.stderr.starts_with(notice), "{ended:?}");
    let [cache, state] = homes(&case);
    assert!(!cache.exists() && !state.exists());
}
