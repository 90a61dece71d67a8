//! The three standard streams, through pipes that can stall nothing.

use std::io::{self, IsTerminal as _};

use crate::inlet::Inlet;
use crate::outlet::Outlet;

/// The standard streams as one guest sees them.
#[derive(Clone)]
pub(crate) struct Stdio {
    pub(crate) stdin: Inlet,
    pub(crate) stdout: Outlet,
    pub(crate) stderr: Outlet,
}

impl Stdio {
    /// Puts pipes before the process's streams. With `replay`, every run of several reads the
    /// same input.
    ///
    /// # Errors
    ///
    /// The system's, if it has no threads left.
    pub(crate) fn of_process(replay: bool) -> io::Result<Self> {
        Ok(Self {
            stdin: Inlet::new(replay, io::stdin())?,
            stdout: Outlet::new("stdout", io::stdout().is_terminal(), io::stdout())?,
            stderr: Outlet::new("stderr", io::stderr().is_terminal(), io::stderr())?,
        })
    }

    /// Returns the same streams for one more run, which reads the input from its beginning where
    /// it is kept.
    pub(crate) fn rewound(&self) -> Self {
        Self { stdin: self.stdin.rewound(), ..self.clone() }
    }

    /// Returns the same input with outputs that keep nothing.
    ///
    /// # Errors
    ///
    /// The system's, if it has no threads left.
    pub(crate) fn without_output(&self) -> io::Result<Self> {
        Ok(Self {
            stdin: self.stdin.clone(),
            stdout: Outlet::new("discard", false, io::sink())?,
            stderr: Outlet::new("discard", false, io::sink())?,
        })
    }
}
