//! Quotas over time: what may be taken, what is taken, and what is left.
//!
//! The rates are described in [`crate::quota::window`], the totals in [`crate::total`]. Of the whole:
//!
//! - I11: a take of one resource on one level is one atomic step.
//! - I12: a take of several resources or levels takes all or nothing.
//! - I13: what takes granted, less what was given back, is what is in use; on every level.
//! - I14: a parent holds at least what its children hold.
//! - I15: a reservation hands back what it took, once, unless it is committed.
//! - I16: a lower limit refuses until enough has drained, and makes no debt of what was granted.

mod levels;
#[cfg(all(loom, test))]
mod loom;
mod monitor;
mod reconfigure;
mod shorthands;

use alloc::sync::Arc;
use core::fmt;
use core::ops::Deref;

use crate::quota::bounds::Bounds;
use crate::quota::clock::Clock;
use crate::quota::demand::Demand;
use crate::quota::quota_error::QuotaError;
use crate::quota::quota_type::{QuotaResource, QuotaType};
use crate::quota::rate::Rate;
use crate::quota::reservation::Reservation;
use crate::quota::resource_quota::ResourceQuota;
use crate::quota::total::Total;
use crate::quota::window::{Refusal, Windows};

pub use self::reconfigure::PeriodMismatch;

/// Counts what a component uses against its [`ResourceQuota`], exactly, from any number of
/// threads, without a lock.
///
/// Five words do all of it, the named methods are shorthands:
///
/// | word | what it does |
/// |---|---|
/// | [`peek`](Self::peek) | tells whether something could be taken now; holds nothing |
/// | [`reserve`](Self::reserve) | takes it; handed back on drop unless committed |
/// | [`reserve_up_to`](Self::reserve_up_to) | takes what is left of it |
/// | [`charge`](Self::charge) | counts what has already been used, also past the limit |
/// | [`release`](Self::release) | gives back storage or memory |
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
/// Storage and memory are in use until they are released. Messages, network bandwidth and CPU
/// time are counted in fixed windows of the quota's `reset_period` (at least 1 ms), which start
/// at the birth of the topmost tracker; the first window of a child may be shorter. At most the limit is granted in a window, and so **at most twice the
/// limit in any stretch of time as long as a period**. Nothing has to run when a window ends:
/// whoever reads the clock sees the new one.
///
/// What is only known afterwards is charged, past the limit if need be. That debt is carried into
/// the next windows, less one limit for each; under a limit of zero it stays.
///
/// # Limits
///
/// Zero allows nothing (and is 100 % used); [`Unlimited`](crate::Allowance::Unlimited) allows
/// all that can be counted, and counts it. A request of nothing is always granted.
///
/// Totals are counted up to `u64::MAX`; what does not fit is refused, with or without a limit. Of a
/// rate at least 32 GB (or 32 · 10⁹ of what it counts) per second of the period can be counted, and
/// no limit is larger; without one more is granted, and the count stays at the most until the window
/// is over.
///
/// # Levels
///
/// A tracker may have a parent (component, tenant, host). What is taken is taken on all levels or
/// on none. All levels read one clock. While a take of several resources or levels is under way,
/// its first parts are counted already; that can refuse a racing take, never grant one.
///
/// It does **not** wait, log or remember denials, and it does not survive the process: see
/// [`usage`](Self::usage) and [`restore`](Self::restore). It counts for nine years (up to 18,
/// depending on the period); then rates only refuse.
// One component's words share a cache line, two components' words never do: on neighbouring words
// two threads are seven times slower. All of it is 192 bytes, and 256 in an `Arc`.
#[repr(C, align(64))]
pub struct QuotaTracker {
    // The first line is written by every take.
    storage: Total,
    memory: Total,
    messages: Rate,
    network: Rate,
    cpu: Rate,
    // The rest is read only, but for changes of the quota.
    bounds: Bounds,
    windows: Windows,
    birth: u64,
    clock: Arc<dyn Clock>,
    parent: Option<Arc<Self>>,
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

/// The use of one resource.
enum Counter<'a> {
    Total(&'a Total),
    Rate(&'a Rate),
}

/// The time of one operation, in nanoseconds since the birth of the tracker.
#[derive(Clone, Copy, Debug)]
struct Time {
    /// The latest that is known: later than the clock if that has stepped back.
    latest: u64,
    /// How far the clock is behind that.
    lag: u64,
}

impl QuotaTracker {
    /// Returns a tracker that has counted nothing yet and reads the system's clock.
    #[cfg(feature = "std")]
    #[must_use]
    pub fn new(quota: ResourceQuota) -> Self {
        Self::with_clock(quota, crate::quota::clock::SystemClock::shared())
    }

    /// Returns a tracker that has counted nothing yet and reads the given clock.
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
        let birth = clock.now_ns();
        Self::born(quota, birth, clock, None)
    }

    /// Returns a tracker that has counted nothing yet and also takes from `parent`, whose clock
    /// it reads.
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
        // One birth for all levels: a time then means the same on each.
        Self::born(quota, parent.birth, Arc::clone(&parent.clock), Some(parent))
    }

    fn born(
        quota: ResourceQuota,
        birth: u64,
        clock: Arc<dyn Clock>,
        parent: Option<Arc<Self>>,
    ) -> Self {
        let windows = Windows::new(quota.reset_period);
        Self {
            storage: Total::new(),
            memory: Total::new(),
            messages: Rate::new(),
            network: Rate::new(),
            cpu: Rate::new(),
            bounds: Bounds::new(&quota, windows),
            windows,
            birth,
            clock,
            parent,
        }
    }

    /// Returns the clock that this tracker and all its levels read.
    #[must_use]
    pub const fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// Returns the tracker from which this one takes as well.
    #[must_use]
    pub const fn parent(&self) -> Option<&Arc<Self>> {
        self.parent.as_ref()
    }

    /// Tells whether something could be taken now. Advisory: by the time it is taken, others may
    /// have taken it.
    ///
    /// # Errors
    ///
    /// What [`reserve`](Self::reserve) would say.
    pub fn peek(&self, quota: QuotaType) -> Result<(), QuotaError> {
        self.check_one(quota)
    }

    /// Tells whether several resources could be taken together now, as [`peek`](Self::peek) does.
    ///
    /// # Errors
    ///
    /// What [`reserve_all`](Self::reserve_all) would say.
    pub fn peek_all(&self, quotas: &[QuotaType]) -> Result<(), QuotaError> {
        self.check_all(&Demand::of(quotas))
    }

    /// Takes an amount of one resource, on all levels.
    ///
    /// # Errors
    ///
    /// Says which resource on which level refused, and when to try again. If several resources or
    /// levels refuse, it is the one that does so longest. Nothing has been taken then.
    #[inline]
    pub fn reserve(&self, quota: QuotaType) -> Result<Reservation<&Self>, QuotaError> {
        let mut at = 0;
        self.take(quota, &mut at)?;
        Ok(Reservation::new(self, Demand::just(quota), at))
    }

    /// Takes several resources together, all or nothing, on all levels. What is named twice is
    /// added up.
    ///
    /// # Errors
    ///
    /// As [`reserve`](Self::reserve).
    #[inline]
    pub fn reserve_all(&self, quotas: &[QuotaType]) -> Result<Reservation<&Self>, QuotaError> {
        let demand = Demand::of(quotas);
        let at = self.take_all(&demand)?;
        Ok(Reservation::new(self, demand, at))
    }

    /// Takes what [`reserve_all`](Self::reserve_all) takes, in a reservation that keeps the
    /// tracker alive: for tasks and other places where a borrow cannot go.
    ///
    /// # Errors
    ///
    /// As [`reserve`](Self::reserve).
    pub fn reserve_owned(
        self: &Arc<Self>,
        quotas: &[QuotaType],
    ) -> Result<Reservation<Arc<Self>>, QuotaError> {
        self.reserve_for(quotas, || Arc::clone(self))
    }

    /// Takes what [`reserve_all`](Self::reserve_all) takes, in a reservation that holds `owner`: a
    /// value that has this tracker in it, such as an `Arc` of a larger struct. A refusal makes no
    /// owner.
    ///
    /// # Errors
    ///
    /// As [`reserve`](Self::reserve).
    pub fn reserve_for<T: Deref<Target = Self>>(
        &self,
        quotas: &[QuotaType],
        owner: impl FnOnce() -> T,
    ) -> Result<Reservation<T>, QuotaError> {
        if let [quota] = *quotas {
            let mut at = 0;
            self.take(quota, &mut at)?;
            return Ok(Reservation::new(owner(), Demand::just(quota), at));
        }
        let demand = Demand::of(quotas);
        let at = self.take_all(&demand)?;
        Ok(Reservation::new(owner(), demand, at))
    }

    /// Takes as much of an amount as is left on all levels: at least one unit, and whole
    /// milliseconds of CPU time if it was asked for in milliseconds.
    /// [`Reservation::amount`] tells how much.
    ///
    /// # Errors
    ///
    /// If nothing is left; the error tells when some will be.
    pub fn reserve_up_to(&self, quota: QuotaType) -> Result<Reservation<&Self>, QuotaError> {
        let (demand, at) = self.take_up_to(quota)?;
        Ok(Reservation::new(self, demand, at))
    }

    /// Takes what [`reserve_up_to`](Self::reserve_up_to) takes, in a reservation that keeps the
    /// tracker alive.
    ///
    /// # Errors
    ///
    /// As [`reserve_up_to`](Self::reserve_up_to).
    pub fn reserve_up_to_owned(
        self: &Arc<Self>,
        quota: QuotaType,
    ) -> Result<Reservation<Arc<Self>>, QuotaError> {
        self.reserve_up_to_for(quota, || Arc::clone(self))
    }

    /// Takes what [`reserve_up_to`](Self::reserve_up_to) takes, in a reservation that holds `owner`,
    /// as [`reserve_for`](Self::reserve_for) does.
    ///
    /// # Errors
    ///
    /// As [`reserve_up_to`](Self::reserve_up_to).
    pub fn reserve_up_to_for<T: Deref<Target = Self>>(
        &self,
        quota: QuotaType,
        owner: impl FnOnce() -> T,
    ) -> Result<Reservation<T>, QuotaError> {
        let (demand, at) = self.take_up_to(quota)?;
        Ok(Reservation::new(owner(), demand, at))
    }

    /// Takes an amount of one resource for good: reserves and commits.
    ///
    /// # Errors
    ///
    /// As [`reserve`](Self::reserve).
    #[inline]
    pub fn consume(&self, quota: QuotaType) -> Result<(), QuotaError> {
        self.take(quota, &mut 0)
    }

    /// Takes an amount for good as [`consume`](Self::consume) does, then asks whether that holds, and
    /// hands it back if not, into the window that it was taken from. Returns the answer.
    ///
    /// For what may have changed while the amount was taken: a question that was asked before has an
    /// answer that may be out of date. Costs less than a [`Reservation`]. What was taken stays taken
    /// if `holds` panics.
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
    /// As [`reserve`](Self::reserve). `holds` is not asked then.
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
            self.give_back(&Demand::just(quota), at);
        }
        Ok(holds)
    }

    /// Counts what has already been used, on all levels, whether it fits or not.
    ///
    /// What passes a rate's limit is debt: it is carried into the next windows, less one limit
    /// for each.
    pub fn charge(&self, quota: QuotaType) {
        let Some(resource) = quota.resource() else { return };
        self.charge_one(resource, quota.amount());
    }

    /// Gives back storage or memory, on all levels, and returns how much it was: no more than
    /// was in use here.
    ///
    /// A rate comes back with time only; of one, nothing is given back. To undo a take, drop its
    /// [`Reservation`].
    pub fn release(&self, quota: QuotaType) -> u64 {
        match quota.resource() {
            Some(resource) if !resource.is_rate() => self.release_one(resource, quota.amount()),
            _ => 0,
        }
    }

    /// Returns the time since the birth, in nanoseconds.
    #[inline]
    fn elapsed(&self) -> u64 {
        self.clock.now_ns().saturating_sub(self.birth)
    }

    const fn counter(&self, resource: QuotaResource) -> Counter<'_> {
        match resource {
            QuotaResource::Storage => Counter::Total(&self.storage),
            QuotaResource::MessageRate => Counter::Rate(&self.messages),
            QuotaResource::NetworkBandwidth => Counter::Rate(&self.network),
            QuotaResource::CpuTime => Counter::Rate(&self.cpu),
            QuotaResource::Memory => Counter::Total(&self.memory),
        }
    }

    /// Says that this level refused.
    #[inline]
    fn error(
        &self,
        resource: QuotaResource,
        requested: u64,
        mut refusal: Refusal,
        time: Time,
    ) -> QuotaError {
        // The wait is counted by the clock, which may have to catch up first.
        refusal.wait = refusal.wait.and(time.lag);
        let period = if resource.is_rate() { self.windows.period_ns() } else { 0 };
        QuotaError::refused(resource, requested, refusal, period)
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
    fn the_words_that_takes_write_fill_one_line() {
        let tracker = QuotaTracker::with_clock(ResourceQuota::new(), Arc::new(ManualClock::new()));
        let start = core::ptr::from_ref(&tracker).addr();
        assert_eq!(core::ptr::from_ref(&tracker.bounds).addr() - start, 64);
    }
}
