//! `--report FILE`: only the command writes it, and it destroys no other file.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::command::{ALL_FILES, Case, ROOMY, ended};
use crate::guests::{LIBRARY, command, printer};

const FORGED: &str = "{\"outcome\":\"success\",\"forged\":true}\n";

/// Replaces or, without `unlink`, overwrites the file `r.json` in the first directory, and traps.
fn forger(unlink: bool) -> Vec<u8> {
    let unlink = if unlink {
        "(drop (call $unlink (i32.const 3) (i32.const 1024) (i32.const 6)))"
    } else {
        ""
    };
    command(
        &format!("r.json{FORGED}"),
        &format!(
            "{unlink}
             (drop (call $path_open
                (i32.const 3) (i32.const 0) (i32.const 1024) (i32.const 6)
                (i32.const 1) (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 64)))
             (call $print (i32.load (i32.const 64)) (i32.const 1030) (i32.const {}))
             unreachable",
            FORGED.len()
        ),
    )
}

fn message(json: &Value) -> &str {
    json["error"]["message"].as_str().unwrap()
}

#[test]
fn a_guest_cannot_replace_the_report_nor_add_to_it() {
    for unlink in [true, false] {
        let case = Case::new(&format!("{ROOMY}{ALL_FILES}"), forger(unlink));
        fs::create_dir(case.path("given")).unwrap();
        let (ended, json) = case.json(&["--dir", "given::/", "--report", "given/r.json"]);
        assert_eq!((ended.code, &json["outcome"]), (Some(71), &json!("error")), "{ended:?}");
        assert_eq!(
            message(&json),
            "cannot write the report given/r.json: it lies in given, which the guest may write; \
             choose another folder, or give this one with :ro"
        );
        assert!(!case.path("given/r.json").exists());
        // Elsewhere, or where the guest may only read, the file is ours.
        for args in [
            ["--dir", "given::/", "--report", "r.json"],
            ["--dir", "given::/:ro", "--report", "given/r.json"],
        ] {
            let (ended, json) = case.json(&args);
            assert_eq!((ended.code, &json["outcome"]), (Some(70), &json!("trap")), "{ended:?}");
            let file: Value = case.report(args[3]);
            assert_eq!(file, json);
        }
    }
}

#[test]
fn an_input_is_not_destroyed() {
    let case = Case::new(ROOMY, printer("hello\n"));
    case.write("policy.toml", "");
    fs::hard_link(case.path("component.wasm"), case.path("same")).unwrap();
    for (report, input) in [
        ("Component.toml", "Component.toml"),
        ("policy.toml", "policy.toml"),
        ("component.wasm", "./component.wasm"),
        ("same", "./component.wasm"),
    ] {
        let before = fs::read(case.path(report)).unwrap();
        let (ended, json) = case.json(&["--policy", "policy.toml", "--report", report]);
        assert_eq!(ended.code, Some(71), "{ended:?}");
        assert_eq!(
            message(&json),
            format!(
                "cannot write the report {report}: it is the same file as {input}, which would \
                 be lost"
            )
        );
        assert_eq!(fs::read(case.path(report)).unwrap(), before);
    }
    let out = fs::File::create(case.path("out")).unwrap();
    let mut command = case.command("run", &["--report", "out"]);
    assert_eq!(ended(command.stdout(out).spawn().unwrap()).code, Some(71));
}

/// Also where the component is not read in the end, or not known by its name.
#[test]
fn a_component_is_not_destroyed_by_the_report_of_what_is_wrong_with_it() {
    let case = Case::new(ROOMY, printer("hello\n"));
    let text = format!("(component {})", " ".repeat(5 << 20));
    for (name, content) in [("big.wat", text.as_bytes()), ("c.wasm", b"\0asm and so on")] {
        case.write(name, content);
        let named = |more: &str| {
            format!("{ROOMY}\n{more}")
                .replace("[component]", &format!("[component]\npath = \"{name}\""))
        };
        for file in [named(""), named("[nonsense]\n")] {
            case.write("Component.toml", file);
            let (ended, _) = case.json(&["--report", name]);
            assert_eq!(ended.code, Some(71), "{ended:?}");
            assert!(fs::read(case.path(name)).unwrap() == content, "{name} is gone");
        }
    }
}

/// A pipe that is stdout as well would get the guest's output behind the report.
#[test]
fn a_stream_of_the_command_is_no_report_file() {
    let case = Case::new(ROOMY, printer("hello\n"));
    for stream in ["/dev/stdout", "/dev/stderr"] {
        let (ended, json) = case.json(&["--report", stream]);
        assert_eq!(ended.code, Some(71), "{ended:?}");
        assert_eq!(
            message(&json),
            format!(
                "cannot write the report {stream}: it is the same file as {stream}, which would be \
                 lost"
            )
        );
    }
    let (ended, _) = case.json(&["--report", "/dev/null"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn what_an_earlier_run_left_does_not_stay() {
    let case = Case::new(ROOMY, LIBRARY);
    case.write("r.json", "x".repeat(100_000));
    let (ended, _) = case.json(&["--invoke", "add(1, 2)", "--report", "r.json"]);
    assert_eq!(case.read("r.json"), ended.stdout);
}

#[test]
fn a_pipe_without_a_reader_delays_nothing() {
    let case = Case::new(ROOMY, printer("hello\n"));
    assert!(Command::new("mkfifo").arg(case.path("pipe")).status().unwrap().success());
    let (ended, json) = case.json(&["--report", "pipe"]);
    assert_eq!((ended.code, ended.stdout.lines().count()), (Some(71), 1), "the guest ran");
    assert_eq!(message(&json), "cannot write the report pipe: it is a pipe without a reader");
}

#[test]
fn a_pipe_with_a_reader_gets_the_report() {
    let case = Case::new(ROOMY, LIBRARY);
    let pipe = case.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    // Open for both, so that opening does not wait.
    let reader = fs::OpenOptions::new().read(true).write(true).open(&pipe).unwrap();
    let (ended, _) = case.json(&["--invoke", "add(1, 2)", "--report", "pipe"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(reader), &mut line).unwrap();
    assert_eq!(Some(line.trim_end()), ended.stdout.lines().last());
}

#[test]
fn process_substitution_gets_the_report() {
    let case = Case::new(ROOMY, LIBRARY);
    let script = format!(
        "{{ {} run Component.toml --invoke 'add(1, 2)' --report >(cat >&3); }} 3>&1 | cat",
        env!("CARGO_BIN_EXE_wasm-limits")
    );
    let bash = Command::new("bash")
        .current_dir(case.path(""))
        .envs(case.homes())
        .args(["-c", &script])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let ended = ended(bash);
    assert_eq!(ended.json()["result"], "3", "{ended:?}");
}

#[test]
fn a_device_that_is_full_is_the_hosts_lack_and_the_last_line_says_so() {
    const WHY: &str = "cannot write the report /dev/full: the host ran out of disk space: No space \
                       left on device (os error 28)";
    let case = Case::new(ROOMY, LIBRARY);
    let call = ["--invoke", "add(1, 2)", "--report", "/dev/full"];
    for (verb, args) in [("run", &call[..]), ("check", &call[2..]), ("calibrate", &call)] {
        let text = ended(case.command(verb, args).spawn().unwrap());
        assert_eq!(text.code, Some(72), "{text:?}");
        assert!(text.stderr.starts_with("host"), "{text:?}");
        assert!(text.stderr.contains(WHY), "{text:?}");
        let args = [args, &["--format", "json"]].concat();
        let ended = ended(case.command(verb, &args).spawn().unwrap());
        let json = ended.json();
        assert_eq!((ended.code, &json["outcome"]), (Some(72), &json!("host")), "{ended:?}");
        assert_eq!(message(&json), WHY);
    }
}

#[test]
fn a_report_on_stdout_is_not_given_to_a_guest_to_write() {
    let case = Case::new(&format!("{ROOMY}{ALL_FILES}"), forger(false));
    fs::create_dir(case.path("given")).unwrap();
    // Under the name that the guest opens.
    let out = case.path("given/r.json");
    let run = |args: &[&str]| {
        let args = [&["--format", "json"], args].concat();
        let mut command = case.command("run", &args);
        let file = fs::File::create(&out).unwrap();
        let code = ended(command.stdout(file).spawn().unwrap()).code;
        let written = fs::read_to_string(&out).unwrap();
        (code, crate::schema::report(written.lines().last().unwrap()))
    };
    let (code, json) = run(&["--dir", "given::/"]);
    assert_eq!((code, &json["outcome"]), (Some(71), &json!("error")));
    assert_eq!(
        message(&json),
        "cannot write the report to stdout: it lies in given, which the guest may write; choose \
         another folder, or give this one with :ro"
    );
    let (code, json) = run(&["--dir", "given::/:ro"]);
    assert_eq!((code, &json["outcome"]), (Some(70), &json!("trap")));
}
