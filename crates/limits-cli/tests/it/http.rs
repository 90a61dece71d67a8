//! HTTP requests, with real servers on loopback.

use serde_json::{Value, json};

use crate::command::{Case, Ended, ROOMY, ended};
use crate::http_guest::{HTTP_GUEST, REQUEST_DENIED};
use crate::servers::{RESPONSE, http, https, silent};

/// A guest that may reach `localhost`, by name and address.
fn case(limits: &str) -> Case {
    let capabilities = "[capabilities]\nnetwork.connect = [\"localhost:*\", \"127.0.0.1:*\"]\n";
    let case = Case::new(&format!("{limits}{capabilities}"), &*HTTP_GUEST);
    case.write(
        "policy.toml",
        "[ceiling]\ncapabilities.network.connect = [\"localhost:*\", \"127.0.0.1:*\"]\n",
    );
    case
}

fn get(case: &Case, url: (&str, u16), args: &[&str]) -> (Ended, Value) {
    let (scheme, port) = url;
    let call = format!("get(\"localhost:{port}\", {})", scheme == "https");
    case.json(&[&["--invoke", &call, "--policy", "policy.toml"], args].concat())
}

#[test]
fn a_guest_gets_a_response_and_heads_and_body_are_in_the_report() {
    let case = case(ROOMY);
    let (ended, json) = get(&case, ("http", http()), &["--http"]);
    assert_eq!((ended.code, &json["result"]), (Some(0), &json!("200")), "{json:#}");
    assert_eq!(json["services"]["requests"], json!({"max": 1_000, "count": 1, "refused": 0}));
    let network = &json["services"]["network"];
    assert_eq!(network["received"], RESPONSE.len());
    assert!(network["sent"].as_u64().unwrap() > 20, "{network}");
    assert_eq!((&json["refusals"], &json["switched_off"]), (&json!([]), &json!([])));
}

#[test]
fn a_certificate_is_trusted_by_its_root_on_the_command_line_only() {
    let (port, pem) = https();
    let case = case(ROOMY);
    case.write("roots.pem", pem);
    let (ended, json) = get(&case, ("https", port), &["--http", "--ca", "roots.pem"]);
    assert_eq!((ended.code, &json["result"]), (Some(0), &json!("200")), "{json:#}");
    // The handshake is in the bill.
    assert!(json["services"]["network"]["received"].as_u64().unwrap() > 500, "{json:#}");
    let (ended, json) = get(&case, ("https", port), &["--http"]);
    assert_eq!(ended.code, Some(0), "{json:#}");
    // `TLS-certificate-error`.
    assert_eq!(json["result"], "1013");
}

#[test]
fn a_file_of_roots_must_have_some() {
    let case = case(ROOMY);
    for (content, why) in [("", "no certificate in the text"), ("-----BEGIN", "no certificate")] {
        case.write("roots.pem", content);
        let (ended, json) = get(&case, ("http", 1), &["--http", "--ca", "roots.pem"]);
        assert_eq!(ended.code, Some(71));
        let message = json["error"]["message"].as_str().unwrap();
        assert!(message.starts_with("cannot use roots.pem for --ca: "), "{message}");
        assert!(message.contains(why), "{message}");
    }
}

#[test]
fn a_request_without_the_option_is_denied_and_the_report_names_it() {
    let case = case(ROOMY);
    let (ended, json) = get(&case, ("http", 1), &[]);
    assert_eq!((ended.code, &json["result"]), (Some(0), &json!(REQUEST_DENIED.to_string())));
    assert_eq!(
        json["switched_off"],
        json!([{"interface": "wasi:http/outgoing-handler", "count": 1, "option": "--http"}])
    );
}

#[test]
fn a_refused_request_has_the_line_with_its_host_and_port() {
    let case = case(ROOMY);
    let call = "get(\"api.example:443\", true)";
    let args = ["--invoke", call, "--policy", "policy.toml", "--http"];
    let (ended, json) = case.json(&args);
    assert_eq!(ended.code, Some(0), "{json:#}");
    assert_eq!(
        json["refusals"],
        json!([{
            "permission": "network.connect", "count": 1, "last": "api.example:443",
            "table": "Component.toml [capabilities]",
            "line": "network.connect = [\"127.0.0.1:*\", \"localhost:*\", \"api.example:443\"]"
        }])
    );
}

#[test]
fn the_deadline_ends_a_guest_that_waits_for_a_response() {
    let case = case(&ROOMY.replace("60_000", "400"));
    let (ended, json) = get(&case, ("http", silent()), &["--http"]);
    assert_eq!((ended.code, &json["outcome"]), (Some(65), &json!("timeout")), "{json:#}");
}

#[test]
fn the_limit_of_the_first_byte_is_an_error_of_the_guests_request() {
    let limits = format!("{ROOMY}[resources.host]\nfirst_byte_timeout_ms = 200\n");
    let case = case(&limits);
    let (ended, json) = get(&case, ("http", silent()), &["--http"]);
    assert_eq!(ended.code, Some(0), "{json:#}");
    // `connection-read-timeout`.
    assert_eq!(json["result"], "1009");
}

#[test]
fn calibrating_suggests_the_hosts_that_were_asked_for() {
    let case = case(ROOMY);
    let port = http();
    let call = format!("get(\"localhost:{port}\", false)");
    let args = ["--invoke", &call, "--http", "--policy", "policy.toml", "--runs", "2"];
    let json = [&args[..], &["--format", "json"]].concat();
    let json = ended(case.command("calibrate", &json).spawn().unwrap()).json();
    assert_eq!(json["outcome"], "success", "{json:#}");
    let suggested = &json["suggested"];
    assert_eq!(
        suggested["capabilities"],
        json!({"network.connect": [format!("localhost:{port}")]})
    );
    assert!(suggested["quota"]["network_bandwidth"].as_u64().unwrap() > 100, "{json:#}");
}
