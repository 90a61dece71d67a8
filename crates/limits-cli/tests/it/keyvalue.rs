//! Keys and values, which a file keeps from run to run.

use std::fs;

use serde_json::{Value, json};

use crate::command::{Case, ROOMY, ended};
use crate::draft_guests::KEYVALUE_GUEST;

const EVERYTHING: &str = "storage.read = [\"**\"]\nstorage.write = [\"**\"]\n";

fn case(more: &str, capabilities: &str) -> Case {
    Case::new(&format!("{ROOMY}{more}[capabilities]\n{capabilities}"), &*KEYVALUE_GUEST)
}

/// Invokes a function on the keys of a file, and returns its result and the report.
fn invoke(case: &Case, call: &str) -> (Value, Value) {
    let (ended, json) = case.json(&["--invoke", call, "--keyvalue", "keys.redb"]);
    assert_eq!(ended.code, Some(0), "{json:#}");
    (json["result"].clone(), json)
}

#[test]
fn a_second_run_finds_the_keys_of_the_first_and_counts_them() {
    let case = case("", EVERYTHING);
    let (result, json) = invoke(&case, "set(\"name\", \"value\")");
    assert_eq!(result, "0", "{json:#}");
    // The bytes of key and value.
    let quota = &json["quota"];
    assert_eq!(
        (&quota["storage"]["used"], &quota["storage_entries"]["used"]),
        (&json!(9), &json!(1))
    );
    let (result, json) = invoke(&case, "get(\"name\")");
    assert_eq!((result, &json["quota"]["storage"]["used"]), (json!("5"), &json!(9)));
    assert_eq!(invoke(&case, "get(\"other\")").0, "999");
    for expected in [3, 6] {
        assert_eq!(invoke(&case, "increment(\"n\", 3)").0, json!(expected.to_string()));
    }
}

#[test]
fn a_pair_beyond_the_storage_is_refused_and_what_was_there_stays() {
    let case = case("[quota]\nstorage = 10\n", EVERYTHING);
    assert_eq!(invoke(&case, "set(\"name\", \"value\")").0, "0");
    let (result, json) = invoke(&case, "set(\"n\", \"2\")");
    assert_eq!(result, "1002");
    assert_eq!(json["quota"]["storage"]["denied"], 1, "{json:#}");
    assert_eq!(invoke(&case, "get(\"name\")").0, "5");
}

#[test]
fn a_key_without_a_capability_is_refused_with_the_line_for_it() {
    let case = case("", "storage.read = [\"default:**\"]\n");
    let (result, json) = invoke(&case, "set(\"name\", \"value\")");
    assert_eq!(result, "1001", "{json:#}");
    assert_eq!(
        json["refusals"],
        json!([{
            "permission": "storage.write", "count": 1, "last": "default:name",
            "table": "Component.toml [capabilities]", "line": "storage.write = [\"default:name\"]"
        }])
    );
}

#[test]
fn without_the_option_there_are_no_keys_and_the_report_names_it() {
    let case = case("", EVERYTHING);
    let (ended, json) = case.json(&["--invoke", "get(\"name\")"]);
    assert_eq!((ended.code, &json["result"]), (Some(0), &json!("1001")), "{json:#}");
    assert_eq!(
        json["switched_off"],
        json!([{"interface": "wasi:keyvalue/store", "count": 1, "option": "--keyvalue FILE"}])
    );
}

#[test]
fn a_file_that_is_no_database_is_an_error_and_stays_as_it_is() {
    let case = case("", EVERYTHING);
    let content = "not a database".repeat(1_000);
    case.write("keys.redb", &content);
    let (ended, json) = case.json(&["--invoke", "get(\"a\")", "--keyvalue", "keys.redb"]);
    assert_eq!(ended.code, Some(71), "{json:#}");
    let message = json["error"]["message"].as_str().unwrap();
    assert!(message.starts_with("cannot use keys.redb for --keyvalue: "), "{message}");
    assert_eq!(case.read("keys.redb"), content);
}

#[test]
fn observing_counts_what_would_have_been_refused() {
    let case = case("", "");
    let args = ["--invoke", "set(\"name\", \"value\")", "--keyvalue", "keys.redb", "--observe"];
    let (ended, json) = case.json(&args);
    assert_eq!((ended.code, &json["result"]), (Some(0), &json!("0")), "{json:#}");
    assert_eq!(json["refusals"][0]["line"], "storage.write = [\"default:name\"]");
}

#[test]
fn calibrating_suggests_keys_and_storage() {
    let case = case("", EVERYTHING);
    let args = ["--invoke", "set(\"name\", \"value\")", "--keyvalue", "keys.redb", "--runs", "2"];
    let args = [&args[..], &["--format", "json"]].concat();
    let json = ended(case.command("calibrate", &args).spawn().unwrap()).json();
    let suggested = &json["suggested"];
    assert_eq!(suggested["capabilities"], json!({"storage.write": ["default:name"]}), "{json:#}");
    assert_eq!(suggested["quota"]["storage"], 1_024);
    assert!(fs::metadata(case.path("keys.redb")).unwrap().is_file());
}
