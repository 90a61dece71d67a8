//! Lacks of the host: outcome `host`, exit code 72, and never the guest's fault.
//!
//! The limits are real ones, set by a shell for the command alone. The superuser is not held by
//! some of them, so that these tests become another user first, and fail where they cannot.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use crate::command::{Case, Ended, ROOMY, ended};
use crate::guests::LIBRARY;

const SUPERUSER: u32 = 0;
/// A user that has no rights and, but for this, no processes; it needs no entry anywhere.
const OTHER: u32 = 65_533;

/// Runs the command under one of the shell's limits, as a user who is subject to it.
fn limited(case: &Case, limit: &str, verb: &str, args: &[&str]) -> Ended {
    let binary = case.path("wasm-limits");
    if !binary.exists() {
        fs::copy(env!("CARGO_BIN_EXE_wasm-limits"), &binary).unwrap();
        fs::set_permissions(&binary, fs::Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(case.path(""), fs::Permissions::from_mode(0o755)).unwrap();
        let [(_, cache), _] = case.homes();
        fs::set_permissions(cache.parent().unwrap(), fs::Permissions::from_mode(0o777)).unwrap();
    }
    // Descriptors that the caller of the tests left open would count against the limit.
    let close = "exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-";
    let script =
        format!("{close}; ulimit -c 0; ulimit {limit} || exit 99; exec ./wasm-limits \"$@\"");
    let mut shell = Command::new("bash");
    shell
        .current_dir(case.path(""))
        .envs(case.homes())
        .args(["-c", &script, "bash", verb, "Component.toml"])
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if fs::metadata("/proc/self").unwrap().uid() == SUPERUSER {
        // Fails the test where the superuser of a container may not.
        shell.uid(OTHER).gid(OTHER);
    }
    let ended = ended(shell.spawn().unwrap());
    assert_ne!(ended.code, Some(99), "the limit cannot be set: {ended:?}");
    ended
}

/// Runs `run --format json` under each of some limits, and returns how often it succeeded, and how
/// often the host was at fault; it must be one of the two.
fn sweep(case: &Case, limits: impl Iterator<Item = String>, args: &[&str]) -> [usize; 2] {
    let args = [args, &["--format", "json"]].concat();
    let mut counts = [0; 2];
    for limit in limits {
        let ended = limited(case, &limit, "run", &args);
        let json = ended.json();
        match (ended.code, json["outcome"].as_str()) {
            (Some(0), Some("success")) => counts[0] += 1,
            (Some(72), Some("host")) => {
                counts[1] += 1;
                let message = json["error"]["message"].as_str().unwrap();
                assert!(!message.contains("guest trapped"), "{limit}: {message}");
            }
            _ => panic!("{limit}: {ended:?}"),
        }
    }
    counts
}

const ADD: [&str; 2] = ["--invoke", "add(1, 2)"];

#[test]
fn a_host_without_descriptors_is_no_fault_of_anybody_else() {
    let case = Case::new(ROOMY, LIBRARY);
    // Below four the system's loader does not get as far as us.
    let limits = (4..=20).map(|most| format!("-n {most}"));
    let [successes, lacks] = sweep(&case, limits, &ADD);
    assert!(successes > 0 && lacks > 4, "{successes} {lacks}");
}

#[test]
fn a_host_without_address_space_is_no_fault_of_anybody_else() {
    let case = Case::new(ROOMY, LIBRARY);
    // Below 60 the system's loader has no room for the command, as tests build it.
    let megabytes = [68, 72, 76, 80, 96, 112, 128, 256, 512, 1_024];
    let limits = megabytes.map(|megabytes| format!("-v {}", megabytes << 10));
    let [successes, lacks] = sweep(&case, limits.into_iter(), &ADD);
    assert!(successes >= 3 && lacks > 0, "{successes} {lacks}");
}

#[test]
fn a_gigabyte_of_address_space_is_plenty() {
    let case = Case::new(ROOMY, LIBRARY);
    for args in [&ADD[..], &["--invoke", "add(1, 2)", "--repeat", "8", "--parallel", "8"]] {
        let ended = limited(&case, "-v 1048576", "run", args);
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
    let ended = limited(&case, "-v 1048576", "calibrate", &ADD);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn a_guest_that_the_host_has_no_memory_for_is_not_to_blame() {
    // Asks for 100 MB more until it gets none, and traps then.
    let eater = r#"(component
        (core module $m
            (memory 1)
            (func (export "eat")
                (loop $l (br_if $l (i32.ne (memory.grow (i32.const 1600)) (i32.const -1))))
                unreachable))
        (core instance $i (instantiate $m))
        (func (export "eat") (canon lift (core func $i "eat"))))"#;
    let case = Case::new(&ROOMY.replace("64MiB", "2GiB"), eater);
    let args = ["--invoke", "eat()", "--format", "json"];
    let ended = limited(&case, "-v 1048576", "run", &args);
    assert_eq!((ended.code, &ended.json()["outcome"]), (Some(72), &"host".into()), "{ended:?}");
}

#[test]
fn a_host_without_threads_is_no_fault_of_anybody_else() {
    let case = Case::new(ROOMY, LIBRARY);
    let [_, lacks] = sweep(&case, (1..=8).map(|most| format!("-u {most}")), &ADD);
    assert!(lacks >= 4, "the limit does not hold this user");
    let ended = limited(&case, "-c 0", "run", &ADD);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn a_command_that_cannot_even_start_still_reports() {
    let case = Case::new(ROOMY, LIBRARY);
    fs::set_permissions(case.path(""), fs::Permissions::from_mode(0o755)).unwrap();
    for verb in ["run", "check", "calibrate"] {
        // Left by an earlier run.
        case.write("r.json", "{\"outcome\":\"success\"}");
        fs::set_permissions(case.path("r.json"), fs::Permissions::from_mode(0o666)).unwrap();
        let ended = limited(&case, "-u 1", verb, &["--format", "json", "--report", "r.json"]);
        assert_eq!(ended.code, Some(72), "{ended:?}");
        let json = ended.json();
        assert_eq!(json["outcome"], "host");
        let message = json["error"]["message"].as_str().unwrap();
        assert!(message.starts_with("starting failed: "), "{message}");
        assert_eq!(ended.stderr, "");
        assert_eq!(case.report("r.json"), json);
        let text = limited(&case, "-u 1", verb, &[]);
        assert_eq!((text.code, &*text.stdout), (Some(72), ""));
        assert!(text.stderr.starts_with("error: starting failed: "), "{text:?}");
    }
}
