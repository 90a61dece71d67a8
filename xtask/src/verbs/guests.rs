//! Guests in JavaScript and Python, whose toolchains come from the network: each runs unmodified
//! under a quota and capabilities, and must see the errors that its `OUTPUT` has.
//!
//! Not a step of `ci`, since it installs packages of others.

mod http_server;
mod network;
mod server;
mod toolchain;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::examples::program;
use crate::failure::Result;
use crate::{cargo, workspace};
use network::Network;
use toolchain::Toolchain;

pub(crate) fn run() -> Result {
    let guests = workspace::root().join("guests");
    let toolchain = Toolchain::read(&guests.join("versions.toml"), &scratch()?)?;
    let built = cargo::output(&[
        "build",
        "--workspace",
        "--all-features",
        "--bin",
        "wasm-limits",
        "--message-format=json-render-diagnostics",
    ])?;
    let command = program(&built, "wasm-limits")?;
    let network = Network::start(&command, &guests)?;
    for version in toolchain.javascript_versions() {
        let tool = toolchain.javascript(version)?;
        let checked = || -> Result {
            let (files, fetch) = (guests.join("javascript"), guests.join("javascript-fetch"));
            check_files(&command, &files, &tool.build(&files, "files")?, None)?;
            network.check_fetch(&fetch, &tool.build(&fetch, "fetch")?)
        };
        checked().map_err(|failure| format!("componentize-js {version}: {failure}"))?;
        eprintln!("componentize-js {version}: as expected");
    }
    for version in toolchain.python_versions() {
        let tool = toolchain.python(version)?;
        let checked = || -> Result {
            let (files, socket) = (guests.join("python"), guests.join("python-socket"));
            let answer = toolchain.answers_eio(version).then_some(("EDQUOT", "EIO"));
            check_files(&command, &files, &tool.build(&files, "python")?, answer)?;
            network.check_socket(&socket, &tool.build(&socket, "python")?)
        };
        checked().map_err(|failure| format!("componentize-py {version}: {failure}"))?;
        eprintln!("componentize-py {version}: as expected");
    }
    Ok(())
}

fn scratch() -> Result<PathBuf> {
    let scratch = workspace::scratch()?.join("guests");
    fs::create_dir_all(&scratch)
        .map_err(|error| format!("cannot make {}: {error}", scratch.display()))?;
    Ok(scratch)
}

/// Runs a guest of files and compares its output and its report. `of_streams` is the toolchain's
/// word for the refusal of a stream, in the place of the expected one.
fn check_files(
    command: &Path,
    folder: &Path,
    component: &Path,
    of_streams: Option<(&str, &str)>,
) -> Result {
    let data = scratch()?.join("data");
    lay_out(&data).map_err(|error| format!("cannot lay out {}: {error}", data.display()))?;
    let directory = format!("{}::/data", data.display());
    let (printed, report) = run_guest(command, folder, component, &["--dir", &directory])?;
    let expected = expected(&read(&folder.join("OUTPUT"))?, of_streams);
    if let Some(difference) = difference(&expected, &printed) {
        return Err(difference.into());
    }
    compare(&report, &printed)
}

/// Runs a guest that must succeed; returns its output and the report.
fn run_guest(
    command: &Path,
    folder: &Path,
    component: &Path,
    options: &[&str],
) -> Result<(String, Value)> {
    let report = scratch()?.join("report.json");
    let _ = fs::remove_file(&report);
    let output = Command::new(command)
        .arg("run")
        .arg(folder.join("Component.toml"))
        .arg("--component")
        .arg(component)
        .args(options)
        .arg("--report")
        .arg(&report)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot run {}: {error}", command.display()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("ended with {}\n{said}", output.status).into());
    }
    let report = serde_json::from_str(&read(&report)?)
        .map_err(|error| format!("the report is no JSON: {error}"))?;
    Ok((String::from_utf8_lossy(&output.stdout).into_owned(), report))
}

/// Makes the directory that the guest is given: a folder of its own, and a secret.
fn lay_out(data: &Path) -> std::io::Result<()> {
    if data.exists() {
        fs::remove_dir_all(data)?;
    }
    fs::create_dir_all(data.join("own"))?;
    fs::create_dir(data.join("secret"))?;
    fs::write(data.join("secret/key"), "k\n")
}

/// Returns the expected output with the toolchain's word in lines that are marked with `~`.
fn expected(text: &str, of_streams: Option<(&str, &str)>) -> String {
    let line = |line: &str| match (line.strip_prefix("~ "), of_streams) {
        (Some(marked), Some((word, other))) => marked.replace(word, other) + "\n",
        (Some(marked), None) => marked.to_owned() + "\n",
        (None, _) => line.to_owned() + "\n",
    };
    text.lines().map(line).collect()
}

/// Returns the first line in which two texts differ.
fn difference(expected: &str, printed: &str) -> Option<String> {
    let mut printed = printed.lines();
    for line in expected.lines() {
        match printed.next() {
            Some(other) if other == line => {}
            other => return Some(format!("printed {other:?}, expected `{line}`")),
        }
    }
    printed.next().map(|line| format!("printed `{line}` at the end"))
}

/// Compares the report's counts with the errors that the guest has printed.
fn compare(report: &Value, printed: &str) -> Result {
    let ends = |words: &[&str]| {
        let is_one = |line: &&str| words.iter().any(|word| line.ends_with(&format!(": {word}")));
        printed.lines().filter(is_one).count()
    };
    let storage = &report["quota"]["storage"];
    same([
        ("outcome", report["outcome"].clone(), Value::from("success")),
        ("storage used", storage["used"].clone(), storage["limit"].clone()),
        ("storage denied", storage["denied"].clone(), ends(&["EDQUOT", "EIO", "quota"]).into()),
        ("refusals", refusals(report).into(), ends(&["EACCES", "access"]).into()),
    ])
}

/// Returns the number of requests that capabilities refused.
fn refusals(report: &Value) -> u64 {
    report["refusals"]
        .as_array()
        .map_or(0, |refusals| refusals.iter().filter_map(|refusal| refusal["count"].as_u64()).sum())
}

/// Compares figures of a report, each with its name and the expected one.
fn same<const N: usize>(figures: [(&str, Value, Value); N]) -> Result {
    for (name, reported, expected) in figures {
        if reported != expected {
            return Err(format!("the report has {name} {reported}, expected {expected}").into());
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()).into())
}

#[cfg(test)]
mod tests {
    use super::{compare, difference, expected};
    use serde_json::json;

    #[test]
    fn a_marked_line_has_the_word_of_the_toolchain() {
        let text = "~ write: EDQUOT\ncreate: EDQUOT\n";
        assert_eq!(expected(text, None), "write: EDQUOT\ncreate: EDQUOT\n");
        assert_eq!(expected(text, Some(("EDQUOT", "EIO"))), "write: EIO\ncreate: EDQUOT\n");
    }

    #[test]
    fn outputs_are_compared_line_by_line_to_their_ends() {
        assert_eq!(difference("a\nb\n", "a\nb\n"), None);
        let differ = |printed| difference("a\nb\n", printed).unwrap();
        assert_eq!(differ("a\nc\n"), "printed Some(\"c\"), expected `b`");
        assert_eq!(differ("a\n"), "printed None, expected `b`");
        assert_eq!(differ("a\nb\nc\n"), "printed `c` at the end");
    }

    #[test]
    fn the_report_counts_what_the_guest_saw() {
        let report = |denied| {
            json!({
                "outcome": "success",
                "quota": { "storage": { "used": 9, "limit": 9, "denied": denied } },
                "refusals": [{ "count": 2 }, { "count": 1 }],
            })
        };
        let printed = "write: EDQUOT\nopen: EACCES\nstat: EACCES\nread: access\n";
        assert!(compare(&report(1), printed).is_ok());
        let failure = compare(&report(2), printed).unwrap_err().to_string();
        assert_eq!(failure, "the report has storage denied 2, expected 1");
    }
}
