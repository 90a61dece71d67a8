//! One execution's place in a pool.

use core::ops::Deref;
use core::task::{Context, Poll};

use crate::pool::{Pool, Waiter};
use crate::share::Share;
use crate::slots::{Held, Swap};
use crate::tree::{NodeId, TURN};

/// One execution's place in a pool: it holds a slot, waits for one, or does neither.
///
/// While no seat waits, taking a slot and giving it back are one compare-and-swap each on a word of
/// the slot, without a lock; a seat that has waited once takes the pool's lock. Dropped, it gives
/// back what it has.
#[derive(Debug)]
pub struct Seat<P: Deref<Target = Pool>> {
    pool: P,
    share: Option<Share>,
    /// The slot at which it looks first.
    first: usize,
    held: Option<Held>,
    /// Nanoseconds of the present turn that were charged at its beginning.
    ahead: u64,
    /// Set from the first wait on.
    leaf: Option<NodeId>,
    /// The time of the last call.
    now: u64,
}

impl<P: Deref<Target = Pool>> Seat<P> {
    /// Returns a seat without a slot. Without a share it is a member of its own below the host, of
    /// weight 1. `first` is the number of the slot at which it looks first, any number: seats that
    /// begin on different threads look at different ones.
    #[must_use]
    pub const fn new(pool: P, share: Option<Share>, first: usize) -> Self {
        Self { pool, share, first, held: None, ahead: 0, leaf: None, now: 0 }
    }

    /// Reports whether it holds a slot, as far as it knows.
    #[must_use]
    pub const fn is_held(&self) -> bool {
        self.held.is_some()
    }

    /// Takes a slot, or waits for one. Where it waits, the task is woken for its turn.
    pub fn poll_take(&mut self, cx: &mut Context<'_>, now: u64) -> Poll<()> {
        self.now = now;
        if self.held.is_some() {
            return Poll::Ready(());
        }
        if self.leaf.is_none()
            && let Some(held) = self.pool.slots().try_take(self.first, now)
        {
            return self.begin(held, 0);
        }
        let mut state = self.pool.lock();
        let leaf = state.leaf(&mut self.leaf, self.share.as_ref());
        match state.waiter(leaf) {
            Some(waiter @ Waiter::Granted(_)) => {
                if let Waiter::Granted(held) = core::mem::replace(waiter, Waiter::Away) {
                    drop(state);
                    return self.begin(held, TURN);
                }
            }
            Some(Waiter::Waiting(waker)) => {
                waker.clone_from(cx.waker());
                return Poll::Pending;
            }
            _ => {}
        }
        if let Some(held) = self.pool.slots().take_or_want(now) {
            drop(state);
            return self.begin(held, 0);
        }
        state.wait(leaf, cx.waker());
        Poll::Pending
    }

    fn begin(&mut self, held: Held, ahead: u64) -> Poll<()> {
        self.held = Some(held);
        self.ahead = ahead;
        Poll::Ready(())
    }

    /// Ends a turn in which the execution ran for `ran` nanoseconds, and begins another at once if
    /// no seat waits, or none that was served less. Otherwise the slot is passed on, and the task
    /// is woken for its next turn, which [`poll_take`](Self::poll_take) takes.
    pub fn poll_turn(&mut self, cx: &mut Context<'_>, now: u64, ran: u64) -> Poll<()> {
        self.now = now;
        let Some(held) = &mut self.held else { return self.poll_take(cx, now) };
        if self.pool.slots().renew(held, now) == Swap::Done {
            // While no seat waits, time is free; the part charged ahead stays charged.
            self.ahead = 0;
            return Poll::Ready(());
        }
        let held = *held;
        self.held = None;
        let mut state = self.pool.lock();
        let leaf = state.leaf(&mut self.leaf, self.share.as_ref());
        settle(state.tree(), leaf, self.ahead, ran);
        self.ahead = 0;
        let is_ours = self.pool.slots().is_held(held);
        state.wait(leaf, cx.waker());
        let waker = match is_ours {
            true => self.pool.pass(&mut state, held, now),
            // The slot was passed on while the execution kept its thread.
            false => match self.pool.slots().take_or_want(now) {
                Some(held) => self.pool.pass(&mut state, held, now),
                None => None,
            },
        };
        if let Some(waiter @ Waiter::Granted(_)) = state.waiter(leaf)
            && let Waiter::Granted(held) = core::mem::replace(waiter, Waiter::Away)
        {
            drop(state);
            return self.begin(held, TURN);
        }
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        Poll::Pending
    }

    /// Gives the slot back after a turn in which the execution ran for `ran` nanoseconds: it ends,
    /// or waits for its host. A seat without a slot waits for none any longer.
    pub fn give_back(&mut self, now: u64, ran: u64) {
        self.now = now;
        let Some(held) = self.held.take() else { return self.leave_queue(now) };
        if self.pool.slots().give_back(held) == Swap::Done {
            // While no seat waits, time is free; the part charged ahead stays charged.
            self.ahead = 0;
            return;
        }
        let mut state = self.pool.lock();
        let leaf = state.leaf(&mut self.leaf, self.share.as_ref());
        settle(state.tree(), leaf, self.ahead, ran);
        self.ahead = 0;
        let waker = match self.pool.slots().is_held(held) {
            true => self.pool.pass(&mut state, held, now),
            false => None,
        };
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Charges time that the execution took without a slot, in nanoseconds; while no seat waits,
    /// time is free.
    pub fn charge(&mut self, ran: u64) {
        if self.pool.slots().is_wanted() {
            let mut state = self.pool.lock();
            let leaf = state.leaf(&mut self.leaf, self.share.as_ref());
            state.tree().charge(leaf, ran);
        }
    }

    fn leave_queue(&mut self, now: u64) {
        let Some(leaf) = self.leaf else { return };
        let mut state = self.pool.lock();
        let waker = state.leave(leaf).and_then(|held| self.pool.pass(&mut state, held, now));
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// The least that a turn costs, in nanoseconds: the pool and the runtime work for it, too.
const LEAST_TURN: u64 = 5_000;

fn settle(tree: &mut crate::tree::Tree, leaf: NodeId, ahead: u64, ran: u64) {
    let ran = ran.max(LEAST_TURN);
    if ran >= ahead {
        tree.charge(leaf, ran - ahead);
    } else {
        tree.refund(leaf, ahead - ran);
    }
}

impl<P: Deref<Target = Pool>> Drop for Seat<P> {
    fn drop(&mut self) {
        self.give_back(self.now, self.ahead);
        if let Some(leaf) = self.leaf {
            self.pool.lock().remove(leaf);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use core::num::{NonZeroU32, NonZeroUsize};
    use core::task::{Context, Poll, Waker};
    use std::sync::Arc;

    use super::Seat;
    use crate::pool::Pool;
    use crate::share::Share;

    /// Later than any holder may come back.
    const OVERDUE: u64 = 6_000_000;

    fn pool(slots: usize) -> Arc<Pool> {
        Arc::new(Pool::new(NonZeroUsize::new(slots).expect("at least one")))
    }

    fn seat(pool: &Arc<Pool>) -> Seat<Arc<Pool>> {
        Seat::new(Arc::clone(pool), Some(Share::new(NonZeroU32::MIN)), 0)
    }

    fn takes(seat: &mut Seat<Arc<Pool>>, now: u64) -> bool {
        seat.poll_take(&mut Context::from_waker(Waker::noop()), now).is_ready()
    }

    fn turns(seat: &mut Seat<Arc<Pool>>, now: u64, ran: u64) -> bool {
        seat.poll_turn(&mut Context::from_waker(Waker::noop()), now, ran) == Poll::Ready(())
    }

    #[test]
    fn every_seat_that_can_run_runs_while_a_slot_is_free() {
        let pool = pool(3);
        let mut seats = [(); 4].map(|()| seat(&pool));
        assert_eq!(seats.each_mut().map(|seat| takes(seat, 0)), [true, true, true, false]);
        seats[1].give_back(9, 9);
        assert_eq!(seats.each_mut().map(|seat| takes(seat, 9)), [true, false, true, true]);
    }

    #[test]
    fn a_turn_goes_on_while_no_seat_waits_and_alternates_once_one_does() {
        let pool = pool(1);
        let (mut one, mut other) = (seat(&pool), seat(&pool));
        assert!(takes(&mut one, 0));
        assert!(turns(&mut one, 250_000, 250_000));
        assert!(!takes(&mut other, 250_001));
        assert!(!turns(&mut one, 500_000, 250_000));
        assert!(takes(&mut other, 500_000));
        assert!(!turns(&mut other, 750_001, 250_001));
        assert!(takes(&mut one, 750_001));
    }

    // I6
    #[test]
    fn a_holder_whose_slot_was_passed_on_does_not_pass_it_on_once_more() {
        let pool = pool(1);
        let [mut stuck, mut next, mut third] = [(); 3].map(|()| seat(&pool));
        assert!(takes(&mut stuck, 0));
        assert!(!takes(&mut next, 1));
        assert!(!takes(&mut third, 2));
        assert!(pool.inspect(OVERDUE) && pool.inspect(OVERDUE));
        assert!(takes(&mut next, OVERDUE));
        stuck.give_back(OVERDUE, OVERDUE);
        assert!(!takes(&mut third, OVERDUE));
        next.give_back(OVERDUE, 1);
        assert!(takes(&mut third, OVERDUE));
        drop((stuck, next, third));
        assert_eq!(pool.free_slots(), 1);
    }

    #[test]
    fn a_holder_whose_slot_was_passed_on_waits_for_its_next_turn() {
        let pool = pool(1);
        let [mut stuck, mut next] = [(); 2].map(|()| seat(&pool));
        assert!(takes(&mut stuck, 0));
        assert!(!takes(&mut next, 1));
        assert!(pool.inspect(OVERDUE) && !pool.inspect(OVERDUE));
        assert!(!turns(&mut stuck, OVERDUE, OVERDUE));
        assert!(takes(&mut next, OVERDUE));
        next.give_back(OVERDUE, 1);
        assert!(takes(&mut stuck, OVERDUE));
    }

    #[test]
    fn a_slot_granted_to_one_that_is_not_polled_goes_to_the_next() {
        let pool = pool(1);
        let [mut holder, mut idle, mut next] = [(); 3].map(|()| seat(&pool));
        assert!(takes(&mut holder, 0));
        assert!(!takes(&mut idle, 1));
        assert!(!takes(&mut next, 2));
        holder.give_back(3, 3);
        assert!(pool.inspect(OVERDUE) && !pool.inspect(OVERDUE));
        assert!(!takes(&mut idle, OVERDUE));
        assert!(takes(&mut next, OVERDUE));
        drop((holder, idle, next));
        assert_eq!(pool.free_slots(), 1);
    }

    #[test]
    fn a_turn_costs_something_even_if_the_execution_ran_for_nothing() {
        let pool = pool(1);
        let [mut brief, mut long] = [(); 2].map(|()| seat(&pool));
        assert!(takes(&mut brief, 0));
        assert!(!takes(&mut long, 1));
        let mut now = 2;
        let mut counts = [0_u32; 2];
        // It is served less than the other one, turn after turn, until the price of its turns is
        // that of one of the other's.
        while counts[1] < 3 {
            now += 1;
            if brief.is_held() || takes(&mut brief, now) {
                counts[0] += 1;
                turns(&mut brief, now, 0);
            } else if long.is_held() || takes(&mut long, now) {
                counts[1] += 1;
                now += 250_000;
                turns(&mut long, now, 250_000);
            }
            assert!(counts[0] < 200, "{counts:?}");
        }
        assert!(counts[0] > 50, "{counts:?}");
    }

    #[test]
    fn time_without_a_slot_is_charged_to_the_share_while_a_seat_waits() {
        let pool = pool(1);
        let own = Share::new(NonZeroU32::MIN);
        let of_share = || Seat::new(Arc::clone(&pool), Some(own.clone()), 0);
        let mut holder = seat(&pool);
        // Free, while no seat waits.
        of_share().charge(1_000_000_000);
        assert!(takes(&mut holder, 0));
        let [mut first, mut second] = [(); 2].map(|()| seat(&pool));
        assert!(!takes(&mut first, 1));
        of_share().charge(100_000_000);
        let mut charged = of_share();
        assert!(!takes(&mut charged, 2));
        assert!(!takes(&mut second, 3));
        holder.give_back(4, 4);
        assert!(takes(&mut first, 5));
        first.give_back(6, 1);
        assert!(takes(&mut second, 7) && !takes(&mut charged, 7));
        second.give_back(8, 1);
        assert!(takes(&mut charged, 9));
    }

    #[test]
    fn a_seat_that_leaves_the_queue_gets_no_slot() {
        let pool = pool(1);
        let [mut holder, mut other, mut third] = [(); 3].map(|()| seat(&pool));
        assert!(takes(&mut holder, 0));
        assert!(!takes(&mut other, 1));
        assert!(!takes(&mut third, 2));
        other.give_back(3, 0);
        holder.give_back(4, 4);
        assert!(takes(&mut third, 5));
        third.give_back(6, 1);
        assert!(takes(&mut other, 7));
    }

    #[test]
    fn a_seat_that_leaves_with_a_slot_that_it_has_not_seen_passes_it_on() {
        let pool = pool(1);
        let [mut holder, mut granted, mut third] = [(); 3].map(|()| seat(&pool));
        assert!(takes(&mut holder, 0));
        assert!(!takes(&mut granted, 1));
        assert!(!takes(&mut third, 2));
        holder.give_back(3, 3);
        granted.give_back(4, 0);
        assert!(takes(&mut third, 5));
    }

    // I6, I9
    #[test]
    fn a_holder_whose_slot_was_passed_on_does_not_take_that_of_a_later_one() {
        let pool = pool(1);
        let [mut leaver, mut stuck, mut third] = [(); 3].map(|()| seat(&pool));
        assert!(takes(&mut leaver, 0));
        assert!(!takes(&mut stuck, 1));
        // The slot goes to `stuck` at the time of the last call of `leaver`.
        assert!(!turns(&mut leaver, 1_000_000, 1_000_000));
        assert!(takes(&mut stuck, 2_000_000));
        // `stuck` blocks its thread; its slot goes to `leaver`, which is dropped before it runs.
        assert!(pool.inspect(8_000_000) && !pool.inspect(10_000_000));
        assert!(!takes(&mut third, 10_000_000));
        drop(leaver);
        assert!(takes(&mut third, 10_000_000));
        stuck.give_back(11_000_000, 1_000_000);
        assert_eq!(pool.free_slots(), 0, "the third has the slot");
    }

    #[test]
    fn the_first_slot_is_any_number() {
        let pool = pool(3);
        for _ in 0..3 {
            let mut one = Seat::new(Arc::clone(&pool), None, usize::MAX);
            assert!(takes(&mut one, 0));
            core::mem::forget(one);
        }
        assert_eq!(pool.free_slots(), 0);
    }

    #[test]
    fn a_holder_is_not_overdue_before_its_time() {
        let pool = pool(1);
        let [mut holder, mut other] = [(); 2].map(|()| seat(&pool));
        assert!(takes(&mut holder, 0));
        assert!(!takes(&mut other, 1));
        assert!(pool.inspect(5_000_000) && pool.inspect(5_000_000));
        assert!(!takes(&mut other, 5_000_000));
    }

    #[test]
    fn a_holder_that_comes_back_between_two_inspections_keeps_its_slot() {
        let pool = pool(1);
        let [mut holder, mut other] = [(); 2].map(|()| seat(&pool));
        assert!(takes(&mut holder, 0));
        assert!(!takes(&mut other, 1));
        assert!(pool.inspect(OVERDUE));
        assert!(!turns(&mut holder, OVERDUE, 9_000_000));
        assert!(takes(&mut other, OVERDUE));
        assert!(pool.inspect(OVERDUE + 1_000));
        assert!(!takes(&mut holder, OVERDUE + 1_000));
    }

    #[test]
    fn a_grant_that_lapses_or_is_left_is_not_charged() {
        let pool = pool(1);
        let [mut holder, mut idle] = [(); 2].map(|()| seat(&pool));
        for round in 0..9 {
            let now = round * 10 * OVERDUE;
            assert!(takes(&mut holder, now));
            assert!(!takes(&mut idle, now));
            assert!(!turns(&mut holder, now, 1));
            if round % 2 == 0 {
                let late = now + OVERDUE;
                assert!(pool.inspect(late) && !pool.inspect(late));
                assert!(takes(&mut holder, late));
                holder.give_back(late, 1);
                assert!(takes(&mut idle, late));
            }
            idle.give_back(now + 2 * OVERDUE, 0);
            holder.give_back(now + 2 * OVERDUE, 1);
        }
        assert!(pool.lock().tree().served(idle.leaf.unwrap()) < 2 * 250_000);
    }
}
