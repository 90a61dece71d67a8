//! Ctrl-C and signals: the guest is cancelled, and the command still reports.

use core::future::Future;
use std::io;
use std::sync::Arc;

use limits_wasmtime::CancelHandle;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::outcome::Outcome;

const CTRL_C: &str = "Ctrl-C";

/// The request to stop, by Ctrl-C or a signal.
#[derive(Clone)]
pub(crate) struct Interrupt {
    phase: Arc<watch::Sender<Phase>>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    /// No request.
    Running,
    /// No request, and only output is left to flush.
    Draining,
    /// A request, with its source.
    Stopping(&'static str),
}

/// Stops listening on drop.
pub(crate) struct Watch(AbortHandle);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Interrupt {
    /// Starts to listen to Ctrl-C, and on Unix to SIGTERM and SIGHUP, on the current runtime. The
    /// second Ctrl-C ends the process at once; a repeated signal does not, since some senders
    /// repeat them.
    ///
    /// # Errors
    ///
    /// The system's, if it refuses a handler.
    pub(crate) fn listen() -> io::Result<Self> {
        let (phase, _) = watch::channel(Phase::Running);
        let interrupt = Self { phase: Arc::new(phase) };
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};

            // Without a handler, SIGXFSZ ends the process without a report where a file grows past
            // `ulimit -f`; with one, the write fails instead.
            #[cfg(target_os = "linux")]
            let _ = signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?;
            let hangup = (!is_hangup_ignored()).then_some((SignalKind::hangup(), "SIGHUP"));
            let others = [(SignalKind::interrupt(), CTRL_C), (SignalKind::terminate(), "SIGTERM")];
            for (kind, by) in others.into_iter().chain(hangup) {
                let (mut signals, interrupt) = (signal(kind)?, interrupt.clone());
                tokio::spawn(async move {
                    while signals.recv().await.is_some() {
                        interrupt.stop(by);
                    }
                });
            }
        }
        #[cfg(windows)]
        {
            let (mut presses, interrupt) = (tokio::signal::windows::ctrl_c()?, interrupt.clone());
            tokio::spawn(async move {
                while presses.recv().await.is_some() {
                    interrupt.stop(CTRL_C);
                }
            });
        }
        Ok(interrupt)
    }

    pub(crate) fn stop(&self, by: &'static str) {
        let mut is_enough = false;
        self.phase.send_modify(|phase| match phase {
            Phase::Running => *phase = Phase::Stopping(by),
            Phase::Draining => is_enough = true,
            Phase::Stopping(_) => is_enough = by == CTRL_C,
        });
        if is_enough {
            std::process::exit(i32::from(Outcome::Cancelled.exit_code()));
        }
    }

    /// Ends the time in which a request cancels the guest: the next one ends the process, unless an
    /// earlier request still waits for its report.
    pub(crate) fn drain(&self) {
        self.phase.send_modify(|phase| {
            if *phase == Phase::Running {
                *phase = Phase::Draining;
            }
        });
    }

    /// Returns the source of the request, if there was one.
    pub(crate) fn stopped_by(&self) -> Option<&'static str> {
        stopped_by(*self.phase.borrow())
    }

    /// Cancels an execution upon a request, from another thread: the guest's own may be busy.
    pub(crate) fn cancels(&self, execution: CancelHandle) -> Watch {
        let mut phase = self.phase.subscribe();
        let task = tokio::spawn(async move {
            if phase.wait_for(|phase| stopped_by(*phase).is_some()).await.is_ok() {
                execution.cancel();
            }
        });
        Watch(task.abort_handle())
    }

    /// Waits for `work` or for a request, whichever comes first.
    ///
    /// # Errors
    ///
    /// The source of the request.
    pub(crate) async fn or<T>(&self, work: impl Future<Output = T>) -> Result<T, &'static str> {
        let mut phase = self.phase.subscribe();
        let stopped = phase.wait_for(|phase| stopped_by(*phase).is_some());
        tokio::select! {
            // Finished work counts, even if the request is there as well.
            biased;
            done = work => Ok(done),
            Ok(phase) = stopped => Err(stopped_by(*phase).unwrap_or(CTRL_C)),
        }
    }
}

fn stopped_by(phase: Phase) -> Option<&'static str> {
    match phase {
        Phase::Stopping(by) => Some(by),
        Phase::Running | Phase::Draining => None,
    }
}

/// Returns whether SIGHUP was ignored at the start, as by `nohup`. Known on Linux only.
#[cfg(unix)]
fn is_hangup_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // The lowest bit is signal 1, SIGHUP.
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & 1 == 1)
}
