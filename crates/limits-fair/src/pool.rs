//! A pool of slots, and those who wait for one.

use core::num::NonZeroUsize;
use core::task::Waker;
use std::collections::HashMap;
#[cfg(not(loom))]
use std::sync::PoisonError;

use crate::share::Share;
use crate::slots::{Held, Slots};
use crate::sync::{Mutex, MutexGuard};
use crate::tree::{NodeId, TURN, Tree};

/// The time after which a slot goes to the next who waits, in nanoseconds, though its holder has
/// not come back, or has not begun: 20 slices.
const OVERDUE: u64 = 5_000_000;

/// The slots of one runtime, and those who wait for one of them.
///
/// Times are nanoseconds of any clock that does not go back, the same for all calls.
///
/// # Invariants
///
/// - I7: while a seat waits, every slot is held, and its word says that a seat waits.
/// - I8: a waiter that gets a slot is woken once, by the waker that it registered last.
/// - I9: slots are neither lost nor doubled, in whatever order seats wait, are granted, give back
///   and are dropped.
#[derive(Debug)]
pub struct Pool {
    slots: Slots,
    state: Mutex<State>,
}

#[derive(Debug)]
pub(crate) struct State {
    tree: Tree,
    /// The executions that have waited once.
    waiters: HashMap<NodeId, Waiter>,
    /// The slots that were overdue at the last inspection.
    suspects: Vec<Held>,
}

/// The part of a seat that others change.
#[derive(Debug)]
pub(crate) enum Waiter {
    /// It does not wait.
    Away,
    /// It waits.
    Waiting(Waker),
    /// It has a slot, and has not seen it yet.
    Granted(Held),
}

impl Pool {
    /// Returns a pool of free slots.
    #[must_use]
    pub fn new(slots: NonZeroUsize) -> Self {
        let state = State { tree: Tree::new(), waiters: HashMap::new(), suspects: Vec::new() };
        Self { slots: Slots::new(slots.get()), state: Mutex::new(state) }
    }

    /// Passes on the slots of those that do not come back: whose host function blocks its thread,
    /// or who were granted a slot and are not polled.
    ///
    /// A host calls it every few milliseconds while a seat waits. Returns whether one does. A
    /// slot is passed on if two calls in a row find it overdue: where the system has stopped the
    /// whole process for a while, its holder comes back between them.
    pub fn inspect(&self, now: u64) -> bool {
        let mut wakers = Vec::new();
        let mut state = self.lock();
        let before = core::mem::take(&mut state.suspects);
        if state.tree.is_waited_for() {
            let overdue: Vec<Held> = self.slots.held_for(OVERDUE, now).collect();
            for held in overdue {
                if !before.iter().any(|suspect| suspect.is_same(held)) {
                    state.suspects.push(held);
                } else if state.tree.is_waited_for() {
                    state.lapse(held);
                    wakers.extend(self.pass(&mut state, held, now));
                }
            }
        }
        let is_waited_for = state.tree.is_waited_for();
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
        is_waited_for
    }

    /// Returns the number of free slots.
    #[cfg(test)]
    pub(crate) fn free_slots(&self) -> usize {
        self.slots.free()
    }

    pub(crate) const fn slots(&self) -> &Slots {
        &self.slots
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        #[cfg(not(loom))]
        // Nothing between lock and unlock panics half-way but a defect, and to stop all guests for
        // it would be worse.
        return self.state.lock().unwrap_or_else(PoisonError::into_inner);
        #[cfg(loom)]
        self.state.lock().unwrap()
    }

    /// Gives a slot that is still its holder's to the next who waits, or frees it. Returns the
    /// waker, to be woken without the lock.
    pub(crate) fn pass(&self, state: &mut State, held: Held, now: u64) -> Option<Waker> {
        let Some(next) = state.tree.pick() else {
            self.slots.set_free(held);
            return None;
        };
        let granted = self.slots.pass_on(held, now, state.tree.is_waited_for());
        match state.waiters.insert(next, Waiter::Granted(granted)) {
            Some(Waiter::Waiting(waker)) => Some(waker),
            _ => None,
        }
    }
}

impl State {
    /// Returns the leaf of a seat, which is added at its first wait.
    pub(crate) fn leaf(&mut self, leaf: &mut Option<NodeId>, share: Option<&Share>) -> NodeId {
        *leaf.get_or_insert_with(|| {
            let leaf = self.tree.add_leaf(share);
            self.waiters.insert(leaf, Waiter::Away);
            leaf
        })
    }

    pub(crate) fn tree(&mut self) -> &mut Tree {
        &mut self.tree
    }

    pub(crate) fn wait(&mut self, leaf: NodeId, waker: &Waker) {
        self.tree.enqueue(leaf);
        self.waiters.insert(leaf, Waiter::Waiting(waker.clone()));
    }

    pub(crate) fn waiter(&mut self, leaf: NodeId) -> Option<&mut Waiter> {
        self.waiters.get_mut(&leaf)
    }

    /// Ends the wait of a leaf, and returns the slot that it was granted and has not seen.
    pub(crate) fn leave(&mut self, leaf: NodeId) -> Option<Held> {
        self.tree.dequeue(leaf);
        match self.waiters.insert(leaf, Waiter::Away) {
            Some(Waiter::Granted(held)) => {
                self.tree.refund(leaf, TURN);
                Some(held)
            }
            _ => None,
        }
    }

    /// Takes back a grant that was not seen, if the slot was granted so.
    fn lapse(&mut self, held: Held) {
        let is_granted =
            |waiter: &Waiter| matches!(waiter, Waiter::Granted(it) if it.is_same(held));
        let found = self.waiters.iter().find(|(_, waiter)| is_granted(waiter));
        if let Some(leaf) = found.map(|(leaf, _)| *leaf) {
            let _slot = self.leave(leaf);
        }
    }

    /// Removes a leaf that does not wait and has no slot.
    pub(crate) fn remove(&mut self, leaf: NodeId) {
        self.tree.remove_leaf(leaf);
        self.waiters.remove(&leaf);
    }
}
