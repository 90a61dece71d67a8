//! The host's side: a worker process and the exchange with it.
//!
//! # Invariants
//!
//! - I1: a worker does not outlive the call that started it, nor the host.
//! - I2: the host keeps of a worker's answers at most the bytes that the job allows, and waits at
//!   most for the job's wall-clock time, also for the end of a worker that has closed its output.

mod ending;
mod exchange;

use core::time::Duration;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Instant;
use std::{io, thread};

use limits_core::{
    CompileAllowance, CompileResource, HostResource, HostShortage, Rejection, WasmError,
};

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

impl Running {
    /// Waits for the end of the process, or returns `None` at the deadline.
    fn wait_until(&mut self, deadline: Option<Instant>) -> io::Result<Option<ExitStatus>> {
        loop {
            let status = self.0.try_wait()?;
            if status.is_some() || deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Ok(status);
            }
            // It closed its output, so its end is less than a millisecond away, unless it lies.
            thread::sleep(Duration::from_micros(500));
        }
    }
}

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
        // Until the worker says otherwise, it could have ended for want of any memory.
        let mut has_memory = false;
        let done = self.ready(&mut exchange).and_then(|(confinement, has)| {
            has_memory = has;
            self.done(&mut exchange, confinement)
        });
        let ended = match done {
            Ok(answered) => return Ok(answered),
            Err(ended) => ended,
        };
        match ended {
            Ended::Failed(error) => Err(error),
            Ended::Late => Err(spent(CompileResource::WallTime, &self.allowance).into()),
            Ended::Refused => Err(self.refused(has_memory)),
            // The reason is in the way in which it ended, and perhaps in its last words.
            Ended::Gone => {
                let words = exchange.last_words();
                let Some(status) = worker.wait_until(deadline).map_err(protocol)? else {
                    return Err(spent(CompileResource::WallTime, &self.allowance).into());
                };
                Err(match classify(status.signal(), status.code(), &words) {
                    End::Spent(resource) => spent(resource, &self.allowance).into(),
                    End::Refused => self.refused(has_memory),
                    End::Crashed(reason) => Rejection::Crashed { reason }.into(),
                    End::Failed(failure) => failure.into(),
                })
            }
        }
    }

    /// Returns the error of a worker that the system refused memory: its budget is spent, unless
    /// the host has less than that for it.
    fn refused(&self, has_memory: bool) -> CompileError {
        if has_memory {
            return spent(CompileResource::Memory, &self.allowance).into();
        }
        let reason = "its own RLIMIT_AS leaves a compile worker less than the budget";
        WasmError::HostExhausted(HostShortage::new(HostResource::Memory, reason)).into()
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

    /// Reads the first answer: the restrictions, and whether it may have its memory.
    fn ready(&self, exchange: &mut Exchange<'_>) -> Result<(Confinement, bool), Ended> {
        match exchange.answer(0)?.0 {
            Answer::Ready { seccomp, landlock, has_memory } => {
                Ok((Confinement { seccomp, landlock }, has_memory))
            }
            Answer::Unrestricted { what, reason } => {
                Err(WorkerFailure::Restriction { what, reason }.into())
            }
            Answer::Failed(failed) => Err(self.failed(failed)),
            Answer::Done(_) => Err(Ended::Failed(protocol("it answers unrestricted"))),
        }
    }

    /// Reads the last answer.
    fn done(
        &self,
        exchange: &mut Exchange<'_>,
        confinement: Confinement,
    ) -> Result<Answered, Ended> {
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
            Failed::Refused => return Ended::Refused,
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
    /// The system refused the worker memory.
    Refused,
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
