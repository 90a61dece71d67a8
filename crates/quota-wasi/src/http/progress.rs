//! The progress of the request on a connection.

use core::fmt;
use core::time::Duration;
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;
use wasmtime_wasi_http::Error;

use super::limits::{Times, after};
use crate::store_usage::StoreUsage;

/// The progress of the request on a connection, and the time at which its last bytes moved.
#[derive(Default)]
pub(crate) struct Progress(Mutex<State>);

#[derive(Default)]
struct State {
    body: RequestBodyState,
    /// When the body's state last changed, or a part of it was handed over.
    since: Option<Instant>,
    wrote: Option<Instant>,
    moved: Option<Instant>,
    parked: Option<Instant>,
    usage: Option<StoreUsage>,
    failed: Option<Error>,
}

/// The state of a request's body.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum RequestBodyState {
    /// The guest has yet to write more of it.
    #[default]
    Waits,
    /// Parts of it are on their way.
    Moves,
    /// No more of it comes.
    Ended,
}

/// The wait that took too long.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Late {
    /// The peer has not taken bytes of the request.
    Write,
    /// The peer has not sent bytes of the response.
    Read,
    /// The whole request.
    Total,
}

impl Progress {
    /// Begins a request, whose bytes count as those of an execution.
    pub(crate) fn begin(&self, usage: StoreUsage) {
        self.with(|state| {
            let failed = state.failed.take();
            let since = Some(Instant::now());
            *state = State { since, usage: Some(usage), failed, ..State::default() };
        });
    }

    /// Notes what becomes of the request's body.
    pub(crate) fn body(&self, body: RequestBodyState) {
        self.with(|state| {
            if state.body != RequestBodyState::Ended {
                state.body = body;
                state.since = Some(Instant::now());
            }
        });
    }

    /// Returns whether no more of the request's body comes.
    pub(crate) fn is_sent(&self) -> bool {
        self.with(|state| state.body == RequestBodyState::Ended)
    }

    pub(crate) fn wrote(&self, bytes: u64) {
        self.with(|state| {
            let now = Some(Instant::now());
            (state.wrote, state.moved) = (now, now);
            if let Some(usage) = &state.usage {
                usage.sent(bytes);
            }
        });
    }

    pub(crate) fn read(&self, bytes: u64) {
        self.with(|state| {
            state.moved = Some(Instant::now());
            if let Some(usage) = &state.usage {
                usage.received(bytes);
            }
        });
    }

    /// Notes that the connection has no request.
    pub(crate) fn park(&self) {
        self.with(|state| {
            state.parked = Some(Instant::now());
            state.usage = None;
        });
    }

    /// Notes why the connection has ended.
    pub(crate) fn fail(&self, error: Error) {
        self.with(|state| state.failed = Some(error));
    }

    /// Returns why the connection has ended, once.
    pub(crate) fn failure(&self) -> Option<Error> {
        self.with(|state| state.failed.take())
    }

    /// Returns since when the connection has had no request.
    pub(crate) fn parked(&self) -> Option<Instant> {
        self.with(|state| state.parked)
    }

    /// The shortest time after which to look again whether the guest has written: one whose own
    /// times are zero would keep the host busy.
    const LOOK: Duration = Duration::from_millis(10);

    /// Returns until when to wait for the response's head, if nothing changes, and what is late
    /// then. While the guest has to write, nothing is; but the wait must end, to look again.
    pub(crate) fn head_due(&self, times: &Times, now: Instant) -> (Instant, Option<Late>) {
        self.with(|state| {
            let since = state.since.max(state.wrote).unwrap_or(now);
            match state.body {
                RequestBodyState::Waits => {
                    (after(now, times.idle.min(times.first_byte).max(Self::LOOK)), None)
                }
                RequestBodyState::Moves => (after(since, times.idle), Some(Late::Write)),
                RequestBodyState::Ended => (after(since, times.first_byte), Some(Late::Read)),
            }
        })
    }

    /// Returns when the last bytes moved.
    pub(crate) fn moved(&self) -> Option<Instant> {
        self.with(|state| state.moved)
    }

    fn with<R>(&self, look: impl FnOnce(&mut State) -> R) -> R {
        // Every change is whole, so a thread that panicked has left a whole state.
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Progress").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{Late, Progress, RequestBodyState};
    use crate::http::limits::Times;
    use core::time::Duration;
    use tokio::time::Instant;

    #[test]
    fn times_of_zero_end_a_wait_for_the_server_and_leave_pauses_in_one_for_the_guest() {
        let none = Duration::ZERO;
        let times = Times { connect: none, tls: none, first_byte: none, idle: none, total: none };
        let (progress, now) = (Progress::default(), Instant::now());
        assert_eq!(progress.head_due(&times, now), (now + Duration::from_millis(10), None));
        progress.body(RequestBodyState::Ended);
        let (due, late) = progress.head_due(&times, now);
        assert!(due <= Instant::now() && late == Some(Late::Read));
    }
}
