//! A take that a quota refused.

use core::fmt;
use core::time::Duration;

use crate::quota::quota_type::QuotaResource;
use crate::quota::window::Refusal;

/// When a refused take may be tried again.
///
/// The order is the order of patience: `Now < After(_) < Never`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_enums, reason = "at any time, at one time, at no time: that is all")]
pub enum Retry {
    /// At any time, but to no use at once: it fits when something was released, not when some time
    /// has passed.
    Now,
    /// Not before this much time has passed. If nothing else is taken until then it is granted, unless
    /// a total was asked for as well and refuses.
    After(Duration),
    /// Not under this limit: more was asked for than all of it.
    Never,
}

impl Retry {
    /// Returns the time to wait, if waiting is all there is to it.
    #[must_use]
    pub const fn after(self) -> Option<Duration> {
        match self {
            Self::After(wait) => Some(wait),
            Self::Now | Self::Never => None,
        }
    }
}

/// A take that a quota refused. Numbers are in the resource's [`unit`](QuotaResource::unit).
///
/// ```
/// use core::time::Duration;
/// use limits_core::{QuotaError, QuotaResource, Retry};
///
/// let retry = Retry::After(Duration::from_millis(250));
/// let error = QuotaError::new(QuotaResource::MessageRate, 998, 5, 1_000, retry)
///     .per(Duration::from_secs(1));
/// assert_eq!(
///     error.to_string(),
///     "message rate quota of 1000 messages per 1s exceeded: \
///      998 used, 5 more requested; retry in 250ms",
/// );
/// ```
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct QuotaError {
    resource: QuotaResource,
    used: u64,
    requested: u64,
    limit: u64,
    wait: Wait,
    /// In nanoseconds; 0 for a total.
    period: u64,
    level: u32,
}

/// When to try again, in one word: making a `Duration` takes longer than refusing.
///
/// Ordered as [`Retry`]: 0 is now, one more than the nanoseconds is after them, the largest is never.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct Wait(u64);

impl fmt::Debug for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.retry().fmt(f)
    }
}

impl Wait {
    pub(crate) const NOW: Self = Self(0);
    pub(crate) const NEVER: Self = Self(u64::MAX);

    /// Says to wait for some nanoseconds, at most 584 years.
    pub(crate) const fn after(ns: u64) -> Self {
        Self(if ns < u64::MAX - 1 { ns + 1 } else { u64::MAX - 1 })
    }

    /// Says to wait for longer, where time is all there is to wait for.
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

impl QuotaError {
    /// Records that `requested` units on top of those used did not fit under the limit.
    ///
    /// Waits and periods are kept to the nanosecond, up to 584 years.
    #[must_use]
    pub fn new(
        resource: QuotaResource,
        used: u64,
        requested: u64,
        limit: u64,
        retry: Retry,
    ) -> Self {
        Self { resource, used, requested, limit, wait: retry.into(), level: 0, period: 0 }
    }

    /// Records a refusal by a tracker; `period` is 0 for a total.
    #[inline]
    pub(crate) const fn refused(
        resource: QuotaResource,
        requested: u64,
        refusal: Refusal,
        period: u64,
    ) -> Self {
        let Refusal { used, limit, wait } = refusal;
        Self { resource, used, requested, limit, wait, level: 0, period }
    }

    /// Says which level refused: 0 for the one that was asked, 1 for its parent, and so on.
    #[must_use]
    pub const fn at_level(mut self, level: u32) -> Self {
        self.level = level;
        self
    }

    /// Says in which period a rate is counted.
    #[must_use]
    pub fn per(mut self, period: Duration) -> Self {
        self.period = nanos(period);
        self
    }

    /// Says that it may be tried again at another time.
    #[must_use]
    pub fn with_retry(mut self, retry: Retry) -> Self {
        self.wait = retry.into();
        self
    }

    /// Changes how much was asked for.
    pub(crate) const fn with_requested(mut self, requested: u64) -> Self {
        self.requested = requested;
        self
    }

    /// Returns what was refused.
    #[must_use]
    pub const fn resource(&self) -> QuotaResource {
        self.resource
    }

    /// Returns the units in use when the request came.
    #[must_use]
    pub const fn used(&self) -> u64 {
        self.used
    }

    /// Returns the units asked for on top of those in use.
    #[must_use]
    pub const fn requested(&self) -> u64 {
        self.requested
    }

    /// Returns the limit in units.
    #[must_use]
    pub const fn limit(&self) -> u64 {
        self.limit
    }

    /// Returns when to try again.
    #[must_use]
    pub const fn retry(&self) -> Retry {
        self.wait.retry()
    }

    /// Returns which level refused: 0 for the one that was asked, 1 for its parent, and so on.
    #[must_use]
    pub const fn depth(&self) -> u32 {
        self.level
    }

    /// Returns the period in which a rate is counted, `None` for a total.
    #[must_use]
    pub const fn period(&self) -> Option<Duration> {
        match self.period {
            0 => None,
            ns => Some(Duration::from_nanos(ns)),
        }
    }

    /// Returns when to try again, for comparisons.
    pub(crate) const fn wait(&self) -> Wait {
        self.wait
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl fmt::Display for QuotaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { resource, used, requested, limit, level, .. } = self;
        if *level == 1 {
            f.write_str("the parent's ")?;
        }
        write!(f, "{resource} quota of {limit} {}", resource.unit())?;
        if let Some(period) = self.period() {
            write!(f, " per {period:?}")?;
        }
        if *level > 1 {
            write!(f, " {level} levels up")?;
        }
        write!(f, " exceeded: {used} used, {requested} more requested; ")?;
        match self.retry() {
            Retry::Now => f.write_str("retry when some is given back"),
            Retry::After(wait) => write!(f, "retry in {wait:?}"),
            Retry::Never => f.write_str("more than all of it, do not retry"),
        }
    }
}

impl fmt::Debug for QuotaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuotaError")
            .field("resource", &self.resource)
            .field("used", &self.used)
            .field("requested", &self.requested)
            .field("limit", &self.limit)
            .field("retry", &self.retry())
            .field("level", &self.level)
            .field("period", &self.period())
            .finish()
    }
}

impl core::error::Error for QuotaError {}

#[cfg(test)]
mod tests {
    use super::{QuotaError, Retry};
    use crate::quota::quota_type::QuotaResource;
    use core::time::Duration;
    use std::string::ToString as _;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn every_refusal_says_what_of_which_and_when_again() {
        let table = [
            (
                QuotaError::new(QuotaResource::Storage, 900, 200, 1_000, Retry::Now),
                "storage quota of 1000 bytes exceeded: 900 used, 200 more requested; retry when some is given back",
            ),
            (
                QuotaError::new(QuotaResource::Memory, 0, 20, 10, Retry::Never).at_level(1),
                "the parent's memory quota of 10 bytes exceeded: 0 used, 20 more requested; more than all of it, do not retry",
            ),
            (
                QuotaError::new(
                    QuotaResource::CpuTime,
                    7,
                    1,
                    7,
                    Retry::After(Duration::from_micros(12_500)),
                )
                .at_level(2)
                .per(SECOND),
                "CPU time quota of 7 µs per 1s 2 levels up exceeded: 7 used, 1 more requested; retry in 12.5ms",
            ),
        ];
        for (error, words) in table {
            assert_eq!(error.to_string(), words);
        }
    }

    #[test]
    fn what_was_put_in_comes_out() {
        let error = QuotaError::new(QuotaResource::NetworkBandwidth, 1, 2, 3, Retry::Never)
            .at_level(4)
            .per(SECOND);
        assert_eq!(error.resource(), QuotaResource::NetworkBandwidth);
        assert_eq!((error.used(), error.requested(), error.limit()), (1, 2, 3));
        assert_eq!((error.retry(), error.depth()), (Retry::Never, 4));
        assert_eq!(error.period(), Some(SECOND));
        let long = QuotaError::new(QuotaResource::Memory, 1, 2, 3, Retry::After(Duration::MAX));
        assert_eq!(long.retry(), Retry::After(Duration::from_nanos(u64::MAX - 2)));
    }

    #[test]
    fn what_unwrap_prints_is_what_was_put_in() {
        let error = QuotaError::new(QuotaResource::Storage, 1, 2, 3, Retry::Now)
            .with_retry(Retry::After(SECOND));
        let printed = "QuotaError { resource: Storage, used: 1, requested: 2, limit: 3, retry: After(1s), level: 0, period: None }";
        assert_eq!(std::format!("{error:?}"), printed);
        assert_eq!(error.retry().after(), Some(SECOND));
        assert_eq!(Retry::Never.after(), None);
    }

    #[test]
    fn longer_waits_are_greater() {
        assert!(Retry::Now < Retry::After(Duration::ZERO));
        assert!(Retry::After(SECOND) < Retry::After(SECOND * 2));
        assert!(Retry::After(Duration::MAX) < Retry::Never);
    }
}
