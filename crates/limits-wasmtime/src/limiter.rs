//! The limiter: one memory budget for all memories and tables of a store.

use std::sync::Arc;

use limits_core::{
    Account, HostShortage, LimitExceeded, LimitKind, QuotaError, QuotaType, RefusedGrowth,
    ResourceLimits,
};
use wasmtime::{Error, ResourceLimiter, Result};

use crate::shortage::shortage;

/// Sums the bytes of all linear memories and tables of one store, and refuses a growth past the
/// limit.
///
/// Wasmtime's own `StoreLimits` bounds each memory by itself: three memories get three times as
/// much.
///
/// # Invariants
///
/// - I2: `used` never passes the limit, and never falls below the bytes that the store's memories
///   and tables have. So a growth that was granted and then failed is released exactly once, and
///   a failure that was never granted (Wasmtime reports those too) releases nothing.
/// - I6: the account's grants are the bytes in use, until the store is dropped, which releases all
///   of them.
#[derive(Debug, Default)]
pub(crate) struct Limiter {
    max_bytes: u64,
    max_elements: u64,
    instances: u32,
    memories: u32,
    tables: u32,
    used: Use,
    /// The most bytes that were in use when control passed between guest and host.
    noted_peak: u64,
    /// The grant of the growth now under way; none once control passes on.
    granted: Option<Use>,
    /// The growths that were refused in this execution. Boxed: few executions have any, and the
    /// state of each is moved into its store.
    refusals: Option<Box<Refusals>>,
    /// The account that lends the memory, beyond the store's own limit.
    account: Option<Arc<dyn Account>>,
}

/// The growths that were refused in one execution.
#[derive(Debug, Default)]
struct Refusals {
    count: u64,
    last: Option<GrowthRefusal>,
    /// A refusal that the guest did not see as a failed `grow`: it failed an instantiation.
    instantiation: Option<GrowthRefusal>,
    /// A growth that others than the store's own limit refused: a parent or the host rather than
    /// the component's own quota, since the component must not answer for the use of others.
    others: Option<RefusedGrowth>,
}

/// The refusal of a growth, by the one who refused.
#[derive(Clone, Debug)]
pub(crate) enum GrowthRefusal {
    Limit(LimitExceeded),
    Quota(QuotaError),
    Host(HostShortage),
}

#[derive(Clone, Copy, Debug, Default)]
struct Use {
    bytes: u64,
    elements: u64,
}

impl Limiter {
    /// Sets the limits of the store, once for all its executions.
    pub(crate) fn arm(&mut self, limits: &ResourceLimits) {
        self.max_bytes = limits.max_memory_bytes();
        self.max_elements = limits.max_table_elements();
        self.instances = limits.max_instances();
        self.memories = limits.max_memories();
        self.tables = limits.max_tables();
        self.noted_peak = 0;
    }

    /// Releases the memory of a store that is gone while the host's data lives on.
    pub(crate) fn release_all(&mut self) {
        self.noted_peak = self.peak_bytes();
        self.granted = None;
        let used = core::mem::take(&mut self.used);
        if let Some(account) = &self.account {
            account.release(QuotaType::Memory(used.bytes));
        }
    }

    /// Forgets the refusals of the execution before.
    #[inline]
    pub(crate) fn begin_execution(&mut self) {
        self.refusals = None;
    }

    pub(crate) fn borrow_from(&mut self, account: Arc<dyn Account>) {
        self.account = Some(account);
    }

    #[inline]
    pub(crate) const fn max_bytes(&self) -> u64 {
        self.max_bytes
    }

    #[inline]
    pub(crate) fn peak_bytes(&self) -> u64 {
        self.noted_peak.max(self.used.bytes)
    }

    #[inline]
    pub(crate) fn refusals(&self) -> u64 {
        self.refusals.as_ref().map_or(0, |refusals| refusals.count)
    }

    #[inline]
    pub(crate) fn last_refusal(&self) -> Option<&GrowthRefusal> {
        self.refusals.as_ref()?.last.as_ref()
    }

    #[inline]
    pub(crate) fn instantiation_refusal(&self) -> Option<&GrowthRefusal> {
        self.refusals.as_ref()?.instantiation.as_ref()
    }

    /// Returns the growth that others than the store's own limit refused, if any: the last one, or
    /// the first that was not the component's own quota's.
    pub(crate) fn refused_by_others(&self) -> Option<RefusedGrowth> {
        self.refusals.as_ref()?.others.clone()
    }

    fn note_others(&mut self, refused: RefusedGrowth) {
        let is_own = |refused: &RefusedGrowth| match refused {
            RefusedGrowth::Quota(error) => error.depth() == 0,
            _ => false,
        };
        let others = &mut self.refusals.get_or_insert_default().others;
        if others.as_ref().is_none_or(is_own) {
            *others = Some(refused);
        }
    }

    /// Notes that control passes between guest and host: a growth that was granted has happened,
    /// and one that was refused has been answered with -1.
    #[inline]
    pub(crate) fn confirm_growth(&mut self) {
        self.noted_peak = self.peak_bytes();
        self.granted = None;
        if let Some(refusals) = &mut self.refusals {
            refusals.instantiation = None;
        }
    }

    fn grow(&mut self, more: Use) -> bool {
        self.granted = None;
        let bytes = self.used.bytes.checked_add(more.bytes).filter(|sum| *sum <= self.max_bytes);
        let elements =
            self.used.elements.checked_add(more.elements).filter(|sum| *sum <= self.max_elements);
        match (bytes, elements) {
            (Some(bytes), Some(elements)) => {
                if let Some(account) = &self.account
                    && let Err(error) = account.take(QuotaType::Memory(more.bytes))
                {
                    self.note_others(RefusedGrowth::Quota(error));
                    return self.refuse(GrowthRefusal::Quota(error));
                }
                self.used = Use { bytes, elements };
                self.granted = Some(more);
                true
            }
            (None, _) => {
                let refused = LimitExceeded::new(LimitKind::Memory, self.max_bytes);
                self.refuse(GrowthRefusal::Limit(refused.with_request(self.used.bytes, more.bytes)))
            }
            (Some(_), None) => {
                let refused = LimitExceeded::new(LimitKind::TableElements, self.max_elements);
                let refused = refused.with_request(self.used.elements, more.elements);
                self.refuse(GrowthRefusal::Limit(refused))
            }
        }
    }

    fn refuse(&mut self, refusal: GrowthRefusal) -> bool {
        let refusals = self.refusals.get_or_insert_default();
        refusals.count = refusals.count.saturating_add(1);
        refusals.instantiation = Some(refusal.clone());
        refusals.last = Some(refusal);
        false
    }

    /// Releases the grant of a growth that failed with `error`.
    fn undo(&mut self, error: &Error) {
        if let Some(grant) = self.granted.take() {
            if let Some(shortage) = shortage(error) {
                self.note_others(RefusedGrowth::Host(shortage.clone()));
                let refusals = self.refusals.get_or_insert_default();
                refusals.count = refusals.count.saturating_add(1);
                refusals.last = Some(GrowthRefusal::Host(shortage));
            }
            if let Some(account) = &self.account {
                account.release(QuotaType::Memory(grant.bytes));
            }
            // Cannot underflow: the grant was added to exactly these sums.
            self.used.bytes = self.used.bytes.saturating_sub(grant.bytes);
            self.used.elements = self.used.elements.saturating_sub(grant.elements);
        }
    }
}

impl Drop for Limiter {
    fn drop(&mut self) {
        self.release_all();
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        if maximum.is_some_and(|most| desired > most) {
            // The memory's own type forbids it; counting it would only have to be undone.
            self.granted = None;
            return Ok(false);
        }
        Ok(self.grow(Use { bytes: widen(desired.saturating_sub(current)), elements: 0 }))
    }

    fn memory_grow_failed(&mut self, error: Error) -> Result<()> {
        self.undo(&error);
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        if maximum.is_some_and(|most| desired > most) {
            self.granted = None;
            return Ok(false);
        }
        let elements = widen(desired.saturating_sub(current));
        let bytes = elements.saturating_mul(ResourceLimits::TABLE_ELEMENT_BYTES);
        Ok(self.grow(Use { bytes, elements }))
    }

    fn table_grow_failed(&mut self, error: Error) -> Result<()> {
        self.undo(&error);
        Ok(())
    }

    fn instances(&self) -> usize {
        narrow(self.instances)
    }

    fn tables(&self) -> usize {
        narrow(self.tables)
    }

    fn memories(&self) -> usize {
        narrow(self.memories)
    }
}

/// Widens a size; on a platform where it would not fit, the largest number refuses it.
fn widen(size: usize) -> u64 {
    u64::try_from(size).unwrap_or(u64::MAX)
}

fn narrow(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::{GrowthRefusal, Limiter};
    use limits_core::ResourceLimits;
    use proptest::prelude::*;
    use wasmtime::{Error, ResourceLimiter as _};

    const PAGE: usize = 65_536;

    fn limiter(bytes: u64, elements: u64) -> Limiter {
        let mut limiter = Limiter::default();
        let limits = ResourceLimits::builder().memory_bytes(bytes).max_table_elements(elements);
        limiter.arm(&limits.build().unwrap());
        limiter
    }

    fn words(limiter: &Limiter) -> String {
        match limiter.last_refusal().unwrap() {
            GrowthRefusal::Limit(refused) => refused.to_string(),
            GrowthRefusal::Quota(refused) => refused.to_string(),
            GrowthRefusal::Host(shortage) => shortage.to_string(),
        }
    }

    #[test]
    fn an_unarmed_limiter_allows_nothing() {
        let mut limiter = Limiter::default();
        assert!(!limiter.memory_growing(0, PAGE, None).unwrap());
        assert!(!limiter.table_growing(0, 1, None).unwrap());
        assert_eq!((limiter.instances(), limiter.memories(), limiter.tables()), (0, 0, 0));
    }

    #[test]
    fn memories_and_tables_share_one_budget() {
        let mut limiter = limiter(2 * 65_536, 20_000);
        assert!(limiter.memory_growing(0, PAGE, None).unwrap());
        assert!(limiter.table_growing(0, 8_192, None).unwrap());
        assert!(!limiter.table_growing(8_192, 8_193, None).unwrap());
        assert_eq!(
            words(&limiter),
            "memory limit of 131072 bytes exceeded: 131072 in use, 8 more requested"
        );
    }

    #[test]
    fn table_elements_have_a_bound_of_their_own() {
        let mut limiter = limiter(1 << 20, 10);
        assert!(!limiter.table_growing(0, 11, None).unwrap());
        assert_eq!(
            words(&limiter),
            "table element limit of 10 elements exceeded: 0 in use, 11 more requested"
        );
    }

    #[test]
    fn i2_a_growth_past_the_memorys_own_maximum_counts_as_nothing() {
        let mut limiter = limiter(1 << 30, 0);
        assert!(limiter.memory_growing(0, PAGE, Some(2 * PAGE)).unwrap());
        for _ in 0..40 {
            assert!(!limiter.memory_growing(PAGE, 6 * PAGE, Some(2 * PAGE)).unwrap());
        }
        assert_eq!((limiter.used.bytes, limiter.refusals()), (65_536, 0));
    }

    /// Wasmtime reports a growth that the memory's type cannot hold as failed without asking.
    #[test]
    fn i2_a_failure_that_was_never_granted_hands_nothing_back() {
        let mut limiter = limiter(1 << 30, 0);
        assert!(limiter.memory_growing(0, PAGE, None).unwrap());
        limiter.confirm_growth();
        limiter.memory_grow_failed(Error::msg("not asked for")).unwrap();
        assert_eq!(limiter.used.bytes, 65_536);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_growth_that_the_host_has_no_memory_for_is_the_hosts_refusal() {
        let mut limiter = limiter(1 << 30, 0);
        assert!(limiter.memory_growing(0, PAGE, None).unwrap());
        limiter.memory_grow_failed(Error::from(rustix::io::Errno::NOMEM)).unwrap();
        assert_eq!((limiter.used.bytes, limiter.refusals()), (0, 1));
        assert_eq!(
            limiter.refused_by_others().unwrap().to_string(),
            "the host ran out of memory or address space: Cannot allocate memory (os error 12)"
        );
        // It stays so when the guest meets the store's own limit after it.
        assert!(!limiter.memory_growing(0, 1 << 31, None).unwrap());
        assert!(limiter.refused_by_others().is_some());
    }

    proptest! {
        /// I2 against a plain model: grants, failures and failures out of the blue in any order.
        #[test]
        fn i2_the_sum_is_what_the_store_has_and_stays_within_the_limit(
            limit in 0_u64..20,
            steps in proptest::collection::vec((0_usize..6, 0_u8..4), 0..60),
        ) {
            let mut limiter = limiter(limit * 65_536, 0);
            let mut pages = 0_usize;
            for (more, what) in steps {
                if what == 3 {
                    limiter.memory_grow_failed(Error::msg("out of the blue")).unwrap();
                } else if limiter.memory_growing(0, more * PAGE, None).unwrap() {
                    if what == 0 {
                        limiter.memory_grow_failed(Error::msg("no memory")).unwrap();
                    } else {
                        pages += more;
                    }
                }
                limiter.confirm_growth();
                prop_assert_eq!(limiter.used.bytes, u64::try_from(pages * PAGE).unwrap());
                prop_assert!(limiter.used.bytes <= limit * 65_536);
                prop_assert!(limiter.peak_bytes() <= limit * 65_536);
            }
        }
    }
}
