//! The place where one waiter finds its outcome.

use std::sync::{Mutex, PoisonError};

use limits_core::{QuotaError, Reservation};
use tokio::sync::Notify;

use crate::handle::TrackerOwner;

/// The end of a wait.
pub(crate) enum Outcome {
    /// Units were taken for the waiter.
    Granted(Reservation<TrackerOwner>),
    /// They will never fit.
    Refused(QuotaError),
    /// The component was unregistered.
    Unregistered,
}

/// The place where one waiter finds its outcome, shared by the queue and the waiter.
#[derive(Default)]
pub(super) struct Slot {
    outcome: Mutex<Option<Outcome>>,
    bell: Notify,
}

impl Slot {
    /// Puts the outcome in, under the queue's lock: a waiter is in the queue or has its outcome.
    pub(super) fn fill(&self, outcome: Outcome) {
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
    }

    pub(super) fn take(&self) -> Option<Outcome> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Wakes the waiter, or keeps it from falling asleep.
    pub(super) fn wake(&self) {
        self.bell.notify_one();
    }

    /// Waits to be woken.
    pub(super) async fn woken(&self) {
        self.bell.notified().await;
    }
}
