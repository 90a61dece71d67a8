//! Levels of use, and the events of going from one to another.

use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;

use limits_core::QuotaResourceStatus;

/// How much of a quota is used: a level of use, not the level of a tracker over others that
/// [`QuotaError::level`](limits_core::QuotaError::level) names.
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
        Self::at(status.is_warning(), status.is_critical())
    }

    /// Returns the level that has not been left yet: five points less than what begins it.
    fn still(status: &QuotaResourceStatus) -> Self {
        Self::at(status.reaches(75), status.reaches(90))
    }

    const fn at(is_warning: bool, is_critical: bool) -> Self {
        match (is_warning, is_critical) {
            (_, true) => Self::Critical,
            (true, false) => Self::Warning,
            (false, false) => Self::Normal,
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

/// Why one looks at a level.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Seen {
    /// So many units were taken. What is seen may be older than what another thread has reported
    /// since, and must not take that back.
    Taken(u64),
    /// Something came back or time has passed.
    Fallen,
}

impl Seen {
    /// Returns the level before what was taken now.
    fn level_before(self, status: &QuotaResourceStatus) -> Level {
        let taken = match self {
            Self::Taken(units) => units,
            Self::Fallen => 0,
        };
        let used = status.used().saturating_sub(taken);
        Level::of(&QuotaResourceStatus::new(used, status.limit()))
    }
}

/// The level of one resource that was last reported.
///
/// - I1: one crossing is reported once, whoever sees it, and not again before the level was left.
///
/// A total leaves a level five points below where it began. A rate begins every window with nothing
/// used, so it leaves a level when that was not reached for two windows; if nobody looked until it
/// was reached again, it is reported as reached from [`Level::Normal`].
#[derive(Debug, Default)]
pub(crate) struct Alert {
    /// The level in the lowest two bits; above them when it was last reached, in units of 4 ns.
    word: AtomicU64,
}

impl Alert {
    /// Takes note of what is used now; returns the levels before and after if they differ.
    ///
    /// `window` is the length of a rate's window, `None` for a total. `seen` says why one looks.
    pub(crate) fn observe(
        &self,
        status: &QuotaResourceStatus,
        now_ns: u64,
        window: Option<Duration>,
        seen: Seen,
    ) -> Option<(Level, Level)> {
        let window_ns =
            window.map_or(u64::MAX, |window| u64::try_from(window.as_nanos()).unwrap_or(u64::MAX));
        // Relaxed throughout: the word stands for itself, nothing else is published with it.
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            let (last, reached_ns) = (Level::from_code(word), word & !3);
            let mut from = last;
            let to = match (window, seen) {
                (None, Seen::Taken(_)) => Level::of(status).max(last),
                (None, Seen::Fallen) => Level::of(status).max(last.min(Level::still(status))),
                (Some(_), seen) => {
                    let idle = now_ns.saturating_sub(reached_ns) > window_ns.saturating_mul(2);
                    let now = Level::of(status);
                    if idle && now >= last && seen.level_before(status) < last {
                        // It was left meanwhile, and nobody looked.
                        from = Level::Normal;
                    } else if idle && now == last && matches!(seen, Seen::Taken(_)) {
                        // Either it was never left, or who crossed it is about to look.
                        return None;
                    }
                    if idle { now } else { now.max(last) }
                }
            };
            let reached = to != Level::Normal && Level::of(status) >= to;
            let at = if reached { now_ns & !3 } else { reached_ns };
            let next = at | to.code();
            // A new time alone is worth a write only now and then.
            let same = to == from && at.saturating_sub(reached_ns) < window_ns / 16;
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
    use super::{Alert, Duration, Level, Seen};
    use limits_core::{Allowance, QuotaResourceStatus};

    fn of_100(used: u64) -> QuotaResourceStatus {
        QuotaResourceStatus::new(used, Allowance::AtMost(100))
    }

    #[test]
    fn an_older_view_does_not_take_back_what_was_reported() {
        // I1
        let alert = Alert::default();
        let risen = Some((Level::Normal, Level::Critical));
        assert_eq!(alert.observe(&of_100(96), 1, None, Seen::Taken(1)), risen);
        assert_eq!(alert.observe(&of_100(50), 1, None, Seen::Taken(1)), None);
        assert_eq!(alert.observe(&of_100(97), 1, None, Seen::Taken(1)), None);
        let fallen = Some((Level::Critical, Level::Normal));
        assert_eq!(alert.observe(&of_100(50), 1, None, Seen::Fallen), fallen);
    }

    #[test]
    fn a_rate_that_comes_back_to_a_level_that_nobody_saw_it_leave_is_reported_once() {
        // I1
        let alert = Alert::default();
        let second = 1_000_000_000;
        let look =
            |used, now, seen| alert.observe(&of_100(used), now, Some(Duration::from_secs(1)), seen);
        let risen = Some((Level::Normal, Level::Critical));
        assert_eq!(look(96, 0, Seen::Taken(96)), risen);
        assert_eq!(look(96, 2 * second, Seen::Taken(96)), None, "two windows have not passed");
        // Of two that took at the same time, the one that crossed reports, in whatever order.
        assert_eq!(look(98, 9 * second, Seen::Taken(2)), None);
        assert_eq!(look(98, 9 * second, Seen::Taken(96)), risen);
        assert_eq!(look(98, 9 * second, Seen::Taken(96)), None);
        // Nothing was taken: what is used is a debt, or the limit is zero. It was never left.
        assert_eq!(look(96, 30 * second, Seen::Fallen), None);
        assert_eq!(look(96, 31 * second, Seen::Taken(96)), None);
        let fallen = Some((Level::Critical, Level::Normal));
        assert_eq!(look(3, 60 * second, Seen::Taken(3)), fallen);
    }
}
