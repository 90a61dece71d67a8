//! The examples: each runs and must end as its `EXPECT` says.

mod expectation;
mod json;

use core::time::Duration;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Instant;

use crate::failure::Result;
use crate::{cargo, workspace};
use expectation::Expectation;

/// Every example ends within a second or so; one that runs on like this has escaped its limits.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn run() -> Result {
    let command = build()?;
    let folder = workspace::root().join("examples");
    let entries = fs::read_dir(&folder)
        .map_err(|error| format!("cannot list {}: {error}", folder.display()))?;
    let mut examples: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    examples.sort();
    if examples.is_empty() {
        return Err("there are no examples".into());
    }
    for example in &examples {
        let name = example.file_name().unwrap_or_default().to_string_lossy();
        let start = Instant::now();
        check(&command, example).map_err(|failure| format!("examples/{name}: {failure}"))?;
        eprintln!("{name:<20} as expected ({:.2} s)", start.elapsed().as_secs_f64());
    }
    Ok(())
}

/// Builds the command as part of the whole workspace, so that nothing is compiled twice, and
/// returns where it is.
fn build() -> Result<PathBuf> {
    let messages = cargo::output(&[
        "build",
        "--workspace",
        "--all-features",
        "--bin",
        "wasm-limits",
        "--message-format=json-render-diagnostics",
    ])?;
    let built = messages.lines().rev().find_map(|line| json::string(line, "executable"));
    built.map(PathBuf::from).ok_or_else(|| "cargo did not say where wasm-limits is".into())
}

fn check(command: &Path, example: &Path) -> Result {
    let name = example.file_name().unwrap_or_default().to_string_lossy();
    let expected = read(&example.join("EXPECT"))?;
    let expected = Expectation::parse(&expected)?;
    let scratch = workspace::scratch()?;
    let report = scratch.join(format!("{name}.json"));
    let printed = scratch.join(format!("{name}.stdout"));
    // What an earlier run left must not pass for this one's.
    let _ = fs::remove_file(&report);

    let mut guest = Command::new(command);
    guest.arg("run").arg(example.join("Component.toml")).arg("--report").arg(&report);
    if let Some(call) = expected.invoke {
        guest.args(["--invoke", call]);
    }
    if let Some(args) = expected.args {
        guest.arg("--").args(args.split_whitespace());
    }
    guest.stdin(match expected.stdin {
        Some(input) => Stdio::from(open(&example.join(input))?),
        None => Stdio::null(),
    });
    guest.stdout(
        File::create(&printed)
            .map_err(|error| format!("cannot make {}: {error}", printed.display()))?,
    );
    guest.stderr(Stdio::null());

    let status = wait(&mut guest)?;
    let report = read(&report)?;
    expected.compare(status.code(), &report)?;
    if let Some(output) = expected.stdout
        && read(&printed)? != read(&example.join(output))?
    {
        return Err(format!("printed {}, expected {output}", printed.display()).into());
    }
    Ok(())
}

fn wait(guest: &mut Command) -> Result<ExitStatus> {
    let mut child = guest.spawn().map_err(|error| format!("cannot run wasm-limits: {error}"))?;
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().map_err(|error| format!("cannot wait: {error}"))? {
            return Ok(status);
        }
        if start.elapsed() > PATIENCE {
            let _ = child.kill();
            let _ = child.wait();
            return Err(format!("still running after {} s", PATIENCE.as_secs()).into());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()).into())
}

fn open(path: &Path) -> Result<File> {
    File::open(path).map_err(|error| format!("cannot open {}: {error}", path.display()).into())
}
