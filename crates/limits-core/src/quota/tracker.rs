//! The use of a quota over time, on one level and on all levels above it.
//!
//! [`crate::quota::window`] describes the rates and [`crate::quota::total`] the totals. A take goes
//! one of these ways, the cheapest that can decide it; they begin in `levels.rs`. A take that
//! one of the quick ways does not decide goes one of the slow ways, which decide all:
//!
//! | take | function | writes |
//! |---|---|---|
//! | a total, one level | `take_total` | one swap, until it wins |
//! | a rate, one level, window goes on, no debt | `Rate::take_quickly` | one swap, tried once |
//! | a rate, one level, otherwise | `take_rate_slowly` | one swap, until it wins |
//! | a rate, several levels, all fit | `take_rate_planned` | a swap each, tried once, or undone |
//! | several rates, one level, all fit | `take_rates_planned` | likewise |
//! | several resources or levels, all fit | `take_planned` | likewise |
//! | a rate that one level or two lease | `take_rate_leased` | likewise |
//! | other leased rates | `take_all_leased` | likewise |
//! | several resources or levels, otherwise | `take_all_slowly` | peeks, then `take_levels` |
//! | as much as is left | `take_up_to` | as a take of that amount, until it wins |
//!
//! Both ways of taking several go from the topmost level down, and in the order of
//! `QuotaResource::ALL` on each: two takers first meet at the same word, so the second is refused
//! before it holds a unit that the first needs.
//!
//! - I11: a take of one resource on one level is one atomic step.
//! - I12: a take of several resources or levels takes all or nothing.
//! - I13: the use is what takes granted and charges counted less what was released and refunded, on
//!   every level. A total's charge counts the same amount on all of them.
//! - I14: a parent holds at least what its children hold.
//! - I15: a reservation hands back what it took, once, unless it is committed.
//! - I16: a lower limit refuses until enough has drained, and makes no debt of earlier grants.
//! - I18: a caller that publishes a flag and is refused then is seen by each thread whose release
//!   or refund the refusal missed.

mod checks;
mod leased;
mod levels;
#[cfg(all(loom, test))]
mod loom;
mod monitor;
mod paced;
mod planned;
mod reconfigure;
mod reserve;
mod shorthands;

use alloc::sync::Arc;
use core::fmt;
use core::sync::atomic::AtomicU8;

use crate::quota::bounds::Bounds;
use crate::quota::clock::Clock;
#[cfg(feature = "std")]
use crate::quota::clock::SystemClock;
use crate::quota::demand::Demand;
use crate::quota::lease::{LeaseChain, Leases};
use crate::quota::quota_error::QuotaError;
use crate::quota::quota_type::{QuotaResource, QuotaType};
use crate::quota::rate::Rate;
use crate::quota::reservation::Reservation;
use crate::quota::resource_quota::ResourceQuota;
use crate::quota::take::TakeRefused;
use crate::quota::total::Total;
use crate::quota::window::Windows;

pub use self::reconfigure::PeriodMismatch;

/// A component's use of its [`ResourceQuota`], counted exactly from any number of threads, without
/// a lock.
///
/// Six methods do all of it; the named ones are shorthands:
///
/// | method | effect |
/// |---|---|
/// | [`peek`](Self::peek) | checks whether a take would be granted now; takes nothing |
/// | [`reserve`](Self::reserve) | takes; handed back on drop unless committed |
/// | [`reserve_up_to`](Self::reserve_up_to) | takes as much as is left |
/// | [`reserve_paced`](Self::reserve_paced) | takes as much as is due, in parts through the window |
/// | [`charge`](Self::charge) | counts use after the fact, also past the limit |
/// | [`release`](Self::release) | returns storage, its entries or memory |
///
/// ```
/// # #[cfg(feature = "std")] {
/// use limits_core::{QuotaTracker, QuotaType, ResourceQuota, Retry};
///
/// let tracker = QuotaTracker::new(ResourceQuota::new().with_storage(1_000));
/// let reserved = tracker.reserve(QuotaType::Storage(600))?;
/// let refused = tracker.reserve(QuotaType::Storage(600)).unwrap_err();
/// assert_eq!((refused.used(), refused.retry()), (600, Retry::Now));
/// reserved.commit_actual(QuotaType::Storage(150));
/// assert_eq!(tracker.usage().storage_used, 150);
/// # }
/// # Ok::<(), limits_core::QuotaError>(())
/// ```
///
/// # Totals and rates
///
/// Storage, its entries and memory are totals: in use until they are released. Messages, network
/// bandwidth and CPU time are rates: counted in fixed windows of the quota's `reset_period` (at
/// least 1 ms), which begin with the topmost tracker, so that the first window of a child may be
/// shorter. At most the limit is granted in a window, and so **at most twice the limit in any span
/// of time as long as a period**. No timer runs at a window's end: the next reading of the clock
/// begins the new window.
///
/// Use that is known only afterwards is charged, past the limit if need be. That debt is carried
/// into the next windows, less one limit for each; under a limit of zero it stays.
///
/// # Limits
///
/// A limit of zero allows nothing and is 100 % used. [`Unlimited`](crate::Allowance::Unlimited)
/// allows all that can be counted, and counts it. A request of nothing is always granted.
///
/// Totals are counted up to `u64::MAX`; a take past that is refused, with or without a limit. A
/// rate is counted up to at least 32 GB (or 32 · 10⁹ of its units) per second of the period, and no
/// limit is larger. An unlimited rate grants more than that, and its count then stays at the
/// maximum until the window is over.
///
/// # Levels
///
/// A tracker may have a parent (component, tenant, host); each tracker of such a chain is a level.
/// A take is counted on all levels or on none, and all levels read one clock. A take of several
/// resources or levels counts its parts one after the other; a part that is counted already can
/// refuse a racing take, never grant one.
///
/// A tracker does **not** wait, log or remember denials, and its counts do not survive the process;
/// see [`usage`](Self::usage) and [`restore`](Self::restore). It counts for nine years (up to 18,
/// depending on the period); then rates only refuse.
// The words of one component share a cache line, those of two components never do: threads on
// neighbouring words are seven times slower. The whole takes 192 bytes, and 256 in an `Arc`.
#[repr(C, align(64))]
pub struct QuotaTracker {
    // The first line is written by every take of a rate, and the second one read: with as many
    // components as do not fit into a cache, a take waits for two lines and not for three.
    /// Messages, network bandwidth, CPU time.
    rates: [Rate; 3],
    parent: Option<Arc<Self>>,
    /// The leases of this level and of the ones above.
    all_leases: Option<Arc<LeaseChain>>,
    clock: Arc<dyn Clock>,
    /// The time on the clock at which the topmost tracker was made.
    origin_ns: u64,
    windows: Windows,
    owner_flags: AtomicU8,
    // The rest of the bounds is on the third line, which takes of totals write.
    bounds: Bounds,
    /// Storage, its entries, memory.
    totals: [Total; 3],
    /// The rates of this level that come from a lessor.
    leases: Option<Arc<Leases>>,
}

impl fmt::Debug for QuotaTracker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuotaTracker")
            .field("quota", &self.quota())
            .field("usage", &self.usage())
            .field("has_parent", &self.parent.is_some())
            .finish_non_exhaustive()
    }
}

/// The counter of one resource.
enum Counter<'a> {
    Total(&'a Total),
    Rate(&'a Rate),
}

/// The time of one operation, in nanoseconds since the tracker's origin.
#[derive(Clone, Copy, Debug)]
struct Time {
    /// The latest time known: later than the clock if that has stepped back.
    latest: u64,
    /// The clock's distance behind `latest`.
    lag: u64,
}

impl QuotaTracker {
    /// Returns a tracker without any use that reads the system's clock.
    #[cfg(feature = "std")]
    #[must_use]
    pub fn new(quota: ResourceQuota) -> Self {
        Self::with_clock(quota, SystemClock::shared())
    }

    /// Returns a tracker without any use that reads the given clock.
    ///
    /// ```
    /// use core::time::Duration;
    /// use limits_core::{ManualClock, QuotaTracker, QuotaType, ResourceQuota};
    /// use std::sync::Arc;
    ///
    /// let clock = Arc::new(ManualClock::new());
    /// // `clock.clone()`: `Arc::clone(&clock)` does not become an `Arc<dyn Clock>`.
    /// let tracker = QuotaTracker::with_clock(ResourceQuota::new(), clock.clone());
    /// tracker.consume(QuotaType::MessageRate(1))?;
    /// clock.advance(Duration::from_secs(1));
    /// assert_eq!(tracker.usage().message_count, 0);
    /// # Ok::<(), limits_core::QuotaError>(())
    /// ```
    #[must_use]
    pub fn with_clock(quota: ResourceQuota, clock: Arc<dyn Clock>) -> Self {
        let origin_ns = clock.now_ns();
        Self::with_parts(quota, origin_ns, clock, None)
    }

    /// Returns a tracker without any use that also takes from `parent`, and reads its clock.
    ///
    /// ```
    /// # #[cfg(feature = "std")] {
    /// use limits_core::{QuotaTracker, QuotaType, ResourceQuota};
    /// use std::sync::Arc;
    ///
    /// let host = Arc::new(QuotaTracker::new(ResourceQuota::new().with_memory(100)));
    /// let [one, other] = [80_u64, 80_u64].map(|bytes| {
    ///     QuotaTracker::with_parent(ResourceQuota::new().with_memory(bytes), Arc::clone(&host))
    /// });
    /// one.consume(QuotaType::Memory(60))?;
    /// let refused = other.consume(QuotaType::Memory(60)).unwrap_err();
    /// assert_eq!((refused.depth(), refused.used(), refused.limit()), (1, 60, 100));
    /// # }
    /// # Ok::<(), limits_core::QuotaError>(())
    /// ```
    #[must_use]
    pub fn with_parent(quota: ResourceQuota, parent: Arc<Self>) -> Self {
        // One origin for all levels: a time then means the same on each.
        Self::with_parts(quota, parent.origin_ns, Arc::clone(&parent.clock), Some(parent))
    }

    fn with_parts(
        quota: ResourceQuota,
        origin_ns: u64,
        clock: Arc<dyn Clock>,
        parent: Option<Arc<Self>>,
    ) -> Self {
        let windows = Windows::new(quota.reset_period);
        let all_leases = parent.as_ref().and_then(|parent| parent.all_leases.clone());
        Self {
            rates: [(); 3].map(|()| Rate::new()),
            parent,
            all_leases,
            clock,
            origin_ns,
            windows,
            owner_flags: AtomicU8::new(0),
            bounds: Bounds::new(&quota, windows),
            totals: [(); 3].map(|()| Total::new()),
            leases: None,
        }
    }

    /// Returns the clock that all levels read.
    #[must_use]
    pub const fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Returns flags for the tracker's owner, unset at first. No other method reads or writes them;
    /// each caller with a reference to the tracker can. They lie beside the limits, which a take of
    /// a rate reads: an owner who looks at a flag at each take waits for no further memory.
    #[must_use]
    pub const fn owner_flags(&self) -> &AtomicU8 {
        &self.owner_flags
    }

    /// Returns the tracker from which this one also takes.
    #[must_use]
    pub const fn parent(&self) -> Option<&Arc<Self>> {
        self.parent.as_ref()
    }

    /// Checks whether an amount could be taken now. Advisory: other threads may take it before the
    /// caller does.
    ///
    /// # Errors
    ///
    /// The refusal of [`reserve`](Self::reserve).
    pub fn peek(&self, quota: QuotaType) -> Result<(), QuotaError> {
        self.check_one(quota)
    }

    /// Checks whether several resources could be taken together now, as [`peek`](Self::peek) does.
    ///
    /// # Errors
    ///
    /// The refusal of [`reserve_all`](Self::reserve_all).
    pub fn peek_all(&self, quotas: &[QuotaType]) -> Result<(), QuotaError> {
        self.check_all(&Demand::of(quotas))
    }

    /// Takes an amount of one resource, on all levels.
    ///
    /// # Errors
    ///
    /// The refusal of a resource on a level, with the time to retry. If several resources or levels
    /// refuse, it is the one with the longest wait. Nothing has been taken.
    #[inline(always)]
    pub fn reserve(&self, quota: QuotaType) -> Result<Reservation<&Self>, QuotaError> {
        let mut at = 0;
        self.take(quota, &mut at)?;
        Ok(Reservation::new(self, Demand::just(quota), at))
    }

    /// Takes an amount of one resource and keeps it: reserves and commits.
    ///
    /// # Errors
    ///
    /// As [`reserve`](Self::reserve).
    #[inline]
    pub fn consume(&self, quota: QuotaType) -> Result<(), QuotaError> {
        self.take(quota, &mut 0)
    }

    /// Takes an amount as [`consume`](Self::consume) does, then calls `holds`, and hands the amount
    /// back if that returns `false`. Returns the answer of `holds`.
    ///
    /// For a condition that may have changed while the amount was taken. Costs less than a
    /// [`Reservation`]. The amount stays taken if `holds` panics.
    ///
    /// ```
    /// # #[cfg(feature = "std")] {
    /// use limits_core::{QuotaTracker, QuotaType, ResourceQuota};
    ///
    /// let tracker = QuotaTracker::new(ResourceQuota::new());
    /// assert_eq!(tracker.consume_if(QuotaType::MessageRate(1), || false), Ok(false));
    /// assert_eq!(tracker.usage().message_count, 0);
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`reserve`](Self::reserve); `holds` is not called.
    #[inline]
    pub fn consume_if(
        &self,
        quota: QuotaType,
        holds: impl FnOnce() -> bool,
    ) -> Result<bool, QuotaError> {
        let mut at = 0;
        self.take(quota, &mut at)?;
        let holds = holds();
        if !holds {
            self.hand_back(&Demand::just(quota), at);
        }
        Ok(holds)
    }

    /// Counts use after the fact, on all levels, whether it fits or not.
    ///
    /// Use past a rate's limit is debt: it is carried into the next windows, less one limit for
    /// each.
    ///
    /// Returns the units of a total that were counted, which may be
    /// [released](Self::release) later: all of them, or as many as every level has room for below
    /// `u64::MAX`. A caller that released the rest as well would release the use of others. 0 for a
    /// rate, which cannot be released.
    pub fn charge(&self, quota: QuotaType) -> u64 {
        let Some(resource) = quota.resource() else { return 0 };
        self.charge_one(resource, quota.amount())
    }

    /// Releases storage, its entries or memory, on all levels, and returns the amount: no more than
    /// was in use here.
    ///
    /// A rate cannot be released: its use ends with its window. To undo a take of a rate, drop its
    /// [`Reservation`].
    pub fn release(&self, quota: QuotaType) -> u64 {
        match quota.resource() {
            Some(resource) if !resource.is_rate() => self.release_one(resource, quota.amount()),
            _ => 0,
        }
    }

    /// Reports whether no level is above this one, and nothing is leased.
    #[inline]
    const fn is_alone(&self) -> bool {
        self.parent.is_none() && self.all_leases.is_none()
    }

    /// Returns the time since the origin, in nanoseconds.
    #[inline]
    fn elapsed(&self) -> u64 {
        self.now().unwrap_or(0)
    }

    /// Returns the time since the origin, `None` if the clock has stepped back behind it.
    #[inline]
    fn now(&self) -> Option<u64> {
        self.clock.now_ns().checked_sub(self.origin_ns)
    }

    #[inline]
    const fn counter(&self, resource: QuotaResource) -> Counter<'_> {
        let ([messages, network, cpu], [storage, entries, memory]) = (&self.rates, &self.totals);
        match resource {
            QuotaResource::Storage => Counter::Total(storage),
            QuotaResource::StorageEntries => Counter::Total(entries),
            QuotaResource::MessageRate => Counter::Rate(messages),
            QuotaResource::NetworkBandwidth => Counter::Rate(network),
            QuotaResource::CpuTime => Counter::Rate(cpu),
            QuotaResource::Memory => Counter::Total(memory),
        }
    }

    /// Returns the error for a refusal by this level.
    #[inline]
    fn error(
        &self,
        resource: QuotaResource,
        requested: u64,
        mut refused: TakeRefused,
        time: Time,
    ) -> QuotaError {
        let period = if resource.is_rate() { self.windows.period_ns() } else { 0 };
        if self.lease(resource).is_some() {
            return QuotaError::refused(resource, requested, refused, period).of_lease();
        }
        // The wait is counted by the clock, which may have to catch up first.
        refused.wait = refused.wait.and(time.lag);
        QuotaError::refused(resource, requested, refused, period)
    }
}

#[cfg(test)]
mod tests {
    use super::QuotaTracker;
    use crate::quota::clock::ManualClock;
    use crate::quota::resource_quota::ResourceQuota;
    use alloc::sync::Arc;

    #[test]
    fn a_tracker_is_at_most_256_bytes_in_its_arc() {
        assert_eq!(size_of::<QuotaTracker>(), 192);
        // The two counts of an `Arc` come before it, on a line of their own.
        assert_eq!(align_of::<QuotaTracker>() + size_of::<QuotaTracker>(), 256);
    }

    #[test]
    fn a_take_of_a_rate_touches_two_lines_and_a_total_is_on_another_one() {
        let tracker = QuotaTracker::with_clock(ResourceQuota::new(), Arc::new(ManualClock::new()));
        let start = core::ptr::from_ref(&tracker).addr();
        let line = |field: usize| (field - start) / 64;
        assert_eq!(line(core::ptr::from_ref(&tracker.all_leases).addr()), 0);
        assert_eq!(line(core::ptr::from_ref(&tracker.clock).addr()), 1);
        assert_eq!(line(core::ptr::from_ref(tracker.owner_flags()).addr()), 1);
        // Three limits of rates end the second line.
        let bounds = core::ptr::from_ref(&tracker.bounds).addr();
        assert_eq!((bounds + 3 * size_of::<u64>() - start), 2 * 64);
        assert_eq!(line(core::ptr::from_ref(&tracker.totals).addr()), 2);
    }
}
