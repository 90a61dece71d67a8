//! Attacks through `wasm-limits run`.

use core::time::Duration;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::thread::JoinHandle;
use std::time::Instant;

use limits_config::{LoadedComponent, Policy};
use serde_json::Value;

use crate::folder::Folder;
use crate::guest_case::{GuestCase, Services};
use crate::measured::Measured;
use crate::outcome::Outcome;
use crate::resident::peak_of;
use crate::vector::{FileCase, OffCase};
use crate::{Result, binaries, wat};

/// The time after which a command has escaped its limits, and is killed.
const PATIENCE: Duration = Duration::from_secs(60);
/// The time between two looks at the process.
const PERIOD: Duration = Duration::from_millis(1);
/// Output that is kept; the rest is read and dropped.
const MOST_OUTPUT: usize = 1 << 16;

/// A command that has ended.
#[derive(Debug)]
#[non_exhaustive]
pub struct Ended {
    /// The exit code, if no signal ended it.
    pub code: Option<i32>,
    /// The outcome of the report.
    pub outcome: Outcome,
    /// The message of the report.
    pub message: String,
    /// The whole time of the process.
    pub time: Duration,
    /// The most memory that it had.
    pub peak: u64,
    report: Value,
}

/// Carries an attack out and measures it.
///
/// # Errors
///
/// If it could not be carried out, or the exit code is not that of the outcome.
pub fn attack(case: &GuestCase) -> Result<Measured> {
    let base = baseline()?;
    let folder = Folder::of(case)?;
    let limits = match case.policy {
        None => LoadedComponent::read(folder.component())?.config().resource_limits()?,
        Some(policy) => LoadedComponent::read(folder.component())?
            .effective(&Policy::from_toml(policy)?, None)
            .limits(),
    };
    let mut command = command(&folder)?;
    command.args(["--invoke", &case.call()]);
    if case.policy.is_some() {
        command.arg("--policy").arg(folder.path("policy.toml"));
    }
    give(&mut command, case.services, &folder);
    if case.runs > 1 {
        let (runs, at_once) = (case.runs.to_string(), case.at_once.to_string());
        command.args(["--repeat", &runs, "--parallel", &at_once]);
    }
    let ended = end(command, &folder)?;
    let ms = |key: &str| duration(&ended.report["time"][key]);
    let mut measured = Measured {
        message: ended.message,
        deadline: limits.execution_timeout(),
        allowed_memory: limits.max_memory_bytes().saturating_mul(u64::from(case.at_once)),
        compile: duration(&ended.report["phases"]["compile"]["ms"]),
        compile_peak: ended.report["phases"]["compile"]["peak_memory"].as_u64(),
        longest: ms("wall_ms"),
        cpu_time: ms("cpu_ms"),
        window_cpu_time: duration(&ended.report["quota"]["cpu_time"]["used"]),
        whole: ended.time,
        growth: ended.peak.saturating_sub(base),
        ..Measured::default()
    };
    match ended.report["runs"]["by_outcome"].as_object() {
        Some(by_outcome) => {
            for (name, count) in by_outcome {
                let outcome = Outcome::named(name).ok_or("an unknown outcome")?;
                let count = count.as_u64().and_then(|count| u32::try_from(count).ok());
                let count = count.unwrap_or(0);
                if count > 0 {
                    measured.outcomes.insert(outcome, count);
                }
            }
        }
        None => {
            measured.outcomes.insert(ended.outcome, 1);
        }
    }
    Ok(measured)
}

/// Runs a component whose feature is off. Returns the end.
///
/// # Errors
///
/// If the command could not be run.
pub fn refuse(case: &OffCase) -> Result<Ended> {
    let folder = Folder::of(&GuestCase::new(case.text, &[]))?;
    let mut command = command(&folder)?;
    command.args(["--invoke", "run()"]);
    end(command, &folder)
}

/// Runs the command on a folder of files. Returns the end.
///
/// # Errors
///
/// If the command could not be run.
pub fn file(case: &FileCase) -> Result<Ended> {
    let folder = Folder::new()?;
    (case.make)(&folder.component())?;
    let mut command = command(&folder)?;
    command.args(case.args);
    end(command, &folder)
}

/// Prepares `wasm-limits run Component.toml --report FILE` in the folder of the component.
fn command(folder: &Folder) -> Result<Command> {
    let mut command = Command::new(binaries::find("wasm-limits")?);
    command
        .current_dir(folder.component())
        .env("XDG_CACHE_HOME", folder.path("cache"))
        .env("XDG_STATE_HOME", folder.path("state"))
        .args(["run", "Component.toml", "--report"])
        .arg(folder.path("report.json"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    Ok(command)
}

fn give(command: &mut Command, services: Services, folder: &Folder) {
    if services.directory {
        let mut grant = folder.data().into_os_string();
        grant.push("::/data");
        command.arg("--dir").arg(grant);
    }
    for (is_given, option) in
        [(services.tcp, "--tcp"), (services.udp, "--udp"), (services.http, "--http")]
    {
        if is_given {
            command.arg(option);
        }
    }
    if services.keyvalue {
        command.arg("--keyvalue").arg(folder.path("pairs.redb"));
    }
    if services.messages {
        command.arg("--messages").arg(folder.path("messages.jsonl"));
    }
}

/// Runs a command to its end.
fn end(mut command: Command, folder: &Folder) -> Result<Ended> {
    let start = Instant::now();
    let mut child = command.spawn()?;
    let [stdout, stderr] = [drain(child.stdout.take()), drain(child.stderr.take())];
    let (status, peak) = watch(&mut child, start)?;
    let time = start.elapsed();
    drop(stdout.join());
    let stderr = stderr.join().unwrap_or_default();
    let report = report(&folder.path("report.json")).map_err(|error| {
        format!("{status}, no report ({error}): {}", String::from_utf8_lossy(&stderr))
    })?;
    let outcome = report["outcome"].as_str().and_then(Outcome::named).ok_or("no outcome")?;
    let message = report["error"]["message"].as_str().unwrap_or_default().into();
    let ended = Ended { code: status.code(), outcome, message, time, peak, report };
    match exit_code(ended.outcome) {
        Some(code) if ended.code != Some(code) => {
            Err(format!("exit code {code} belongs to {outcome}, not {:?}", ended.code).into())
        }
        _ => Ok(ended),
    }
}

/// Waits for the end of a process. Returns the most memory that it had; the last millisecond counts
/// only as far as it was seen.
fn watch(child: &mut Child, start: Instant) -> Result<(ExitStatus, u64)> {
    let mut peak = 0;
    loop {
        peak = peak.max(peak_of(child.id()).unwrap_or(0));
        if let Some(status) = child.try_wait()? {
            return Ok((status, peak));
        }
        if start.elapsed() > PATIENCE {
            child.kill()?;
            child.wait()?;
            return Err(format!("the command did not end within {PATIENCE:?}").into());
        }
        std::thread::sleep(PERIOD);
    }
}

/// Reads a stream to its end, in a thread, and keeps its first bytes.
fn drain(stream: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        let mut buffer = vec![0; MOST_OUTPUT];
        let Some(mut stream) = stream else { return kept };
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            let room = MOST_OUTPUT.saturating_sub(kept.len());
            kept.extend_from_slice(&buffer[..count.min(room)]);
        }
        kept
    })
}

fn report(path: &Path) -> Result<Value> {
    Ok(serde_json::from_str(&std::fs::read_to_string(path)?)?)
}

/// Returns the exit code of an outcome, unless the guest chooses it.
const fn exit_code(outcome: Outcome) -> Option<i32> {
    Some(match outcome {
        Outcome::Success => 0,
        Outcome::Exit => return None,
        Outcome::OutOfFuel => 64,
        Outcome::Timeout => 65,
        Outcome::OutOfMemory => 66,
        Outcome::LimitExceeded => 67,
        Outcome::QuotaExceeded => 68,
        Outcome::Denied => 69,
        Outcome::Trap => 70,
        Outcome::Error => 71,
        Outcome::Host => 72,
        Outcome::Rejected => 73,
        Outcome::Cancelled => 130,
    })
}

/// Returns the most memory of a command whose guest does nothing.
fn baseline() -> Result<u64> {
    static PEAK: OnceLock<u64> = OnceLock::new();
    if let Some(peak) = PEAK.get() {
        return Ok(*peak);
    }
    let folder = Folder::of(&GuestCase::new(wat::run(""), &[]))?;
    let mut command = command(&folder)?;
    command.args(["--invoke", "run()"]);
    let ended = end(command, &folder)?;
    if ended.outcome != Outcome::Success {
        let Ended { outcome, message, .. } = ended;
        return Err(format!("a guest that does nothing ended as {outcome}: {message}").into());
    }
    Ok(*PEAK.get_or_init(|| ended.peak))
}

fn duration(ms: &Value) -> Duration {
    Duration::try_from_secs_f64(ms.as_f64().unwrap_or(0.0) / 1_000.0).unwrap_or_default()
}
