//! `wasm-limits check`.

use std::fs;
use std::process::Command;

use limits_config::{Scope, SettingKey};
use serde_json::{Value, json};

use crate::command::{Case, ROOMY, ended};
use crate::guests::LIBRARY;

fn check(case: &Case, args: &[&str]) -> (crate::command::Ended, Value) {
    let args: Vec<&str> = ["--format", "json"].iter().chain(args).copied().collect();
    let ended = ended(case.command("check", &args).spawn().unwrap());
    let json = ended.json();
    (ended, json)
}

#[test]
fn the_effective_limits_are_printed_with_their_origin() {
    let limits = "[resources.memory]\nmax_bytes = \"4MiB\"\n[quota]\nmessage_rate = 5\n\
                  [capabilities]\nfilesystem.read = [\"/a/**\"]\n";
    let case = Case::new(limits, LIBRARY);
    case.write("policy.toml", "[ceiling]\nresources.cpu.max_fuel = 5_000\n");
    let ended = ended(case.command("check", &["--policy", "policy.toml"]).spawn().unwrap());
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let text = ended.stdout;
    assert!(text.starts_with("valid guest 1.2.3\n"), "{text}");
    let row = |key: &str| {
        let line = text.lines().find(|line| line.trim_start().starts_with(key));
        line.unwrap_or_else(|| panic!("{key}: {text}"))
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(
        row("resources.memory.max_bytes"),
        "resources.memory.max_bytes 4194304 (4 MiB) component"
    );
    assert!(row("resources.cpu.max_fuel").ends_with(" policy"));
    assert_eq!(row("resources.cpu.timeout_ms"), "resources.cpu.timeout_ms 100 ms default");
    assert!(row("quota.message_rate").ends_with(" component"));
    assert_eq!(row("quota.storage_entries"), "quota.storage_entries unlimited default");
    assert_eq!(row("quota.cpu_time"), "quota.cpu_time 1000 ms/s default");
    assert!(row("quota.network_bandwidth").ends_with(" default"));
    assert_eq!(row("quota.cpu_time_policy"), "quota.cpu_time_policy throttle default");
    assert!(!text.contains("\n  host."), "{text}");
    assert!(row("capabilities.filesystem.read").ends_with("/a/** component"));
    assert!(text.contains("\n  policy   resources.cpu.max_fuel lowered from "), "{text}");
}

#[test]
fn the_json_says_the_same() {
    let limits =
        format!("{ROOMY}[quota]\nmessage_rate = \"unlimited\"\ncpu_time_policy = \"deny\"\n");
    let case = Case::new(&limits, LIBRARY);
    let (ended, json) = check(&case, &["--id", "other"]);
    assert_eq!((ended.code, ended.stdout.lines().count()), (Some(0), 1));
    assert_eq!(json["component"], "guest");
    assert_eq!((&json["version"], &json["id"]), (&json!("1.2.3"), &json!("other")));
    assert_eq!((&json["outcome"], &json["error"]), (&json!("success"), &Value::Null));
    assert_eq!(json["file"]["bytes"], LIBRARY.len());
    assert_eq!(json["file"]["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(
        json["quota"]["quota.message_rate"],
        json!({"value": "unlimited", "origin": "component"})
    );
    assert_eq!(
        json["quota"]["quota.cpu_time_policy"],
        json!({"value": "deny", "origin": "component"})
    );
    for (table, scope) in [("limits", Scope::Execution), ("quota", Scope::Component)] {
        let keys = SettingKey::ALL.iter().filter(|key| key.scope() == scope);
        let mut keys: Vec<&str> = keys.map(|key| key.as_str()).collect();
        keys.sort_unstable();
        assert!(json[table].as_object().unwrap().keys().eq(keys), "{table}");
    }
    assert_eq!(json["host"]["host.memory"], json!({"value": "unlimited", "origin": "default"}));
}

#[test]
fn an_id_that_no_override_names_is_told() {
    let case = Case::new(ROOMY, LIBRARY);
    case.write("policy.toml", "[component.known]\nresources.cpu.max_fuel = 5\n");
    let policy = |args: &[&str]| check(&case, args).1["policy"].clone();
    let unknown = "the policy has no override for the id `unkown`";
    assert_eq!(policy(&["--policy", "policy.toml", "--id", "unkown"]), json!([unknown]));
    assert_eq!(
        policy(&["--id", "unkown"]),
        json!(["without --policy there is no override for the id `unkown`"])
    );
    assert_eq!(policy(&["--policy", "policy.toml"]), json!([]));
    let known = policy(&["--policy", "policy.toml", "--id", "known"]);
    assert!(known[0].as_str().unwrap().starts_with("resources.cpu.max_fuel "), "{known}");
    let args = ["--invoke", "add(1, 2)", "--policy", "policy.toml", "--id", "unkown"];
    let ended = case.run(&args);
    assert!(ended.stderr.contains(&format!("  policy   {unknown}\n")), "{ended:?}");
}

#[test]
fn a_component_that_is_still_to_be_built_is_no_error_unless_it_was_named() {
    let case = Case::new(ROOMY, LIBRARY);
    fs::remove_file(case.path("component.wat")).unwrap();
    let (ended, json) = check(&case, &[]);
    assert_eq!((ended.code, &json["file"]), (Some(0), &Value::Null));
    let (ended, json) = check(&case, &["--component", "missing.wasm"]);
    assert_eq!((ended.code, &json["outcome"]), (Some(71), &json!("error")));
}

#[test]
fn a_component_that_the_file_names_must_be_readable() {
    let case = Case::new(ROOMY, LIBRARY);
    let text = case.read("Component.toml").replace("version", "path = \"named\"\nversion");
    case.write("Component.toml", text);
    let refused = |code, outcome| {
        let (ended, json) = check(&case, &[]);
        assert_eq!((ended.code, &json["outcome"]), (Some(code), &json!(outcome)), "{json}");
        String::from(json["error"]["message"].as_str().unwrap())
    };
    let why = || refused(71, "error");
    let path = case.path("named");
    assert!(why().starts_with("cannot read the component ./named: No such file"));
    fs::create_dir(&path).unwrap();
    assert_eq!(why(), "cannot read the component ./named: not a regular file");
    fs::remove_dir(&path).unwrap();
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    assert_eq!(why(), "cannot read the component ./named: not a regular file");
    fs::remove_file(&path).unwrap();
    fs::File::create(&path).unwrap().set_len((64 << 20) + 1).unwrap();
    let why = refused(73, "rejected");
    assert!(why.contains(": the file has 67108865 bytes, the most that is read is 67108864; max_"));
}

#[test]
fn what_cannot_be_a_component_is_told_without_compiling() {
    for (code, component, why) in [
        (
            71,
            "(module)",
            "cannot make a component of the core module ./component.wat: nothing of it can be called",
        ),
        (
            71,
            "(component (oops))",
            "./component.wat is neither a binary component nor component text",
        ),
        (71, "\0asm\u{e}\0\u{1}\0", "invalid component: "),
        (71, "\0asm\u{d}\0\u{1}\0\u{7f}\u{7f}", "invalid component: "),
        (73, &many_instances(), "component rejected: it has 1001 component instances, "),
    ] {
        let (ended, json) = check(&Case::new(ROOMY, component), &[]);
        let message = json["error"]["message"].as_str().unwrap();
        assert_eq!(ended.code, Some(code), "{message}");
        assert!(message.starts_with(why), "{message}");
    }
    // Valid as far as its structure goes.
    let case = Case::new(ROOMY, "(component (core module (func i32.const 0)))");
    let ended = ended(case.command("check", &[]).spawn().unwrap());
    assert_eq!(ended.code, Some(0));
    assert!(ended.stdout.contains("component.wat, 44 B, not compiled\n"), "{ended:?}");
}

/// A component that makes a thousand component instances beside itself.
fn many_instances() -> String {
    format!("(component (component $c) {})", "(instance (instantiate $c))".repeat(1_000))
}

#[test]
fn an_invalid_file_exits_with_71_and_says_where() {
    let case = Case::new("[resources.memory]\nmax_bytes = \"10Mb\"\n", LIBRARY);
    let ended = ended(case.command("check", &[]).spawn().unwrap());
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(71), ""));
    assert!(ended.stderr.starts_with("error (exit code 71)\n"), "{ended:?}");
    assert!(ended.stderr.contains("Component.toml:6:"), "{ended:?}");
    let (ended, json) = check(&case, &[]);
    assert_eq!((ended.code, &json["component"]), (Some(71), &Value::Null));
}
