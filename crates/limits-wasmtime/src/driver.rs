//! Polling a guest so that it keeps its deadline and its neighbours keep running.

use core::future::{Future, poll_fn};
use core::panic::AssertUnwindSafe;
use core::pin::{Pin, pin};
use core::task::{Context, Poll};
use core::time::Duration;
use std::panic::{catch_unwind, resume_unwind};

use tokio::sync::futures::Notified;
use tokio::task::coop::has_budget_remaining;
use tokio::time::Sleep;

use crate::cancel::CancelHandle;
use crate::cpu_account::{CpuAccount, CpuBudget, TimeUse};
use crate::cpu_mark::{CpuMark, PollTime};
use crate::crowd::{self, Place, SLICE};
use crate::driven::{Driven, Stopped};
use crate::fuel_interval::INTERVAL;
use crate::hook::Stop;
use crate::kept_thread;
use crate::moment::{Moment, nanos};
use crate::nested::{self, Nested};
use crate::slice_clock::SliceClock;
use crate::turns::Turns;
use crate::yield_waker::KeptWaker;

/// Time before the deadline at which the alarm of a guest that waits for the host is set. Tokio's
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

/// One pass of the runtime over the driver.
enum PollPass {
    Ended(Driven),
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
/// - I19: no poll begins without a slot of the runtime's pool, if the execution takes turns; no
///   slot is held while the guest waits. An execution inside the poll of another one uses the slot
///   of that.
/// - I7: no slice begins while the account has no CPU time, and every slice is charged, once:
///   executions inside it are charged to their own account.
pub(crate) async fn drive<F: Future<Output = ()>>(
    mut guest: Pin<&mut F>,
    cancel: &CancelHandle,
    cpu: Option<&CpuAccount>,
    time: &mut TimeUse,
    yields: &mut KeptWaker,
    turns: Option<&mut Turns<'_>>,
) -> Driven {
    let mut cancelled = pin!(None);
    let mut driver = Driver {
        cancel,
        cpu,
        time,
        yields,
        turns,
        next: Some(cancel.clock().started()),
        alarm: None,
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

struct Driver<'e, 'p> {
    cancel: &'e CancelHandle,
    cpu: Option<&'e CpuAccount>,
    time: &'e mut TimeUse,
    yields: &'e mut KeptWaker,
    /// The turns that it takes with others, if it does.
    turns: Option<&'e mut Turns<'p>>,
    /// The moment at which the next pass begins, if it is known: the first one begins at the start.
    next: Option<Moment>,
    /// Wakes the task for the deadline of a guest that waits, or for the next question to the
    /// account. It may come early: each pass looks at the clock and asks the account itself.
    alarm: Option<Pin<Box<Sleep>>>,
    /// Start of the wait for the account's CPU time.
    paused: Option<Moment>,
    /// The guest is suspended inside the hook, perhaps with its fuel counter in a register.
    parked: bool,
    /// The guest waits and has not been woken yet.
    waiting: bool,
    /// The moment when the driver last went to the runtime only to pass the time to the deadline.
    left: Option<Moment>,
    /// The guest's last pass was a short one.
    was_short: bool,
    /// Counts the guest among those that compute.
    place: Option<Place>,
}

impl Drop for Driver<'_, '_> {
    /// Ends a wait for CPU time or for a turn that nothing else has ended.
    fn drop(&mut self) {
        if self.paused.is_some() || self.is_queued() {
            let now = Moment::now();
            self.resume(now);
            self.leave_queue(now);
        }
    }
}

impl<'e> Driver<'e, '_> {
    /// Makes one pass. Where it leaves the task waiting, a cancellation wakes the task.
    fn pass<F: Future<Output = ()>>(
        &mut self,
        cx: &mut Context<'_>,
        guest: Pin<&mut F>,
        mut cancelled: Pin<&mut Option<Notified<'e>>>,
    ) -> Poll<PollPass> {
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

    fn poll_guest<F: Future<Output = ()>>(
        &mut self,
        cx: &mut Context<'_>,
        mut guest: Pin<&mut F>,
    ) -> Poll<PollPass> {
        let began = self.next.take().unwrap_or_else(Moment::now);
        // Guests that take turns are few at a time.
        let slice = if self.turns.is_some() { SLICE } else { crowd::slice() };
        self.clock().begin_slice(began, slice);
        let is_brief = self.was_short && self.place.is_none() && !self.is_queued();
        let mut mark = if is_brief { None } else { self.mark(began) };
        if let Some(left) = self.left.take() {
            self.charge_trip(began.since(left));
        }
        let mut now = began;
        let mut afforded = false;
        loop {
            if let Some(stop) = self.stop(now) {
                self.resume(now);
                if self.is_queued() {
                    self.time.note_late_in_queue();
                }
                self.leave_queue(now);
                return Poll::Ready(PollPass::Ended(self.stopped(stop, now)));
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
                        self.resume(now);
                        self.leave_queue(now);
                        let stop = Stop::Quota(Box::new(error));
                        return Poll::Ready(PollPass::Ended(self.stopped(stop, now)));
                    }
                }
                afforded = true;
            }
            if !self.has_turn(cx, now) {
                return self.wait_on(cx, now, Duration::ZERO);
            }
            self.yields.begin();
            self.clock().begin_poll(now);
            // Caught so that the time of a host function that panics is counted, too.
            let (polled, nested) = nested::measure(self.turns.is_some(), || {
                let mut guest_cx = Context::from_waker(self.yields.waker());
                catch_unwind(AssertUnwindSafe(|| guest.as_mut().poll(&mut guest_cx)))
            });
            let polled_at = now;
            now = Moment::now();
            let ran = now.nanos_since(polled_at);
            self.time.slices = self.time.slices.saturating_add(1);
            self.was_short = now.nanos_since(began) <= nanos(SHORT_PASS);
            self.spend(ran, nested);
            let time = time_of_poll(ran, polled_at, mark.as_ref());
            let polled = polled.unwrap_or_else(|panic| {
                self.release(now, time.held);
                resume_unwind(panic)
            });
            if polled.is_ready() {
                self.release(now, time.held);
                kept_thread::add(now.nanos_since(began));
                return Poll::Ready(PollPass::Ended(Driven::done(now)));
            }
            self.parked = self.clock().take_parked();
            let woken = self.yields.is_woken(cx.waker());
            self.waiting = !woken;
            let is_spent = !has_budget_remaining();
            let own = time.used.saturating_sub(Duration::from_nanos(nested.ran));
            self.clock().note_poll(own, woken && !self.parked);
            if self.waiting {
                self.release(now, time.held);
                return self.wait(cx, now, TIMER_SLACK);
            }
            let is_slice_over = self.clock().is_slice_over(now);
            match &mut self.turns {
                // Its slot was used by the executions inside it, too.
                Some(turns) => turns.note(time.held),
                None if is_slice_over && self.place.is_none() => self.place = Some(Place::take()),
                None => {}
            }
            if self.parked || is_spent || is_slice_over {
                // The next pass looks at deadline, cancellation and turn before it polls.
                if let Some(turns) = &mut self.turns {
                    turns.end_slice();
                }
                return Poll::Ready(PollPass::Yield);
            }
            // The guest was not done at its first poll: it may stay for long.
            mark = mark.or_else(|| self.mark(now));
        }
    }

    #[cold]
    fn stopped(&self, stop: Stop, at: Moment) -> Driven {
        kept_thread::add(kept_thread::OF_STOPPED);
        Driven { at, stopped: Some(Box::new(Stopped { stop, fuel_exact: !self.parked })) }
    }

    /// Waits for the execution's turn, and tells whether it has come.
    #[inline]
    fn has_turn(&mut self, cx: &mut Context<'_>, now: Moment) -> bool {
        let Some(turns) = &mut self.turns else { return true };
        if nested::has_slot() {
            self.release(now, Duration::ZERO);
            if let Some(turns) = &mut self.turns {
                turns.go_inside();
            }
            self.leave_queue(now);
            return true;
        }
        match turns.poll(cx, now) {
            Poll::Ready(waited) => {
                self.time.add_queued(waited);
                if !waited.is_zero() {
                    // The alarm was set for a wait in the queue, which ends less exactly.
                    self.alarm = None;
                }
                true
            }
            Poll::Pending => false,
        }
    }

    /// Gives the slot back after the guest ran for `ran`.
    #[inline]
    fn release(&mut self, now: Moment, ran: Duration) {
        if let Some(turns) = &mut self.turns {
            turns.note(ran);
            turns.release(now);
        }
    }

    #[inline]
    fn clock(&self) -> &'e SliceClock {
        self.cancel.clock()
    }

    fn is_queued(&self) -> bool {
        self.turns.as_ref().is_some_and(|turns| turns.is_queued())
    }

    /// Notes that the execution waits for no turn.
    fn leave_queue(&mut self, now: Moment) {
        if let Some(turns) = &mut self.turns {
            let waited = turns.leave_queue(now);
            self.time.add_queued(waited);
        }
    }

    /// Notes that the guest held the thread for `ran` nanoseconds, and charges all but the time
    /// that executions inside it were charged for.
    #[inline]
    fn spend(&mut self, ran: u64, nested: Nested) {
        self.time.cpu_nanos = self.time.cpu_nanos.saturating_add(ran.saturating_sub(nested.ran));
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
        if let Some(turns) = &mut self.turns {
            turns.note(took);
        }
        let took = nanos(took);
        self.time.cpu_nanos = self.time.cpu_nanos.saturating_add(took);
        if let Some(cpu) = self.cpu {
            cpu.charge(&mut self.time.unbilled, took);
        }
    }

    /// Waits until the account has CPU time again, or for the deadline.
    fn pause(&mut self, cx: &mut Context<'_>, now: Moment, delay: Duration) -> Poll<PollPass> {
        self.paused.get_or_insert(now);
        self.place = None;
        self.release(now, Duration::ZERO);
        self.leave_queue(now);
        if self.clock().is_expired(now.after(delay)) {
            // It does not run again. To be exact by yielding would take the CPU time that the
            // account lacks, in each of as many executions as the component has.
            return self.wait_on(cx, now, Duration::ZERO);
        }
        let alarm = self.alarm.insert(Box::pin(tokio::time::sleep(delay)));
        match alarm.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(PollPass::Yield),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Notes that the guest goes on.
    #[inline]
    fn resume(&mut self, now: Moment) {
        if let Some(since) = self.paused.take() {
            // The alarm was set for the account, or for the deadline without slack.
            self.alarm = None;
            self.time.add_throttled(now.since(since));
        }
    }

    /// Reads the thread's clock at `at`, and its waits where the guest holds a slot.
    fn mark(&self, at: Moment) -> Option<CpuMark> {
        CpuMark::at(at, self.turns.is_some())
    }

    #[inline]
    fn stop(&self, now: Moment) -> Option<Stop> {
        if self.cancel.is_cancelled() {
            Some(Stop::Cancelled)
        } else if self.clock().is_expired(now) {
            Some(Stop::Deadline)
        } else {
            None
        }
    }

    /// Waits on in a pass that did not poll the guest. The time since `since` is charged: nothing
    /// else would pay for a guest that is woken without need.
    fn wait_on(&mut self, cx: &mut Context<'_>, since: Moment, slack: Duration) -> Poll<PollPass> {
        let now = Moment::now();
        self.spend(now.nanos_since(since), Nested::default());
        if let Some(turns) = &mut self.turns {
            turns.note(now.since(since));
        }
        self.wait(cx, now, slack)
    }

    /// Waits until the guest is woken, or for its deadline, the last `slack` of it by yielding.
    fn wait(&mut self, cx: &mut Context<'_>, now: Moment, slack: Duration) -> Poll<PollPass> {
        self.place = None;
        let Some(left) = self.clock().time_left(now) else {
            return Poll::Pending;
        };
        let early = left.saturating_sub(slack);
        if early.is_zero() {
            self.left = Some(now);
            return Poll::Ready(PollPass::Yield);
        }
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep(early)));
        if alarm.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        // Deadlines are of the real clock. Where a test has paused tokio's clock, the alarm is
        // early, and is set again.
        self.alarm = None;
        Poll::Ready(PollPass::Yield)
    }
}

/// Returns the time of a poll that began at `polled_at` and has just ended after `ran` nanoseconds:
/// all of it, without a mark.
///
/// On a busy machine the system takes the thread away for milliseconds. As a part of the price of
/// the guest's fuel, that would shorten its intervals far too much for a long time. In the first
/// poll, and in the one after a short pass, this may happen.
#[inline]
fn time_of_poll(ran: u64, polled_at: Moment, mark: Option<&CpuMark>) -> PollTime {
    match mark {
        Some(mark) if ran >= nanos(LONG_POLL) => {
            mark.time_of_poll(Duration::from_nanos(ran), polled_at)
        }
        _ => PollTime::all(Duration::from_nanos(ran)),
    }
}
