//! `--stub-imports`: components that import interfaces of their own host.

use serde_json::{Value, json};

use crate::command::{Case, ROOMY, ended};

/// Imports functions and a resource of a host that the command is not, and a resource of WASI
/// through the same interface. `quiet` calls no import.
const BOT: &str = r#"(component $bot
    (import "wasi:io/poll@0.2.0" (instance $poll
        (export "pollable" (type (sub resource)))))
    (alias export $poll "pollable" (type $pollable))
    (import "demo:bot/types" (instance
        (type $r (record (field "a" u32)))
        (export "message" (type (eq $r)))))
    (import "demo:bot/io" (instance $io
        (alias outer $bot $pollable (type $p))
        (export "pollable" (type $used (eq $p)))
        (export "channel" (type $channel (sub resource)))
        (export "[constructor]channel" (func (result (own $channel))))
        (export "wait" (func (param "p" (borrow $used))))
        (export "say" (func (param "to" u32)))))
    (alias export $io "channel" (type $channel))
    (alias export $io "[constructor]channel" (func $open))
    (alias export $io "say" (func $say))
    (core func $open (canon lower (func $open)))
    (core func $say (canon lower (func $say)))
    (core func $drop (canon resource.drop $channel))
    (core module $m
        (import "io" "open" (func $open (result i32)))
        (import "io" "say" (func $say (param i32)))
        (import "io" "drop" (func $drop (param i32)))
        (func (export "quiet") (result i32) (i32.const 7))
        (func (export "talk") (call $say (i32.const 1)))
        (func (export "join") (call $drop (call $open))))
    (core instance $i (instantiate $m (with "io" (instance
        (export "open" (func $open))
        (export "say" (func $say))
        (export "drop" (func $drop))))))
    (func (export "quiet") (result u32) (canon lift (core func $i "quiet")))
    (func (export "talk") (canon lift (core func $i "talk")))
    (func (export "join") (canon lift (core func $i "join"))))"#;

const SAID: &str = "the guest called `demo:bot/io#say`, an import that only its own host implements: \
                    `--stub-imports` stands in for it";

#[test]
fn without_the_option_the_import_is_named_with_the_way_out() {
    let (ended, json) = Case::new(ROOMY, BOT).json(&["--invoke", "quiet()"]);
    assert_eq!((ended.code, &json["outcome"]), (Some(71), &json!("error")), "{ended:?}");
    assert_eq!(
        json["error"]["message"],
        "the component imports `demo:bot/io`, which this command does not implement: run it in its \
         own host, or with --stub-imports, which ends a guest that calls such an import"
    );
}

#[test]
fn a_missing_import_is_reported_before_the_component_is_compiled() {
    // The compiler would refuse the function without a result.
    let text = "(component
        (import \"log\" (func))
        (core module (func (result i32))))";
    let binary = wat::parse_str(text).unwrap();
    let (ended, json) = Case::new(ROOMY, binary).json(&["--invoke", "quiet()"]);
    assert_eq!(ended.code, Some(71), "{ended:?}");
    let message = json["error"]["message"].as_str().unwrap();
    assert!(message.starts_with("the component imports `log`, "), "{ended:?}");
    let (ended, json) = Case::new(ROOMY, text).json(&["--stub-imports", "--invoke", "quiet()"]);
    assert_eq!(ended.code, Some(71), "{ended:?}");
    let message = json["error"]["message"].as_str().unwrap();
    assert!(message.starts_with("invalid component: "), "{ended:?}");
}

#[test]
fn a_guest_that_calls_no_stub_runs_as_usual() {
    let (ended, json) = Case::new(ROOMY, BOT).json(&["--stub-imports", "--invoke", "quiet()"]);
    assert_eq!((ended.code, &json["result"]), (Some(0), &json!("7")), "{ended:?}");
}

#[test]
fn a_call_of_a_stub_ends_the_guest_as_an_error_that_names_the_import() {
    let case = Case::new(ROOMY, BOT);
    let constructor = SAID.replace("#say", "#[constructor]channel");
    for (call, message) in [("talk()", SAID), ("join()", &constructor)] {
        let (ended, json) = case.json(&["--stub-imports", "--invoke", call]);
        assert_eq!((ended.code, &json["outcome"]), (Some(71), &json!("error")), "{ended:?}");
        assert_eq!(json["error"]["message"], message);
        assert!(json["fuel"]["consumed"].as_u64().unwrap() > 0, "{ended:?}");
    }
    let ended = case.run(&["--stub-imports", "--invoke", "talk()"]);
    assert!(ended.stderr.contains("\n  fuel "), "the guest ran: {ended:?}");
}

#[test]
fn calibrate_measures_what_calls_no_stub_and_names_the_one_that_is_called() {
    let case = Case::new(ROOMY, BOT);
    let calibrate = |call| {
        let args = ["--stub-imports", "--runs", "2", "--format", "json", "--invoke", call];
        ended(case.command("calibrate", &args).spawn().unwrap())
    };
    let quiet = calibrate("quiet()");
    assert_eq!(quiet.code, Some(0), "{quiet:?}");
    assert!(quiet.json()["suggested"]["max_fuel"].as_u64().unwrap() > 0, "{quiet:?}");
    let talk = calibrate("talk()");
    let json = talk.json();
    assert_eq!((talk.code, &json["error"]["message"]), (Some(71), &json!(SAID)), "{talk:?}");
    assert_eq!((&json["runs"]["count"], &json["suggested"]), (&json!(1), &Value::Null));
}

#[test]
fn a_long_name_of_an_import_is_cut() {
    let name = "a:b/c".to_owned() + &"x".repeat(300);
    let text = format!("(component (import \"{name}\" (instance (export \"f\" (func)))))");
    let ended = Case::new(ROOMY, text).run(&[]);
    let shown = format!("`a:b/c{}…`", "x".repeat(59));
    assert!(ended.stderr.contains(&shown), "{ended:?}");
}

#[test]
fn an_instance_inside_an_interface_and_a_pre_release_of_wasi_are_stubbed_by_their_names() {
    let text = r#"(component
        (import "wasi:io/poll@0.2.0-rc-2023-11-10" (instance $poll (export "f" (func))))
        (import "demo:bot/io" (instance $io (export "in" (instance (export "g" (func))))))
        (alias export $poll "f" (func $f))
        (alias export $io "in" (instance $in))
        (alias export $in "g" (func $g))
        (core func $f' (canon lower (func $f)))
        (core func $g' (canon lower (func $g)))
        (core instance $i (export "f" (func $f')) (export "g" (func $g')))
        (func (export "f") (canon lift (core func $i "f")))
        (func (export "g") (canon lift (core func $i "g"))))"#;
    let case = Case::new(ROOMY, text);
    for (call, name) in [("f()", "wasi:io/poll@0.2.0-rc-2023-11-10#f"), ("g()", "demo:bot/io#in#g")]
    {
        let (ended, json) = case.json(&["--stub-imports", "--invoke", call]);
        let message = json["error"]["message"].as_str().unwrap();
        assert!(message.starts_with(&format!("the guest called `{name}`, ")), "{ended:?}");
    }
}

#[test]
fn imports_that_cannot_be_stubbed_are_refused() {
    let resources: String =
        (0..4_097).map(|n| format!("(import \"r{n}\" (type (sub resource)))")).collect();
    for (imports, why) in [
        (
            resources.as_str(),
            "cannot stand in for its imports: it imports more than 4096 resource types",
        ),
        ("(import \"m\" (core module))", "`m`"),
        ("(import \"m\" (component))", "root-level component imports are not supported"),
    ] {
        let export = r#"(core module $c (func (export "f"))) (core instance $i (instantiate $c))
            (func (export "f") (canon lift (core func $i "f")))"#;
        let case = Case::new(ROOMY, format!("(component {imports} {export})"));
        let ended =
            ended(case.command("run", &["--stub-imports", "--invoke", "f()"]).spawn().unwrap());
        assert_eq!(ended.code, Some(71), "{ended:?}");
        assert!(ended.stderr.contains(why), "{ended:?}");
    }
}
