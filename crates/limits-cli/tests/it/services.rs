//! Options that switch services on: what they need, and where their files may lie.

use serde_json::json;

use crate::command::{Case, ROOMY, ended};
use crate::guests::LIBRARY;

#[test]
fn an_option_that_no_capability_can_use_is_denied_before_anything_is_compiled() {
    let case = Case::new(ROOMY, "(component (core module (func (result i32))))");
    for (option, line) in [
        (&["--tcp"][..], "network.connect = [\"api.example.com:443\"]"),
        (&["--udp"], "network.connect = [\"ntp.example.com:123\"]"),
        (&["--http"], "network.connect = [\"api.example.com:443\"]"),
        (&["--keyvalue", "k"], "storage.read = [\"default:*\"]"),
        (&["--messages", "m"], "messaging.send = [\"orders.*\"]"),
    ] {
        let args = [&["--invoke", "f()", "--format", "json"], option].concat();
        for verb in ["run", "calibrate"] {
            let ended = ended(case.command(verb, &args).spawn().unwrap());
            let json = ended.json();
            assert_eq!((ended.code, &json["outcome"]), (Some(69), &json!("denied")));
            let message = format!(
                "no capability allows anything with {}; Component.toml [capabilities] needs a \
                 pattern, such as: {line}",
                option[0]
            );
            assert_eq!(json["error"]["message"], message);
        }
    }
    // Nothing was made.
    assert!(!case.path("k").exists() && !case.path("m").exists());
}

#[test]
fn an_option_that_the_policy_forbids_names_the_policy() {
    let case = Case::new(&format!("{ROOMY}[capabilities]\nnetwork.bind = [\"**\"]\n"), LIBRARY);
    case.write("policy.toml", "[ceiling]\ncapabilities.network.connect = [\"**\"]\n");
    let args = ["--invoke", "add(1, 2)", "--udp", "--policy", "policy.toml"];
    let (ended, json) = case.json(&args);
    assert_eq!(ended.code, Some(69));
    assert_eq!(
        json["error"]["message"],
        "no capability allows anything with --udp; policy.toml [ceiling] needs a pattern, such as: \
         capabilities.network.bind = [\"**\"]"
    );
}

const ALL: &str = "\
[capabilities]
filesystem.write = [\"/data/**\"]
network.connect = [\"**\"]
storage.read = [\"**\"]
messaging.send = [\"**\"]
";

#[test]
fn a_file_of_an_option_may_not_lie_where_the_guest_writes() {
    let case = Case::new(&format!("{ROOMY}{ALL}"), LIBRARY);
    std::fs::create_dir(case.path("given")).unwrap();
    case.write("given/there", "");
    for file in ["given/there", "given/new"] {
        for option in [&["--keyvalue", file][..], &["--messages", file], &["--http", "--ca", file]]
        {
            let args = [&["--invoke", "add(1, 2)", "--dir", "given::/data"], option].concat();
            let (ended, json) = case.json(&args);
            assert_eq!(ended.code, Some(71), "{option:?}");
            let message = json["error"]["message"].as_str().unwrap();
            let lies = format!("{file} lies in --dir given::/data, where the component may write");
            assert!(message.starts_with(&lies), "{message}");
        }
    }
    assert!(!case.path("given/new").exists());
}

#[test]
fn an_option_writes_to_no_input_and_to_no_file_of_another() {
    let case = Case::new(&format!("{ROOMY}{ALL}"), LIBRARY);
    let before = case.read("Component.toml");
    for (options, told) in [
        (&["--messages", "Component.toml"][..], "Component.toml for --messages"),
        (&["--keyvalue", "component.wat"], "component.wat for --keyvalue"),
        (&["--keyvalue", "new", "--messages", "./new"], "./new for --messages"),
    ] {
        let args = [&["--invoke", "add(1, 2)"], options].concat();
        let (ended, json) = case.json(&args);
        assert_eq!(ended.code, Some(71), "{json:#}");
        let message = json["error"]["message"].as_str().unwrap();
        let said = format!("cannot use {told}: it is the same file as ");
        assert!(message.starts_with(&said), "{message}");
    }
    assert_eq!(case.read("Component.toml"), before);
    assert!(!case.path("new").exists());
    // Nor does a report.
    let args = ["--invoke", "add(1, 2)", "--messages", "sent", "--report", "sent"];
    let (ended, json) = case.json(&args);
    assert_eq!(ended.code, Some(71));
    let message = json["error"]["message"].as_str().unwrap();
    assert!(message.contains("it is the same file as sent, which would be lost"), "{message}");
}
