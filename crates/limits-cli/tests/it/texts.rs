//! `completions` and `man`, read by the programs that they are for.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::command::{Ended, ended, with_input};

/// The shells, and how those that are installed check a script on stdin without running it.
const SHELLS: [(&str, &[&str]); 5] = [
    ("bash", &["bash", "-n"]),
    ("elvish", &["elvish", "-compileonly", "/dev/stdin"]),
    ("fish", &["fish", "--no-execute"]),
    ("powershell", &[]),
    ("zsh", &["zsh", "-n"]),
];

/// The pages of a directory.
const PAGES: [&str; 9] = [
    "wasm-limits-cache-clear.1",
    "wasm-limits-cache-list.1",
    "wasm-limits-cache.1",
    "wasm-limits-calibrate.1",
    "wasm-limits-check.1",
    "wasm-limits-completions.1",
    "wasm-limits-man.1",
    "wasm-limits-run.1",
    "wasm-limits.1",
];

fn text(args: &[&str]) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wasm-limits"));
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    ended(command.spawn().unwrap())
}

fn printed(args: &[&str]) -> String {
    let ended = text(args);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{args:?}");
    ended.stdout
}

#[test]
fn each_shell_reads_its_script_without_a_complaint() {
    for (shell, check) in SHELLS {
        let script = printed(&["completions", shell]);
        assert!(script.contains("stub-imports"), "{shell}: {script}");
        let [program, args @ ..] = check else { continue };
        // Only bash is on every machine.
        if Command::new(program).arg("--version").stdout(Stdio::null()).status().is_err() {
            assert_ne!(*program, "bash", "the tests need bash");
            continue;
        }
        let mut command = Command::new(program);
        command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
        let read = with_input(&mut command, script.as_bytes());
        assert_eq!((read.code, read.stderr.as_str()), (Some(0), ""), "{shell}");
    }
}

#[test]
fn bash_completes_commands_options_and_values() {
    let script = printed(&["completions", "bash"]);
    for (line, completions) in [
        ("wasm-limits ca", "calibrate cache"),
        ("wasm-limits run --comp", "--component --compile"),
        ("wasm-limits run --format j", "json"),
        ("wasm-limits cache ", "-h --help list clear help"),
        ("wasm-limits completions z", "zsh"),
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        let (last, before) = (words[words.len() - 1], words[words.len() - 2]);
        let ask = format!(
            "{script}\nCOMP_WORDS=({line}{empty})\nCOMP_CWORD={cword}\n\
             complete=$(complete -p wasm-limits | grep -o -- '-F [^ ]*')\n\
             ${{complete#-F }} wasm-limits '{last}' '{before}'\necho \"${{COMPREPLY[*]}}\"\n",
            empty = if last.is_empty() { "''" } else { "" },
            cword = words.len() - 1,
        );
        let mut bash = Command::new("bash");
        bash.arg("--norc").stdout(Stdio::piped()).stderr(Stdio::piped());
        let answer = with_input(&mut bash, ask.as_bytes());
        assert_eq!(answer.stdout.trim_end(), completions, "{line}: {answer:?}");
    }
}

#[test]
fn the_manual_page_has_its_sections_once_and_in_order() {
    let page = printed(&["man"]);
    let headings: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix(".SH ")).collect();
    assert_eq!(
        headings,
        [
            "NAME",
            "SYNOPSIS",
            "DESCRIPTION",
            "OPTIONS",
            "SUBCOMMANDS",
            "\"WASM-LIMITS RUN\"",
            "\"WASM-LIMITS CHECK\"",
            "\"WASM-LIMITS CALIBRATE\"",
            "\"WASM-LIMITS CACHE\"",
            "\"WASM-LIMITS CACHE LIST\"",
            "\"WASM-LIMITS CACHE CLEAR\"",
            "\"WASM-LIMITS COMPLETIONS\"",
            "\"WASM-LIMITS MAN\"",
            "\"EXIT STATUS\"",
        ]
    );
    lint(page.as_bytes());
}

#[test]
fn a_directory_gets_a_page_for_each_subcommand() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("share/man1");
    assert_eq!(printed(&["man", "--out", out.to_str().unwrap()]), "");
    let mut names: Vec<String> = fs::read_dir(&out)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, PAGES);
    for name in names {
        let page = fs::read(out.join(&name)).unwrap();
        let text = String::from_utf8_lossy(&page);
        let title = text.lines().find(|line| line.starts_with(".TH ")).unwrap();
        let upper = name.trim_end_matches(".1");
        assert!(title.starts_with(&format!(".TH {upper} 1 ")), "{title}");
        lint(&page);
    }
}

/// Formats a page, and fails if the formatter has something to say on it.
fn lint(page: &[u8]) {
    let mut man = Command::new("man");
    man.args(["--warnings", "--encoding=UTF-8", "--local-file", "-"]);
    man.env("MANWIDTH", "100").stdout(Stdio::piped()).stderr(Stdio::piped());
    // Where no manual is installed, the structure is all that is tested.
    let Ok(Output { status, .. }) = Command::new("groff").arg("--version").output() else { return };
    if !status.success() || Command::new("man").arg("--version").output().is_err() {
        return;
    }
    let shown = with_input(&mut man, page);
    assert_eq!((shown.code, shown.stderr.as_str()), (Some(0), ""), "{}", shown.stdout);
    assert!(shown.stdout.contains("SYNOPSIS"), "{shown:?}");
}

#[test]
fn a_text_that_cannot_be_written_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let written = text(&["man", "--out", file.to_str().unwrap()]);
    assert_eq!(written.code, Some(71), "{written:?}");
    assert!(written.stderr.starts_with("error: cannot write "), "{written:?}");

    if !Path::new("/dev/full").exists() {
        return;
    }
    for args in [&["man"][..], &["completions", "bash"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wasm-limits"));
        command.args(args).stdout(File::options().write(true).open("/dev/full").unwrap());
        let printed = ended(command.stderr(Stdio::piped()).spawn().unwrap());
        assert_eq!(printed.code, Some(71), "{printed:?}");
        assert_eq!(
            printed.stderr,
            "error: cannot write to stdout: the host ran out of disk space: No space left on device \
             (os error 28)\n"
        );
    }
}

#[test]
fn an_unknown_shell_is_a_usage_error_that_names_the_known_ones() {
    let ended = text(&["completions", "tcsh"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("bash, elvish, fish, powershell, zsh"), "{ended:?}");
}
