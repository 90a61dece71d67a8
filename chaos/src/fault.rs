//! Faults, and the moments at which they happen.

use core::fmt;
use core::time::Duration;

/// A fault.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "the faults that scenarios know")]
pub enum Fault {
    /// The server is killed, and started empty after this time.
    KillServer(Duration),
    /// `FLUSHALL`.
    FlushAll,
    /// `SCRIPT FLUSH`.
    ScriptFlush,
    /// The keys of quotas are deleted.
    DeleteKeys,
    /// The server runs out of memory, and evicts keys at random.
    Evict,
    /// The server is stopped for this time.
    FreezeServer(Duration),
    /// A host is stopped for this time.
    FreezeHost(usize, Duration),
    /// A host is killed, and another is started in its place.
    RestartHost(usize),
    /// The proxy cuts so many of a thousand replies after their commit, from now on.
    CutPerMille(u64),
    /// The proxy cuts the next replies after their commit.
    CutNext(u64),
    /// The server of that number is killed, and started empty after this time.
    KillOneServer(usize, Duration),
    /// The server of that number is stopped for this time.
    FreezeOneServer(usize, Duration),
    /// The replica of that number loses its primary, and keeps its data.
    Detach(usize),
    /// The replica of that number becomes a primary, and these proxies turn to it.
    Promote(usize, Vec<usize>),
}

/// A fault at a moment.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "parts of a scenario")]
pub struct Planned {
    /// The window, counted from the first measured one.
    pub window: u64,
    /// The hundredths of it that are over.
    pub percent: u64,
    /// The fault.
    pub fault: Fault,
}

/// Returns the same fault in several windows, at a moment that moves through the window.
#[must_use]
pub fn every(windows: u64, first: u64, count: u64, fault: &Fault) -> Vec<Planned> {
    let moments = [10, 30, 50, 90];
    (0..count)
        .zip(moments.into_iter().cycle())
        .map(|(n, percent)| Planned { window: first + n * windows, percent, fault: fault.clone() })
        .collect()
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KillServer(down) => write!(f, "server killed, empty after {down:?}"),
            Self::FlushAll => f.write_str("FLUSHALL"),
            Self::ScriptFlush => f.write_str("SCRIPT FLUSH"),
            Self::DeleteKeys => f.write_str("keys deleted"),
            Self::Evict => f.write_str("keys evicted"),
            Self::FreezeServer(time) => write!(f, "server stopped for {time:?}"),
            Self::FreezeHost(host, time) => write!(f, "host {host} stopped for {time:?}"),
            Self::RestartHost(host) => write!(f, "host {host} killed and started"),
            Self::CutPerMille(n) => write!(f, "{n} of 1000 replies cut"),
            Self::CutNext(n) => write!(f, "the next {n} replies cut"),
            Self::KillOneServer(server, down) => {
                write!(f, "server {server} killed, empty after {down:?}")
            }
            Self::FreezeOneServer(server, time) => {
                write!(f, "server {server} stopped for {time:?}")
            }
            Self::Detach(server) => write!(f, "replica {server} detached"),
            Self::Promote(server, proxies) => {
                write!(f, "replica {server} promoted for proxies {proxies:?}")
            }
        }
    }
}
