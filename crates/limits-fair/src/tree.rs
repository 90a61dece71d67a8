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
//!   who sleeps saves up nothing beyond it.
//! - I4: every node above a leaf is charged what the leaf is charged.

use core::num::NonZeroU32;
use std::collections::{BTreeSet, HashMap};

use crate::share::{Share, WeakShare};

/// The time that is charged when a turn begins, in nanoseconds: a slice. The rest is settled at
/// the turn's end.
pub(crate) const TURN: u64 = 250_000;

/// What a member that comes back after a pause may have of earlier service, in nanoseconds.
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

#[cfg(all(test, not(loom)))]
mod tests {
    use core::num::NonZeroU32;

    use proptest::collection::vec;
    use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, proptest};

    use super::{LAG, NodeId, ROOT, SCALE, TURN, Tree, virtual_time};
    use crate::share::Share;

    fn weight(weight: u32) -> NonZeroU32 {
        NonZeroU32::new(weight).unwrap()
    }

    /// Lets leaves spin on one slot for so many turns, and returns the turns of each.
    fn spin(tree: &mut Tree, leaves: &[NodeId], turns: usize) -> Vec<usize> {
        leaves.iter().for_each(|leaf| tree.enqueue(*leaf));
        let mut given = vec![0; leaves.len()];
        for _ in 0..turns {
            let leaf = tree.pick().unwrap();
            given[leaves.iter().position(|it| *it == leaf).unwrap()] += 1;
            tree.enqueue(leaf);
        }
        leaves.iter().for_each(|leaf| tree.dequeue(*leaf));
        given
    }

    #[test]
    fn members_get_turns_by_their_weights() {
        let mut tree = Tree::new();
        let shares = [1, 2, 7].map(|it| Share::new(weight(it)));
        let leaves = shares.each_ref().map(|share| tree.add_leaf(Some(share)));
        assert_eq!(spin(&mut tree, &leaves, 1_000), [100, 200, 700]);
    }

    #[test]
    fn a_member_gets_no_more_turns_by_more_executions() {
        let mut tree = Tree::new();
        let shares = [1, 1].map(|it| Share::new(weight(it)));
        let one = tree.add_leaf(Some(&shares[0]));
        let mut leaves = vec![one];
        leaves.extend((0..50).map(|_| tree.add_leaf(Some(&shares[1]))));
        let given = spin(&mut tree, &leaves, 1_000);
        assert!((499..=501).contains(&given[0]), "{given:?}");
    }

    #[test]
    fn a_tenant_gets_no_more_turns_by_more_components() {
        let mut tree = Tree::new();
        let tenants = [1, 1].map(|it| Share::new(weight(it)));
        let one = tree.add_leaf(Some(&tenants[0].child(weight(1))));
        let mut leaves = vec![one];
        let components: Vec<Share> = (0..51).map(|_| tenants[1].child(weight(9))).collect();
        leaves.extend(components.iter().map(|share| tree.add_leaf(Some(share))));
        let given = spin(&mut tree, &leaves, 1_000);
        assert!((499..=501).contains(&given[0]), "{given:?}");
    }

    // I3
    #[test]
    fn a_member_that_slept_has_saved_up_no_more_than_the_lag() {
        let mut tree = Tree::new();
        let shares = [1, 1].map(|it| Share::new(weight(it)));
        let leaves = shares.each_ref().map(|share| tree.add_leaf(Some(share)));
        assert_eq!(spin(&mut tree, &leaves[..1], 1_000), [1_000]);
        leaves.iter().for_each(|leaf| tree.enqueue(*leaf));
        let in_a_row = (0..1_000).take_while(|_| {
            let leaf = tree.pick().unwrap();
            tree.enqueue(leaf);
            leaf == leaves[1]
        });
        let most = usize::try_from(LAG / TURN).unwrap() + 1;
        assert!((1..=most).contains(&in_a_row.count()));
    }

    #[test]
    fn a_stream_of_new_executions_does_not_starve_an_old_one_of_their_component() {
        let mut tree = Tree::new();
        let share = Share::new(weight(1));
        let old = tree.add_leaf(Some(&share));
        tree.enqueue(old);
        let mut turns = 0;
        for _ in 0..1_000 {
            let new = tree.add_leaf(Some(&share));
            tree.enqueue(new);
            let next = tree.pick().unwrap();
            if next == old {
                turns += 1;
                tree.enqueue(old);
            }
            tree.remove_leaf(new);
        }
        assert!(turns >= 500, "{turns}");
    }

    #[test]
    fn members_whose_shares_are_gone_are_forgotten() {
        let mut tree = Tree::new();
        let kept = Share::new(weight(1));
        let mut leaf = tree.add_leaf(Some(&kept.child(weight(1))));
        for _ in 0..10_000 {
            tree.remove_leaf(leaf);
            leaf = tree.add_leaf(Some(&kept.child(weight(1)).child(weight(1))));
        }
        assert!(tree.nodes.len() <= 512, "{} nodes", tree.nodes.len());
        assert!(tree.by_share.contains_key(&kept.id()));
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Enqueue(usize),
        Dequeue(usize),
        Pick,
        Charge(usize, u64),
        Refund(usize, u64),
        Renew(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        (0_u8..6, 0_usize..8, any::<u32>()).prop_map(|(kind, leaf, time)| match kind {
            0 => Step::Enqueue(leaf),
            1 => Step::Dequeue(leaf),
            2 => Step::Pick,
            3 => Step::Charge(leaf, time.into()),
            4 => Step::Refund(leaf, u64::from(time) % TURN),
            _ => Step::Renew(leaf),
        })
    }

    proptest! {
        // I1, I2, I4
        #[test]
        fn whatever_happens_the_queues_have_those_that_wait_and_time_never_falls(
            steps in vec(step(), 0..200),
        ) {
            let mut tree = Tree::new();
            let tenants = [1, 3].map(|it| Share::new(weight(it)));
            let shares: Vec<Share> =
                (0..4).map(|at: usize| tenants[at % 2].child(weight(1 + at as u32))).collect();
            let mut leaves: Vec<NodeId> =
                (0..8).map(|at| tree.add_leaf(Some(&shares[at % 4]))).collect();
            let mut waits = [false; 8];
            let mut now: Vec<u128> = Vec::new();
            for step in steps {
                match step {
                    Step::Enqueue(at) => {
                        tree.enqueue(leaves[at]);
                        waits[at] = true;
                    }
                    Step::Dequeue(at) => {
                        tree.dequeue(leaves[at]);
                        waits[at] = false;
                    }
                    Step::Pick => match tree.pick() {
                        Some(leaf) => {
                            let at = leaves.iter().position(|it| *it == leaf).unwrap();
                            prop_assert!(waits[at]);
                            waits[at] = false;
                        }
                        None => prop_assert_eq!(waits, [false; 8]),
                    },
                    Step::Charge(at, time) => tree.charge(leaves[at], time),
                    Step::Refund(at, time) => tree.refund(leaves[at], time),
                    Step::Renew(at) => {
                        tree.remove_leaf(leaves[at]);
                        leaves[at] = tree.add_leaf(Some(&shares[at % 4]));
                        waits[at] = false;
                    }
                }
                prop_assert_eq!(tree.is_waited_for(), waits.contains(&true));
                for (at, node) in tree.nodes.iter().enumerate() {
                    let below = tree.nodes.iter().enumerate().filter(|(child, it)| {
                        *child != 0 && it.parent == NodeId(at) && it.is_queued
                    });
                    let below: Vec<_> =
                        below.map(|(child, it)| (it.served, NodeId(child))).collect();
                    prop_assert_eq!(below.len(), node.waiting.len());
                    prop_assert!(below.iter().all(|place| node.waiting.contains(place)));
                    let is_leaf = leaves.contains(&NodeId(at));
                    if at != 0 && !is_leaf && !tree.free.contains(&NodeId(at)) {
                        prop_assert_eq!(node.is_queued, !node.waiting.is_empty());
                    }
                    if !is_leaf {
                        now.resize(now.len().max(at + 1), 0);
                        prop_assert!(node.now >= now[at]);
                        now[at] = node.now;
                    }
                }
            }
        }

        // I4
        #[test]
        fn what_an_execution_is_charged_all_above_it_are_charged(times in vec(0..u64::MAX >> 24, 0..9)) {
            let mut tree = Tree::new();
            let tenant = Share::new(weight(2));
            let leaf = tree.add_leaf(Some(&tenant.child(weight(4))));
            let before: Vec<u128> = tree.nodes.iter().map(|node| node.served).collect();
            times.iter().for_each(|time| tree.charge(leaf, *time));
            let sum: u64 = times.iter().sum();
            let mut at = leaf;
            while at != ROOT {
                let node = tree.node(at);
                let due = u128::from(sum) * SCALE / u128::from(node.weight.get());
                prop_assert_eq!(node.served - before[at.0], due);
                prop_assert_eq!(virtual_time(sum, node.weight), due);
                at = node.parent;
            }
        }
    }
}
