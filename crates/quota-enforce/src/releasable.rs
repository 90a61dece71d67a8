//! Units of totals that may be released again.

#[cfg(all(loom, test))]
mod loom;

use limits_core::QuotaResource;

use crate::sync::{AtomicU64, Ordering};

/// Units of one total that were taken in one way and are still held: through a component's handles,
/// or through one account of its executions.
///
/// - I8: a component gets back no more of a total than was kept through clones of its handle or
///   seeded as its usage, and an account releases no more than it took.
///
/// The tracker knows only the sum of all holders, so a release that asked it alone could free what
/// open grants and live stores hold.
#[derive(Debug, Default)]
pub(crate) struct Releasable(AtomicU64);

impl Releasable {
    /// Adds units, which the tracker must have counted before.
    pub(crate) fn add(&self, units: u64) {
        if units > 0 {
            // Release: a thread that takes these units for a release sees them in the tracker. No
            // overflow: the tracker counts at least the sum. If a reset that raced with takes has
            // left a surplus here, a wrap would lose units, and never add any.
            self.0.fetch_add(units, Ordering::Release);
        }
    }

    /// Removes at most so many units and returns how many; the caller releases them.
    pub(crate) fn take_up_to(&self, units: u64) -> u64 {
        let take = |held: u64| held.checked_sub(held.min(units));
        let held = self.0.fetch_update(Ordering::Acquire, Ordering::Relaxed, take);
        held.unwrap_or_else(|held| held).min(units)
    }
}

/// The releasable units of each total; rates come back with time.
#[derive(Debug, Default)]
pub(crate) struct ReleasableTotals {
    storage: Releasable,
    storage_entries: Releasable,
    memory: Releasable,
}

impl ReleasableTotals {
    /// The resources that are held until they are released.
    pub(crate) const RESOURCES: [QuotaResource; 3] =
        [QuotaResource::Storage, QuotaResource::StorageEntries, QuotaResource::Memory];

    const fn of(&self, resource: QuotaResource) -> Option<&Releasable> {
        match resource {
            QuotaResource::Storage => Some(&self.storage),
            QuotaResource::StorageEntries => Some(&self.storage_entries),
            QuotaResource::Memory => Some(&self.memory),
            _ => None,
        }
    }

    /// Adds units of a total, which the tracker must have counted before; of a rate, nothing.
    #[inline]
    pub(crate) fn add(&self, resource: QuotaResource, units: u64) {
        if let Some(releasable) = self.of(resource) {
            releasable.add(units);
        }
    }

    /// Removes at most so many units and returns how many; of a rate, none.
    pub(crate) fn take_up_to(&self, resource: QuotaResource, units: u64) -> u64 {
        self.of(resource).map_or(0, |releasable| releasable.take_up_to(units))
    }

    /// Removes all units: a reset has released them.
    pub(crate) fn clear(&self) {
        for resource in Self::RESOURCES {
            self.take_up_to(resource, u64::MAX);
        }
    }
}
