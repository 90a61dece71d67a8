//! A Redis server in a directory of its own.

use core::fmt::Write as _;
use core::net::Ipv4Addr;
use core::time::Duration;
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use redis::{Client, Cmd, Connection, FromRedisValue};
use tempfile::TempDir;

use crate::process::Process;

/// The time that a server may take to start.
const START: Duration = Duration::from_secs(20);

/// A Redis server without persistence: it is empty after a restart.
#[derive(Debug)]
pub struct RedisServer {
    /// None while it is killed. Before the folder, so that it ends first.
    process: Option<Process>,
    folder: TempDir,
    socket: PathBuf,
    /// None if it listens on its socket only.
    port: Option<u16>,
    options: Vec<String>,
}

impl RedisServer {
    /// Starts a server on a unix socket, with further options of `redis-server`.
    ///
    /// # Errors
    ///
    /// The server cannot be started, or does not answer.
    pub fn on_unix_socket(options: &[&str]) -> io::Result<Self> {
        Self::start(None, options)
    }

    /// Starts a server on a port of the loopback interface too, with further options.
    ///
    /// # Errors
    ///
    /// Those of [`on_unix_socket`](Self::on_unix_socket).
    pub fn on_loopback(options: &[&str]) -> io::Result<Self> {
        Self::start(Some(free_port()?), options)
    }

    fn start(port: Option<u16>, options: &[&str]) -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let socket = folder.path().join("r.sock");
        let options = options.iter().copied().map(String::from).collect();
        let mut server = Self { process: None, folder, socket, port, options };
        server.restart()?;
        Ok(server)
    }

    /// Returns the address as a client takes it: the port if it has one.
    #[must_use]
    pub fn url(&self) -> String {
        self.port.map_or_else(
            || format!("unix://{}", self.socket.display()),
            |port| format!("redis://127.0.0.1:{port}"),
        )
    }

    /// Returns the path of the unix socket.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Returns the port, 0 if it has none.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(0)
    }

    /// Returns the process.
    ///
    /// # Errors
    ///
    /// The server was killed.
    pub fn process(&self) -> io::Result<&Process> {
        self.process.as_ref().ok_or_else(|| io::Error::other("the server was killed"))
    }

    /// Kills the server by SIGKILL; its data is lost.
    ///
    /// # Errors
    ///
    /// The process cannot be waited for.
    pub fn kill(&mut self) -> io::Result<()> {
        self.process.take().map_or(Ok(()), |mut process| process.kill())
    }

    /// Starts the server again, empty, and waits until it answers.
    ///
    /// # Errors
    ///
    /// It does not start, or does not answer in 20 s.
    pub fn restart(&mut self) -> io::Result<()> {
        self.kill()?;
        let mut command = Command::new("redis-server");
        command.arg("--port").arg(self.port().to_string()).args(["--bind", "127.0.0.1"]);
        command.arg("--unixsocket").arg(&self.socket);
        command
            .args(["--save", "", "--appendonly", "no", "--loglevel", "warning", "--dir"])
            .arg(self.folder.path())
            .args(&self.options)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        self.process = Some(Process::start(&mut command)?);
        let deadline = Instant::now() + START;
        loop {
            match self.query::<String>(&redis::cmd("PING")) {
                Ok(_) => return Ok(()),
                Err(error) if Instant::now() > deadline => return Err(error),
                Err(_) => thread::sleep(Duration::from_millis(2)),
            }
        }
    }

    /// Asks the server one command, over a connection of its own.
    ///
    /// # Errors
    ///
    /// No connection, no answer in 5 s, or a refusal.
    pub fn query<T: FromRedisValue>(&self, command: &Cmd) -> io::Result<T> {
        command.query(&mut self.connection()?).map_err(io::Error::other)
    }

    /// Connects to the server.
    ///
    /// # Errors
    ///
    /// The server does not answer.
    pub fn connection(&self) -> io::Result<Connection> {
        let limit = Duration::from_secs(5);
        let client = Client::open(self.url()).map_err(io::Error::other)?;
        let connection = client.get_connection_with_timeout(limit).map_err(io::Error::other)?;
        connection.set_read_timeout(Some(limit)).map_err(io::Error::other)?;
        connection.set_write_timeout(Some(limit)).map_err(io::Error::other)?;
        Ok(connection)
    }

    /// Returns the number of calls of a command since the start of the server.
    ///
    /// # Errors
    ///
    /// Those of [`query`](Self::query).
    pub fn calls(&self, command: &str) -> io::Result<u64> {
        let text: String = self.query(redis::cmd("INFO").arg("commandstats"))?;
        Ok(calls_in(&text, command))
    }
}

/// Returns the calls of a command in a text of `INFO commandstats`.
fn calls_in(text: &str, command: &str) -> u64 {
    let mut start = String::from("cmdstat_");
    let _ = write!(start, "{command}:calls=");
    text.lines()
        .find_map(|line| line.strip_prefix(&start)?.split(',').next()?.parse().ok())
        .unwrap_or(0)
}

/// Returns a port that was free.
pub(crate) fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::calls_in;

    #[test]
    fn calls_are_read_from_the_statistics_of_commands() {
        let text =
            "# Commandstats\r\ncmdstat_ping:calls=3,usec=1\r\ncmdstat_evalsha:calls=12,usec=9\r\n";
        assert_eq!(calls_in(text, "evalsha"), 12);
        assert_eq!(calls_in(text, "eval"), 0);
    }
}
