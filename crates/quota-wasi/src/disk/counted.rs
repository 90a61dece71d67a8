//! The use that one ledger has counted for its component.

use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};

use limits_core::{QuotaResource, QuotaType};
use quota_enforce::{ComponentHandle, EnforceError, Grant};

/// The use that one ledger has counted for its component, and gives back when it is dropped.
///
/// The component knows the sum over all its ledgers and host functions.
///
/// - I6: the ledger gives back at most what it has counted, and all of that when it is dropped.
pub(crate) struct Counted {
    component: ComponentHandle,
    entry_bytes: u64,
    // Changed after the component's counters when they grow, and before them when they fall, so
    // that the component always has at least these. A thread that acquires a sum here sees the
    // units that were released into it in the component's counters.
    bytes: AtomicU64,
    entries: AtomicU64,
}

impl Counted {
    pub(crate) fn new(component: ComponentHandle, entry_bytes: u64) -> Self {
        Self { component, entry_bytes, bytes: AtomicU64::new(0), entries: AtomicU64::new(0) }
    }

    /// Reserves a directory entry and some bytes besides.
    pub(crate) fn reserve_entry(&self, bytes: u64) -> Result<Grant, EnforceError> {
        let bytes = self.entry_bytes.saturating_add(bytes);
        self.component.reserve_all(&[QuotaType::Storage(bytes), QuotaType::StorageEntries(1)])
    }

    /// Keeps the entry of a grant, and so many bytes besides.
    pub(crate) fn keep_entry(&self, grant: Grant, bytes: u64) {
        let bytes = self.entry_bytes.saturating_add(bytes);
        grant.commit_actual(QuotaType::Storage(bytes));
        self.add(1, bytes);
    }

    /// Reserves all the bytes.
    pub(crate) fn reserve(&self, bytes: u64) -> Result<Grant, EnforceError> {
        self.component.reserve(QuotaType::Storage(bytes))
    }

    /// Reserves as many of the bytes as are left, and returns their number.
    pub(crate) fn reserve_up_to(&self, bytes: u64) -> Result<(Grant, u64), EnforceError> {
        let grant = self.component.reserve_up_to(QuotaType::Storage(bytes))?;
        let reserved = grant.amount(QuotaResource::Storage);
        Ok((grant, reserved))
    }

    /// Settles bytes that were counted before for those that are there now, from a grant if there
    /// is one.
    pub(crate) fn settle(&self, grant: Option<Grant>, before: u64, now: u64) {
        match (now.checked_sub(before), grant) {
            (Some(0), None) => {}
            (Some(growth), Some(grant)) => {
                grant.commit_actual(QuotaType::Storage(growth));
                self.add(0, growth);
            }
            (Some(growth), None) => self.charge_bytes(growth),
            (None, grant) => {
                drop(grant);
                self.release_bytes(before.saturating_sub(now));
            }
        }
    }

    /// Counts entries and bytes besides, whether they fit or not.
    pub(crate) fn charge(&self, entries: u64, bytes: u64) {
        let bytes = entries.saturating_mul(self.entry_bytes).saturating_add(bytes);
        self.component.charge(QuotaType::StorageEntries(entries));
        self.component.charge(QuotaType::Storage(bytes));
        self.add(entries, bytes);
    }

    /// Gives back directory entries, at most those that the ledger has counted.
    pub(crate) fn release_entries(&self, entries: u64) {
        let entries = take_up_to(&self.entries, entries);
        self.release(QuotaType::StorageEntries(entries));
        self.release_bytes(entries.saturating_mul(self.entry_bytes));
    }

    /// Gives back bytes, at most those that the ledger has counted.
    pub(crate) fn release_bytes(&self, bytes: u64) {
        self.release(QuotaType::Storage(take_up_to(&self.bytes, bytes)));
    }

    fn release(&self, quota: QuotaType) {
        if quota.amount() > 0 {
            // Only rates are refused, and less comes back only after a reset of the use.
            let _ = self.component.release(quota);
        }
    }

    fn charge_bytes(&self, bytes: u64) {
        self.component.charge(QuotaType::Storage(bytes));
        self.add(0, bytes);
    }

    fn add(&self, entries: u64, bytes: u64) {
        let more = |counter: &AtomicU64, n| {
            let _ = counter.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |counted| {
                Some(counted.saturating_add(n))
            });
        };
        more(&self.bytes, bytes);
        if entries > 0 {
            more(&self.entries, entries);
        }
    }
}

fn take_up_to(counter: &AtomicU64, n: u64) -> u64 {
    let take = |counted: u64| Some(counted.saturating_sub(n));
    let counted = counter.fetch_update(Ordering::AcqRel, Ordering::Relaxed, take);
    counted.unwrap_or_else(|counted| counted).min(n)
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.release_entries(u64::MAX);
        self.release_bytes(u64::MAX);
    }
}

impl fmt::Debug for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counted")
            .field("component", &self.component.id())
            .field("entry_bytes", &self.entry_bytes)
            .field("bytes", &self.bytes)
            .field("entries", &self.entries)
            .finish()
    }
}
