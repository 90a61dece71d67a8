//! Polling a guest so that it keeps its deadline and its neighbours keep running.

use core::future::{Future, poll_fn};
use core::panic::AssertUnwindSafe;
use core::pin::{Pin, pin};
use core::task::{Context, Poll};
use core::time::Duration;
use std::panic::{catch_unwind, resume_unwind};
use std::time::Instant;

use tokio::sync::futures::Notified;
use tokio::task::coop::has_budget_remaining;
use tokio::time::Sleep;

use crate::cancel::CancelHandle;
use crate::cpu_account::{CpuAccount, CpuBudget, TimeUse};
use crate::cpu_mark::CpuMark;
use crate::crowd::{self, Place};
use crate::fuel_interval::INTERVAL;
use crate::hook::Stop;
use crate::nested::{self, Nested};
use crate::slice_clock::SliceClock;
use crate::yield_waker::KeptWaker;

/// Time before the deadline at which the timer of a guest that waits for the host is set. Tokio's
/// timers come up to two milliseconds late (its wheel and the kernel's poll both round up to the
/// millisecond), so the rest is waited out by yielding.
const TIMER_SLACK: Duration = Duration::from_millis(2);

/// The most that one trip through the runtime is charged for while a guest's deadline is waited
/// out by yielding. A trip takes a few microseconds; a longer one served other tasks.
const MOST_TRIP: Duration = Duration::from_micros(20);

/// The length from which on a poll is looked into: was it the guest, or did the system run others?
/// A shorter poll does not shorten the interval that it used up, whatever it was.
const LONG_POLL: Duration = INTERVAL;

/// The length up to which a pass is short. A guest that waits for the host again and again has only
/// such passes, and the clock of its thread would be a large part of each.
const SHORT_PASS: Duration = Duration::from_micros(50);

/// The end of a guest's future.
#[derive(Debug)]
pub(crate) enum Driven<R> {
    /// The future was polled to its end, before its deadline or `late`, and ended at `at`.
    Done { output: R, late: bool, at: Instant },
    /// The guest was stopped; `fuel_exact` if its fuel counter was in the store then.
    Stopped { stop: Stop, fuel_exact: bool },
}

/// One pass of the runtime over the driver.
enum PollPass<R> {
    Ended(Driven<R>),
    /// Go to the runtime and come back.
    Yield,
}

/// Runs `guest` to its end, its deadline or its cancellation, whichever comes first.
///
/// The guest is polled again at once after a fuel yield, until its slice is over; then the
/// thread goes back to the runtime by `yield_now`, which lets timers and I/O run first (a plain
/// wake would queue the task again before them). A guest that waits is not polled until it is
/// woken. If the store has an account, each pass begins by asking it for CPU time. `time` is kept
/// up to date, so that it is right where the future is dropped.
///
/// The guest's host functions share tokio's cooperative budget, as those of any task do: a loop
/// over futures that are always ready returns to the driver when the budget is used up, and the
/// driver to the runtime.
///
/// # Invariants
///
/// - I4: the clock is read after every poll, and no poll begins at or after the deadline.
/// - I5: the guest keeps the thread for no longer than one slice and the poll in which it ends.
/// - I7: no slice begins while the account has no CPU time, and every slice is charged, once:
///   executions inside it are charged to their own account.
pub(crate) async fn drive<F: Future>(
    mut guest: Pin<&mut F>,
    clock: &SliceClock,
    cancel: &CancelHandle,
    cpu: Option<&CpuAccount>,
    time: &mut TimeUse,
    yields: &mut KeptWaker,
) -> Driven<F::Output> {
    let mut cancelled = pin!(None);
    let mut driver = Driver {
        clock,
        cancel,
        cpu,
        time,
        yields,
        next: Some(clock.started()),
        timer: None,
        pause: None,
        paused: None,
        parked: false,
        waiting: false,
        left: None,
        was_short: true,
        place: None,
    };
    loop {
        let pass = poll_fn(|cx| driver.pass(cx, guest.as_mut(), cancelled.as_mut())).await;
        match pass {
            PollPass::Ended(driven) => return driven,
            PollPass::Yield => tokio::task::yield_now().await,
        }
    }
}

struct Driver<'e> {
    clock: &'e SliceClock,
    cancel: &'e CancelHandle,
    cpu: Option<&'e CpuAccount>,
    time: &'e mut TimeUse,
    yields: &'e mut KeptWaker,
    /// The moment at which the next pass begins, if it is known: the first one begins at the start.
    next: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
    /// Ends when the account has CPU time again.
    pause: Option<Pin<Box<Sleep>>>,
    /// Start of the wait for the account's CPU time.
    paused: Option<Instant>,
    /// The guest is suspended inside the hook, perhaps with its fuel counter in a register.
    parked: bool,
    /// The guest waits and has not been woken yet.
    waiting: bool,
    /// The moment when the driver last went to the runtime only to pass the time to the deadline.
    left: Option<Instant>,
    /// The guest's last pass was a short one.
    was_short: bool,
    /// Counts the guest among those that compute.
    place: Option<Place>,
}

impl Drop for Driver<'_> {
    /// Ends a wait for CPU time that nothing else has ended.
    fn drop(&mut self) {
        if self.paused.is_some() {
            self.resume(self.clock.now());
        }
    }
}

impl<'e> Driver<'e> {
    /// Makes one pass. Where it leaves the task waiting, a cancellation wakes the task.
    fn pass<F: Future>(
        &mut self,
        cx: &mut Context<'_>,
        guest: Pin<&mut F>,
        mut cancelled: Pin<&mut Option<Notified<'e>>>,
    ) -> Poll<PollPass<F::Output>> {
        let passed = self.poll_guest(cx, guest);
        if passed.is_pending() {
            if cancelled.is_none() {
                cancelled.set(Some(self.cancel.cancelled()));
            }
            // Registered before the flag is read: a cancellation is either seen or wakes us.
            let _ = cancelled.as_pin_mut().map(|cancelled| cancelled.poll(cx));
            if self.cancel.is_cancelled() {
                return Poll::Ready(PollPass::Yield);
            }
        }
        passed
    }

    fn poll_guest<F: Future>(
        &mut self,
        cx: &mut Context<'_>,
        mut guest: Pin<&mut F>,
    ) -> Poll<PollPass<F::Output>> {
        let began = self.next.take().unwrap_or_else(|| self.clock.now());
        self.clock.begin_slice(began, crowd::slice());
        let is_brief = self.was_short && self.place.is_none();
        let mut mark = if is_brief { None } else { CpuMark::at(self.clock, began) };
        if let Some(left) = self.left.take() {
            self.charge_trip(began.saturating_duration_since(left));
        }
        let mut now = began;
        let mut afforded = false;
        loop {
            if let Some(stop) = self.stop(now) {
                self.resume(now);
                let driven = Driven::Stopped { stop, fuel_exact: !self.parked };
                return Poll::Ready(PollPass::Ended(driven));
            }
            if self.waiting && !self.yields.is_woken(cx.waker()) {
                return self.wait_on(cx, now, TIMER_SLACK);
            }
            if !afforded {
                match self.cpu.map_or(CpuBudget::Granted, CpuAccount::ask) {
                    CpuBudget::Granted => self.resume(now),
                    CpuBudget::Later(delay, refused) => {
                        self.time.note_throttle(refused);
                        return self.pause(cx, now, delay);
                    }
                    CpuBudget::Refused(error) => {
                        let stop = Stop::Quota(error);
                        let driven = Driven::Stopped { stop, fuel_exact: !self.parked };
                        return Poll::Ready(PollPass::Ended(driven));
                    }
                }
                afforded = true;
            }
            self.yields.begin();
            // Caught so that the time of a host function that panics is counted, too.
            let (polled, nested) = nested::measure(|| {
                let mut guest_cx = Context::from_waker(self.yields.waker());
                catch_unwind(AssertUnwindSafe(|| guest.as_mut().poll(&mut guest_cx)))
            });
            let polled_at = now;
            now = self.clock.now();
            let ran = now.saturating_duration_since(polled_at);
            self.time.slices = self.time.slices.saturating_add(1);
            self.was_short = now.saturating_duration_since(began) <= SHORT_PASS;
            self.spend(ran, nested);
            let polled = polled.unwrap_or_else(|panic| resume_unwind(panic));
            if let Poll::Ready(output) = polled {
                let late = self.clock.is_expired(now);
                return Poll::Ready(PollPass::Ended(Driven::Done { output, late, at: now }));
            }
            self.parked = self.clock.take_parked();
            let woken = self.yields.is_woken(cx.waker());
            self.waiting = !woken;
            let is_spent = !has_budget_remaining();
            let own = self.own_time(ran, polled_at, mark.as_ref()).saturating_sub(nested.ran);
            self.clock.note_poll(own, woken && !self.parked);
            if self.waiting {
                return self.wait(cx, now, TIMER_SLACK);
            }
            let is_slice_over = self.clock.is_slice_over(now);
            if is_slice_over && self.place.is_none() {
                self.place = Some(Place::take());
            }
            if self.parked || is_spent || is_slice_over {
                // The next pass looks at deadline and cancellation before it polls.
                return Poll::Ready(PollPass::Yield);
            }
            // The guest was not done at its first poll: it may stay for long.
            mark = mark.or_else(|| CpuMark::at(self.clock, now));
        }
    }

    /// Notes that the guest held the thread for `ran`, and charges all but the time that executions
    /// inside it were charged for.
    #[inline]
    fn spend(&mut self, ran: Duration, nested: Nested) {
        self.time.cpu_time = self.time.cpu_time.saturating_add(ran.saturating_sub(nested.ran));
        let charged = match self.cpu {
            Some(cpu) => {
                cpu.charge(&mut self.time.unbilled, ran.saturating_sub(nested.charged));
                ran
            }
            None => nested.charged,
        };
        nested::add(Nested { ran, charged });
    }

    /// Charges a trip through the runtime. It is no part of a poll, so a poll around it does not
    /// see it.
    fn charge_trip(&mut self, took: Duration) {
        let took = took.min(MOST_TRIP);
        self.time.cpu_time = self.time.cpu_time.saturating_add(took);
        if let Some(cpu) = self.cpu {
            cpu.charge(&mut self.time.unbilled, took);
        }
    }

    /// Waits until the account has CPU time again, or for the deadline.
    fn pause<R>(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
        delay: Duration,
    ) -> Poll<PollPass<R>> {
        self.paused.get_or_insert(now);
        self.place = None;
        let until = now.checked_add(delay);
        if until.is_none_or(|until| self.clock.is_expired(until)) {
            // It does not run again. To be exact by yielding would take the CPU time that the
            // account lacks, in each of as many executions as the component has.
            return self.wait_on(cx, now, Duration::ZERO);
        }
        let pause = self.pause.insert(Box::pin(tokio::time::sleep(delay)));
        match pause.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(PollPass::Yield),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Notes that the guest goes on.
    #[inline]
    fn resume(&mut self, now: Instant) {
        self.pause = None;
        if let Some(since) = self.paused.take() {
            let waited = now.saturating_duration_since(since);
            self.time.throttled = self.time.throttled.saturating_add(waited);
        }
    }

    /// Returns the guest's own part of the time `ran`, in a poll that began at `polled_at`: all of
    /// it, without a mark.
    ///
    /// On a busy machine the system takes the thread away for milliseconds. As a part of the price
    /// of the guest's fuel, that would shorten its intervals far too much for a long time. In the
    /// first poll, and in the one after a short pass, this may happen.
    fn own_time(&self, ran: Duration, polled_at: Instant, mark: Option<&CpuMark>) -> Duration {
        if ran < LONG_POLL {
            return ran;
        }
        match (mark, self.clock.thread_time()) {
            (Some(mark), Some(cpu)) => ran.min(mark.used_since(polled_at, cpu)),
            _ => ran,
        }
    }

    #[inline]
    fn stop(&self, now: Instant) -> Option<Stop> {
        if self.cancel.is_cancelled() {
            Some(Stop::Cancelled)
        } else if self.clock.is_expired(now) {
            Some(Stop::Deadline)
        } else {
            None
        }
    }

    /// Waits on in a pass that did not poll the guest. The time since `since` is charged: nothing
    /// else would pay for a guest that is woken without need.
    fn wait_on<R>(
        &mut self,
        cx: &mut Context<'_>,
        since: Instant,
        slack: Duration,
    ) -> Poll<PollPass<R>> {
        let now = self.clock.now();
        self.spend(now.saturating_duration_since(since), Nested::default());
        self.wait(cx, now, slack)
    }

    /// Waits until the guest is woken, or for its deadline, the last `slack` of it by yielding.
    fn wait<R>(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
        slack: Duration,
    ) -> Poll<PollPass<R>> {
        self.place = None;
        let Some(left) = self.clock.time_left(now) else {
            return Poll::Pending;
        };
        let early = left.saturating_sub(slack);
        if early.is_zero() {
            self.left = Some(now);
            return Poll::Ready(PollPass::Yield);
        }
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(early)));
        if timer.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        // Deadlines are of the real clock. Where a test has paused tokio's clock, the timer is
        // early, and is set again.
        self.timer = None;
        Poll::Ready(PollPass::Yield)
    }
}
