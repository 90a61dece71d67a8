//! The examples: each runs and must end as its `EXPECT` says; the example host must say what it shows.

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

/// The host with guarded functions, an example of the package of integration tests.
const HOST: &str = "guarded_host";

/// What it must print: how its guest is refused, what its embedder gets, what its audit has. The rest
/// hangs on the clock.
const TOLD: [&str; 5] = [
    "write 1000 bytes   Told { calls: 10, answer: OverQuota { used: 10000, limit: 10240, ",
    "write elsewhere    Told { calls: 0, answer: Denied }",
    "storage quota of 10240 bytes exceeded: 10000 used, 1000 more requested; retry when some is given back",
    "denied by capability: 1",
    r#""event":"capability_denied","component":"shop","subject":"filesystem.write""#,
];

pub(crate) fn run() -> Result {
    let messages = build()?;
    let command = built(&messages, "wasm-limits")?;
    let host = built(&messages, HOST)?;
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
        tell(&name, start);
    }
    let start = Instant::now();
    check_host(&host).map_err(|failure| format!("{HOST}: {failure}"))?;
    tell(HOST, start);
    Ok(())
}

fn tell(name: &str, start: Instant) {
    eprintln!("{name:<20} as expected ({:.2} s)", start.elapsed().as_secs_f64());
}

/// Builds the command and the host as part of the whole workspace, so that nothing is compiled
/// twice, and returns what cargo said.
fn build() -> Result<String> {
    cargo::output(&[
        "build",
        "--workspace",
        "--all-features",
        "--bin",
        "wasm-limits",
        "--example",
        HOST,
        "--message-format=json-render-diagnostics",
    ])
}

/// Returns where a program is that was built.
fn built(messages: &str, name: &str) -> Result<PathBuf> {
    let paths = messages.lines().filter_map(|line| json::string(line, "executable"));
    let found = paths.map(PathBuf::from).find(|path| path.file_stem().is_some_and(|it| it == name));
    found.ok_or_else(|| format!("cargo did not say where {name} is").into())
}

fn check_host(host: &Path) -> Result {
    let printed = workspace::scratch()?.join(format!("{HOST}.stdout"));
    let status = wait(Command::new(host).stdin(Stdio::null()).stdout(create(&printed)?))?;
    if !status.success() {
        return Err(format!("ended with {status}").into());
    }
    let text = read(&printed)?;
    match TOLD.iter().find(|told| !text.contains(**told)) {
        Some(absent) => Err(format!("{} has no `{absent}`", printed.display()).into()),
        None => Ok(()),
    }
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
    guest.stdout(create(&printed)?);
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
    let name = guest.get_program().to_string_lossy().into_owned();
    let mut child = guest.spawn().map_err(|error| format!("cannot run {name}: {error}"))?;
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

fn create(path: &Path) -> Result<File> {
    File::create(path).map_err(|error| format!("cannot make {}: {error}", path.display()).into())
}

fn open(path: &Path) -> Result<File> {
    File::open(path).map_err(|error| format!("cannot open {}: {error}", path.display()).into())
}
