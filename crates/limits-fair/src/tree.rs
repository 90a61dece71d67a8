//! The order in which those who wait are served: by virtual time, over a tree.
//!
//! Each member has a virtual time: the time that it was served, divided by its weight. The next
//! turn goes, from the root down, to the member that has the least of those that wait. This is
//! start-time fair queueing (Goyal, Vin and Cheng, SIGCOMM 1996) over a hierarchy.
//!
//! # Invariants
//!
//! - I1: a leaf is queued if and only if it waits, an inner node if and only if a leaf below waits.
//! - I2: the virtual time that a node hands out never falls.
//! - I3: a member that comes back has the virtual time of those that stayed, less [`LAG`] at most:
//!   a member that sleeps saves up nothing beyond it.
//! - I4: every node above a leaf is charged what the leaf is charged.

#[cfg(all(test, not(loom)))]
mod tests;

use core::num::NonZeroU32;
use std::collections::{BTreeSet, HashMap};

use crate::share::{Share, WeakShare};

/// The time that is charged when a turn begins, in nanoseconds: a slice. The rest is settled at
/// the turn's end.
pub(crate) const TURN: u64 = 250_000;

/// Earlier service that a member keeps over a pause at most, in nanoseconds.
const LAG: u64 = 1_000_000;

/// The part of a node's service that new executions may have ahead of their turn.
const GRACE_PART: u64 = 4;

/// The most that a node saves up for new executions, in nanoseconds.
const MOST_GRACE: u64 = 4 * TURN;

/// Virtual nanoseconds in a nanosecond of a member of weight 1. A weight of up to 2^20 divides it
/// without loss; a core's 2^64 ns, 584 years, fit 2^84 of them.
const SCALE: u128 = 1 << 20;

/// A node's place in the tree.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct NodeId(usize);

const ROOT: NodeId = NodeId(0);

#[derive(Debug)]
struct Node {
    parent: NodeId,
    weight: NonZeroU32,
    /// The virtual time of the node among its siblings.
    served: u128,
    /// The virtual time of the last child that was chosen.
    now: u128,
    /// Time that new executions may have ahead of their turn, in nanoseconds.
    grace: u64,
    /// The children that wait, least served first.
    waiting: BTreeSet<(u128, NodeId)>,
    is_queued: bool,
    /// Children, those that do not wait as well.
    children: usize,
    /// The member that the node stands for; a leaf is an execution, and stands for none.
    share: Option<WeakShare>,
}

/// The tree of a pool: the host, its members, and their executions as leaves.
#[derive(Debug)]
pub(crate) struct Tree {
    nodes: Vec<Node>,
    free: Vec<NodeId>,
    by_share: HashMap<u64, NodeId>,
    /// The number of members at which those that are gone are looked for.
    sweep_at: usize,
}

impl Tree {
    pub(crate) fn new() -> Self {
        let root = Node::new(ROOT, NonZeroU32::MIN, None);
        Self { nodes: vec![root], free: Vec::new(), by_share: HashMap::new(), sweep_at: 64 }
    }

    /// Reports whether an execution waits.
    pub(crate) fn is_waited_for(&self) -> bool {
        !self.node(ROOT).waiting.is_empty()
    }

    /// Adds an execution below a member, or below the host.
    pub(crate) fn add_leaf(&mut self, share: Option<&Share>) -> NodeId {
        let parent = share.map_or(ROOT, |share| self.member(share));
        let leaf = self.add(parent, NonZeroU32::MIN, None);
        let above = self.node_mut(parent);
        let given = above.grace.min(2 * TURN);
        above.grace -= given;
        let served = (above.now + virtual_time(TURN, NonZeroU32::MIN))
            .saturating_sub(virtual_time(given, NonZeroU32::MIN));
        self.node_mut(leaf).served = served;
        leaf
    }

    /// Removes an execution, which may wait.
    pub(crate) fn remove_leaf(&mut self, leaf: NodeId) {
        self.dequeue(leaf);
        self.remove(leaf);
        if self.by_share.len() >= self.sweep_at {
            self.sweep();
        }
    }

    /// Lets an execution wait.
    pub(crate) fn enqueue(&mut self, leaf: NodeId) {
        let mut at = leaf;
        while at != ROOT && !self.node(at).is_queued {
            let parent = self.node(at).parent;
            let now = self.node(parent).now;
            let node = self.node_mut(at);
            let floor = now.saturating_sub(virtual_time(LAG, node.weight));
            node.served = node.served.max(floor);
            node.is_queued = true;
            let place = (node.served, at);
            self.node_mut(parent).waiting.insert(place);
            at = parent;
        }
    }

    /// Takes an execution out of those that wait, if it does.
    pub(crate) fn dequeue(&mut self, leaf: NodeId) {
        let mut at = leaf;
        while at != ROOT && self.node(at).is_queued && self.node(at).waiting.is_empty() {
            let node = self.node_mut(at);
            node.is_queued = false;
            let (place, parent) = ((node.served, at), node.parent);
            self.node_mut(parent).waiting.remove(&place);
            at = parent;
        }
    }

    /// Takes out the execution whose turn it is, and charges it a turn.
    pub(crate) fn pick(&mut self) -> Option<NodeId> {
        let mut at = ROOT;
        while let Some(&(served, child)) = self.node(at).waiting.first() {
            let node = self.node_mut(at);
            node.now = node.now.max(served);
            at = child;
        }
        if at == ROOT {
            return None;
        }
        self.dequeue(at);
        self.charge(at, TURN);
        Some(at)
    }

    /// Charges an execution, and all above it, for time in nanoseconds.
    pub(crate) fn charge(&mut self, leaf: NodeId, time: u64) {
        self.adjust(leaf, |served, weight| served + virtual_time(time, weight));
        let mut at = self.node(leaf).parent;
        loop {
            let node = self.node_mut(at);
            node.grace = node.grace.saturating_add(time / GRACE_PART).min(MOST_GRACE);
            if at == ROOT {
                return;
            }
            at = node.parent;
        }
    }

    /// Gives back what an execution, and all above it, were charged too much, in nanoseconds.
    pub(crate) fn refund(&mut self, leaf: NodeId, time: u64) {
        self.adjust(leaf, |served, weight| served.saturating_sub(virtual_time(time, weight)));
        let mut at = leaf;
        while at != ROOT {
            at = self.node(at).parent;
            let node = self.node_mut(at);
            node.grace = node.grace.saturating_sub(time / GRACE_PART);
        }
    }

    /// Returns the time that an execution was served, in nanoseconds, and that at which it began.
    #[cfg(test)]
    pub(crate) fn served(&self, leaf: NodeId) -> u128 {
        self.node(leaf).served / SCALE
    }

    fn adjust(&mut self, leaf: NodeId, change: impl Fn(u128, NonZeroU32) -> u128) {
        let mut at = leaf;
        while at != ROOT {
            let node = self.node_mut(at);
            let before = (node.served, at);
            node.served = change(node.served, node.weight);
            let after = (node.served, at);
            let (is_queued, parent) = (node.is_queued, node.parent);
            if is_queued {
                let waiting = &mut self.node_mut(parent).waiting;
                waiting.remove(&before);
                waiting.insert(after);
            }
            at = parent;
        }
    }

    /// Returns the node of a member, and adds it and those above it if they are new here.
    fn member(&mut self, share: &Share) -> NodeId {
        if let Some(node) = self.by_share.get(&share.id()) {
            return *node;
        }
        let parent = share.parent().map_or(ROOT, |parent| self.member(parent));
        let node = self.add(parent, share.weight(), Some(share.downgrade()));
        self.node_mut(node).served = self.node(parent).now;
        self.by_share.insert(share.id(), node);
        node
    }

    /// Removes members without executions whose shares have no handle but the tree's.
    fn sweep(&mut self) {
        loop {
            let gone: Vec<(u64, NodeId)> = self
                .by_share
                .iter()
                .map(|(share, node)| (*share, *node))
                .filter(|(_, node)| self.node(*node).is_gone())
                .collect();
            if gone.is_empty() {
                break;
            }
            // A parent may be gone once its last child is.
            for (share, node) in gone {
                self.by_share.remove(&share);
                self.remove(node);
            }
        }
        self.sweep_at = (self.by_share.len() * 2).max(64);
    }

    fn add(&mut self, parent: NodeId, weight: NonZeroU32, share: Option<WeakShare>) -> NodeId {
        let node = Node::new(parent, weight, share);
        self.node_mut(parent).children += 1;
        if let Some(id) = self.free.pop() {
            *self.node_mut(id) = node;
            return id;
        }
        self.nodes.push(node);
        NodeId(self.nodes.len() - 1)
    }

    fn remove(&mut self, id: NodeId) {
        let node = self.node_mut(id);
        node.share = None;
        let parent = node.parent;
        self.node_mut(parent).children -= 1;
        self.free.push(id);
    }

    fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.nodes[id.0]
    }
}

impl Node {
    const fn new(parent: NodeId, weight: NonZeroU32, share: Option<WeakShare>) -> Self {
        Self {
            parent,
            weight,
            served: 0,
            now: 0,
            grace: 0,
            waiting: BTreeSet::new(),
            is_queued: false,
            children: 0,
            share,
        }
    }

    fn is_gone(&self) -> bool {
        self.children == 0 && self.share.as_ref().is_some_and(WeakShare::is_gone)
    }
}

fn virtual_time(time: u64, weight: NonZeroU32) -> u128 {
    u128::from(time) * SCALE / u128::from(weight.get())
}
