//! The time of a whole process of the command, from its start to its end, with a small example.
//!
//! `start PATH` measures the command at PATH, built with `cargo build --release -p limits-cli`.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use bench_report::{Options, Report, Rounds, Row, Target};

/// The most milliseconds of a process.
const MOST: Target = Target::Most(25.0);

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/word-count");

/// The arguments of each subject. The first one is the least that a process of this command takes.
const SUBJECTS: [(&str, &[&str]); 5] = [
    ("only --version", &["--version"]),
    ("check", &["check", "Component.toml"]),
    ("run from a warm cache", &["run", "Component.toml"]),
    ("run without a cache", &["run", "Component.toml", "--no-cache"]),
    ("the same, --compile inline", &["run", "Component.toml", "--no-cache", "--compile", "inline"]),
];

/// The subjects with a promise.
const PROMISED: [usize; 2] = [2, 3];

fn main() -> io::Result<()> {
    let options = Options::from_env();
    let Some(command) = options.rest.first().map(PathBuf::from) else {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "expected the path of the command",
        ));
    };
    let home = std::env::temp_dir().join(format!("wasm-limits-start-{}", std::process::id()));
    let mut rounds = Rounds::new(SUBJECTS.len());
    // The first round fills the cache, and those of the system.
    for round in 0..=options.rounds(201) {
        let mut times = Vec::new();
        for (_, args) in SUBJECTS {
            times.push(Some(milliseconds(&command, args, &home)?));
        }
        if round > 0 {
            rounds.push(times);
        }
    }
    fs::remove_dir_all(&home)?;

    let mut report = Report::new(options);
    for (subject, (name, _)) in SUBJECTS.iter().enumerate() {
        let row = Row::new("whole process, small example", name, "ms");
        let row = row.measured(rounds.median(subject)).least(rounds.median(0));
        report.row(if PROMISED.contains(&subject) { row.target(MOST) } else { row });
    }
    report.finish()
}

/// Returns the time from the start of a process to its end.
fn milliseconds(command: &Path, args: &[&str], home: &Path) -> io::Result<f64> {
    let mut process = Command::new(command);
    process
        .args(args)
        .current_dir(EXAMPLE)
        .env("XDG_CACHE_HOME", home.join("cache"))
        .env("XDG_STATE_HOME", home.join("state"))
        .stdin(Stdio::from(File::open(Path::new(EXAMPLE).join("input.txt"))?))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let start = Instant::now();
    let status = process.status()?;
    let time = start.elapsed();
    if !status.success() {
        let program = command.file_name().unwrap_or(OsStr::new(""));
        return Err(io::Error::other(format!("{} {args:?}: {status}", program.display())));
    }
    Ok(time.as_secs_f64() * 1e3)
}
