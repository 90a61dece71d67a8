//! The orders of a host process, which it reads from a file.

use core::ops::Range;
use core::time::Duration;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::window::Windows;

/// The orders of one host process.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[expect(clippy::exhaustive_structs, reason = "written by scenarios")]
pub struct HostSpec {
    /// The address of the store, and its terms.
    pub store: StoreSpec,
    /// The kind of limiter.
    pub limiter: Limiter,
    /// The length of a window, in microseconds.
    pub period_us: u64,
    /// The limit of all hosts in a window.
    pub limit: u64,
    /// The threads that take.
    pub threads: usize,
    /// The demand of each thread.
    pub demand: Demand,
    /// The folder of its counts. It exists.
    pub folder: PathBuf,
    /// The windows that the counts have places for.
    pub places: Range<u64>,
    /// The times of the first and the last take, in microseconds since 1970.
    pub takes_us: Range<u64>,
    /// The drift of its clock, in millionths: a slow one is positive.
    pub slow_ppm: i64,
    /// The microseconds by which its wall clock is ahead. Only the peers read a wall clock.
    pub ahead_us: i64,
    /// The takes of its threads.
    pub taking: Taking,
    /// The time after which it leaves the cluster and joins again, in microseconds; 0 for never.
    pub life_us: u64,
    /// Rules of the protocol that it breaks.
    pub plants: Vec<Plant>,
    /// The limits of components under a shared quota over all of them, whose limit is that of all
    /// hosts. Empty for one component that has that limit, and no quota over it.
    pub component_limits: Vec<u64>,
    /// The policy while the store is away.
    pub on_loss: OnLoss,
    /// The most hosts that share the quota.
    pub max_hosts: u32,
}

/// A policy for a store that is away.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[expect(clippy::exhaustive_enums, reason = "the policies")]
pub enum OnLoss {
    /// Nothing is granted.
    Closed,
    /// Each host grants the limit divided by the most hosts.
    Share,
    /// Each host grants the limit.
    Open,
}

/// The address of a store, and its terms.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[expect(clippy::exhaustive_structs, reason = "written by scenarios")]
pub struct StoreSpec {
    /// The server's address; empty if sentinels name it.
    pub url: String,
    /// The addresses of sentinels.
    pub sentinels: Vec<String>,
    /// The replicas that must have a lease before it is spent.
    pub wait_replicas: u32,
}

/// A kind of limiter.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[expect(clippy::exhaustive_enums, reason = "ours, and the peers")]
pub enum Limiter {
    /// A registry whose quota is leased by `quota-cluster`.
    Cluster,
    /// `INCR` and `EXPIRE` for each take, on a key of the window of the host's clock.
    Incr,
    /// Leases of a thousandth of the limit from such a key.
    PlainLease,
}

/// The demand of a thread.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[expect(clippy::exhaustive_enums, reason = "written by scenarios")]
pub enum Demand {
    /// One take after the other.
    FlatOut,
    /// So many takes in a window, evenly.
    Rate(u64),
    /// It asks for the whole limit, and takes nothing.
    Greedy(Greed),
}

/// A way to ask for the whole limit and to take nothing.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[expect(clippy::exhaustive_enums, reason = "written by scenarios")]
pub enum Greed {
    /// Once in the middle of each window whose number divides by this one.
    OnceIn(u64),
    /// Each millisecond; a grant is dropped at once.
    Always,
    /// Waits that are dropped after some milliseconds, one after the other.
    Waits,
}

/// A way to take.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[expect(clippy::exhaustive_enums, reason = "written by scenarios")]
pub enum Taking {
    /// Units stay taken.
    Consume,
    /// Units are reserved for up to a window and a half; those of every other take are handed back,
    /// and so are not counted.
    Reserve,
    /// CPU time: so many microseconds are charged after each question whether one is left. The
    /// limits are in microseconds as well, and multiples of 1 000.
    Charge(u64),
}

/// A rule of the protocol that a host breaks, so that the checker has something to find.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[expect(clippy::exhaustive_enums, reason = "the rules")]
pub enum Plant {
    /// A lease has no deadline.
    NoDeadline,
    /// The clock is read before a take's swap, and not after it.
    NoSecondLook,
    /// A repeated question has a ticket of its own.
    NoTicket,
    /// A key that is new grants at once.
    NoNewborn,
}

impl HostSpec {
    /// Returns the windows of its period.
    #[must_use]
    pub fn windows(&self) -> Windows {
        Windows::new(Duration::from_micros(self.period_us))
    }

    /// Reports whether it breaks a rule.
    #[must_use]
    pub fn has(&self, plant: Plant) -> bool {
        self.plants.contains(&plant)
    }
}
