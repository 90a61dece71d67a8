//! The capabilities in force, which change while threads decide by them.

use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use limits_core::CapabilitySet;

/// A set of capabilities and the number of times that it was replaced.
///
/// A thread that reads the same revision before it loads the set and after it has acted has acted
/// under a set that no finished replacement had replaced: a replacement stores the set first and
/// raises the revision before it returns. So a set that was loaded before the store belongs to a
/// revision that was read before the raise.
#[derive(Debug)]
pub(crate) struct SetInForce {
    set: ArcSwap<CapabilitySet>,
    revision: AtomicU64,
}

impl SetInForce {
    pub(crate) fn new(set: CapabilitySet) -> Self {
        Self { set: ArcSwap::from_pointee(set), revision: AtomicU64::new(0) }
    }

    pub(crate) fn load(&self) -> Guard<Arc<CapabilitySet>> {
        self.set.load()
    }

    pub(crate) fn load_full(&self) -> Arc<CapabilitySet> {
        self.set.load_full()
    }

    /// Returns the revision, which costs less than a load of the set.
    pub(crate) fn revision(&self) -> u64 {
        // Pairs with `replace`: a thread that reads the raised revision loads the new set. In the
        // single order of these accesses, a read after a finished replacement sees its raise.
        self.revision.load(Ordering::SeqCst)
    }

    pub(crate) fn replace(&self, set: CapabilitySet) {
        self.set.store(Arc::new(set));
        self.revision.fetch_add(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::SetInForce;
    use limits_core::{CapabilitySet, Permission};

    #[test]
    fn a_replacement_is_in_force_and_raises_the_revision() {
        let reads = CapabilitySet::builder().grant(Permission::StorageRead, "**").build().unwrap();
        let in_force = SetInForce::new(reads);
        let before = in_force.revision();
        assert!(in_force.load().check(Permission::StorageRead, "a").is_allowed());
        in_force.replace(CapabilitySet::new());
        assert_ne!(in_force.revision(), before);
        assert!(!in_force.load().check(Permission::StorageRead, "a").is_allowed());
    }
}
