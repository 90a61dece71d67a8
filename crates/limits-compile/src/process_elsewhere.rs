//! Worker processes, on systems that cannot restrict them.

use limits_core::CompileAllowance;

use crate::compile_error::CompileError;
use crate::compile_report::Confinement;
use crate::protocol::{Done, Request};
use crate::worker_failure::WorkerFailure;
use crate::worker_program::WorkerProgram;

/// One request to a worker of its own.
#[derive(Debug)]
pub(crate) struct Job<'a> {
    pub(crate) program: &'a WorkerProgram,
    pub(crate) request: Request,
    pub(crate) source: &'a [u8],
    pub(crate) allowance: CompileAllowance,
    pub(crate) most_body: u64,
}

/// A worker's component.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) done: Done,
    pub(crate) confinement: Confinement,
    pub(crate) body: Vec<u8>,
}

impl Job<'_> {
    /// Fails: the restrictions of workers need Linux.
    pub(crate) fn run(self) -> Result<Answered, CompileError> {
        let program = self.program.path().display().to_string();
        let reason = String::from("workers need Linux; compile inline");
        Err(WorkerFailure::Start { program, reason }.into())
    }
}
