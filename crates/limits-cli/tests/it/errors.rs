//! Everything that keeps a guest from being run: outcome `error`, exit code 71, and always JSON.

use std::process::Command;

use serde_json::Value;

use crate::command::{ALL_FILES, Case, ROOMY, ended};
use crate::guests::LIBRARY;

/// Runs, and returns the message of the error that must have come of it.
fn error(case: &Case, args: &[&str]) -> String {
    let (ended, json) = case.json(args);
    assert_eq!((ended.code, json["outcome"].as_str()), (Some(71), Some("error")), "{ended:?}");
    assert_eq!(ended.stdout.lines().count(), 1);
    assert_eq!(ended.stderr, "");
    String::from(json["error"]["message"].as_str().unwrap())
}

#[test]
fn what_is_not_a_component_is_an_error() {
    let case = Case::new(ROOMY, "(component (oops))");
    let message = error(&case, &[]);
    assert!(message.contains("neither a binary component nor component text"), "{message}");
    case.write("broken.wasm", b"\0asm\x0d\0\x01\0\xff\xff");
    let message = error(&case, &["--component", "broken.wasm"]);
    assert!(message.starts_with("invalid component: "), "{message}");
}

#[test]
fn hostile_names_in_a_component_reach_no_terminal() {
    let text = "(component (import \"a:b/c\" (func)) (oops \"\u{1b}[2J\u{202e}\"))";
    let case = Case::new(ROOMY, text);
    let ended = case.run(&[]);
    assert_eq!(ended.code, Some(71));
    assert!(!ended.stderr.contains(['\u{1b}', '\u{202e}']), "{ended:?}");
}

#[test]
fn a_missing_component_and_a_missing_file_are_errors() {
    let case = Case::new(ROOMY, LIBRARY);
    let message = error(&case, &["--component", "missing.wasm"]);
    assert!(message.starts_with("cannot read the component missing.wasm: "), "{message}");
    std::fs::remove_file(case.path("component.wat")).unwrap();
    assert!(error(&case, &[]).starts_with("no component found: "));
    std::fs::remove_file(case.path("Component.toml")).unwrap();
    let (_, json) = case.json(&[]);
    assert_eq!(json["component"], Value::Null);
    assert_eq!(json["fuel"], Value::Null);
    assert!(error(&case, &[]).contains("Component.toml"));
}

#[test]
fn an_invalid_component_file_is_an_error_with_its_place() {
    let case = Case::new("[resources.memory]\nmax_bytes = 1\n[resources.cpu]\nmax_feul = 1\n", "");
    let message = error(&case, &[]);
    assert!(message.starts_with("Component.toml:8:1: "), "{message}");
    assert!(message.contains("did you mean `max_fuel`?"), "{message}");
}

#[test]
fn a_file_that_asks_for_what_no_interface_uses_is_refused_by_every_command() {
    let asks = |capabilities: &str| {
        let case = Case::new(&format!("{ROOMY}[capabilities]\n{capabilities}"), LIBRARY);
        let refused: Vec<Value> = ["run", "calibrate", "check"]
            .map(|verb| {
                let ended = ended(case.command(verb, &["--format", "json"]).spawn().unwrap());
                let json = ended.json();
                assert_eq!((ended.code, &json["outcome"]), (Some(71), &Value::from("error")));
                json["error"]["message"].clone()
            })
            .into();
        assert_eq!(refused[0], refused[1]);
        assert_eq!(refused[0], refused[2]);
        String::from(refused[0].as_str().unwrap())
    };
    let uses = "which no interface under this command uses: take";
    let host = "out of [capabilities], or run the component in a host whose own functions check";
    assert_eq!(
        asks("filesystem.execute = [\"/bin/*\"]\nmessaging.receive = [\"orders.*\"]\n"),
        format!(
            "Component.toml asks for `filesystem.execute` and `messaging.receive`, {uses} them \
             {host} them"
        )
    );
    assert_eq!(
        asks("filesystem = { read = [\"/a\"], execute = [\"**\"] }\n"),
        format!("Component.toml asks for `filesystem.execute`, {uses} it {host} it")
    );
    // An empty list asks for nothing; a policy may grant what other hosts use.
    let case = Case::new(&format!("{ROOMY}[capabilities]\nfilesystem.execute = []\n"), LIBRARY);
    case.write("policy.toml", "[ceiling.capabilities]\nmessaging.receive = [\"**\"]\n");
    let args = ["--invoke", "add(1, 2)", "--policy", "policy.toml"];
    assert_eq!(case.run(&args).code, Some(0));
}

#[test]
fn a_long_path_or_name_hides_neither_the_place_nor_the_reason() {
    let case = Case::new(ROOMY, LIBRARY);
    let folder = [["x".repeat(200), "y".repeat(200)].join("/"), "z".repeat(200)].join("/");
    std::fs::create_dir_all(case.path(&folder)).unwrap();
    let policy = format!("{folder}/policy.toml");
    case.write(&policy, "[ceilling]\n");
    let message = error(&case, &["--policy", &policy]);
    assert!(message.starts_with('…'), "{message}");
    assert!(message.contains("z/policy.toml:1:2: unknown key `ceilling`"), "{message}");
    let message = error(&case, &["--component", &format!("{folder}/missing.wasm")]);
    assert!(message.starts_with("cannot read the component …"), "{message}");
    assert!(message.contains("z/missing.wasm: No such file"), "{message}");
    let message = error(&case, &["--invoke", &format!("{}()", "n".repeat(600))]);
    assert!(message.ends_with("eat, test:calc/math@1.2.3#add"), "{message}");
    let message = error(&case, &["--invoke", &format!("add(\"{}\", 1)", "n".repeat(600))]);
    assert!(message.ends_with("; it is func(a: u32, b: u32) -> u32"), "{message}");
}

#[test]
fn a_link_out_of_its_folder_is_no_component_of_a_file() {
    let elsewhere = Case::new(ROOMY, LIBRARY);
    let case = Case::new(ROOMY, LIBRARY);
    let named = |path: &str| {
        let version = format!("version = \"1.2.3\"\npath = \"{path}\"\n");
        let text = format!("[component]\nname = \"guest\"\n{version}{ROOMY}");
        case.write("Component.toml", text);
    };
    std::os::unix::fs::symlink(elsewhere.path(""), case.path("out")).unwrap();
    std::os::unix::fs::symlink(case.path("component.wat"), case.path("in.wat")).unwrap();
    let call = ["--invoke", "add(1, 2)"];
    named("out/component.wat");
    let message = error(&case, &call);
    assert!(
        message.starts_with(
            "the component ./out/component.wat is outside the folder of its Component.toml: it \
             leads to /"
        ),
        "{message}"
    );
    let check = ended(case.command("check", &[]).spawn().unwrap());
    assert_eq!(check.code, Some(71), "{check:?}");
    assert!(check.stderr.contains("is outside the folder"), "{check:?}");
    named("in.wat");
    assert_eq!(case.run(&call).code, Some(0));
}

#[test]
fn a_component_beside_its_file_is_no_link_out_of_the_folder_either() {
    let elsewhere = Case::new(ROOMY, LIBRARY);
    let case = Case::new(ROOMY, LIBRARY);
    std::fs::rename(case.path("component.wat"), case.path("real.wat")).unwrap();
    let call = ["--invoke", "add(1, 2)"];
    for name in ["component.wasm", "component.wat"] {
        let link = case.path(name);
        std::os::unix::fs::symlink(elsewhere.path("component.wat"), &link).unwrap();
        let message = error(&case, &call);
        let outside = format!(
            "the component ./{name} is outside the folder of its Component.toml: it leads to /"
        );
        assert!(message.starts_with(&outside), "{message}");
        let check = ended(case.command("check", &[]).spawn().unwrap());
        assert!(check.code == Some(71) && check.stderr.contains(&outside), "{check:?}");
        // The operator names the path of a component.
        assert_eq!(case.run(&[&call[..], &["--component", name]].concat()).code, Some(0));
        std::fs::remove_file(&link).unwrap();
        // Nor is a link that leads nowhere taken for absent.
        std::os::unix::fs::symlink("nowhere", &link).unwrap();
        let unreadable = format!("cannot read the component ./{name}: No such file");
        let message = error(&case, &call);
        assert!(message.starts_with(&unreadable), "{message}");
        std::fs::remove_file(&link).unwrap();
        std::os::unix::fs::symlink("real.wat", &link).unwrap();
        assert_eq!(case.run(&call).code, Some(0));
        std::fs::remove_file(&link).unwrap();
    }
}

/// Component text of about `bytes` bytes, as costly to parse as text gets.
fn functions(bytes: usize) -> String {
    let functions = "(func)".repeat(bytes / "(func)".len());
    format!("(component (core module {functions}))")
}

#[test]
fn large_component_text_is_refused_without_parsing_it() {
    let text = functions(63 << 20);
    let case = Case::new(ROOMY, &text);
    let why = format!(
        "./component.wat is not binary and has {} (63 MiB), the most that is parsed as component \
         text is 4194304 (4 MiB): turn the text into a binary component with `wasm-tools parse`",
        text.len()
    );
    for verb in ["run", "check", "calibrate"] {
        let ended = ended(case.command(verb, &["--format", "json"]).spawn().unwrap());
        assert_eq!((ended.code, &ended.json()["outcome"]), (Some(73), &"rejected".into()));
        assert_eq!(ended.json()["error"]["message"], why);
    }
}

#[test]
fn an_invalid_call_is_refused_before_anything_is_compiled() {
    // The compiler would refuse this one first.
    let case = Case::new(ROOMY, b"\0asm\x0d\0\x01\0\xff\xff");
    assert!(
        error(&case, &["--invoke", "work"]).starts_with("expected a call with its arguments in ")
    );
    let message = error(&case, &["--invoke", "work(1"]);
    assert!(message.starts_with("cannot read the arguments for `work`: "), "{message}");
    assert!(error(&case, &["--invoke", "work(1)"]).starts_with("invalid component: "));
}

#[test]
fn a_report_of_nothing_has_no_table_of_zeros() {
    let case = Case::new(ROOMY, "(component (oops))");
    let ended = case.run(&[]);
    assert!(ended.stderr.starts_with("error guest (exit code 71)\n"), "{ended:?}");
    assert!(!ended.stderr.contains("set by") && !ended.stderr.contains("quota  "), "{ended:?}");
}

#[test]
fn an_empty_file_and_a_byte_order_mark_are_told_apart_from_junk() {
    let case = Case::new(ROOMY, "");
    let message = error(&case, &[]);
    assert_eq!(message, "cannot read the component ./component.wat: the file is empty");
    case.write("component.wat", format!("\u{feff}{LIBRARY}"));
    assert_eq!(case.run(&["--invoke", "add(1, 2)"]).code, Some(0));
}

#[test]
fn an_invalid_policy_is_an_error() {
    let case = Case::new(ROOMY, LIBRARY);
    case.write("policy.toml", "[ceilling]\n");
    let message = error(&case, &["--policy", "policy.toml"]);
    assert!(message.starts_with("policy.toml:1:"), "{message}");
}

#[test]
fn devices_pipes_and_folders_are_refused_without_blocking() {
    let case = Case::new(ROOMY, LIBRARY);
    let pipe = case.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for path in ["pipe", "/dev/zero", "."] {
        let message = error(&case, &["--component", path]);
        assert!(message.starts_with("cannot read the component "), "{message}");
    }
}

#[test]
fn a_directory_that_is_not_there_is_an_error() {
    let case = Case::new(&format!("{ROOMY}{ALL_FILES}"), LIBRARY);
    let message = error(&case, &["--invoke", "add(1, 2)", "--dir", "nowhere::/"]);
    assert!(message.starts_with("cannot open the directory nowhere: "), "{message}");
}

#[test]
fn a_report_that_cannot_be_written_is_known_before_the_guest_runs() {
    let case = Case::new(ROOMY, LIBRARY);
    let message = error(&case, &["--invoke", "trap()", "--report", "no/such/folder.json"]);
    assert!(message.starts_with("cannot write the report no/such/folder.json: "), "{message}");
}

#[test]
fn a_command_line_that_makes_no_sense_exits_with_two() {
    let case = Case::new(ROOMY, LIBRARY);
    for args in [
        &["--no-such-option"][..],
        &["--repeat", "0"],
        &["--dir", "x"],
        &["a", "b"],
        &["--report", "-"],
    ] {
        let ended = case.run(args);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.starts_with("error: "), "{ended:?}");
    }
}

#[test]
fn help_documents_the_exit_codes() {
    let binary = env!("CARGO_BIN_EXE_wasm-limits");
    for args in
        [&["--help"][..], &["run", "--help"], &["check", "--help"], &["calibrate", "--help"]]
    {
        let help = Command::new(binary).args(args).output().unwrap();
        let text = String::from_utf8(help.stdout).unwrap();
        assert!(help.status.success());
        assert!(text.contains("   65  timeout "), "{text}");
    }
}
