//! Messages of guests, which go to a file.

use serde_json::{Value, json};

use crate::command::{Case, ROOMY, ended};
use crate::draft_guests::MESSAGE_GUEST;

fn case(quota: &str, capabilities: &str) -> Case {
    Case::new(&format!("{ROOMY}{quota}[capabilities]\n{capabilities}"), &*MESSAGE_GUEST)
}

const ORDERS: &str = "messaging.send = [\"orders.*\"]\n";

/// Sends some messages into a file, and returns the result and the report.
fn send(case: &Case, topic: &str, times: u32) -> (Value, Value) {
    let call = format!("send(\"{topic}\", {times})");
    let (ended, json) = case.json(&["--invoke", &call, "--messages", "sent.jsonl"]);
    assert_eq!(ended.code, Some(0), "{json:#}");
    (json["result"].clone(), json)
}

#[test]
fn every_message_is_a_line_of_json_behind_those_of_earlier_runs() {
    let case = case("", ORDERS);
    for _ in 0..2 {
        let (result, json) = send(&case, "orders.new", 2);
        assert_eq!(result, "(2, 0)", "{json:#}");
        assert_eq!(json["quota"]["message_rate"]["used"], 2);
        assert_eq!(
            json["services"]["messages"],
            json!({"max_bytes": 262_144, "sent": 2, "refused": 0, "failed": 0})
        );
    }
    let sent = case.read("sent.jsonl");
    let lines: Vec<Value> = sent.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let message = json!({
        "component": "guest", "client": "", "topic": "orders.new", "content_type": "text/plain",
        "metadata": [["k", "v"]], "data": "hello"
    });
    assert_eq!(lines, vec![message; 4]);
}

#[test]
fn a_guest_hears_that_its_rate_is_used_up() {
    let quota = "[quota]\nmessage_rate = 1\nmessage_policy = \"deny\"\nperiod = \"60s\"\n";
    let case = case(quota, ORDERS);
    let (result, json) = send(&case, "orders.new", 65);
    assert_eq!(result, "(60, 103)", "{json:#}");
    let rate = &json["quota"]["message_rate"];
    assert_eq!((&rate["used"], &rate["denied"]), (&rate["limit"], &json!(1)), "{json:#}");
    assert_eq!(case.read("sent.jsonl").lines().count(), 60);
}

#[test]
fn a_throttled_guest_ends_by_its_deadline() {
    let limits = ROOMY.replace("60_000", "300");
    let quota = "[quota]\nmessage_rate = 1\nperiod = \"60s\"\n";
    let case = Case::new(&format!("{limits}{quota}[capabilities]\n{ORDERS}"), &*MESSAGE_GUEST);
    let args = ["--invoke", "send(\"orders.new\", 61)", "--messages", "sent.jsonl"];
    let (ended, json) = case.json(&args);
    assert_eq!((ended.code, &json["outcome"]), (Some(65), &json!("timeout")), "{json:#}");
    let sent = case.read("sent.jsonl").lines().count();
    assert_eq!(json["services"]["messages"]["sent"], sent);
    assert!(sent <= 60, "{sent}");
}

#[test]
fn a_topic_without_a_capability_is_refused_with_the_line_for_it() {
    let case = case("", ORDERS);
    let (result, json) = send(&case, "mails.new", 1);
    assert_eq!(result, "(0, 102)", "{json:#}");
    assert_eq!(
        json["refusals"],
        json!([{
            "permission": "messaging.send", "count": 1, "last": "mails.new",
            "table": "Component.toml [capabilities]",
            "line": "messaging.send = [\"orders.*\", \"mails.new\"]"
        }])
    );
}

#[test]
fn without_the_option_nothing_is_sent_and_the_report_names_it() {
    let case = case("", ORDERS);
    let (ended, json) = case.json(&["--invoke", "send(\"orders.new\", 1)"]);
    assert_eq!((ended.code, &json["result"]), (Some(0), &json!("(0, 102)")), "{json:#}");
    assert_eq!(
        json["switched_off"],
        json!([{"interface": "wasi:messaging/producer", "count": 1, "option": "--messages FILE"}])
    );
}

#[test]
fn a_place_that_is_no_regular_file_is_refused() {
    let case = case("", ORDERS);
    for (path, why) in [("/dev/null", "it is no regular file"), ("no/such", "No such file")] {
        let call = ["--invoke", "send(\"orders.new\", 1)", "--messages", path];
        let (ended, json) = case.json(&call);
        assert_eq!(ended.code, Some(71), "{json:#}");
        let message = json["error"]["message"].as_str().unwrap();
        assert!(
            message.starts_with(&format!("cannot use {path} for --messages: {why}")),
            "{message}"
        );
    }
}

#[test]
fn another_process_cannot_append_at_the_same_time() {
    let case = case("", ORDERS);
    let file = std::fs::File::create(case.path("sent.jsonl")).unwrap();
    file.lock().unwrap();
    let args = ["--invoke", "send(\"orders.new\", 1)", "--messages", "sent.jsonl"];
    let args = [&args[..], &["--format", "json"]].concat();
    let json = ended(case.command("run", &args).spawn().unwrap()).json();
    assert_eq!(json["outcome"], "host", "{json:#}");
    drop(file);
    assert_eq!(send(&case, "orders.new", 1).0, "(1, 0)");
}
