//! Running the built binary in a folder of its own.

use core::time::Duration;
use std::fs;
use std::io::{Read, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;

use serde_json::Value;
use tempfile::TempDir;

use crate::schema::report;

/// Limits that no well-meant guest meets.
pub(crate) const ROOMY: &str = "\
[resources.memory]
max_bytes = \"64MiB\"
[resources.cpu]
max_fuel = 9_000_000_000_000_000_000
timeout_ms = 60_000
";

/// Capabilities that allow everything in every directory.
pub(crate) const ALL_FILES: &str = "\
[capabilities]
filesystem.read = [\"**\"]
filesystem.write = [\"**\"]
";

/// A folder with a Component.toml and a component, and one for the user's caches and states.
pub(crate) struct Case {
    dir: TempDir,
    home: TempDir,
}

/// The exit code and the output of the command.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Case {
    /// Makes a folder with `component` under `limits`, as text if it is text.
    pub(crate) fn new(limits: &str, component: impl AsRef<[u8]>) -> Self {
        let [dir, home] = [(), ()].map(|()| tempfile::tempdir().unwrap());
        let case = Self { dir, home };
        case.write(
            "Component.toml",
            format!("[component]\nname = \"guest\"\nversion = \"1.2.3\"\n\n{limits}"),
        );
        let bytes = component.as_ref();
        let is_binary = bytes.starts_with(b"\0asm");
        case.write(if is_binary { "component.wasm" } else { "component.wat" }, bytes);
        case
    }

    /// Returns the variables that keep a command out of the home of the user who runs the tests.
    pub(crate) fn homes(&self) -> [(&'static str, PathBuf); 2] {
        [("XDG_CACHE_HOME", "cache"), ("XDG_STATE_HOME", "state")]
            .map(|(variable, name)| (variable, self.home.path().join(name)))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> &Self {
        fs::write(self.path(name), content).unwrap();
        self
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Reads a report that lies in a file.
    pub(crate) fn report(&self, name: &str) -> Value {
        report(&self.read(name))
    }

    /// Reads a file that may not be there yet.
    pub(crate) fn read_if_there(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// Prepares `wasm-limits VERB Component.toml ARGS...` inside the folder.
    pub(crate) fn command(&self, verb: &str, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wasm-limits"));
        command
            .current_dir(&self.dir)
            .envs(self.homes())
            .args([verb, "Component.toml"])
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs `wasm-limits run` to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        ended(self.command("run", args).spawn().unwrap())
    }

    /// Runs `wasm-limits run --format json` to its end.
    pub(crate) fn json(&self, args: &[&str]) -> (Ended, Value) {
        let args: Vec<&str> = ["--format", "json"].iter().chain(args).copied().collect();
        let ended = self.run(&args);
        let json = ended.json();
        (ended, json)
    }
}

impl Ended {
    /// Returns the JSON object in the last line of stdout.
    pub(crate) fn json(&self) -> Value {
        assert!(self.stdout.ends_with('\n'), "{self:?}");
        report(self.stdout.lines().last().unwrap())
    }
}

/// Reads the output of a process until it ends. A process that does not end fails the test.
pub(crate) fn ended(mut child: Child) -> Ended {
    let stdout = reading(child.stdout.take());
    let stderr = reading(child.stderr.take());
    let code = exit_code(child);
    Ended { code, stdout: stdout.join().unwrap(), stderr: stderr.join().unwrap() }
}

/// Reads a stream in a thread, so that a full pipe blocks no process.
fn reading(stream: Option<impl Read + Send + 'static>) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            stream.read_to_end(&mut bytes).unwrap();
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Waits for a process to end, for as long as a busy machine may need and no longer.
pub(crate) fn exit_code(mut child: Child) -> Option<i32> {
    let id = child.id();
    let (sender, receiver) = mpsc::channel();
    let waiting = std::thread::spawn(move || {
        sender.send(child.wait().unwrap().code()).unwrap();
    });
    let Ok(code) = receiver.recv_timeout(Duration::from_secs(120)) else {
        signal("KILL", id);
        panic!("the command did not end");
    };
    waiting.join().unwrap();
    code
}

/// Sends a signal to one process.
pub(crate) fn signal(name: &str, process: u32) {
    let sent =
        Command::new("kill").args([&format!("-{name}"), &process.to_string()]).status().unwrap();
    assert!(sent.success());
}

/// Runs a command with `input` on its standard input.
pub(crate) fn with_input(command: &mut Command, input: &[u8]) -> Ended {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writing = std::thread::spawn(move || {
        // A guest need not read all of it.
        let _ = stdin.write_all(&input);
    });
    let ended = ended(child);
    writing.join().unwrap();
    ended
}
