//! Callers that wait for units of a quota.
//!
//! A caller that is refused joins the queue of its resource. Each thread that may have made room
//! looks through the queue, takes for the waiters that now fit, and wakes those alone. So no waiter
//! competes for units when it wakes, and none depends on another one being polled: the host may not
//! poll a guest that is out of CPU time for a whole window.
//!
//! Where the registry has a parent or a lessor, all components share its queues, since each may
//! wait for units that come from elsewhere. Otherwise a component has queues of its own.
//!
//! - I10: waiters of one component are granted units of one resource in the order in which they
//!   began to wait. Among components, units go to the longest wait that they suffice for.
//! - I11: no waiter sleeps while units for it are there: each thread that gives units back, each
//!   lease that comes, and each change of a quota, looks through the queue afterwards.
//! - I12: a waiter that is dropped leaves nothing behind: no place in the queue, and no units.
//! - I13: as a window begins, or as units of a paced rate become due, a timer wakes one waiter; it
//!   looks through the queue for all. The timer of each further one is a millisecond later (four of
//!   a paced rate), in case the host does not poll the first.
//! - I14: a wait that fails with a quota's refusal is one denial, and one that succeeds is none.
//! - I15: of what becomes due of a rate in a sixteenth of a second, a paced waiter is granted its
//!   share at a time, so that each of them is served within a quarter of a second. A paced take
//!   that does not wait serves the waiters first.
//!
//! A thread that gives units back reads one counter, relaxed and without a lock. A waiter
//! increments it and calls [`QuotaTracker::publish_wait`](limits_core::QuotaTracker::publish_wait)
//! before it looks at the use for the last time: it sees the units there, or the thread sees the
//! counter. Changes of a quota, of a registration and of a lease write other words, so a fence
//! orders them: theirs after the change pairs with the waiter's in [`Place::join`].
//!
//! A lessor is told of what a queue waits for altogether, so that one lease serves all of it. Only
//! if it has forgotten that, a timer asks it again.

mod crowd;
mod place;
mod queue;
mod request;
mod slot;

use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use limits_core::QuotaResource;

use self::queue::Queue;
use self::slot::Slot;
use crate::handle::ComponentHandle;

pub(crate) use self::crowd::Crowd;
pub(crate) use self::place::Place;
pub(crate) use self::queue::Concerned;
pub(crate) use self::request::{Form, Request};
pub(crate) use self::slot::Outcome;

const RESOURCES: usize = QuotaResource::ALL.len();

/// The queues of all resources.
#[derive(Default)]
pub(crate) struct Waits {
    /// The waiters of all queues.
    waiting: AtomicU64,
    lists: [WaitList; RESOURCES],
}

/// The queue of one resource.
#[derive(Default)]
pub(crate) struct WaitList {
    waiting: AtomicU64,
    queue: Mutex<Queue>,
}

impl Waits {
    /// Reports whether a caller waits. See the module for the pairing.
    #[inline]
    pub(crate) fn are_awaited(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// Returns the queue of a resource.
    pub(crate) const fn of(&self, resource: QuotaResource) -> &WaitList {
        &self.lists[resource.index()]
    }

    /// Returns the queues of all resources.
    pub(crate) fn lists(&self) -> &[WaitList] {
        &self.lists
    }
}

impl WaitList {
    /// Reports whether a caller waits, as [`Waits::are_awaited`] does.
    pub(crate) fn is_awaited(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// Grants to the waiters that fit now.
    pub(crate) fn offer(&self, concerned: Concerned<'_>) {
        self.change(|queue| queue.serve(concerned));
    }

    /// Looks at all waiters of a component after its limits have changed: some may never fit.
    pub(crate) fn review(&self, component: &ComponentHandle) {
        self.change(|queue| queue.review(component));
    }

    /// Ends all waits of a component that was unregistered.
    pub(crate) fn dismiss(&self, component: &ComponentHandle) {
        // The line is dropped once the lock is free.
        let _line = self.change(|queue| queue.dismiss(component));
    }

    /// Changes the queue, and wakes waiters once the lock is free: a waker may run anything.
    fn change<T>(&self, change: impl FnOnce(&mut Queue) -> T) -> T {
        let (value, woken) = {
            let mut queue = self.lock();
            let value = change(&mut queue);
            (value, queue.take_woken())
        };
        woken.iter().for_each(|slot: &Arc<Slot>| slot.wake());
        value
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
