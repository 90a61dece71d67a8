//! A take that a quota refused.

use core::fmt;
use core::time::Duration;

use crate::quota::quota_type::QuotaResource;
use crate::quota::retry::{Retry, Wait, nanos};
use crate::quota::take::TakeRefused;

/// A take that a quota refused. Numbers are in the resource's [`unit`](QuotaResource::unit).
///
/// ```
/// use core::time::Duration;
/// use limits_core::{QuotaError, QuotaResource, Retry};
///
/// let error = QuotaError::new(QuotaResource::MessageRate, 1_000)
///     .with_request(998, 5)
///     .with_retry(Retry::After(Duration::from_millis(250)))
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
    depth: u32,
    is_leased: bool,
}

impl QuotaError {
    /// Returns a refusal under a limit, of a request of nothing, with [`Retry::Now`]; the methods
    /// that follow set the rest.
    #[must_use]
    pub const fn new(resource: QuotaResource, limit: u64) -> Self {
        Self {
            resource,
            used: 0,
            requested: 0,
            limit,
            wait: Wait::NOW,
            period: 0,
            depth: 0,
            is_leased: false,
        }
    }

    /// Sets the units in use and the units requested on top of them.
    #[must_use]
    pub const fn with_request(mut self, used: u64, requested: u64) -> Self {
        self.used = used;
        self.requested = requested;
        self
    }

    /// Sets the time to try again. Kept to the nanosecond, up to 584 years.
    #[must_use]
    pub fn with_retry(mut self, retry: Retry) -> Self {
        self.wait = retry.into();
        self
    }

    /// Sets the period in which a rate is counted. Kept to the nanosecond, up to 584 years.
    #[must_use]
    pub fn per(mut self, period: Duration) -> Self {
        self.period = nanos(period);
        self
    }

    /// Sets the level that refused: 0 for the tracker that was asked, 1 for its parent, and so on.
    #[must_use]
    pub const fn at_depth(mut self, depth: u32) -> Self {
        self.depth = depth;
        self
    }

    /// Makes it the refusal of a [leased](crate::Leases) level: the use is that of this host, the
    /// limit that of all hosts.
    #[must_use]
    pub const fn of_lease(mut self) -> Self {
        self.is_leased = true;
        self
    }

    /// Returns the refusal of a tracker's counter; `period` is 0 for a total.
    #[inline]
    pub(crate) const fn refused(
        resource: QuotaResource,
        requested: u64,
        refused: TakeRefused,
        period: u64,
    ) -> Self {
        let TakeRefused { used, limit, wait } = refused;
        Self { resource, used, requested, limit, wait, period, depth: 0, is_leased: false }
    }

    /// Returns the resource that was refused.
    #[must_use]
    pub const fn resource(&self) -> QuotaResource {
        self.resource
    }

    /// Returns the units in use when the request came.
    #[must_use]
    pub const fn used(&self) -> u64 {
        self.used
    }

    /// Returns the units requested on top of those in use.
    #[must_use]
    pub const fn requested(&self) -> u64 {
        self.requested
    }

    /// Returns the limit in units.
    #[must_use]
    pub const fn limit(&self) -> u64 {
        self.limit
    }

    /// Returns the time to try again.
    #[must_use]
    pub const fn retry(&self) -> Retry {
        self.wait.retry()
    }

    /// Returns the level that refused: 0 for the tracker that was asked, 1 for its parent, and so
    /// on.
    #[must_use]
    pub const fn depth(&self) -> u32 {
        self.depth
    }

    /// Returns the period in which a rate is counted, `None` for a total.
    #[must_use]
    pub const fn period(&self) -> Option<Duration> {
        match self.period {
            0 => None,
            ns => Some(Duration::from_nanos(ns)),
        }
    }

    /// Returns whether a [leased](crate::Leases) level refused: its limit is shared by several
    /// hosts, and not enough of it was leased to this one.
    #[must_use]
    pub const fn is_leased(&self) -> bool {
        self.is_leased
    }

    /// Returns whether units are on their way: a [leased](Self::is_leased) level refused, and has
    /// them again within 5 ms, since the store of its limit has some left. A caller that refuses
    /// where it could wait does well to wait for these.
    #[must_use]
    pub fn is_coming(&self) -> bool {
        const SOON: Duration = Duration::from_millis(5);
        self.is_leased && self.retry().after().is_some_and(|wait| wait <= SOON)
    }

    /// Returns [`retry`](Self::retry) as a word, for comparisons.
    pub(crate) const fn wait(&self) -> Wait {
        self.wait
    }
}

impl fmt::Display for QuotaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { resource, used, requested, limit, depth, .. } = self;
        if *depth == 1 {
            f.write_str("the parent's ")?;
        }
        write!(f, "{resource} quota of {limit} {}", resource.unit())?;
        if let Some(period) = self.period() {
            write!(f, " per {period:?}")?;
        }
        if *depth > 1 {
            write!(f, " {depth} levels up")?;
        }
        if self.is_leased {
            write!(
                f,
                " for all hosts: {used} used on this one, {requested} more requested and not \
                 leased; "
            )?;
        } else {
            write!(f, " exceeded: {used} used, {requested} more requested; ")?;
        }
        match self.retry() {
            Retry::Now => f.write_str("retry after a release"),
            Retry::After(wait) => write!(f, "retry in {wait:?}"),
            Retry::Never => f.write_str("more than the whole quota, do not retry"),
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
            .field("depth", &self.depth)
            .field("period", &self.period())
            .field("is_leased", &self.is_leased)
            .finish()
    }
}

impl core::error::Error for QuotaError {}

#[cfg(test)]
mod tests {
    use super::QuotaError;
    use crate::quota::quota_type::QuotaResource;
    use crate::quota::retry::Retry;
    use core::time::Duration;
    use std::string::ToString as _;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn units_are_on_their_way_if_a_lease_was_short_for_a_moment() {
        let after = |ms| Retry::After(Duration::from_millis(ms));
        let error = |retry| QuotaError::new(QuotaResource::CpuTime, 3).with_retry(retry);
        assert!(error(after(5)).of_lease().is_coming());
        for other in [error(after(5)), error(after(6)).of_lease(), error(Retry::Never).of_lease()] {
            assert!(!other.is_coming(), "{other:?}");
        }
    }

    #[test]
    fn every_refusal_names_its_resource_its_numbers_and_the_time_to_retry() {
        let table = [
            (
                QuotaError::new(QuotaResource::Storage, 1_000).with_request(900, 200),
                "storage quota of 1000 bytes exceeded: 900 used, 200 more requested; \
                 retry after a release",
            ),
            (
                QuotaError::new(QuotaResource::Memory, 10)
                    .with_request(0, 20)
                    .with_retry(Retry::Never)
                    .at_depth(1),
                "the parent's memory quota of 10 bytes exceeded: 0 used, 20 more requested; \
                 more than the whole quota, do not retry",
            ),
            (
                QuotaError::new(QuotaResource::CpuTime, 7)
                    .with_request(7, 1)
                    .with_retry(Retry::After(Duration::from_micros(12_500)))
                    .at_depth(2)
                    .per(SECOND),
                "CPU time quota of 7 µs per 1s 2 levels up exceeded: 7 used, 1 more requested; \
                 retry in 12.5ms",
            ),
            (
                QuotaError::new(QuotaResource::MessageRate, 500)
                    .with_request(40, 2)
                    .with_retry(Retry::After(Duration::from_millis(1)))
                    .per(SECOND)
                    .of_lease(),
                "message rate quota of 500 messages per 1s for all hosts: 40 used on this one, \
                 2 more requested and not leased; retry in 1ms",
            ),
        ];
        for (error, text) in table {
            assert_eq!(error.to_string(), text);
        }
    }

    #[test]
    fn each_part_reads_back_as_it_was_set() {
        let error = QuotaError::new(QuotaResource::NetworkBandwidth, 3)
            .with_request(1, 2)
            .with_retry(Retry::Never)
            .at_depth(4)
            .per(SECOND);
        assert_eq!(error.resource(), QuotaResource::NetworkBandwidth);
        assert_eq!((error.used(), error.requested(), error.limit()), (1, 2, 3));
        assert_eq!((error.retry(), error.depth()), (Retry::Never, 4));
        assert_eq!(error.period(), Some(SECOND));
        let long =
            QuotaError::new(QuotaResource::Memory, 3).with_retry(Retry::After(Duration::MAX));
        assert_eq!(long.retry(), Retry::After(Duration::from_nanos(u64::MAX - 2)));
    }

    #[test]
    fn the_debug_text_shows_each_part() {
        let error = QuotaError::new(QuotaResource::Storage, 3)
            .with_request(1, 2)
            .with_retry(Retry::After(SECOND));
        let printed = "QuotaError { resource: Storage, used: 1, requested: 2, limit: 3, \
                       retry: After(1s), depth: 0, period: None, is_leased: false }";
        assert_eq!(std::format!("{error:?}"), printed);
    }
}
