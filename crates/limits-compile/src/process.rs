//! The host's side: a worker process and the exchange with it.
//!
//! # Invariants
//!
//! - I1: a worker does not outlive the call that started it, nor the host.
//! - I2: the host keeps of a worker's answers at most the bytes that the job allows, and waits at most
//!   for the job's wall-clock time.

mod ending;
mod exchange;

use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use limits_core::{CompileAllowance, CompileResource, Rejection, WasmError};

use crate::compile_error::CompileError;
use crate::compile_report::Confinement;
use crate::frame;
use crate::process::ending::{End, classify};
use crate::process::exchange::{Broken, Exchange};
use crate::protocol::{Answer, Done, Failed, Request, spent};
use crate::worker_failure::WorkerFailure;
use crate::worker_program::WorkerProgram;

/// One request to a worker of its own.
#[derive(Debug)]
pub(crate) struct Job<'a> {
    pub(crate) program: &'a WorkerProgram,
    pub(crate) request: Request,
    pub(crate) source: &'a [u8],
    pub(crate) allowance: CompileAllowance,
    /// The most bytes of the answer.
    pub(crate) most_body: u64,
}

/// A worker's component.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) done: Done,
    pub(crate) confinement: Confinement,
    pub(crate) body: Vec<u8>,
}

/// A child process that is killed and reaped when this is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only if the child has been reaped.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Job<'_> {
    /// Starts a worker, sends it the source and returns its answer. The thread must be this one
    /// throughout: the kernel ends the worker with the thread that started it.
    pub(crate) fn run(self) -> Result<Answered, CompileError> {
        let deadline = Instant::now().checked_add(self.allowance.wall);
        let mut worker = Running(self.start()?);
        let head = frame::head(&self.request, self.source.len()).map_err(protocol)?;
        let pipes = (worker.0.stdin.take(), worker.0.stdout.take(), worker.0.stderr.take());
        let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
            return Err(protocol("it has no pipes"));
        };
        let mut exchange = Exchange::new(stdin, stdout, stderr, [&head, self.source], deadline)
            .map_err(protocol)?;
        let ended = match self.converse(&mut exchange) {
            Ok(answered) => return Ok(answered),
            Err(ended) => ended,
        };
        match ended {
            Ended::Failed(error) => Err(error),
            Ended::Late => Err(spent(CompileResource::WallTime, &self.allowance).into()),
            // The reason is in the way in which it ended, and perhaps in its last words.
            Ended::Gone => {
                let words = exchange.last_words();
                let status = worker.0.wait().map_err(protocol)?;
                Err(match classify(status.signal(), status.code(), &words) {
                    End::Spent(resource) => spent(resource, &self.allowance).into(),
                    End::Crashed(reason) => Rejection::Crashed { reason }.into(),
                    End::Failed(failure) => failure.into(),
                })
            }
        }
    }

    fn start(&self) -> Result<Child, WorkerFailure> {
        Command::new(self.program.path())
            .args(self.program.args())
            .env_clear()
            .current_dir("/")
            // Ctrl-C in a terminal is for the host, which ends its worker.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| WorkerFailure::Start {
                program: self.program.path().display().to_string(),
                reason: error.to_string(),
            })
    }

    fn converse(&self, exchange: &mut Exchange<'_>) -> Result<Answered, Ended> {
        let (answer, _) = exchange.answer(0)?;
        let confinement = match answer {
            Answer::Ready { seccomp, landlock } => Confinement { seccomp, landlock },
            Answer::Unrestricted { what, reason } => {
                return Err(WorkerFailure::Restriction { what, reason }.into());
            }
            Answer::Failed(failed) => return Err(self.failed(failed)),
            Answer::Done(_) => return Err(Ended::Failed(protocol("it answers unrestricted"))),
        };
        match exchange.answer(self.most_body)? {
            (Answer::Done(done), body) => Ok(Answered { done, confinement, body }),
            (Answer::Failed(failed), _) => Err(self.failed(failed)),
            _ => Err(Ended::Failed(protocol("it repeats itself"))),
        }
    }

    fn failed(&self, failed: Failed) -> Ended {
        if let Some(rejection) = failed.rejection(&self.allowance) {
            return Ended::Failed(rejection.into());
        }
        Ended::Failed(match failed {
            Failed::Invalid { reason } => WasmError::InvalidComponent { reason }.into(),
            Failed::Source(error) => error.into(),
            Failed::Engine => WorkerFailure::Engine.into(),
            Failed::Host { reason } => protocol(reason),
            _ => protocol("it rejects the component for an unknown reason"),
        })
    }
}

/// The end of an exchange without a component.
#[derive(Debug)]
enum Ended {
    /// The worker has said why, or broke the protocol.
    Failed(CompileError),
    /// The time is over.
    Late,
    /// The worker closed its output, most likely by its death.
    Gone,
}

impl From<WorkerFailure> for Ended {
    fn from(failure: WorkerFailure) -> Self {
        Self::Failed(failure.into())
    }
}

impl From<Broken> for Ended {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Late => Self::Late,
            Broken::Gone => Self::Gone,
            Broken::TooMuch { most } => {
                let (resource, limit) = (CompileResource::Artifact, most);
                Self::Failed(Rejection::Budget { resource, limit }.into())
            }
            Broken::Nonsense(reason) => Self::Failed(protocol(reason)),
        }
    }
}

fn protocol(reason: impl ToString) -> CompileError {
    WorkerFailure::Protocol { reason: reason.to_string() }.into()
}
