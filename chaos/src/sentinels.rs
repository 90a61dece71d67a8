//! A primary with replicas, and three sentinels that watch it.

use core::time::Duration;
use std::fs;
use std::io;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use redis::Client;
use tempfile::TempDir;

use crate::process::Process;
use crate::server::{RedisServer, free_port};

/// The name of the primary at the sentinels.
pub const MASTER: &str = "chaos";

/// The time that a group may take to find itself.
const START: Duration = Duration::from_secs(30);

/// Servers that replicate, the first of them the primary at the start.
#[derive(Debug)]
pub struct Replicated {
    /// Before the servers that they watch.
    sentinels: Vec<Sentinel>,
    /// The primary at the start, then its replicas.
    servers: Vec<RedisServer>,
}

#[derive(Debug)]
struct Sentinel {
    /// Held: it ends the process. Before the folder, so that it ends first.
    _process: Process,
    _folder: TempDir,
    port: u16,
}

impl Replicated {
    /// Starts a primary and its replicas, without sentinels, and waits until all follow.
    ///
    /// # Errors
    ///
    /// A server does not start.
    pub fn start(replicas: usize) -> io::Result<Self> {
        let primary = RedisServer::on_loopback(&["--repl-diskless-sync-delay", "0"])?;
        let port = primary.port().to_string();
        let follow =
            ["--replicaof", &format!("127.0.0.1 {port}"), "--repl-diskless-sync-delay", "0"]
                .map(String::from);
        let follow: Vec<&str> = follow.iter().map(String::as_str).collect();
        let mut servers = vec![primary];
        for _ in 0..replicas {
            servers.push(RedisServer::on_loopback(&follow)?);
        }
        let group = Self { servers, sentinels: Vec::new() };
        wait_until("the replicas follow", || {
            let replication: String =
                group.server(0)?.query(redis::cmd("INFO").arg("replication"))?;
            Ok(replication.matches("state=online").count() == replicas)
        })?;
        Ok(group)
    }

    /// Starts three sentinels, of which two decide, and waits until they know the group.
    ///
    /// # Errors
    ///
    /// A sentinel does not start.
    pub fn watch(mut self) -> io::Result<Self> {
        let primary = self.server(0)?.port();
        for _ in 0..3 {
            self.sentinels.push(Sentinel::start(primary)?);
        }
        let replicas = self.servers.len().saturating_sub(1).to_string();
        wait_until("the sentinels know each other", || {
            for sentinel in &self.sentinels {
                let fields = sentinel.fields()?;
                let is = |name: &str, value: &str| {
                    fields.iter().zip(fields.iter().skip(1)).any(|(n, v)| n == name && v == value)
                };
                if !is("num-other-sentinels", "2") || !is("num-slaves", &replicas) {
                    return Ok(false);
                }
            }
            Ok(true)
        })?;
        Ok(self)
    }

    /// Returns a group of one server.
    #[must_use]
    pub fn alone(server: RedisServer) -> Self {
        Self { sentinels: Vec::new(), servers: vec![server] }
    }

    /// Returns the server of a number: 0 is the primary at the start.
    ///
    /// # Errors
    ///
    /// There is none of that number.
    pub fn server(&self, number: usize) -> io::Result<&RedisServer> {
        self.servers.get(number).ok_or_else(|| no_server(number))
    }

    /// Returns the server of a number, to kill it.
    ///
    /// # Errors
    ///
    /// There is none of that number.
    pub fn server_mut(&mut self, number: usize) -> io::Result<&mut RedisServer> {
        self.servers.get_mut(number).ok_or_else(|| no_server(number))
    }

    /// Returns the addresses of the sentinels.
    #[must_use]
    pub fn sentinels(&self) -> Vec<String> {
        self.sentinels.iter().map(|one| format!("127.0.0.1:{}", one.port)).collect()
    }
}

impl Sentinel {
    fn start(primary: u16) -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let port = free_port()?;
        // A sentinel writes its state into its file.
        let file = folder.path().join("sentinel.conf");
        let text = format!(
            "port {port}\nbind 127.0.0.1\ndir {}\nlogfile /dev/null\n\
             sentinel monitor {MASTER} 127.0.0.1 {primary} 2\n\
             sentinel down-after-milliseconds {MASTER} 700\n\
             sentinel failover-timeout {MASTER} 3000\n",
            folder.path().display()
        );
        fs::write(&file, text)?;
        let mut command = Command::new("redis-sentinel");
        command.arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = Process::start(&mut command)?;
        Ok(Self { _process: process, _folder: folder, port })
    }

    /// Returns names and values of what the sentinel knows about the primary, in turn.
    fn fields(&self) -> io::Result<Vec<String>> {
        let client = Client::open(format!("redis://127.0.0.1:{}", self.port));
        let mut connection = client
            .and_then(|client| client.get_connection_with_timeout(Duration::from_secs(1)))
            .map_err(io::Error::other)?;
        redis::cmd("SENTINEL")
            .arg("MASTER")
            .arg(MASTER)
            .query(&mut connection)
            .map_err(io::Error::other)
    }
}

fn no_server(number: usize) -> io::Error {
    io::Error::other(format!("there is no server {number}"))
}

/// Waits until a condition holds; one that cannot be asked does not hold yet.
fn wait_until(purpose: &str, mut holds: impl FnMut() -> io::Result<bool>) -> io::Result<()> {
    let deadline = Instant::now() + START;
    loop {
        let seen = holds();
        if matches!(seen, Ok(true)) {
            return Ok(());
        }
        if Instant::now() > deadline {
            let reason = seen.err().map_or_else(|| String::from("no"), |error| error.to_string());
            return Err(io::Error::other(format!("waited in vain until {purpose}: {reason}")));
        }
        thread::sleep(Duration::from_millis(20));
    }
}
