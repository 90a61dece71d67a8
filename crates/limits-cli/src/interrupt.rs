//! Ctrl-C and the like: stop the guest and still report.

use core::future::Future;
use core::pin::pin;
use core::task::Poll;
use std::io;
use std::sync::Arc;

use limits_wasmtime::CancelHandle;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::outcome::Outcome;

const CTRL_C: &str = "Ctrl-C";

/// Asks to stop, from outside: Ctrl-C, or a signal of the system.
#[derive(Clone)]
pub(crate) struct Interrupt {
    phase: Arc<watch::Sender<Phase>>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    /// Nobody asked.
    Running,
    /// Nobody asked, and all that is left is to bring out what was said.
    Draining,
    /// Somebody asked, in this way.
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
    /// Listens from now on, on the runtime that is entered, to Ctrl-C and on Unix to SIGTERM and
    /// SIGHUP. The second Ctrl-C ends the process at once; the signals do not, since some senders
    /// repeat them.
    ///
    /// # Errors
    ///
    /// The system's, if it does not let us listen.
    pub(crate) fn listen() -> io::Result<Self> {
        let (phase, _) = watch::channel(Phase::Running);
        let interrupt = Self { phase: Arc::new(phase) };
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};

            // Left alone it ends the process without a report where a file grows past `ulimit -f`;
            // heard by anyone, the write fails instead.
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

    /// From now on nothing is left to cancel: whoever asks to stop ends the process, unless
    /// somebody asked before and is owed a report.
    pub(crate) fn drain(&self) {
        self.phase.send_modify(|phase| {
            if *phase == Phase::Running {
                *phase = Phase::Draining;
            }
        });
    }

    /// Says what asked to stop, if anything did.
    pub(crate) fn stopped_by(&self) -> Option<&'static str> {
        stopped_by(*self.phase.borrow())
    }

    /// Cancels an execution when the user asks to stop, from another thread: the guest's own may
    /// be busy.
    pub(crate) fn cancels(&self, execution: CancelHandle) -> Watch {
        let mut phase = self.phase.subscribe();
        let task = tokio::spawn(async move {
            if phase.wait_for(|phase| stopped_by(*phase).is_some()).await.is_ok() {
                execution.cancel();
            }
        });
        Watch(task.abort_handle())
    }

    /// Waits for `work`, or for something to ask to stop, whichever comes first.
    ///
    /// # Errors
    ///
    /// What asked to stop.
    pub(crate) async fn or<T>(&self, work: impl Future<Output = T>) -> Result<T, &'static str> {
        let mut phase = self.phase.subscribe();
        let mut stop = pin!(async {
            let stopping = phase.wait_for(|phase| stopped_by(*phase).is_some()).await;
            stopping.ok().and_then(|phase| stopped_by(*phase))
        });
        let mut work = pin!(work);
        let mut is_listening = true;
        core::future::poll_fn(|cx| {
            if let Poll::Ready(done) = work.as_mut().poll(cx) {
                return Poll::Ready(Ok(done));
            }
            if is_listening && let Poll::Ready(stopped) = stop.as_mut().poll(cx) {
                is_listening = false;
                if let Some(by) = stopped {
                    return Poll::Ready(Err(by));
                }
            }
            Poll::Pending
        })
        .await
    }
}

fn stopped_by(phase: Phase) -> Option<&'static str> {
    match phase {
        Phase::Stopping(by) => Some(by),
        Phase::Running | Phase::Draining => None,
    }
}

/// Tells whether whoever started us said that we outlive the terminal, as `nohup` does. Known on
/// Linux only.
#[cfg(unix)]
fn is_hangup_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // The lowest bit is signal 1, SIGHUP.
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & 1 == 1)
}
