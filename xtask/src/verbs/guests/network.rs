//! Guests that reach a server under one policy, and nothing under another.

use std::net::TcpStream;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::server::Server;
use super::{difference, http_server, read, refusals, run_guest, same, server};
use crate::failure::Result;

/// Each guest receives this and more, or nothing.
const LEAST_BYTES: u64 = 1024 * 1024;

/// The servers of the guests, the command and the folder of the policies.
pub(super) struct Network {
    command: PathBuf,
    policies: PathBuf,
    http: Server,
    echo: Server,
}

impl Network {
    pub(super) fn start(command: &Path, policies: &Path) -> Result<Self> {
        let start = |talk: fn(TcpStream) -> std::io::Result<()>| {
            Server::start(talk).map_err(|error| format!("cannot listen on loopback: {error}"))
        };
        Ok(Self {
            command: command.to_owned(),
            policies: policies.to_owned(),
            http: start(http_server::talk)?,
            echo: start(server::echo)?,
        })
    }

    /// Runs a guest that sends HTTP requests.
    pub(super) fn check_fetch(&self, folder: &Path, component: &Path) -> Result {
        self.check(folder, component, "--http", &self.http)
    }

    /// Runs a guest that opens TCP sockets.
    pub(super) fn check_socket(&self, folder: &Path, component: &Path) -> Result {
        self.check(folder, component, "--tcp", &self.echo)
    }

    fn check(&self, folder: &Path, component: &Path, service: &str, server: &Server) -> Result {
        let port = format!("PORT={}", server.port());
        for (policy, reaches) in [("loopback", true), ("any", false)] {
            let file = self.policies.join(format!("{policy}.toml"));
            let file = file.to_string_lossy();
            let options = ["--policy", &file, service, "--env", &port];
            let before = server.connections();
            let (printed, report) = run_guest(&self.command, folder, component, &options)?;
            let expected = read(&folder.join(format!("OUTPUT.{policy}")))?;
            if let Some(difference) = difference(&expected, &printed) {
                return Err(format!("under {policy}.toml: {difference}").into());
            }
            let received = report["services"]["network"]["received"].as_u64();
            let received = received.map(|bytes| bytes.min(LEAST_BYTES));
            let least = if reaches { LEAST_BYTES } else { 0 };
            let has_reached = server.connections() > before;
            same([
                ("outcome", report["outcome"].clone(), Value::from("success")),
                ("refusals", refusals(&report).into(), refused(&printed).into()),
                ("bytes received", received.into(), least.into()),
                ("connections at the server", has_reached.into(), reaches.into()),
            ])
            .map_err(|failure| format!("under {policy}.toml: {failure}"))?;
        }
        Ok(())
    }
}

/// Counts the lines in which a guest prints a refusal: those that end in its error's name.
fn refused(printed: &str) -> usize {
    let errors = [": TypeError", ": EACCES"];
    printed.lines().filter(|line| errors.iter().any(|error| line.ends_with(error))).count()
}

#[cfg(test)]
mod tests {
    use super::refused;

    #[test]
    fn a_refusal_is_a_line_that_ends_in_its_error() {
        let printed = "get: 200 EACCES or so\nname: TypeError\nbind: EACCES\nhello: done\n";
        assert_eq!(refused(printed), 2);
    }
}
