//! The identity of those who share: a tree of parents and components.

use core::num::NonZeroU32;
use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

/// A member of a tree of shares, such as a tenant or a component.
///
/// Members below one parent share what the parent is given, by weight. A clone is the same member.
/// A share belongs to no pool: each [`Pool`](crate::Pool) counts what it has given it.
///
/// ```
/// use core::num::NonZeroU32;
/// use limits_fair::Share;
///
/// let tenant = Share::new(NonZeroU32::MIN);
/// let heavy = tenant.child(NonZeroU32::new(3).unwrap());
/// assert_eq!(heavy.weight().get(), 3);
/// ```
#[derive(Clone, Debug)]
pub struct Share(Arc<Member>);

#[derive(Debug)]
struct Member {
    id: u64,
    parent: Option<Share>,
    weight: NonZeroU32,
}

/// The next member's number. A number is never given twice: at a billion a second they last for
/// 584 years.
static NEXT: AtomicU64 = AtomicU64::new(1);

impl Share {
    /// Returns a member directly below the host.
    #[must_use]
    pub fn new(weight: NonZeroU32) -> Self {
        Self::of(None, weight)
    }

    /// Returns a new member below this one.
    #[must_use]
    pub fn child(&self, weight: NonZeroU32) -> Self {
        Self::of(Some(self.clone()), weight)
    }

    fn of(parent: Option<Self>, weight: NonZeroU32) -> Self {
        // Relaxed: only the number itself is shared.
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(Arc::new(Member { id, parent, weight }))
    }

    /// Returns the weight: the parts that this member gets of its parent's time, beside the others
    /// below that parent.
    #[must_use]
    pub fn weight(&self) -> NonZeroU32 {
        self.0.weight
    }

    /// Returns the parent, if it is not the host.
    #[must_use]
    pub fn parent(&self) -> Option<&Self> {
        self.0.parent.as_ref()
    }

    pub(crate) fn id(&self) -> u64 {
        self.0.id
    }

    /// Returns a handle that does not keep the member.
    pub(crate) fn downgrade(&self) -> WeakShare {
        WeakShare(Arc::downgrade(&self.0))
    }
}

/// A handle that does not keep the member.
#[derive(Clone, Debug)]
pub(crate) struct WeakShare(Weak<Member>);

impl WeakShare {
    /// Tells whether all handles of the member, and of those below it, are gone.
    pub(crate) fn is_gone(&self) -> bool {
        self.0.strong_count() == 0
    }
}
