//! The three standard streams, through pipes that never block a guest.

pub(crate) mod output_pipe;
pub(crate) mod stdin_pipe;
pub(crate) mod terminal;

use std::io::{self, IsTerminal as _};

use crate::stdio::output_pipe::OutputPipe;
use crate::stdio::stdin_pipe::StdinPipe;

/// The standard streams as one guest sees them.
#[derive(Clone)]
pub(crate) struct Stdio {
    pub(crate) stdin: StdinPipe,
    pub(crate) stdout: OutputPipe,
    pub(crate) stderr: OutputPipe,
    /// Whether both outputs lead to one file, pipe or terminal.
    pub(crate) is_joint: bool,
}

impl Stdio {
    /// Puts pipes before the process's streams. With `replay`, each of several runs reads the same
    /// input.
    ///
    /// # Errors
    ///
    /// The system's, if it has no threads left.
    pub(crate) fn of_process(replay: bool) -> io::Result<Self> {
        Ok(Self {
            stdin: StdinPipe::new(replay, io::stdin())?,
            stdout: OutputPipe::new("stdout", io::stdout().is_terminal(), io::stdout())?,
            stderr: OutputPipe::new("stderr", io::stderr().is_terminal(), io::stderr())?,
            is_joint: is_joint(),
        })
    }

    /// Closes the outputs of all guests permanently, before a report.
    pub(crate) fn seal(&self) {
        self.stdout.seal();
        self.stderr.seal();
    }

    /// Returns the same streams for the next run, which reads a kept input from its beginning.
    pub(crate) fn rewound(&self) -> Self {
        Self { stdin: self.stdin.rewound(), ..self.clone() }
    }

    /// Returns the same input with outputs that discard everything.
    ///
    /// # Errors
    ///
    /// The system's, if it has no threads left.
    pub(crate) fn without_output(&self) -> io::Result<Self> {
        Ok(Self {
            stdin: self.stdin.clone(),
            stdout: OutputPipe::new("discard", false, io::sink())?,
            stderr: OutputPipe::new("discard", false, io::sink())?,
            is_joint: false,
        })
    }
}

/// Returns whether both outputs of the process lead to one file, as after `2>&1`. Known on Unix
/// only.
#[cfg(unix)]
fn is_joint() -> bool {
    use rustix::fs::fstat;

    match (fstat(io::stdout()), fstat(io::stderr())) {
        (Ok(out), Ok(err)) => (out.st_dev, out.st_ino) == (err.st_dev, err.st_ino),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_joint() -> bool {
    false
}
