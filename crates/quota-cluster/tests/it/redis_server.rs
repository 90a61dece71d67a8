//! A server that a test starts, on a socket and a port of its own, and that ends with the test.

use core::str::FromStr;
use core::time::Duration;
use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Once;
use std::thread;
use std::time::Instant;

use quota_cluster::{RedisSettings, RedisStore};
use redis::{Client, Connection, FromRedisValue, RedisResult, cmd};
use tempfile::TempDir;

/// A running server.
pub(crate) struct RedisServer {
    process: Child,
    directory: TempDir,
    pub(crate) port: u16,
    arguments: Vec<String>,
}

/// The arguments of every server: it keeps nothing, and serves a replica at once.
const COMMON: [&str; 6] = ["--save", "", "--appendonly", "no", "--repl-diskless-sync-delay", "0"];

/// Reports whether there is a server to start; says so loudly if not, and fails on CI.
pub(crate) fn is_installed() -> bool {
    let found = Command::new("redis-server").arg("--version").stdout(Stdio::null()).status();
    if found.is_ok_and(|status| status.success()) {
        return true;
    }
    assert!(std::env::var_os("CI").is_none(), "redis-server is not installed");
    // Not by a macro, whose output a test that passes does not show.
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        let text = "LEFT OUT: redis-server is not installed (Debian: apt install redis-server)\n";
        std::io::stderr().write_all(text.as_bytes()).unwrap();
    });
    false
}

impl RedisServer {
    /// Starts a server, with further arguments. `None` if there is none to start.
    pub(crate) fn start(arguments: &[&str]) -> Option<Self> {
        is_installed().then(|| {
            let directory = tempfile::tempdir().unwrap();
            let socket = directory.path().join("redis.sock");
            let socket = ["--unixsocket", socket.to_str().unwrap()];
            Self::on_free_port(directory, &[&COMMON[..], &socket, arguments].concat())
        })
    }

    /// Starts a server that has the command `DEBUG`, which servers from 7.0 must be told to have.
    pub(crate) fn start_with_debug() -> Option<Self> {
        let output = Command::new("redis-server").arg("--version").output().ok();
        let text = output.map(|output| String::from_utf8(output.stdout).unwrap());
        let is_old = text.is_some_and(|text| text.contains("v=6."));
        Self::start(if is_old { &[] } else { &["--enable-debug-command", "yes"] })
    }

    /// Starts a replica.
    pub(crate) fn replica_of(primary: &Self) -> Self {
        let port = primary.port.to_string();
        Self::start(&["--replicaof", "127.0.0.1", &port]).expect("the primary runs")
    }

    /// Starts a sentinel that knows a server as `primary`.
    pub(crate) fn sentinel_of(primary: &Self) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("sentinel.conf");
        let lines = format!(
            "sentinel monitor primary 127.0.0.1 {} 2\n\
             sentinel down-after-milliseconds primary 300\n\
             sentinel failover-timeout primary 2000\n",
            primary.port
        );
        fs::write(&file, lines).unwrap();
        let file = file.to_str().unwrap().to_owned();
        Self::on_free_port(directory, &[&file, "--sentinel"])
    }

    fn on_free_port(directory: TempDir, arguments: &[&str]) -> Self {
        let arguments: Vec<_> = arguments.iter().map(|&text| text.to_owned()).collect();
        let mut port = free_port();
        let process = spawn(directory.path(), &arguments, port);
        let mut server = Self { process, directory, port, arguments };
        for _ in 0..20 {
            if server.is_up() {
                return server;
            }
            // Another test has taken the port between the two steps.
            port = free_port();
            server.port = port;
            server.process = spawn(server.directory.path(), &server.arguments, port);
        }
        panic!("no server starts");
    }

    /// Starts the server again, without its data. It must have been killed.
    pub(crate) fn start_again(&mut self) {
        self.process = spawn(self.directory.path(), &self.arguments, self.port);
        assert!(self.is_up(), "the server does not start again");
    }

    /// Kills the server.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Stops the process, as a machine that hangs, or lets it go on.
    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// Waits until the server answers. `false` if it has exited.
    fn is_up(&mut self) -> bool {
        let give_up = Instant::now() + Duration::from_secs(20);
        while self.process.try_wait().unwrap().is_none() {
            // A server that wants a password is up as well.
            let answer = self.client().get_connection().and_then(|mut c| cmd("PING").exec(&mut c));
            if answer.is_ok() || answer.is_err_and(|error| error.code() == Some("NOAUTH")) {
                return true;
            }
            assert!(Instant::now() < give_up, "a server does not come up");
            thread::sleep(Duration::from_millis(5));
        }
        false
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.path().join("redis.sock")
    }

    /// The URL of the socket.
    pub(crate) fn url(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// A store at the socket, with a generous timeout for a busy machine.
    pub(crate) fn store(&self) -> RedisStore {
        self.store_with(|_| {})
    }

    pub(crate) fn store_with(&self, change: impl FnOnce(&mut RedisSettings)) -> RedisStore {
        let mut settings = RedisSettings::new(self.url());
        settings.response_timeout = Duration::from_secs(10);
        change(&mut settings);
        RedisStore::new(settings).unwrap()
    }

    fn client(&self) -> Client {
        Client::open(("127.0.0.1", self.port)).unwrap()
    }

    pub(crate) fn connection(&self) -> Connection {
        self.client().get_connection().unwrap()
    }

    /// Runs a command, given as words.
    pub(crate) fn run<T: FromRedisValue>(&self, command: &str) -> T {
        self.try_run(command).unwrap()
    }

    pub(crate) fn try_run<T: FromRedisValue>(&self, command: &str) -> RedisResult<T> {
        let mut words = command.split(' ');
        let mut command = cmd(words.next().unwrap());
        words.for_each(|word| {
            command.arg(word);
        });
        command.query(&mut self.connection())
    }

    /// Reads a number of the server's statistics, such as `calls` of `cmdstat_evalsha`; 0 if there
    /// is none.
    pub(crate) fn statistic<T: FromStr + Default>(&self, line: &str, name: &str) -> T {
        let text: String = self.run("INFO everything");
        let line = text.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':'));
        let field = line.and_then(|line| {
            line.split(',').find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
        });
        field.map_or_else(T::default, |number| number.trim().parse().ok().expect("a number"))
    }

    /// Reads a line of the server's `INFO`.
    pub(crate) fn info(&self, name: &str) -> String {
        let text: String = self.run("INFO");
        let line = text.lines().find_map(|text| text.strip_prefix(name)?.strip_prefix(':'));
        line.expect("there is such a line").trim().to_owned()
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // Also while a test panics. It has exited already if a test has killed it.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn spawn(directory: &Path, arguments: &[String], port: u16) -> Child {
    Command::new("redis-server")
        .args(arguments)
        .arg("--dir")
        .arg(directory)
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Returns a port that is free now.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Waits until something holds, or fails after a minute.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let give_up = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < give_up, "{what}: not within a minute");
        thread::sleep(Duration::from_millis(5));
    }
}
