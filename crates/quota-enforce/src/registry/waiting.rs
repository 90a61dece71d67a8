//! Waiters of a registry, after changes that it has not made.

use core::sync::atomic::{Ordering, fence};

use super::QuotaRegistry;
use crate::waits::Concerned;

impl QuotaRegistry {
    /// Offers units of the [`parent`](Self::parent) to callers that
    /// [wait](crate::ComponentHandle::reserve_wait), after a change that this registry has not
    /// made: a new quota of the parent, or a release through another registry or the tracker
    /// itself.
    pub fn offer_to_waiters(&self) {
        // Pairs with the fence of `Place::join`: the waiter sees the change, or is seen here.
        fence(Ordering::SeqCst);
        for list in self.shared.waits.lists() {
            list.offer(Concerned::All);
        }
    }
}
