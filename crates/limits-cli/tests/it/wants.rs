//! `wasm-limits check --wants`.

use limits_config::ComponentConfig;
use serde_json::{Value, json};

use crate::command::{Case, Ended, ROOMY, ended};
use crate::guests::{LIBRARY, command_module};

fn wants(case: &Case, args: &[&str]) -> Ended {
    ended(case.command("check", &[&["--wants"], args].concat()).spawn().unwrap())
}

fn wants_json(case: &Case) -> Value {
    let ended = wants(case, &["--format", "json"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    ended.json()["wants"].clone()
}

/// Imports something of each domain, and interfaces that the command does not have.
const GREEDY: &str = r#"(component
    (import "wasi:cli/stdout@0.2.0" (instance (export "get-stdout" (func))))
    (import "wasi:filesystem/types@0.2.3" (instance (export "f" (func))))
    (import "wasi:sockets/tcp@0.2.0" (instance (export "f" (func))))
    (import "wasi:http/outgoing-handler@0.2.0" (instance (export "f" (func))))
    (import "wasi:keyvalue/store@0.2.0-draft" (instance (export "f" (func))))
    (import "wasi:messaging/producer@0.2.0-draft" (instance (export "f" (func))))
    (import "demo:bot/types" (instance (type $t u32) (export "t" (type (eq $t)))))
    (import "demo:bot/io" (instance (export "say" (func))))
    (core module (memory 3) (table 10 funcref))
    (component (core module (memory 1) (memory 1))))"#;

#[test]
fn imports_are_listed_with_the_permissions_that_they_can_use() {
    let json = wants_json(&Case::new(ROOMY, GREEDY));
    let import = |name: &str, is_provided: bool, permissions: &[&str], option: Option<&str>| {
        json!({
            "name": name, "provided": is_provided, "permissions": permissions, "option": option
        })
    };
    assert_eq!(
        json["imports"],
        json!([
            import("wasi:cli/stdout@0.2.0", true, &[], None),
            import(
                "wasi:filesystem/types@0.2.3",
                true,
                &["filesystem.read", "filesystem.write"],
                None
            ),
            import(
                "wasi:sockets/tcp@0.2.0",
                true,
                &["network.connect", "network.bind", "network.listen"],
                Some("--tcp")
            ),
            import("wasi:http/outgoing-handler@0.2.0", true, &["network.connect"], Some("--http")),
            import(
                "wasi:keyvalue/store@0.2.0-draft",
                true,
                &["storage.read", "storage.write", "storage.delete"],
                Some("--keyvalue FILE")
            ),
            import(
                "wasi:messaging/producer@0.2.0-draft",
                true,
                &["messaging.send"],
                Some("--messages FILE")
            ),
            import("demo:bot/io", false, &[], None),
        ])
    );
    assert_eq!(json["start_bytes"], 5 * 65_536 + 10 * 8);
    assert_eq!((&json["more_imports"], &json["unusable"]), (&json!(0), &json!([])));
    // Without the option nothing of it is there.
    let case = Case::new(ROOMY, GREEDY);
    let plain = ended(case.command("check", &["--format", "json"]).spawn().unwrap()).json();
    assert_eq!(plain["wants"], Value::Null);
}

#[test]
fn people_get_the_tables_on_stdout_and_the_rest_on_stderr() {
    let limits = format!(
        "{ROOMY}[quota]\nstorage = \"5MB\"\ncpu_time_policy = \"deny\"\n[capabilities]\n\
         filesystem.read = [\"/data/**\", \"/\\\"q\\u202e\"]\nstorage.read = [\"cache:*\"]\n"
    );
    let component = GREEDY.replace("wasi:keyvalue/store@0.2.0-draft", "demo:other/store");
    let case = Case::new(&limits, component);
    let Ended { code, stdout, stderr } = wants(&case, &[]);
    assert_eq!(code, Some(0), "{stderr}");
    let (quota, capabilities) = stdout.split_once("\n[capabilities]\n").unwrap();
    let lines: Vec<&str> = quota.lines().collect();
    assert_eq!(
        lines[..3],
        [
            "# Component.toml of guest asks for the lines without `#`; its imports could use the \
             others.",
            "",
            "[quota]"
        ]
    );
    for line in [
        "storage = 5_242_880 # 5 MiB",
        "cpu_time_policy = \"deny\"",
        "# memory = 268_435_456 # 256 MiB, the default",
        "# cpu_time = \"1000ms/s\" # the default",
        "# message_rate = 1_000 # the default",
        "# network_bandwidth = 10_485_760 # 10 MiB/s, the default",
    ] {
        assert!(lines.contains(&line), "{line}: {quota}");
    }
    assert!(!quota.contains("period"), "{quota}");
    assert_eq!(
        capabilities,
        "# wasi:filesystem/types@0.2.3\n\
         filesystem.read = [\"/\\\"q\\U0000202E\", \"/data/**\"]\n\
         # filesystem.write = [\"<path in the guest>\"]\n\
         # wasi:sockets/tcp@0.2.0, wasi:http/outgoing-handler@0.2.0\n\
         # network.connect = [\"<host>:<port>\"]\n\
         # network.bind = [\"<host>:<port>\"]\n\
         # network.listen = [\"<host>:<port>\"]\n\
         storage.read = [\"cache:*\"] # no import can use it\n\
         # wasi:messaging/producer@0.2.0-draft\n\
         # messaging.send = [\"<topic>\"]\n"
    );
    let rest: Vec<&str> = stderr.lines().skip(3).collect();
    assert!(stderr.starts_with("valid guest 1.2.3\n  file     ./component.wat, "), "{stderr}");
    assert_eq!(
        rest,
        [
            "  memory   327760 (320.08 KiB) at its start, in memories and tables of its modules",
            "  imports  wasi:cli/stdout@0.2.0: no capability",
            "  imports  wasi:filesystem/types@0.2.3: filesystem.read, filesystem.write",
            "  imports  wasi:sockets/tcp@0.2.0: network.connect, network.bind, network.listen; with \
             --tcp",
            "  imports  wasi:http/outgoing-handler@0.2.0: network.connect; with --http",
            "  imports  demo:other/store, demo:bot/io: no capability; not implemented by this \
             command",
            "  imports  wasi:messaging/producer@0.2.0-draft: messaging.send; with --messages \
             FILE",
            "  note     storage.read is asked for, and no import can use it",
        ]
    );
    // The tables say what the file says.
    let head = "[component]\nname = \"guest\"\nversion = \"1.2.3\"\n";
    let config = |tables: &str| {
        ComponentConfig::from_toml(&format!("{head}{ROOMY}{tables}")).unwrap().effective()
    };
    let (before, after) = (config(limits.strip_prefix(ROOMY).unwrap()), config(&stdout));
    assert!(before.settings().eq(after.settings()), "{stdout}");
    assert!(before.capabilities().iter().eq(after.capabilities().iter()), "{stdout}");
}

#[test]
fn a_core_module_is_told_what_its_component_will_import() {
    let json = wants_json(&Case::new(ROOMY, command_module("", "")));
    let imports: Vec<&str> = json["imports"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert!(imports.iter().any(|import| import.starts_with("wasi:filesystem/types@0.2.")));
    assert!(imports.iter().all(|import| import.starts_with("wasi:")), "{imports:?}");
    let bytes = json["start_bytes"].as_u64().unwrap();
    assert!((2 * 65_536..3 * 65_536).contains(&bytes), "{bytes}");
}

#[test]
fn a_component_that_imports_nothing_wants_nothing() {
    let case = Case::new(ROOMY, LIBRARY);
    let Ended { code, stdout, stderr } = wants(&case, &[]);
    assert_eq!(code, Some(0));
    assert!(stderr.ends_with("  imports  nothing\n"), "{stderr}");
    assert!(stdout.ends_with("\n[capabilities]\n"), "{stdout}");
    assert!(!stdout.contains("storage"), "{stdout}");
}

#[test]
fn a_component_must_be_there_and_be_one() {
    let case = Case::new(ROOMY, "");
    let told = |why: &str| {
        let ended = wants(&case, &[]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(71), ""), "{ended:?}");
        assert!(ended.stderr.contains(why), "{ended:?}");
    };
    told("the file is empty");
    std::fs::remove_file(case.path("component.wat")).unwrap();
    told("no component found: ");
    case.write("component.wat", "(component");
    told("is neither a binary component nor component text");
}

#[test]
fn many_long_and_hostile_names_are_cut_and_escaped() {
    let names = (0..300).map(|index| format!("\\1b[2J\\e2\\80\\ae\\0a{index}{}", "n".repeat(500)));
    let imports: String = names.map(|name| format!("(import \"{name}\" (func))")).collect();
    let case = Case::new(ROOMY, format!("(component {imports})"));
    // The text is parsed, not validated: the names are none of the component model.
    let json = wants_json(&case);
    assert_eq!(json["imports"].as_array().unwrap().len(), 100);
    assert_eq!(json["more_imports"], 200);
    let name = json["imports"][7]["name"].as_str().unwrap();
    assert!(name.starts_with("\\u{1b}[2J\\u{202e}\\n7nnn") && name.ends_with("n…"), "{name}");
    let Ended { stdout, stderr, .. } = wants(&case, &[]);
    for text in [&stdout, &stderr] {
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text}");
    }
    assert!(stderr.ends_with("\n  imports  and 200 more\n"), "{stderr}");
}
