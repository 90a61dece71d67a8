//! The standard streams: they work, and they stall nothing.

use core::time::Duration;
use std::fs::File;
use std::io::Read as _;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::command::{ALL_FILES, Case, ROOMY, ended, exit_code, with_input};
use crate::guests::{LIBRARY, cat, command, flood, printer, tolerant_reader, zeros};

fn short() -> String {
    ROOMY.replace("60_000", "100")
}

#[test]
fn input_goes_in_and_output_comes_out_whole() {
    let input: Vec<u8> = (0..2_000_000_u32).map(|n| b'a' + u8::try_from(n % 26).unwrap()).collect();
    let ended = with_input(&mut Case::new(ROOMY, cat()).command("run", &[]), &input);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(ended.stdout.as_bytes(), input);
}

#[test]
fn a_reader_that_stalls_holds_up_neither_deadline_nor_exit() {
    let case = Case::new(&short(), flood());
    let mut child = case.command("run", &["--report", "report.json"]).spawn().unwrap();
    // Kept open and not read: the pipe fills up after 64 KiB.
    let stdout = child.stdout.take();
    let ended = ended(child);
    assert_eq!(ended.code, Some(65));
    assert!(
        ended.stderr.ends_with(
            "\nwarning: not all output of the guest reached stdout: its reader took nothing for \
             1s\n"
        ),
        "{ended:?}"
    );
    drop(stdout);
    let report: Value = case.report("report.json");
    assert_eq!(report["outcome"], "timeout");
    assert_eq!(report["time"]["timeout_ms"], 100);
}

#[test]
fn a_report_that_is_lost_on_stdout_is_no_success() {
    let case = Case::new(ROOMY, LIBRARY);
    let call = ["--invoke", "add(1, 2)", "--format", "json"];
    let json = ["--format", "json"];
    for (verb, args) in
        [("run", &call[..]), ("check", &json), ("check", &[]), ("calibrate", &call[..2])]
    {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let ended = ended(case.command(verb, args).stdout(full).spawn().unwrap());
        assert_eq!(ended.code, Some(72), "{verb} {args:?}: {ended:?}");
        assert!(
            ended.stderr.ends_with(
                "error: cannot write the report to stdout: the host ran out of disk space: No \
                 space left on device (os error 28)\n"
            ),
            "{ended:?}"
        );
    }
}

#[test]
fn a_report_behind_much_output_waits_for_a_reader_that_comes_late() {
    let case = Case::new(ROOMY, zeros(22));
    let child = case.command("run", &["--format", "json"]).spawn().unwrap();
    // Not to be right: a reader that comes sooner gets all of it as well.
    std::thread::sleep(Duration::from_secs(3));
    let ended = ended(child);
    assert_eq!((ended.code, &ended.json()["outcome"]), (Some(0), &json!("success")));
    assert!(ended.stdout.len() > 22 * 4096);
}

#[test]
fn a_reader_that_left_keeps_the_exit_code() {
    let case = Case::new(ROOMY, LIBRARY);
    let args = ["--invoke", "add(1, 2)", "--format", "json"];
    let mut child = case.command("run", &args).spawn().unwrap();
    drop(child.stdout.take());
    let ended = ended(child);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
}

#[test]
fn an_input_too_long_to_repeat_is_an_error_and_no_measurement() {
    let input = vec![b'x'; (16 << 20) + 1];
    let case = Case::new(ROOMY, tolerant_reader());
    for (verb, args) in [("calibrate", ["--runs", "2"]), ("run", ["--repeat", "2"])] {
        let args = [&args[..], &["--format", "json"]].concat();
        let ended = with_input(&mut case.command(verb, &args), &input);
        let json = ended.json();
        assert_eq!((ended.code, &json["outcome"]), (Some(71), &json!("error")), "{json}");
        assert_eq!(
            json["error"]["message"],
            "standard input is longer than 16777216 bytes, the most that is kept for several runs"
        );
    }
    // A single run reads any length.
    for (verb, args) in [("calibrate", &["--runs", "1"][..]), ("run", &[])] {
        let args = [args, &["--format", "json"]].concat();
        let ended = with_input(&mut case.command(verb, &args), &input);
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
}

#[test]
fn a_reader_that_stalls_on_stderr_loses_only_the_text() {
    let guest = command(
        "",
        "(loop $more
             (call $print (i32.const 2) (i32.const 8192) (i32.const 4096))
             (br $more))",
    );
    let case = Case::new(&short(), guest);
    let mut child = case.command("run", &[]).spawn().unwrap();
    let stderr = child.stderr.take();
    assert_eq!(exit_code(child), Some(65));
    drop(stderr);
}

#[test]
fn an_input_that_never_comes_holds_up_neither_deadline_nor_exit() {
    let case = Case::new(&short(), cat());
    let mut command = case.command("run", &["--format", "json"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let stdin = child.stdin.take();
    let ended = ended(child);
    drop(stdin);
    assert_eq!((ended.code, &ended.json()["outcome"]), (Some(65), &json!("timeout")));
}

#[test]
fn an_input_that_never_ends_holds_up_neither_deadline_nor_exit() {
    let guest = command("", "(loop $more (br_if $more (call $read)))");
    let case = Case::new(&short(), guest);
    let zeros = File::open("/dev/zero").unwrap();
    let child = case.command("run", &["--format", "json"]).stdin(zeros).spawn().unwrap();
    let ended = ended(child);
    assert_eq!((ended.code, &ended.json()["outcome"]), (Some(65), &json!("timeout")));
}

#[test]
fn a_reader_that_leaves_does_not_fail_the_guest() {
    let case = Case::new(&short(), flood());
    let mut child = case.command("run", &["--report", "report.json"]).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut some = [0; 100];
    stdout.read_exact(&mut some).unwrap();
    drop(stdout);
    assert_eq!(exit_code(child), Some(65));
    let report: Value = case.report("report.json");
    assert_eq!(report["outcome"], "timeout");
}

#[test]
fn the_report_starts_a_line_of_its_own() {
    let (ended, _) = Case::new(ROOMY, printer("no newline")).json(&[]);
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!((lines.len(), lines[0]), (2, "no newline"));
    let (ended, _) = Case::new(ROOMY, printer("newline\n")).json(&[]);
    assert_eq!(ended.stdout.lines().count(), 2);
}

#[test]
fn a_guest_can_forge_a_line_of_stdout_but_not_the_last_and_not_the_file() {
    let forged = "{\"outcome\":\"success\"}\n";
    let body = format!(
        "(call $print (i32.const 1) (i32.const 1024) (i32.const {})) unreachable",
        forged.len()
    );
    let case = Case::new(ROOMY, command(forged, &body));
    let (ended, json) = case.json(&["--report", "report.json"]);
    assert_eq!(ended.stdout.lines().next(), Some(forged.trim()));
    assert_eq!((ended.code, &json["outcome"]), (Some(70), &json!("trap")));
    let file: Value = case.report("report.json");
    assert_eq!(file, json);
}

const FORGED: &str = "{\"component\":\"x\",\"outcome\":\"success\",\"forged\":true}\n";

/// Of two that run at once, one reads its input to the end of what is kept, which ends both; the
/// other writes lines like a report to `stream` for as long as it is let.
fn racer(stream: u32) -> Vec<u8> {
    let body = format!(
        "(local $forges i32)
         ;; The run that creates the file reads.
         (local.set $forges (call $path_open
            (i32.const 3) (i32.const 0) (i32.const 1024) (i32.const 6)
            (i32.const 5) (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 64)))
         (loop $more
            (if (local.get $forges) (then
                (call $print (i32.const {stream}) (i32.const 1030) (i32.const {}))))
            (i32.store (i32.const 16) (i32.const 0))
            (br_if $more (i32.or (call $read) (local.get $forges))))",
        FORGED.len()
    );
    command(&format!("reader{FORGED}"), &body)
}

#[test]
fn no_guest_writes_behind_the_report_when_another_run_ends_all() {
    let input = vec![b'x'; (16 << 20) + 1];
    for (format, stream) in [("json", 1), ("text", 2)] {
        let case = Case::new(&(ROOMY.replace("60_000", "600_000") + ALL_FILES), racer(stream));
        std::fs::create_dir(case.path("given")).unwrap();
        for _ in 0..4 {
            let args = ["--repeat", "2", "--parallel", "2", "--format", format];
            let args = [&args[..], &["--dir", "given::/"]].concat();
            let ended = with_input(&mut case.command("run", &args), &input);
            assert_eq!(ended.code, Some(71));
            let said = if stream == 1 { &ended.stdout } else { &ended.stderr };
            assert!(said.starts_with(FORGED.trim_end()), "the guest could write before");
            match format {
                "json" => assert_eq!(ended.json()["outcome"], "error"),
                _ => assert!(
                    said.contains("\nerror guest (exit code 71)\n") && !said.ends_with(FORGED)
                ),
            }
            std::fs::remove_file(case.path("given/reader")).unwrap();
        }
    }
}

#[test]
fn nothing_of_a_guest_comes_behind_the_report_where_both_streams_lead_to_one_pipe() {
    // More than fits into the pipe, so that some of it waits in ours.
    let blocks = 31;
    for (format, stream) in [("json", 2), ("text", 1)] {
        let body = format!(
            "(local $i i32)
             (loop $more
                (call $print (i32.const {stream}) (i32.const 8192) (i32.const 4096))
                (local.set $i (i32.add (local.get $i) (i32.const 1)))
                (br_if $more (i32.lt_u (local.get $i) (i32.const {blocks}))))"
        );
        let case = Case::new(ROOMY, command("", &body));
        let (mut reader, writer) = std::io::pipe().unwrap();
        let args = ["--format", format, "--report", "report.json"];
        let mut command = case.command("run", &args);
        command.stdout(writer.try_clone().unwrap()).stderr(writer);
        let child = command.spawn().unwrap();
        // The command still holds what would close the pipe.
        drop(command);
        while case.read_if_there("report.json").is_empty() {
            std::thread::yield_now();
        }
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).unwrap();
        assert_eq!(exit_code(child), Some(0));
        let last = bytes.iter().rposition(|byte| *byte == 0).unwrap();
        let report = String::from_utf8(bytes.split_off(last + 1)).unwrap();
        match format {
            "json" => {
                let report = crate::schema::report(&report);
                assert_eq!(report["outcome"], "success");
            }
            _ => assert!(report.starts_with("\nsuccess guest\n"), "{report}"),
        }
    }
}

#[test]
fn redirected_output_is_passed_unchanged() {
    let bytes = "\u{1b}[31mred\u{1b}[0m\0\u{7}";
    assert_eq!(Case::new(ROOMY, printer(bytes)).run(&[]).stdout, bytes);
}

#[test]
fn runs_at_the_same_time_read_the_same_input() {
    let case = Case::new(ROOMY, cat());
    let args = ["--repeat", "4", "--parallel", "4", "--format", "json"];
    let ended = with_input(&mut case.command("run", &args), &[b'x'; 5_000]);
    let (output, _) = ended.stdout.rsplit_once("\n{").unwrap();
    assert_eq!((output.len(), ended.code), (20_000, Some(0)));
    assert_eq!(ended.json()["runs"], json!({"count": 4, "by_outcome": {"success": 4}}));
}

#[test]
fn output_past_its_limit_is_cut_and_counted_and_the_guest_goes_on() {
    let limits = format!("{ROOMY}[resources.host]\nmax_output_bytes = 8\n");
    let guest = command(
        "out err!!",
        "(call $print (i32.const 1) (i32.const 1024) (i32.const 4))
         (call $print (i32.const 2) (i32.const 1028) (i32.const 3))
         (call $print (i32.const 1) (i32.const 1028) (i32.const 5))",
    );
    let case = Case::new(&limits, guest);
    let (ended, json) = case.json(&[]);
    assert_eq!((ended.code, &json["outcome"]), (Some(0), &json!("success")));
    assert_eq!((ended.stdout.lines().next(), &*ended.stderr), (Some("out e"), "err"));
    assert_eq!(json["output"], json!({"max": 8, "bytes": 8, "cut": 4}));
    let text = case.run(&[]);
    assert!(text.stderr.contains("\n  refused  4 bytes of output past 8 B\n"), "{text:?}");
    // Each run has its own.
    let (ended, json) = case.json(&["--repeat", "2"]);
    assert_eq!((ended.stdout.lines().next(), &*ended.stderr), (Some("out eout e"), "errerr"));
    assert_eq!(json["output"]["cut"], 4);
}

#[test]
fn output_has_a_rate_at_which_the_guest_waits() {
    let guest = || zeros(16);
    let host = "[resources.host]\nmax_output_rate = 8_192\n";
    let (ended, json) = Case::new(&format!("{}{host}", short()), guest()).json(&[]);
    assert_eq!((ended.code, &json["outcome"]), (Some(65), &json!("timeout")), "{ended:?}");
    // A tenth of a second, and the quarter that comes at once.
    let bytes = json["output"]["bytes"].as_u64().unwrap();
    assert!(bytes > 0 && bytes < 16 * 4096, "{json}");
    assert_eq!(json["output"]["cut"], 0);
    assert_eq!(Case::new(ROOMY, guest()).json(&[]).1["output"]["bytes"], 16 * 4096);
}
