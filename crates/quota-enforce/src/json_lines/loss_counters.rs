//! Counters of the events that are missing in an audit log.

use core::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use limits_core::Clock as _;

use crate::coarse_clock::CoarseClock;
use crate::crossings::Crossings;

/// Counts the events that are in no line.
#[derive(Debug, Default)]
pub(super) struct LossCounters {
    /// Counts the seconds of crossings.
    clock: CoarseClock,
    /// Events that were left out, less those in the `repeats` of lines. Below zero for a moment if
    /// a line is counted before its repeats.
    pub(super) left_out: AtomicI64,
    pub(super) crossings: Crossings,
    pub(super) dropped: AtomicU64,
    pub(super) failed: AtomicU64,
}

impl LossCounters {
    pub(super) fn second(&self) -> u64 {
        self.clock.now_ns() / 1_000_000_000
    }

    pub(super) fn left_out(&self) -> u64 {
        let repeats = u64::try_from(self.left_out.load(Ordering::Relaxed)).unwrap_or_default();
        repeats.saturating_add(self.crossings.left_out())
    }

    /// Returns the numbers of events that were left out, dropped and failed.
    pub(super) fn now(&self) -> [u64; 3] {
        [self.left_out(), self.dropped.load(Ordering::Relaxed), self.failed.load(Ordering::Relaxed)]
    }
}
