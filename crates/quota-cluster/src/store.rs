//! The store that hands out the units of a shared quota.
//!
//! - I6: a window grants, less what comes back, at most the largest limit that was asked with.
//! - I7: a question is charged once, however often it is asked, and never after a later one.
//! - I8: a key that may not know all leases grants nothing until they are dead.
//! - I9: units come back only from a lessee, and to a window, that have them.

use core::fmt;
use core::future::Future;
use core::time::Duration;
use std::sync::Arc;

/// A question of one lessee to the store: for more units, and about the state of its key.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "a store needs each part")]
pub struct Question {
    /// The key of the quota: prefix, id and resource.
    pub key: Arc<str>,
    /// The length of a window.
    pub period: Duration,
    /// The limit of all hosts in a window.
    pub limit: u64,
    /// The units that the lessee wants; 0 only reports that it lives.
    pub want: u64,
    /// The name of the lessee: no two processes have the same, and none has it again.
    pub lessee: Arc<str>,
    /// The number of the question. A repeated question has the same, a later one a larger.
    pub ticket: u64,
    /// Units that the lessee gives back.
    pub give: Option<Give>,
}

/// Units that a lessee gives back, of a lease that it has ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "units of a window")]
pub struct Give {
    /// The window in which they were leased; in any other they are gone.
    pub window: u64,
    /// Their number.
    pub units: u64,
}

/// The store's answer to a question.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "a driver needs each part")]
pub struct Answer {
    /// The reign of the store that gave it: a server that was started anew, or a replica that was
    /// promoted, has another.
    pub reign: Arc<str>,
    /// The number of the window by the store's clock. It falls if that clock steps back.
    pub window: u64,
    /// The units that are leased.
    pub granted: u64,
    /// The units that the store has left in this window.
    pub remaining: u64,
    /// The time until the window ends, at most one period.
    pub window_left: Duration,
    /// The time after this answer for which the units of the window may be spent, if no later
    /// answer comes.
    pub life: Duration,
    /// The number of lessees that have asked in this window or the one before.
    pub lessees: u64,
    /// The windows until the key is of age and grants, 0 if it is: leases that the store does not
    /// know may still be out.
    pub newborn: u64,
    /// The limit in force: the lowest of those that hosts have asked with.
    pub limit: u64,
}

/// The refusal of one question by a store that works.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum KeyRefusal {
    /// Another host counts the key in windows of another period.
    Period {
        /// The period of the store.
        stored: Duration,
    },
    /// The store refuses the command, such as for want of memory.
    Store(String),
}

/// The failure of a store. No question of the call has an answer; some may have been charged.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum StoreError {
    /// The connection failed, or no answer came in time.
    Lost(String),
    /// The server answers, and cannot be used as it is: it is in cluster mode, too old, or denies
    /// the commands. The text says what to do.
    Unfit(String),
}

impl StoreError {
    /// Returns the reason alone.
    pub(crate) fn reason(&self) -> &str {
        match self {
            Self::Lost(text) | Self::Unfit(text) => text,
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost(text) => write!(f, "the store of the cluster does not answer: {text}"),
            Self::Unfit(text) => write!(f, "the store of the cluster cannot be used: {text}"),
        }
    }
}

impl core::error::Error for StoreError {}

/// A store of leases. A driver owns it, and asks one question at a time for each lessee.
///
/// A store connects when it is asked, anew after a loss, and waits for an answer no longer than a
/// bounded time. It never asks again by itself: the driver repeats a question that has no answer,
/// under the same ticket.
pub trait LeaseStore: Send + 'static {
    /// Asks questions of different lessees, in one round trip, and returns their answers in order.
    fn ask(
        &mut self,
        questions: &[Question],
    ) -> impl Future<Output = Result<Vec<Result<Answer, KeyRefusal>>, StoreError>> + Send;

    /// Returns warnings about the server since the last call, such as of its eviction policy, each
    /// with what to set.
    fn warnings(&mut self) -> Vec<String>;
}
