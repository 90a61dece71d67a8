//! The examples: guests that must end as their `EXPECT` says, and hosts that must print their
//! `OUTPUT`.

mod expectation;

use core::time::Duration;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Instant;

use serde_json::Value;

use crate::failure::Result;
use crate::{cargo, workspace};
use expectation::Expectation;

/// An example ends within seconds. One that runs for this long has escaped its limits.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// A host among the integration tests, with the folder of its `OUTPUT`.
const GUARDED: (&str, &str) = ("guarded_host", "tests/examples/guarded");

/// A program and the folder of its `OUTPUT`.
struct Host {
    name: String,
    folder: PathBuf,
}

pub(crate) fn run() -> Result {
    let root = workspace::root();
    let listed = fs::read_dir(root.join("examples"))
        .map_err(|error| format!("cannot list examples: {error}"))?;
    let mut folders: Vec<PathBuf> = listed.flatten().map(|entry| entry.path()).collect();
    folders.retain(|path| path.is_dir());
    folders.sort();
    let (crates, guests): (Vec<_>, Vec<_>) =
        folders.into_iter().partition(|folder| folder.join("Cargo.toml").exists());
    let mut hosts: Vec<Host> =
        crates.into_iter().map(|folder| Host { name: name(&folder), folder }).collect();
    let built = build(&hosts)?;
    hosts.push(Host { name: GUARDED.0.to_owned(), folder: root.join(GUARDED.1) });

    let command = program(&built, "wasm-limits")?;
    for guest in &guests {
        timed(&name(guest), || check_guest(&command, guest))?;
    }
    for host in &hosts {
        let program = program(&built, &host.name)?;
        timed(&host.name, || check_host(&program, host))?;
    }
    Ok(())
}

fn timed(name: &str, check: impl FnOnce() -> Result) -> Result {
    let start = Instant::now();
    check().map_err(|failure| format!("example {name}: {failure}"))?;
    eprintln!("{name:<20} as expected ({:.2} s)", start.elapsed().as_secs_f64());
    Ok(())
}

/// Builds the command and the hosts and returns cargo's messages. The whole workspace is selected,
/// so that the features are those of the other steps and no dependency is compiled again.
fn build(hosts: &[Host]) -> Result<String> {
    let mut args = vec!["build", "--workspace", "--all-features"];
    args.extend(["--bin", "wasm-limits", "--example", GUARDED.0]);
    args.extend(hosts.iter().flat_map(|host| ["--bin", &host.name]));
    args.push("--message-format=json-render-diagnostics");
    cargo::output(&args)
}

/// Returns the path of a program that cargo has built.
pub(super) fn program(built: &str, name: &str) -> Result<PathBuf> {
    let messages = built.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut paths =
        messages.filter_map(|message| message["executable"].as_str().map(PathBuf::from));
    let found = paths.find(|path| path.file_stem().is_some_and(|stem| stem == name));
    found.ok_or_else(|| format!("cargo has not built {name}").into())
}

/// Runs a host and compares its output.
fn check_host(program: &Path, host: &Host) -> Result {
    let expected = read(&host.folder.join("OUTPUT"))?;
    let printed = workspace::scratch()?.join(format!("{}.stdout", host.name));
    let status = wait(Command::new(program).stdin(Stdio::null()).stdout(create(&printed)?))?;
    if !status.success() {
        return Err(format!("ended with {status}").into());
    }
    match absent(&expected, &read(&printed)?) {
        Some(line) => Err(format!("{} has no `{line}`", printed.display()).into()),
        None => Ok(()),
    }
}

/// Returns the first expected line that a text has not, or not after the lines before it. More may
/// stand around each, such as figures that depend on the clock.
fn absent<'a>(expected: &'a str, text: &str) -> Option<&'a str> {
    let mut rest = text;
    expected.lines().find(|line| match rest.split_once(line) {
        Some((_, after)) => {
            rest = after;
            false
        }
        None => true,
    })
}

/// Runs a guest under its Component.toml and compares its end and its output.
fn check_guest(command: &Path, folder: &Path) -> Result {
    let name = name(folder);
    let expected = read(&folder.join("EXPECT"))?;
    let expected = Expectation::parse(&expected)?;
    let scratch = workspace::scratch()?;
    let (report, printed) =
        (scratch.join(format!("{name}.json")), scratch.join(format!("{name}.stdout")));
    // A report of an earlier run must not pass for the report of this one.
    let _ = fs::remove_file(&report);

    let mut guest = Command::new(command);
    // Not those of the user who runs this.
    guest.env("XDG_CACHE_HOME", scratch.join("cache")).env("XDG_STATE_HOME", scratch.join("state"));
    guest.arg("run").arg(folder.join("Component.toml")).arg("--report").arg(&report);
    if let Some(call) = expected.invoke {
        guest.args(["--invoke", call]);
    }
    if let Some(guest_path) = expected.dir {
        let mut dir = empty_directory(&scratch.join(format!("{name}.dir")))?.into_os_string();
        dir.push(format!("::{guest_path}"));
        guest.arg("--dir").arg(dir);
    }
    for word in expected.options.into_iter().flat_map(str::split_whitespace) {
        match word.strip_prefix('@') {
            Some(file) => guest.arg(absent_file(&scratch.join(format!("{name}.{file}")))?),
            None => guest.arg(word),
        };
    }
    if let Some(args) = expected.args {
        guest.arg("--").args(args.split_whitespace());
    }
    guest.stdin(match expected.stdin {
        Some(input) => Stdio::from(open(&folder.join(input))?),
        None => Stdio::null(),
    });
    guest.stdout(create(&printed)?);
    guest.stderr(Stdio::null());

    let status = wait(&mut guest)?;
    let report = read(&report)?;
    expected.compare(status.code(), &report)?;
    if let Some(output) = expected.stdout
        && read(&printed)? != read(&folder.join(output))?
    {
        return Err(format!("printed {}, expected {output}", printed.display()).into());
    }
    Ok(())
}

fn wait(command: &mut Command) -> Result<ExitStatus> {
    let name = command.get_program().to_string_lossy().into_owned();
    let mut child = command.spawn().map_err(|error| format!("cannot run {name}: {error}"))?;
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().map_err(|error| format!("cannot wait: {error}"))? {
            return Ok(status);
        }
        if start.elapsed() > TIME_LIMIT {
            let _ = child.kill();
            let _ = child.wait();
            return Err(format!("still running after {} s", TIME_LIMIT.as_secs()).into());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn name(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()).into())
}

fn create(path: &Path) -> Result<File> {
    File::create(path).map_err(|error| format!("cannot make {}: {error}", path.display()).into())
}

/// Makes a directory without the content of an earlier run.
fn empty_directory(path: &Path) -> Result<PathBuf> {
    let made = match fs::remove_dir_all(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => fs::create_dir(path),
    };
    made.map_err(|error| format!("cannot empty {}: {error}", path.display()))?;
    Ok(path.to_path_buf())
}

/// Removes a file of an earlier run.
fn absent_file(path: &Path) -> Result<PathBuf> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(format!("cannot remove {}: {error}", path.display()).into())
        }
        _ => Ok(path.to_path_buf()),
    }
}

fn open(path: &Path) -> Result<File> {
    File::open(path).map_err(|error| format!("cannot open {}: {error}", path.display()).into())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{absent, program};

    #[test]
    fn each_line_of_an_output_is_found_in_its_order() {
        let text = "in 3 ms: refused at 10 of 10\nthen: granted\n";
        assert_eq!(absent("refused at 10 of 10\ngranted\n", text), None);
        assert_eq!(absent("refused at 9\n", text), Some("refused at 9"));
        assert_eq!(absent("granted\nrefused\n", text), Some("refused"));
    }

    #[test]
    fn a_program_is_found_in_the_messages_of_cargo() {
        let built =
            "{\"executable\":null}\n{\"executable\":\"/t/host-a\"}\n{\"executable\":\"/t/host\"}\n";
        assert_eq!(program(built, "host").unwrap(), PathBuf::from("/t/host"));
        assert_eq!(program(built, "b").unwrap_err().to_string(), "cargo has not built b");
    }
}
