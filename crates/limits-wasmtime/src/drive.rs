//! Polling a guest so that it keeps its deadline and its neighbours keep running.

use core::future::{Future, poll_fn};
use core::panic::AssertUnwindSafe;
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::panic::{catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::Instant;

use tokio::task::coop::has_budget_remaining;
use tokio::time::Sleep;

use limits_core::{CpuTimePolicy, CpuWait, QuotaError, QuotaType, Retry};

use crate::cancel::CancelHandle;
use crate::hook::Stop;
use crate::meter::{SLICE, SUSPICIOUS, Turn};
use crate::nested::{self, Nested};
use crate::relay::Relay;
use crate::state::Credit;

/// How long before the deadline a waiting guest's timer is set. Tokio's timers come up to two
/// milliseconds late (its wheel and the kernel's poll both round up to the millisecond), so the
/// rest is waited out by yielding.
const TIMER_SLACK: Duration = Duration::from_millis(2);

/// The most that one trip through the runtime is charged for while a guest's deadline is waited
/// out by yielding. A trip takes a few microseconds; one that took longer served other tasks.
const MOST_TRIP: Duration = Duration::from_micros(20);

/// How the drive of a guest ended.
#[derive(Debug)]
pub(crate) enum Ended<R> {
    /// The guest's future came to its end, before its deadline or `late`.
    Done { output: R, late: bool },
    /// The guest was stopped; `counted` tells whether its fuel counter was in the store then.
    Stopped { stop: Stop, counted: bool },
}

/// What the clock saw of an execution.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) cpu_time: Duration,
    pub(crate) slices: u64,
    pub(crate) throttled: Duration,
    /// Why the guest was throttled: once a parent refused, that parent's refusal.
    pub(crate) throttled_by: Option<QuotaError>,
}

impl Seen {
    /// Returns how long the guest waited for CPU time and for whose, if it did.
    pub(crate) fn waited(&self) -> Option<CpuWait> {
        let refused = self.throttled_by.filter(|_| !self.throttled.is_zero())?;
        Some(CpuWait { time: self.throttled, refused })
    }
}

/// What one visit of the runtime came to.
enum Visit<R> {
    Ended(Ended<R>),
    /// Go to the runtime and come back.
    Yield,
}

/// Runs `guest` to its end, its deadline or its cancellation, whichever comes first.
///
/// The guest is polled again at once after a fuel yield, until its slice is over; then the
/// thread goes back to the runtime by `yield_now`, which lets timers and I/O run first (a plain
/// wake would queue the task again before them). A guest that waits is not polled until it is
/// woken. If the store has an account, each visit of the runtime begins by asking it for CPU time.
///
/// The guest's host functions share tokio's cooperative budget, as those of any task do: a loop
/// over futures that are always ready returns to the driver when the budget is used up, and the
/// driver to the runtime.
///
/// # Invariants
///
/// - I4: the clock is read after every poll, and no poll begins at or after the deadline.
/// - I5: the guest keeps the thread for no longer than one slice and the poll in which it ends.
/// - I7: no slice begins while the account has no CPU time, and every slice is charged, once: what
///   executions inside it were charged for is theirs.
pub(crate) async fn drive<F: Future>(
    guest: F,
    turn: Arc<Turn>,
    deadline: Option<Instant>,
    cancel: &CancelHandle,
    credit: Option<Credit>,
) -> (Ended<F::Output>, Seen) {
    let mut guest = pin!(guest);
    let mut cancelled = pin!(cancel.cancelled());
    let relay = Relay::new();
    let mut driver = Driver {
        turn,
        deadline,
        cancel,
        credit: credit.map(Bill::new),
        waker: Waker::from(Arc::clone(&relay)),
        relay,
        timer: None,
        pause: None,
        paused: None,
        parked: false,
        waiting: false,
        left: None,
        seen: Seen::default(),
    };
    loop {
        let visit = poll_fn(|cx| driver.visit(cx, guest.as_mut(), cancelled.as_mut())).await;
        match visit {
            Visit::Ended(ended) => return (ended, driver.seen),
            Visit::Yield => tokio::task::yield_now().await,
        }
    }
}

/// An account and what it is owed of less than a microsecond.
struct Bill {
    credit: Credit,
    owed: Duration,
}

impl Bill {
    const fn new(credit: Credit) -> Self {
        Self { credit, owed: Duration::ZERO }
    }

    fn charge(&mut self, ran: Duration) {
        self.owed = self.owed.saturating_add(ran);
        let micros = u64::try_from(self.owed.as_micros()).unwrap_or(u64::MAX);
        if micros > 0 {
            self.credit.account.charge(QuotaType::CpuTimeMicros(micros));
            self.owed = self.owed.saturating_sub(Duration::from_micros(micros));
        }
    }
}

enum Afford {
    Yes,
    No(QuotaError),
    After(Duration, QuotaError),
}

struct Driver<'c> {
    turn: Arc<Turn>,
    deadline: Option<Instant>,
    cancel: &'c CancelHandle,
    credit: Option<Bill>,
    relay: Arc<Relay>,
    waker: Waker,
    timer: Option<Pin<Box<Sleep>>>,
    /// Ends when the account has CPU time again.
    pause: Option<Pin<Box<Sleep>>>,
    /// Since when the guest waits for the account.
    paused: Option<Instant>,
    /// The guest is suspended inside the hook, perhaps with its fuel counter in a register.
    parked: bool,
    /// The guest waits and has not been woken yet.
    waiting: bool,
    /// When the driver last went to the runtime only to pass the time to the deadline.
    left: Option<Instant>,
    seen: Seen,
}

impl Driver<'_> {
    fn visit<F: Future>(
        &mut self,
        cx: &mut Context<'_>,
        mut guest: Pin<&mut F>,
        cancelled: Pin<&mut impl Future>,
    ) -> Poll<Visit<F::Output>> {
        // Registered before the flag is read: a cancellation is either seen or wakes us.
        let _ = cancelled.poll(cx);
        let began = self.turn.now();
        self.turn.begin(began);
        let cpu_began = self.turn.thread_time();
        if let Some(left) = self.left.take() {
            self.charge_trip(began.saturating_duration_since(left));
        }
        let mut now = began;
        let mut afforded = false;
        loop {
            if let Some(stop) = self.stop(now) {
                self.resume(now);
                let ended = Ended::Stopped { stop, counted: !self.parked };
                return Poll::Ready(Visit::Ended(ended));
            }
            if self.waiting && !self.relay.is_woken(cx.waker()) {
                return self.wait_on(cx, now);
            }
            if !afforded {
                match self.afford() {
                    Afford::Yes => self.resume(now),
                    Afford::After(delay, refused) => {
                        self.note_throttle(refused);
                        return self.pause(cx, now, delay);
                    }
                    Afford::No(error) => {
                        let stop = Stop::Quota(error);
                        let ended = Ended::Stopped { stop, counted: !self.parked };
                        return Poll::Ready(Visit::Ended(ended));
                    }
                }
                afforded = true;
            }
            self.relay.begin(cx.waker());
            // Caught so that the time of a host function that panics is counted, too.
            let (polled, nested) = nested::measure(|| {
                let mut guest_cx = Context::from_waker(&self.waker);
                catch_unwind(AssertUnwindSafe(|| guest.as_mut().poll(&mut guest_cx)))
            });
            let woken = self.relay.finish();
            let after = self.turn.now();
            let ran = after.saturating_duration_since(now);
            self.seen.slices = self.seen.slices.saturating_add(1);
            now = after;
            self.spend(ran, nested);
            let polled = polled.unwrap_or_else(|panic| resume_unwind(panic));
            self.parked = self.turn.take_parked();
            self.waiting = polled.is_pending() && !woken;
            let is_spent = polled.is_pending() && !has_budget_remaining();
            let own = self.own_time(ran, cpu_began).saturating_sub(nested.ran);
            self.turn.note_poll(own, woken && !self.parked);
            if let Poll::Ready(output) = polled {
                let late = self.deadline.is_some_and(|deadline| now >= deadline);
                return Poll::Ready(Visit::Ended(Ended::Done { output, late }));
            }
            if self.waiting {
                return self.wait(cx, now);
            }
            if self.parked || is_spent || now.saturating_duration_since(began) >= SLICE {
                // The next visit looks at deadline and cancellation before it polls.
                return Poll::Ready(Visit::Yield);
            }
        }
    }

    /// Asks the account whether the guest may run.
    fn afford(&self) -> Afford {
        let Some(bill) = &self.credit else {
            return Afford::Yes;
        };
        let moment = QuotaType::CpuTimeMicros(1);
        let account = &bill.credit.account;
        let Err(error) = account.peek(moment) else {
            return Afford::Yes;
        };
        match (bill.credit.policy, error.retry()) {
            // Waiting is not a denial; ending is, and an account may want to put that on record.
            (CpuTimePolicy::Deny, _) | (_, Retry::Never) => match account.take(moment) {
                Ok(()) => Afford::Yes,
                Err(error) => Afford::No(error),
            },
            (CpuTimePolicy::Throttle, Retry::After(delay)) => Afford::After(delay, error),
            (CpuTimePolicy::Throttle, Retry::Now) => Afford::After(Duration::from_millis(1), error),
        }
    }

    /// Notes that the guest held the thread for `ran`, and charges what executions inside it were
    /// not charged for.
    fn spend(&mut self, ran: Duration, nested: Nested) {
        self.seen.cpu_time = self.seen.cpu_time.saturating_add(ran.saturating_sub(nested.ran));
        let charged = match &mut self.credit {
            Some(bill) => {
                bill.charge(ran.saturating_sub(nested.charged));
                ran
            }
            None => nested.charged,
        };
        nested::spend(Nested { ran, charged });
    }

    /// Charges a trip through the runtime. It is no part of a poll, and so not of one around it.
    fn charge_trip(&mut self, took: Duration) {
        let took = took.min(MOST_TRIP);
        self.seen.cpu_time = self.seen.cpu_time.saturating_add(took);
        if let Some(bill) = &mut self.credit {
            bill.charge(took);
        }
    }

    /// Notes whose CPU time the guest waits for. A parent's is kept: what other components used
    /// up must not be put down to the component's own quota.
    fn note_throttle(&mut self, refused: QuotaError) {
        let is_own = self.seen.throttled_by.is_none_or(|known| known.depth() == 0);
        if is_own {
            self.seen.throttled_by = Some(refused);
        }
    }

    /// Leaves the guest be until its account has CPU time again, or for its deadline.
    fn pause<R>(&mut self, cx: &mut Context<'_>, now: Instant, delay: Duration) -> Poll<Visit<R>> {
        self.paused.get_or_insert(now);
        let until = now.checked_add(delay);
        if until.is_none_or(|until| self.deadline.is_some_and(|end| until >= end)) {
            return self.wait_on(cx, now);
        }
        let pause = self.pause.insert(Box::pin(tokio::time::sleep(delay)));
        match pause.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Visit::Yield),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Notes that the guest goes on.
    fn resume(&mut self, now: Instant) {
        self.pause = None;
        if let Some(since) = self.paused.take() {
            let waited = now.saturating_duration_since(since);
            self.seen.throttled = self.seen.throttled.saturating_add(waited);
        }
    }

    /// Returns how much of the time `ran` was the guest's own, if the visit began at `cpu_began` of
    /// the thread's time.
    ///
    /// On a busy machine the system takes the thread away for milliseconds. Taken for the price of
    /// the guest's fuel, that would have it looked at far too often for a long time.
    fn own_time(&self, ran: Duration, cpu_began: Option<Duration>) -> Duration {
        if ran < SUSPICIOUS {
            return ran;
        }
        match (cpu_began, self.turn.thread_time()) {
            (Some(began), Some(now)) => ran.min(now.saturating_sub(began)),
            _ => ran,
        }
    }

    fn stop(&self, now: Instant) -> Option<Stop> {
        if self.cancel.is_cancelled() {
            Some(Stop::Cancelled)
        } else if self.deadline.is_some_and(|deadline| now >= deadline) {
            Some(Stop::Deadline)
        } else {
            None
        }
    }

    /// Waits on in a visit that did not poll the guest since `since`, which is charged: there is
    /// nothing else that would pay for a guest that is woken for nothing.
    fn wait_on<R>(&mut self, cx: &mut Context<'_>, since: Instant) -> Poll<Visit<R>> {
        let now = self.turn.now();
        self.spend(now.saturating_duration_since(since), Nested::default());
        self.wait(cx, now)
    }

    /// Leaves the guest to wait for whatever wakes it, or for its deadline.
    fn wait<R>(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<Visit<R>> {
        let Some(deadline) = self.deadline else {
            return Poll::Pending;
        };
        let early = deadline.saturating_duration_since(now).saturating_sub(TIMER_SLACK);
        if early.is_zero() {
            self.left = Some(now);
            return Poll::Ready(Visit::Yield);
        }
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(early)));
        if timer.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        // Deadlines are of the real clock. Where a test has paused tokio's, the timer is early,
        // and is set anew.
        self.timer = None;
        Poll::Ready(Visit::Yield)
    }
}
