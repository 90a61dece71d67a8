//! Capabilities: what decides, how a refusal is reported, and what it takes to grant it.

use std::fs;

use serde_json::{Value, json};

use crate::command::{Case, ROOMY, ended};
use crate::files::{DENIED, OK, case, given};
use crate::guests::{LIBRARY, command};

/// Opens the files `a` and `b`, made if need be, in the first directory and prints the error
/// numbers.
fn opener() -> Vec<u8> {
    let open = |at: u32| {
        format!(
            "(call $print_number (call $path_open
                (i32.const 3) (i32.const 0) (i32.const {at}) (i32.const 1)
                (i32.const 1) (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 64)))"
        )
    };
    command("ab", &format!("{} {} {}", open(1024), open(1025), open(1025)))
}

fn limits(capabilities: &str) -> String {
    format!("{ROOMY}\n[capabilities]\n{capabilities}\n")
}

#[test]
fn a_refusal_is_an_error_code_and_the_report_has_the_line_that_grants_it() {
    let case = case(&limits("filesystem.write = [\"/data/a\"]"), opener());
    let (ended, json, said) = given(&case, &[]);
    assert_eq!((said, ended.code), ([OK, DENIED, DENIED].concat(), Some(0)));
    assert_eq!((&json["outcome"], &json["enforced"]), (&json!("success"), &json!(true)));
    let line = "filesystem.write = [\"/data/a\", \"/data/b\"]";
    assert_eq!(
        json["refusals"],
        json!([{
            "permission": "filesystem.write", "count": 2, "last": "/data/b",
            "table": "Component.toml [capabilities]", "line": line
        }])
    );
    let text = case.run(&["--dir", "given::/data"]).stderr;
    let refused = format!(
        "\n  refused  filesystem.write of `/data/b` 2 times; Component.toml [capabilities] needs: \
         {line}\n"
    );
    assert!(text.contains(&refused), "{text}");
    // The line, where it belongs.
    let fixed = case.read("Component.toml").replace("filesystem.write = [\"/data/a\"]", line);
    case.write("Component.toml", fixed);
    let (_, json, said) = given(&case, &[]);
    assert_eq!((said, &json["refusals"]), ([OK; 3].concat(), &json!([])));
}

#[test]
fn a_refusal_by_the_policy_names_its_table_and_the_line_for_it() {
    let case = case(&limits("filesystem.write = [\"/data/*\"]"), opener());
    let policy = "[ceiling]\ncapabilities.filesystem.write = [\"/data/a\"]\n";
    case.write("policy.toml", policy);
    let args = ["--policy", "policy.toml"];
    let (_, json, said) = given(&case, &args);
    assert_eq!(said, [OK, DENIED, DENIED].concat());
    let refusal = &json["refusals"][0];
    let line = "capabilities.filesystem.write = [\"/data/a\", \"/data/b\"]";
    assert_eq!(
        (&refusal["table"], &refusal["line"]),
        (&json!("policy.toml [ceiling]"), &json!(line))
    );
    case.write("policy.toml", format!("[ceiling]\n{line}\n"));
    assert_eq!(given(&case, &args).2, [OK; 3].concat());
}

/// Runs a library with a directory, and returns the exit code and the message.
fn refused(case: &Case, dir: &str, args: &[&str]) -> (Option<i32>, Value, String) {
    let args = [&["--invoke", "add(1, 2)", "--dir", dir], args].concat();
    let (ended, json) = case.json(&args);
    let message = json["error"]["message"].as_str().unwrap_or_default();
    (ended.code, json["outcome"].clone(), String::from(message))
}

#[test]
fn a_directory_that_no_capability_can_use_is_denied_before_anything_is_compiled() {
    let why = |dir: &str, line: &str| {
        let message = format!(
            "no capability allows anything in --dir {dir}; Component.toml [capabilities] needs a \
             pattern there, such as: {line}"
        );
        (Some(69), json!("denied"), message)
    };
    let case = case(&limits(""), "(component (core module (func (result i32))))");
    let line = "filesystem.read = [\"/data/**\"]";
    assert_eq!(refused(&case, "given::/data", &[]), why("given::/data", line));
    assert_eq!(refused(&case, "given::data/", &[]), why("given::data/", line));
    assert_eq!(
        refused(&case, "given::/:ro", &[]),
        why("given::/:ro", "filesystem.read = [\"/**\"]")
    );
    let args = ["--invoke", "add(1, 2)", "--dir", "given::/data", "--format", "json"];
    let calibrated = ended(case.command("calibrate", &args).spawn().unwrap());
    assert_eq!((calibrated.code, &calibrated.json()["outcome"]), (Some(69), &json!("denied")));
}

#[test]
fn a_directory_is_of_use_if_something_at_or_below_it_is_allowed() {
    for (capabilities, dir, code) in [
        ("filesystem.read = [\"/data\"]", "given::/data", 0),
        ("filesystem.write = [\"/data/a/b\"]", "given::/data", 0),
        ("filesystem.write = [\"/data/a/b\"]", "given::/data:ro", 69),
        ("filesystem.read = [\"/data/a/b\"]", "given::/data:ro", 0),
        ("filesystem.read = [\"/other/**\"]", "given::/data", 69),
        ("filesystem.read = [\"/data/*\"]", "given::/", 0),
        ("filesystem.read = [\"/data\"]", "given::data", 0),
    ] {
        let case = case(&limits(capabilities), LIBRARY);
        let (ended, _, message) = refused(&case, dir, &[]);
        assert_eq!(ended, Some(code), "{capabilities} {dir}: {message}");
    }
}

#[test]
fn a_directory_that_only_the_policy_forbids_names_the_policy() {
    let case = case(&limits("filesystem.write = [\"/data/**\"]"), LIBRARY);
    case.write("policy.toml", "[ceiling]\ncapabilities.filesystem.write = [\"/tmp/**\"]\n");
    let (code, _, message) = refused(&case, "given::/data", &["--policy", "policy.toml"]);
    assert_eq!(code, Some(69));
    assert_eq!(
        message,
        "no capability allows anything in --dir given::/data; policy.toml [ceiling] needs a \
         pattern there, such as: capabilities.filesystem.write = [\"/tmp/**\", \"/data/**\"]"
    );
}

#[test]
fn observing_refuses_nothing_and_lists_what_would_have_been_refused() {
    let more = "[quota]\nstorage = 4_000\n[capabilities]\nfilesystem.write = [\"/data/a\"]\n";
    let case = case(&format!("{ROOMY}{more}"), opener());
    let (ended, json, said) = given(&case, &["--observe"]);
    assert_eq!((said, ended.code), ([OK; 3].concat(), Some(0)), "{ended:?}");
    assert_eq!((&json["enforced"], &json["outcome"]), (&json!(false), &json!("success")));
    let storage = &json["quota"]["storage"];
    assert_eq!((&storage["used"], &storage["denied"]), (&json!(2 * 4_096), &json!(2)));
    let refusal = &json["refusals"][0];
    assert_eq!((&refusal["count"], &refusal["last"]), (&json!(2), &json!("/data/b")));
    let text = case.run(&["--dir", "given::/data", "--observe"]).stderr;
    assert!(text.contains("\n  observed nothing above was denied or refused: "), "{text}");
    // Nor is a directory refused that no capability can use.
    let args = ["--dir", "given::/elsewhere", "--observe"];
    let (ended, json) = case.json(&args);
    assert_eq!(ended.code, Some(0), "{json}");
    assert_eq!(
        json["refusals"][0]["line"],
        json!("filesystem.write = [\"/data/a\", \"/elsewhere/b\"]")
    );
    // The limits of the store hold.
    let (ended, _) = Case::new(&ROOMY.replace("60_000", "50"), LIBRARY).json(&[
        "--invoke",
        "spin()",
        "--observe",
    ]);
    assert_eq!(ended.code, Some(65));
}

#[test]
fn a_directory_for_reading_is_neither_written_nor_counted() {
    let case =
        case(&limits("filesystem.write = [\"/data/**\"]\nfilesystem.read = [\"**\"]"), opener());
    fs::write(case.path("given/before"), "12345").unwrap();
    let (ended, json) = case.json(&["--dir", "given::/data:ro"]);
    // `perm`, as without capabilities.
    assert!(ended.stdout.starts_with("63\n63\n63\n"), "{ended:?}");
    let quota = &json["quota"];
    assert_eq!(
        (&quota["storage"]["used"], &quota["storage_entries"]["used"]),
        (&json!(0), &json!(0))
    );
    assert_eq!(json["refusals"], json!([]));
}
