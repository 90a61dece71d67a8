//! One execution's turns on a runtime's threads, beside its other guests.

use core::task::{Context, Poll};
use core::time::Duration;

use limits_fair::{Pool, Seat, Share};

use crate::moment::{Moment, nanos};
use crate::runtime_pool::{RuntimePool, number_of_thread};

/// One execution's turns, as its driver takes them.
#[derive(Debug)]
pub(crate) struct Turns<'e> {
    pool: &'e RuntimePool,
    seat: Seat<&'e Pool>,
    /// Time that the guest ran since it was last settled.
    ran: Duration,
    /// The execution is inside the poll of another one, whose share is charged for both.
    is_inside: bool,
    /// A slice is over: it is decided anew whose turn it is.
    is_due: bool,
    /// Start of the wait for a turn.
    queued: Option<Moment>,
}

impl<'e> Turns<'e> {
    pub(crate) fn new(pool: &'e RuntimePool, share: Option<Share>) -> Self {
        let seat = Seat::new(pool.pool(), share, number_of_thread());
        Self { pool, seat, ran: Duration::ZERO, is_inside: false, is_due: false, queued: None }
    }

    /// Waits for the execution's turn, and returns the time that it has waited.
    #[inline]
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, now: Moment) -> Poll<Duration> {
        self.is_inside = false;
        if self.seat.is_held() && !self.is_due {
            return Poll::Ready(Duration::ZERO);
        }
        let time = now.as_nanos();
        let polled = if self.is_due {
            self.is_due = false;
            let ran = nanos(core::mem::take(&mut self.ran));
            self.seat.poll_turn(cx, time, ran)
        } else {
            self.seat.poll_take(cx, time)
        };
        if polled.is_pending() {
            self.queued.get_or_insert(now);
            self.pool.watch();
            return Poll::Pending;
        }
        Poll::Ready(self.leave_queue(now))
    }

    /// Notes that the execution is inside the poll of another one, and uses the slot of that.
    #[inline]
    pub(crate) const fn go_inside(&mut self) {
        self.is_inside = true;
    }

    /// Notes that the guest ran.
    #[inline]
    pub(crate) fn note(&mut self, ran: Duration) {
        if !self.is_inside {
            self.ran = self.ran.saturating_add(ran);
        }
    }

    /// Notes that a slice is over.
    #[inline]
    pub(crate) const fn end_slice(&mut self) {
        self.is_due = true;
    }

    /// Gives the slot back: the guest waits, has ended, or may not run.
    #[inline]
    pub(crate) fn release(&mut self, now: Moment) {
        self.is_due = false;
        // Time that the driver took without a slot is settled with the next turn, or at the end.
        let has_slot = self.seat.is_held();
        let ran = if has_slot { nanos(core::mem::take(&mut self.ran)) } else { 0 };
        self.seat.give_back(now.as_nanos(), ran);
    }

    /// Tells whether the execution waits for its turn.
    pub(crate) const fn is_queued(&self) -> bool {
        self.queued.is_some()
    }

    /// Notes that the execution does not wait any longer, and returns the time that it has waited.
    #[inline]
    pub(crate) fn leave_queue(&mut self, now: Moment) -> Duration {
        self.queued.take().map_or(Duration::ZERO, |since| now.since(since))
    }
}

impl Drop for Turns<'_> {
    /// Settles what the guest ran since its last turn: its deadline has passed, it was cancelled,
    /// or its future was dropped.
    fn drop(&mut self) {
        if self.seat.is_held() {
            self.release(Moment::now());
        } else if !self.ran.is_zero() {
            self.seat.charge(nanos(self.ran));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Turns;
    use crate::cancel::CancelHandle;
    use crate::cpu_account::TimeUse;
    use crate::driver::drive;
    use crate::moment::Moment;
    use crate::nested;
    use crate::runtime_pool::FairTurns;
    use crate::yield_waker::KeptWaker;
    use core::future::Future as _;
    use core::num::NonZeroU32;
    use core::pin::pin;
    use core::task::{Context, Waker};
    use core::time::Duration;
    use limits_fair::Share;
    use tokio::runtime::Handle;

    /// Polls an execution of 10 ms inside the poll of another one, which has a slot.
    fn run_inside(mut turns: Turns<'_>, cx: &mut Context<'_>) {
        let guest = pin!(async {
            let began = Moment::now();
            while Moment::now().since(began) < Duration::from_millis(10) {}
        });
        let (cancel, mut time) = (CancelHandle::new(), TimeUse::default());
        cancel.clock().start(Moment::now(), u64::MAX);
        let mut yields = KeptWaker::new();
        let driven = drive(guest, &cancel, None, &mut time, &mut yields, Some(&mut turns));
        let (polled, _) = nested::measure(true, || pin!(driven).poll(cx).is_ready());
        assert!(polled);
    }

    /// Two components queue for the only slot. Another execution of the first one runs meanwhile,
    /// inside one that is charged for it, or on its own.
    #[tokio::test]
    async fn an_execution_inside_another_one_is_charged_to_the_outer_ones_share_only() {
        for is_inside in [true, false] {
            let fair = FairTurns::default();
            let pool = fair.here(&Handle::current());
            let (cx, now) = (&mut Context::from_waker(Waker::noop()), Moment::now());
            let [one, other] = [(); 2].map(|()| Share::new(NonZeroU32::MIN));
            let [mut holder, mut inner, mut first, mut second] =
                [None, Some(one.clone()), Some(one), Some(other)]
                    .map(|share| Turns::new(&pool, share));
            assert!(holder.poll(cx, now).is_ready());
            assert!(first.poll(cx, now).is_pending() && second.poll(cx, now).is_pending());
            if is_inside {
                run_inside(inner, cx);
            } else {
                inner.note(Duration::from_millis(10));
                drop(inner);
            }
            holder.release(now);
            assert_eq!(second.poll(cx, now).is_ready(), !is_inside);
            assert_eq!(first.poll(cx, now).is_ready(), is_inside);
        }
    }
}
