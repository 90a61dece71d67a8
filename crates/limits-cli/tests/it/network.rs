//! TCP, UDP and look-ups of names, with real servers on loopback.

use serde_json::{Value, json};

use crate::command::{Case, Ended, ROOMY};
use crate::network_guest::NETWORK_GUEST;
use crate::servers::{silent, tcp_echo, udp_echo};

/// A guest under capabilities, and a policy that lists patterns of `network.connect`.
fn case(capabilities: &str, policy: &str) -> Case {
    let case = Case::new(&format!("{ROOMY}[capabilities]\n{capabilities}\n"), &*NETWORK_GUEST);
    case.write("policy.toml", format!("[ceiling]\ncapabilities.network.connect = [{policy}]\n"));
    case
}

/// Invokes a function of the guest under the policy.
fn invoke(case: &Case, call: &str, args: &[&str]) -> (Ended, Value) {
    case.json(&[&["--invoke", call, "--policy", "policy.toml"], args].concat())
}

const ANYTHING: &str = "network.connect = [\"**\"]";
const ON_LOOPBACK: &str = "\"127.0.0.0/8:*\"";

#[test]
fn a_guest_talks_by_tcp_and_its_bytes_are_in_the_report() {
    let case = case(ANYTHING, ON_LOOPBACK);
    let call = format!("tcp({})", tcp_echo());
    let (ended, json) = invoke(&case, &call, &["--tcp"]);
    assert_eq!((ended.code, &json["result"]), (Some(0), &json!("0")), "{json:#}");
    assert_eq!(
        json["services"]["network"],
        json!({"sent": 4, "received": 4, "dropped_datagrams": 0})
    );
    assert_eq!(json["services"]["sockets"], json!({"max": 32, "peak": 1, "refused": 0}));
    assert_eq!(json["quota"]["network_bandwidth"]["used"], 8);
    assert_eq!((&json["refusals"], &json["switched_off"]), (&json!([]), &json!([])));
    let args = ["--invoke", &call, "--policy", "policy.toml", "--tcp"];
    let text = case.run(&args).stderr;
    let line = "\n  network  4 B sent, 4 B received, 1 socket at a time\n";
    assert!(text.contains(line), "{text}");
}

#[test]
fn a_guest_talks_by_udp() {
    let case = case(ANYTHING, ON_LOOPBACK);
    let (ended, json) = invoke(&case, &format!("udp({})", udp_echo()), &["--udp"]);
    assert_eq!((ended.code, &json["result"]), (Some(0), &json!("0")), "{json:#}");
    // Four bytes, and 28 of the datagram around them.
    assert_eq!(
        json["services"]["network"],
        json!({"sent": 32, "received": 32, "dropped_datagrams": 0})
    );
}

#[test]
fn a_name_is_looked_up_and_then_reached_by_its_address() {
    let case = case(ANYTHING, "\"localhost:*\", \"127.0.0.1:*\"");
    let call = format!("reach(\"localhost\", {})", tcp_echo());
    let (ended, json) = invoke(&case, &call, &["--tcp"]);
    assert_eq!((ended.code, &json["result"]), (Some(0), &json!("0")), "{json:#}");
    assert_eq!(json["services"]["lookups"], json!({"max": 256, "count": 1, "refused": 0}));
}

#[test]
fn loopback_needs_a_line_of_the_policy_and_the_report_has_it() {
    let port = tcp_echo();
    let call = format!("tcp({port})");
    let case = case(ANYTHING, "\"**\"");
    let (ended, json) = invoke(&case, &call, &["--tcp"]);
    // Step 3 was refused with `access-denied`.
    assert_eq!((ended.code, &json["result"]), (Some(0), &json!("301")), "{json:#}");
    let line = format!("capabilities.network.connect = [\"**\", \"127.0.0.1:{port}\"]");
    assert_eq!(
        json["refusals"],
        json!([{
            "permission": "network.connect", "count": 1, "last": format!("127.0.0.1:{port}"),
            "table": "policy.toml [ceiling]", "line": line
        }])
    );
    assert_eq!(
        json["services"]["network"],
        json!({"sent": 0, "received": 0, "dropped_datagrams": 0})
    );
    // Without any policy, Component.toml alone does not give it.
    let (_, json) = case.json(&["--invoke", &call, "--tcp"]);
    assert_eq!(json["result"], "301");
    assert_eq!(json["refusals"][0]["table"], "policy.toml [ceiling]");
    // The line, where it belongs.
    case.write("policy.toml", format!("[ceiling]\n{line}\n"));
    let (_, json) = invoke(&case, &call, &["--tcp"]);
    assert_eq!((&json["result"], &json["refusals"]), (&json!("0"), &json!([])));
}

#[test]
fn a_refused_name_has_the_line_of_its_own_file() {
    let case = case("network.connect = [\"a.example:443\"]", ON_LOOPBACK);
    let (_, json) = invoke(&case, "look-up(\"b.example\")", &["--tcp"]);
    assert_eq!(json["result"], "801", "{json:#}");
    assert_eq!(
        json["refusals"],
        json!([{
            "permission": "network.connect", "count": 1, "last": "b.example",
            "table": "Component.toml [capabilities]",
            "line": "network.connect = [\"a.example:443\", \"b.example:*\"]"
        }])
    );
}

#[test]
fn a_service_without_its_option_is_refused_and_the_report_names_the_option() {
    let case = case(ANYTHING, ON_LOOPBACK);
    for (call, given, interface, option) in [
        ("tcp(1)", "--udp", "wasi:sockets/tcp", "--tcp"),
        ("udp(1)", "--tcp", "wasi:sockets/udp", "--udp"),
        ("look-up(\"localhost\")", "--observe", "wasi:sockets/ip-name-lookup", "--tcp or --udp"),
    ] {
        let (ended, json) = invoke(&case, call, &[given]);
        assert_eq!(ended.code, Some(0), "{json:#}");
        assert_ne!(json["result"], "0");
        assert_eq!(
            json["switched_off"],
            json!([{"interface": interface, "count": 1, "option": option}])
        );
        let text = case.run(&["--invoke", call, "--policy", "policy.toml", given]).stderr;
        let line = format!("\n  refused  {interface} once; it needs the option {option}\n");
        assert!(text.contains(&line), "{text}");
    }
}

#[test]
fn the_deadline_ends_a_guest_that_waits_for_bytes() {
    let limits = ROOMY.replace("60_000", "300");
    let case = Case::new(&format!("{limits}[capabilities]\n{ANYTHING}\n"), &*NETWORK_GUEST);
    case.write(
        "policy.toml",
        format!("[ceiling]\ncapabilities.network.connect = [{ON_LOOPBACK}]\n"),
    );
    let (ended, json) = invoke(&case, &format!("wait({})", silent()), &["--tcp"]);
    assert_eq!((ended.code, &json["outcome"]), (Some(65), &json!("timeout")), "{json:#}");
}

#[test]
fn a_throttled_guest_ends_by_its_deadline_and_one_that_is_denied_hears_it() {
    // Four bytes need four seconds.
    let limits = ROOMY.replace("60_000", "300");
    for (policy, code) in [("throttle", 65), ("deny", 0)] {
        let quota = format!("[quota]\nnetwork_bandwidth = 1\nnetwork_policy = \"{policy}\"\n");
        let case =
            Case::new(&format!("{limits}{quota}[capabilities]\n{ANYTHING}\n"), &*NETWORK_GUEST);
        case.write(
            "policy.toml",
            format!("[ceiling]\ncapabilities.network.connect = [{ON_LOOPBACK}]\n"),
        );
        let (ended, json) = invoke(&case, &format!("tcp({})", tcp_echo()), &["--tcp"]);
        assert_eq!(ended.code, Some(code), "{json:#}");
        assert_ne!(json["result"], "0");
        assert!(json["services"]["network"]["sent"].as_u64().unwrap() <= 1, "{json:#}");
    }
}

#[test]
fn observing_reaches_what_is_refused_and_counts_it() {
    let case = Case::new(ROOMY, &*NETWORK_GUEST);
    let port = tcp_echo();
    let (ended, json) = case.json(&["--invoke", &format!("tcp({port})"), "--tcp", "--observe"]);
    assert_eq!((ended.code, &json["result"]), (Some(0), &json!("0")), "{json:#}");
    let refusal = &json["refusals"][0];
    assert_eq!(refusal["line"], json!(format!("network.connect = [\"127.0.0.1:{port}\"]")));
    assert_eq!(
        json["services"]["network"],
        json!({"sent": 4, "received": 4, "dropped_datagrams": 0})
    );
}
