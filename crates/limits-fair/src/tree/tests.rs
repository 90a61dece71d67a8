//! The order of turns, and the books of virtual time.

use core::num::NonZeroU32;

use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, proptest};

use super::{LAG, NodeId, ROOT, SCALE, TURN, Tree, virtual_time};
use crate::share::Share;

fn weight(weight: u32) -> NonZeroU32 {
    NonZeroU32::new(weight).expect("a weight is at least 1")
}

/// Lets leaves spin on one slot for so many turns, and returns the turns of each.
fn spin(tree: &mut Tree, leaves: &[NodeId], turns: usize) -> Vec<usize> {
    leaves.iter().for_each(|leaf| tree.enqueue(*leaf));
    let mut given = vec![0; leaves.len()];
    for _ in 0..turns {
        let leaf = tree.pick().expect("they wait");
        given[leaves.iter().position(|it| *it == leaf).expect("one of them")] += 1;
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

/// A refund takes back the grace that the charge brought.
#[test]
fn new_executions_are_ahead_of_old_ones_for_a_quarter_of_the_time_at_most() {
    let mut tree = Tree::new();
    let share = Share::new(weight(1));
    let old = tree.add_leaf(Some(&share));
    let helper = tree.add_leaf(Some(&share));
    tree.enqueue(old);
    let (mut of_old, mut of_new) = (0, 0);
    for _ in 0..1_000 {
        // The helper waits for its host again and again: 1 us each time.
        for _ in 0..8 {
            tree.enqueue(helper);
            if tree.pick() == Some(old) {
                of_old += TURN;
                tree.enqueue(old);
                tree.dequeue(helper);
            } else {
                tree.refund(helper, TURN - 1_000);
            }
        }
        let new = tree.add_leaf(Some(&share));
        tree.enqueue(new);
        if tree.pick() == Some(old) {
            of_old += TURN;
            tree.enqueue(old);
        } else {
            of_new += TURN;
        }
        tree.remove_leaf(new);
    }
    assert!(of_new <= of_old, "old {of_old}, new {of_new} ns");
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
            (1..5).zip([0, 1, 0, 1]).map(|(it, at): (u32, usize)| tenants[at].child(weight(it))).collect();
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
