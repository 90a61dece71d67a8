//! Files that a guest writes: storage, entries, descriptors and listings, over real directories.

use std::fs;

use serde_json::{Value, json};

use crate::command::{Case, Ended, ROOMY};
use crate::guests::command;

/// WASI's error numbers, as guests print them.
pub(crate) const OK: &str = "00\n";
pub(crate) const DENIED: &str = "02\n";
const QUOTA: &str = "19\n";
/// `nomem`, since WASI 0.2 has no word for too many open files or entries.
const NO_MEMORY: &str = "48\n";

/// Everything in the directory that guests are given, and the quota in its `quota`.
pub(crate) fn roomy(more: &str) -> String {
    format!(
        "{ROOMY}{more}\n[capabilities]\nfilesystem.read = [\"/data/**\"]\n\
         filesystem.write = [\"/data/**\"]\n"
    )
}

/// A case with a directory `given`, which guests are to find at `/data`.
pub(crate) fn case(limits: &str, guest: impl AsRef<[u8]>) -> Case {
    let case = Case::new(limits, guest);
    fs::create_dir(case.path("given")).unwrap();
    case
}

/// Runs with the directory, and returns the guest's output without the report.
pub(crate) fn given(case: &Case, args: &[&str]) -> (Ended, Value, String) {
    let (ended, json) = case.json(&[&["--dir", "given::/data"], args].concat());
    let report = ended.stdout.lines().last().unwrap_or_default();
    let said = String::from(ended.stdout.strip_suffix(&format!("{report}\n")).unwrap());
    (ended, json, said)
}

/// Opens the file `f` to write, made if need be, and writes `sizes` bytes, one write for each.
/// Prints WASI's error number of each step.
pub(crate) fn writer(sizes: &[u32]) -> Vec<u8> {
    let writes: String = sizes
        .iter()
        .map(|size| {
            format!(
                "(i32.store (i32.const 0) (i32.const 8192))
                 (i32.store (i32.const 4) (i32.const {size}))
                 (call $print_number (call $fd_write
                    (i32.load (i32.const 64)) (i32.const 0) (i32.const 1) (i32.const 16)))"
            )
        })
        .collect();
    command("f", &format!("{OPEN_TO_WRITE} {writes}"))
}

/// Opens the file `f` to write, made if need be, and prints the error number.
const OPEN_TO_WRITE: &str = "(call $print_number (call $path_open
    (i32.const 3) (i32.const 0) (i32.const 1024) (i32.const 1)
    (i32.const 1) (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 64)))";

/// The storage of an entry, by default.
const ENTRY: u64 = 4_096;

#[test]
fn a_guest_writes_up_to_the_last_byte_of_its_storage_and_hears_edquot_at_the_next() {
    let case = case(&roomy(&format!("[quota]\nstorage = {}", ENTRY + 10)), writer(&[10, 1]));
    let (ended, json, said) = given(&case, &[]);
    assert_eq!(said, [OK, OK, QUOTA].concat(), "{ended:?}");
    assert_eq!((ended.code, &json["outcome"]), (Some(0), &json!("success")));
    assert_eq!(fs::metadata(case.path("given/f")).unwrap().len(), 10);
    assert_eq!(
        json["quota"]["storage"],
        json!({
            "used": ENTRY + 10, "limit": ENTRY + 10, "percent": 100.0, "denied": 1,
            "origin": "component"
        })
    );
    assert_eq!(json["quota"]["storage_entries"]["used"], 1);
    assert_eq!(json["refusals"], json!([]));
    let text = case.run(&["--dir", "given::/data"]).stderr;
    let line = "\n  quota    storage: 4106 (4.01 KiB) of 4106 (4.01 KiB) at one time, 100.0 %, denied once\n";
    assert!(text.contains(line), "{text}");
}

#[test]
fn files_that_lie_there_count_unless_the_operator_gives_them_free() {
    let case = case(&roomy(&format!("[quota]\nstorage = {}", 2 * ENTRY + 100)), writer(&[10]));
    fs::write(case.path("given/before"), [0; 100]).unwrap();
    let full = [OK, QUOTA].concat();
    assert_eq!(given(&case, &[]).2, full);
    fs::remove_file(case.path("given/f")).unwrap();
    case.write("policy.toml", "[host]\nstorage_baseline = \"free\"\n");
    let (_, json, said) = given(&case, &["--policy", "policy.toml"]);
    assert_eq!((said, &json["quota"]["storage"]["used"]), ([OK, OK].concat(), &json!(ENTRY + 10)));
    fs::remove_file(case.path("given/f")).unwrap();
    case.write("policy.toml", "[host]\nstorage_entry_bytes = 4_091\n");
    let (_, json, said) = given(&case, &["--policy", "policy.toml"]);
    assert_eq!(said, [OK, OK].concat());
    assert_eq!(json["quota"]["storage"]["used"], 2 * 4_091 + 110);
    fs::remove_file(case.path("given/f")).unwrap();
    case.write("policy.toml", "[host]\nstorage_entry_bytes = 4_092\n");
    assert_eq!(given(&case, &["--policy", "policy.toml"]).2, full);
}

#[test]
fn the_number_of_entries_has_a_quota_of_its_own() {
    let case = case(&roomy("[quota]\nstorage_entries = 2"), writer(&[1]));
    fs::create_dir_all(case.path("given/a/b")).unwrap();
    let (ended, json, said) = given(&case, &[]);
    assert_eq!((said.as_str(), ended.code), ([QUOTA, "08\n"].concat().as_str(), Some(0)));
    let entries = &json["quota"]["storage_entries"];
    assert_eq!((&entries["used"], &entries["denied"]), (&json!(2), &json!(1)));
    fs::remove_dir(case.path("given/a/b")).unwrap();
    assert_eq!(given(&case, &[]).2, [OK, OK].concat());
    fs::remove_file(case.path("given/f")).unwrap();
    fs::create_dir(case.path("given/a/b")).unwrap();
    case.write("Component.toml", case.read("Component.toml").replace("storage_entries = 2", ""));
    case.write("policy.toml", "[host]\nstorage_entries = 2\n");
    let (_, json, said) = given(&case, &["--policy", "policy.toml"]);
    assert_eq!(said, [QUOTA, "08\n"].concat());
    let entries = &json["host"]["storage_entries"];
    assert_eq!((&entries["limit"], &entries["denied"]), (&json!(2), &json!(1)));
}

#[test]
fn the_host_bounds_the_storage_of_all_components() {
    let case = case(&roomy(""), writer(&[10, 1]));
    case.write("policy.toml", format!("[host]\nstorage = {}\n", ENTRY + 10));
    let (_, json, said) = given(&case, &["--policy", "policy.toml"]);
    assert_eq!(said, [OK, OK, QUOTA].concat());
    let (own, host) = (&json["quota"]["storage"], &json["host"]["storage"]);
    assert_eq!((&host["used"], &host["denied"]), (&json!(ENTRY + 10), &json!(1)));
    assert_eq!((&own["used"], &own["denied"]), (&json!(ENTRY + 10), &json!(0)));
}

#[test]
fn all_runs_count_in_the_same_directory() {
    let case = case(&roomy(&format!("[quota]\nstorage = {}", ENTRY + 10)), writer(&[10]));
    let (_, json, said) = given(&case, &["--repeat", "3"]);
    // The file is not truncated: the later runs overwrite what the first has written.
    assert_eq!(said, [OK; 6].concat());
    let (_, json_parallel, _) = given(&case, &["--repeat", "4", "--parallel", "4"]);
    for json in [json, json_parallel] {
        let storage = &json["quota"]["storage"];
        assert_eq!((&storage["used"], &storage["denied"]), (&json!(ENTRY + 10), &json!(0)));
    }
}

#[test]
fn descriptors_have_a_limit_that_the_guest_can_live_with() {
    // The directory is one of them.
    let body = format!("{OPEN_TO_WRITE} {OPEN_TO_WRITE}");
    let case = case(&roomy("[resources.host]\nmax_descriptors = 2"), command("f", &body));
    let (ended, json, said) = given(&case, &[]);
    assert_eq!((said, ended.code), ([OK, NO_MEMORY].concat(), Some(0)), "{json}");
    assert_eq!(json["descriptors"], json!({"max": 2, "peak": 2, "refused": 1}));
    let text = case.run(&["--dir", "given::/data"]).stderr;
    assert!(text.contains("\n  refused  more than 2 open files, once\n"), "{text}");
}

#[test]
fn a_listing_has_a_limit() {
    let body = "(call $print_number (call $readdir
        (i32.const 3) (i32.const 8192) (i32.const 4096) (i64.const 0) (i32.const 16)))";
    let case = case(&roomy("[resources.host]\nmax_directory_entries = 3"), command("", body));
    for name in ["a", "b", "c"] {
        fs::write(case.path("given").join(name), "").unwrap();
    }
    let (_, json, said) = given(&case, &[]);
    assert_eq!((said.as_str(), &json["listings"]), (OK, &json!({"max": 3, "refused": 0})));
    fs::write(case.path("given/d"), "").unwrap();
    let (ended, json, said) = given(&case, &[]);
    assert_eq!(said, NO_MEMORY, "{ended:?}");
    assert_eq!((ended.code, &json["listings"]), (Some(0), &json!({"max": 3, "refused": 1})));
}

#[test]
fn files_need_a_thread_that_may_block() {
    let limits = |most: u32| roomy(&format!("[resources.host]\nmax_blocking_threads = {most}"));
    let (ended, json, _) = given(&case(&limits(0), writer(&[1])), &[]);
    assert_eq!((ended.code, &json["outcome"]), (Some(71), &json!("error")), "{json}");
    assert_eq!(
        json["error"]["message"],
        "no thread may block for the component: expected at least 1"
    );
    let args = ["--repeat", "8", "--parallel", "8"];
    let (_, json, said) = given(&case(&limits(1), writer(&[1])), &args);
    assert_eq!(said, [OK; 16].concat(), "{json}");
}

#[test]
fn a_guest_cannot_be_given_the_files_that_limit_it() {
    let case = case(&roomy(""), writer(&[1]));
    fs::write(case.path("given/policy.toml"), "").unwrap();
    let refused = |args: &[&str]| {
        let (ended, json) = case.json(args);
        let error = json["error"]["message"].as_str().map(String::from);
        (ended.code, error.unwrap_or_default())
    };
    let policy = ["--policy", "given/policy.toml"];
    assert_eq!(
        refused(&[&["--dir", "given::/data"], &policy[..]].concat()),
        (
            Some(71),
            String::from(
                "given/policy.toml lies in --dir given::/data, where the component may write it: \
                 keep it in a folder of its own, give the directory with :ro, or grant no \
                 filesystem.write there"
            )
        )
    );
    let (code, error) = refused(&["--dir", ".::/data"]);
    assert_eq!(code, Some(71));
    assert!(error.starts_with("Component.toml lies in --dir .::/data, where"), "{error}");
    // Where no capability lets it write, the directory is given.
    let (_, elsewhere) = refused(&["--dir", ".::/other", "--dir", "given::/data"]);
    assert!(!elsewhere.contains("where the component may write it"), "{elsewhere}");
    let (code, error) = refused(&["--dir", ".::/other", "--observe"]);
    assert_eq!(code, Some(71), "{error}");
}
