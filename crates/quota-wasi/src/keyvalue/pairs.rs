//! The pairs of a component, counted exactly.

use core::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use limits_core::QuotaType;
use quota_enforce::{ComponentHandle, EnforceError, Grant};

use super::refused::Refused;
use super::store::{ComponentPairs, KeyValueStore, PairsChange, PairsSize, Verdict};
use super::store_error::KeyValueStoreError;

/// The pairs of one component in its host's store, with the use that was counted for them, which is
/// given back when this is dropped.
///
/// # Invariants
///
/// - I80: whenever no change is under way, the component uses the number of its pairs, and the sum
///   of the bytes of their keys and values. While one is, it uses the greater of before and after.
/// - I81: growth is reserved before it happens, so the use never passes the quota, in any
///   interleaving; a change that is refused or fails has changed nothing, and takes nothing.
/// - I82: a change that a thread has begun is settled by that thread, whatever becomes of the
///   execution that asked for it.
pub(crate) struct Pairs {
    component: ComponentHandle,
    store: Box<dyn ComponentPairs>,
    /// The size that is counted. Locked while a change is made and settled, so that sizes are added
    /// up in the order of the changes.
    counted: Mutex<PairsSize>,
}

impl Pairs {
    /// Opens the pairs of a component and counts what is there, also above the quota.
    pub(crate) fn open(
        component: ComponentHandle,
        store: &dyn KeyValueStore,
    ) -> Result<Self, KeyValueStoreError> {
        let store = store.open(component.id())?;
        let size = store.size()?;
        component.charge(QuotaType::StorageEntries(size.pairs()));
        component.charge(QuotaType::Storage(size.bytes()));
        Ok(Self { component, store, counted: Mutex::new(size) })
    }

    pub(crate) fn component(&self) -> &ComponentHandle {
        &self.component
    }

    pub(crate) fn store(&self) -> &dyn ComponentPairs {
        &*self.store
    }

    /// Changes pairs of one bucket, all or none.
    ///
    /// `plan` looks at the pairs and returns those to set and to delete, each key once, and what
    /// the caller hears when that is done.
    pub(crate) fn change<T>(
        &self,
        bucket: &str,
        plan: impl FnOnce(&mut dyn PairsChange) -> Result<(Vec<Planned>, T), Refused>,
    ) -> Result<T, Refused> {
        let mut counted = self.counted();
        let mut plan = Some(plan);
        // Of a store that never asks for the changes.
        let mut outcome = Err(Refused::store_failed());
        self.store.change(bucket, &mut |pairs| {
            let Some(plan) = plan.take() else { return Ok(Verdict::Abandon) };
            outcome = plan(pairs).and_then(|(planned, answer)| {
                let growth = Growth::of(*counted, &planned, pairs)?;
                let grant = growth.reserve(&self.component)?;
                Ok(Prepared { planned, answer, growth, grant })
            });
            let Ok(prepared) = &outcome else { return Ok(Verdict::Abandon) };
            for Planned { key, value } in &prepared.planned {
                match value {
                    Some(value) => pairs.set(key, value)?,
                    None => pairs.delete(key)?,
                }
            }
            Ok(Verdict::Commit)
        })?;
        let Prepared { planned: _, answer, growth, grant } = outcome?;
        if let Some(grant) = grant {
            grant.commit();
        }
        growth.release(&self.component);
        *counted = growth.after;
        Ok(answer)
    }

    fn counted(&self) -> MutexGuard<'_, PairsSize> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pairs {
    fn drop(&mut self) {
        let counted = *self.counted();
        Growth { before: counted, after: PairsSize::default() }.release(&self.component);
    }
}

impl fmt::Debug for Pairs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pairs").field("component", &self.component.id()).finish_non_exhaustive()
    }
}

/// A pair to set, or to delete.
#[derive(Debug)]
pub(crate) struct Planned {
    pub(crate) key: String,
    pub(crate) value: Option<Vec<u8>>,
}

/// A change that the quota has room for.
struct Prepared<T> {
    planned: Vec<Planned>,
    answer: T,
    growth: Growth,
    grant: Option<Grant>,
}

/// A change of the size that is counted.
#[derive(Clone, Copy, Debug)]
struct Growth {
    before: PairsSize,
    after: PairsSize,
}

impl Growth {
    fn of(
        before: PairsSize,
        planned: &[Planned],
        pairs: &mut dyn PairsChange,
    ) -> Result<Self, Refused> {
        let (mut entries, mut bytes) = (before.pairs(), before.bytes());
        // Added at the end, so that no sum on the way is below zero.
        let mut more = (0_u64, 0_u64);
        for Planned { key, value } in planned {
            if let Some(old) = pairs.len(key)? {
                entries = entries.saturating_sub(1);
                bytes = bytes.saturating_sub(size_of_pair(key, old));
            }
            if let Some(value) = value {
                let len = u64::try_from(value.len()).unwrap_or(u64::MAX);
                more.0 = more.0.saturating_add(1);
                more.1 = more.1.saturating_add(size_of_pair(key, len));
            }
        }
        let after = PairsSize::new(entries.saturating_add(more.0), bytes.saturating_add(more.1));
        Ok(Self { before, after })
    }

    fn reserve(self, component: &ComponentHandle) -> Result<Option<Grant>, EnforceError> {
        let Self { before, after } = self;
        let bytes = after.bytes().saturating_sub(before.bytes());
        let entries = after.pairs().saturating_sub(before.pairs());
        let quotas = [QuotaType::Storage(bytes), QuotaType::StorageEntries(entries)];
        match (bytes, entries) {
            (0, 0) => Ok(None),
            _ => component.reserve_all(&quotas).map(Some),
        }
    }

    /// Gives back what has become less.
    fn release(self, component: &ComponentHandle) {
        let Self { before, after } = self;
        for less in [
            QuotaType::Storage(before.bytes().saturating_sub(after.bytes())),
            QuotaType::StorageEntries(before.pairs().saturating_sub(after.pairs())),
        ] {
            if less.amount() > 0 {
                // Only rates are refused, and less comes back only after a reset of the use.
                let _ = component.release(less);
            }
        }
    }
}

/// Returns the bytes that a pair counts as storage.
pub(crate) fn size_of_pair(key: &str, value: u64) -> u64 {
    u64::try_from(key.len()).unwrap_or(u64::MAX).saturating_add(value)
}
