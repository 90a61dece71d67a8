//! The time at which a refused take may be tried again.

use core::fmt;
use core::time::Duration;

/// The time at which a refused take may be tried again.
///
/// Ordered by patience: `Now < After(_) < Never`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_enums, reason = "at any time, at one time, at no time: that is all")]
pub enum Retry {
    /// Waiting does not help by itself: the request fits once something is released.
    Now,
    /// After this much time. The request is then granted if nothing else is taken meanwhile, unless
    /// it also requests a total that refuses.
    After(Duration),
    /// Never under this limit: the request is larger than the whole limit.
    Never,
}

impl Retry {
    /// Returns the time to wait, if waiting is enough.
    #[must_use]
    pub const fn after(self) -> Option<Duration> {
        match self {
            Self::After(wait) => Some(wait),
            Self::Now | Self::Never => None,
        }
    }
}

/// A [`Retry`] in one word, since making a `Duration` takes longer than refusing.
///
/// Ordered as `Retry`: 0 is now, the nanoseconds plus one are a time, the largest number is never.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct Wait(u64);

impl Wait {
    pub(crate) const NOW: Self = Self(0);
    pub(crate) const NEVER: Self = Self(u64::MAX);

    /// Returns a wait of some nanoseconds, at most 584 years.
    pub(crate) const fn after(ns: u64) -> Self {
        Self(if ns < u64::MAX - 1 { ns + 1 } else { u64::MAX - 1 })
    }

    /// Adds nanoseconds to a wait for a time.
    pub(crate) const fn and(self, ns: u64) -> Self {
        match self {
            Self(0 | u64::MAX) => self,
            Self(after) => Self::after((after - 1).saturating_add(ns)),
        }
    }

    pub(crate) const fn retry(self) -> Retry {
        match self {
            Self(0) => Retry::Now,
            Self(u64::MAX) => Retry::Never,
            Self(after) => Retry::After(Duration::from_nanos(after - 1)),
        }
    }
}

impl From<Retry> for Wait {
    fn from(retry: Retry) -> Self {
        match retry {
            Retry::Now => Self::NOW,
            Retry::After(wait) => Self::after(nanos(wait)),
            Retry::Never => Self::NEVER,
        }
    }
}

impl fmt::Debug for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.retry().fmt(f)
    }
}

/// Returns a time in nanoseconds, at most 584 years.
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{Retry, Wait};
    use core::time::Duration;

    #[test]
    fn longer_waits_are_greater() {
        let second = Duration::from_secs(1);
        assert!(Retry::Now < Retry::After(Duration::ZERO));
        assert!(Retry::After(second) < Retry::After(second * 2));
        assert!(Retry::After(Duration::MAX) < Retry::Never);
        assert_eq!(Retry::After(second).after(), Some(second));
        assert_eq!(Retry::Never.after(), None);
    }

    #[test]
    fn a_word_keeps_the_order_and_adds_only_to_a_time() {
        assert!(Wait::NOW < Wait::after(0) && Wait::after(u64::MAX) < Wait::NEVER);
        assert_eq!(Wait::after(5).and(7).retry(), Retry::After(Duration::from_nanos(12)));
        assert_eq!((Wait::NOW.and(7), Wait::NEVER.and(7)), (Wait::NOW, Wait::NEVER));
        assert_eq!(Wait::after(5).and(u64::MAX), Wait::after(u64::MAX));
    }
}
