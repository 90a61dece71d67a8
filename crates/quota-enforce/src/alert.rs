//! Levels of use, and the events of going from one to another.

use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;

use limits_core::QuotaResourceStatus;

/// How much of a quota is used.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Level {
    /// Less than 80 %.
    Normal,
    /// 80 % or more.
    Warning,
    /// 95 % or more.
    Critical,
}

impl Level {
    /// Returns the name, for logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    fn of(status: &QuotaResourceStatus) -> Self {
        Self::at(status, 80, 95)
    }

    /// Returns the level that has not been left yet: five points less than what begins it.
    fn still(status: &QuotaResourceStatus) -> Self {
        Self::at(status, 75, 90)
    }

    fn at(status: &QuotaResourceStatus, warning: u32, critical: u32) -> Self {
        if status.reaches(critical) {
            Self::Critical
        } else if status.reaches(warning) {
            Self::Warning
        } else {
            Self::Normal
        }
    }

    const fn code(self) -> u64 {
        match self {
            Self::Normal => 0,
            Self::Warning => 1,
            Self::Critical => 2,
        }
    }

    const fn from_code(code: u64) -> Self {
        match code & 3 {
            0 => Self::Normal,
            1 => Self::Warning,
            _ => Self::Critical,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The level of one resource that was last reported.
///
/// - I1: one crossing is reported once, whoever sees it, and not again before the level was left.
///
/// A total leaves a level five points below where it began. A rate begins every window with nothing
/// used, so it leaves a level when that was not reached for two windows.
#[derive(Debug, Default)]
pub(crate) struct Alert {
    /// The level in the lowest two bits; above them when it was last reached, in units of 4 ns.
    word: AtomicU64,
}

impl Alert {
    /// Takes note of what is used now; returns the levels before and after if they differ.
    ///
    /// `window` is the length of a rate's window, `None` for a total. Who has taken something passes
    /// `rises_only`: what it saw may be older than what another thread has reported since, and must
    /// not take that back.
    pub(crate) fn observe(
        &self,
        status: &QuotaResourceStatus,
        now_ns: u64,
        window: Option<Duration>,
        rises_only: bool,
    ) -> Option<(Level, Level)> {
        // Relaxed throughout: the word stands for itself, nothing else is published with it.
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            let (from, reached_ns) = (Level::from_code(word), word & !3);
            let to = match window {
                None if rises_only => Level::of(status).max(from),
                None => Level::of(status).max(from.min(Level::still(status))),
                Some(window) => {
                    let window_ns = u64::try_from(window.as_nanos()).unwrap_or(u64::MAX);
                    let idle = now_ns.saturating_sub(reached_ns) > window_ns.saturating_mul(2);
                    let now = Level::of(status);
                    if idle { now } else { now.max(from) }
                }
            };
            let reached = to != Level::Normal && Level::of(status) >= to;
            let at = if reached { now_ns & !3 } else { reached_ns };
            let next = at | to.code();
            // A new time alone is worth a write only now and then.
            let same = to == from && at.saturating_sub(reached_ns) < 1_000_000;
            if same {
                return None;
            }
            match self.word.compare_exchange_weak(word, next, Ordering::Relaxed, Ordering::Relaxed)
            {
                Ok(_) => return (to != from).then_some((from, to)),
                Err(newer) => word = newer,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Alert, Level};
    use limits_core::{Allowance, QuotaResourceStatus};

    #[test]
    fn an_older_view_does_not_take_back_what_was_reported() {
        // I1
        let status = |used| QuotaResourceStatus::new(used, Allowance::AtMost(100));
        let alert = Alert::default();
        let risen = Some((Level::Normal, Level::Critical));
        assert_eq!(alert.observe(&status(96), 1, None, true), risen);
        assert_eq!(alert.observe(&status(50), 1, None, true), None);
        assert_eq!(alert.observe(&status(97), 1, None, true), None);
        let fallen = Some((Level::Critical, Level::Normal));
        assert_eq!(alert.observe(&status(50), 1, None, false), fallen);
    }
}
