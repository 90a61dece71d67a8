//! Processes that end with their owner.

use std::io;
use std::process::{Child, Command};

use rustix::process::{Pid, Signal, kill_process};

/// A process that is killed when it is dropped, also by a panic.
#[derive(Debug)]
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts a process.
    ///
    /// # Errors
    ///
    /// The program cannot be started.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        command.spawn().map(|child| Self { child }).map_err(|error| {
            io::Error::new(error.kind(), format!("cannot start {command:?}: {error}"))
        })
    }

    /// Stops the process by SIGSTOP. It lives on, and does nothing.
    ///
    /// # Errors
    ///
    /// The process has ended.
    pub fn freeze(&self) -> io::Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets the process go on by SIGCONT.
    ///
    /// # Errors
    ///
    /// The process has ended.
    pub fn thaw(&self) -> io::Result<()> {
        self.signal(Signal::CONT)
    }

    /// Kills the process by SIGKILL, and waits until it is gone.
    ///
    /// # Errors
    ///
    /// The process cannot be waited for.
    pub fn kill(&mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }

    /// Waits for the end of the process.
    ///
    /// # Errors
    ///
    /// The process has failed, with its status.
    pub fn join(&mut self) -> io::Result<()> {
        let status = self.child.wait()?;
        if status.success() {
            return Ok(());
        }
        Err(io::Error::other(format!("process {} ended with {status}", self.child.id())))
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| io::Error::other("the process has no id"))?;
        Ok(kill_process(pid, signal)?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _gone = self.kill();
    }
}
