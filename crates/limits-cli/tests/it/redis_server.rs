//! A real Redis server on a socket of its own, for as long as a test needs it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use tempfile::TempDir;

/// A server without any data, which ends with the value.
pub(crate) struct RedisServer {
    dir: TempDir,
    process: Child,
}

impl RedisServer {
    /// Starts a server. Where there is none to start, the test says so and is left out, unless the
    /// variable `CI` is `true`.
    pub(crate) fn start() -> Option<Self> {
        let dir = tempfile::Builder::new().prefix("redis").tempdir_in("/tmp").unwrap();
        let started = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"])
            .arg(dir.path().join("socket"))
            .arg("--dir")
            .arg(dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let process = match started {
            Ok(process) => process,
            Err(error) => {
                let is_required = std::env::var_os("CI").is_some_and(|ci| ci == "true");
                let says = format!(
                    "LEFT OUT: redis-server cannot be started ({error}): apt-get install redis-server"
                );
                assert!(!is_required, "{says}");
                // Past the capture of the tests' output.
                let _ = writeln!(std::io::stderr(), "{says}");
                return None;
            }
        };
        let server = Self { dir, process };
        let began = Instant::now();
        while UnixStream::connect(server.socket()).is_err() {
            assert!(began.elapsed().as_secs() < 30, "redis-server did not begin to listen");
            std::thread::yield_now();
        }
        Some(server)
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("socket")
    }

    /// Returns the address for `[cluster]`.
    pub(crate) fn url(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// Asks the server for a number or a text; an absent one is empty.
    pub(crate) fn ask(&self, command: &[&str]) -> String {
        let mut stream = BufReader::new(UnixStream::connect(self.socket()).unwrap());
        let mut request = format!("*{}\r\n", command.len());
        for part in command {
            request.push_str(&format!("${}\r\n{part}\r\n", part.len()));
        }
        stream.get_mut().write_all(request.as_bytes()).unwrap();
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        let line = line.trim_end();
        match line.split_at(1) {
            (":" | "+", text) => String::from(text),
            ("$", "-1") => String::new(),
            ("$", length) => {
                let mut text = vec![0; length.parse().unwrap()];
                stream.read_exact(&mut text).unwrap();
                String::from_utf8(text).unwrap()
            }
            _ => panic!("{command:?}: {line}"),
        }
    }

    /// Returns a field of a quota's key.
    pub(crate) fn field(&self, resource: &str, field: &str) -> u64 {
        let key = format!("wasm-limits:c:{{guest}}:{resource}");
        self.ask(&["HGET", &key, field]).parse().unwrap()
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // It has ended already, or ends here.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
