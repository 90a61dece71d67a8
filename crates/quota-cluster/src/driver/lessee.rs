//! One quota that the host shares: the questions for it, and what follows from their answers.

use core::time::Duration;
use std::sync::Arc;

use limits_core::{Clock, LeaseTerms, LeaseUse, LeasedRate, Leases, QuotaResource, StoreLoss};

use super::estimate::Estimate;
use crate::store::{Answer, Give, KeyRefusal, Question};

/// The largest number that a store counts exactly.
const MOST_UNITS: u64 = (1 << 53) - 1;
/// Deadlines come sooner by this part, and ends of windows later, for clocks that run differently.
const DRIFT: u64 = 1_000;
/// A lessee that has had no use for so many windows asks no more, until a take is refused.
const IDLE_WINDOWS: u32 = 10;
/// The wait after a failure: it doubles from the first to the last of these.
const FIRST_RETRY: u64 = 10_000_000;
const LAST_RETRY: u64 = 1_000_000_000;
/// The waits after an answer that grants nothing although the store has units.
const FIRST_POLL: u64 = 1_000_000;
const LAST_POLL: u64 = 50_000_000;
/// A store that has failed for so long is lost.
pub(super) const GRACE: u64 = 500_000_000;

/// The names and terms of a lessee.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    /// The component's id; empty for the quota over all components.
    pub(crate) id: Box<str>,
    pub(crate) resource: QuotaResource,
    pub(crate) key: Arc<str>,
    /// A name that no other lessee has or has had.
    pub(crate) name: Arc<str>,
    pub(crate) period: Duration,
    pub(crate) on_loss: StoreLoss,
    pub(crate) max_hosts: u32,
}

/// The window for which units are leased.
#[derive(Debug)]
struct Held {
    reign: Arc<str>,
    window: u64,
    /// A time at which the window is surely over.
    ends: u64,
    /// The time to ask only so that the units live on; `u64::MAX` if they live as long as the
    /// window.
    beat: u64,
    remaining: u64,
    lessees: u64,
    /// The time from which a newborn key grants.
    of_age_at: Option<u64>,
    /// The limit of the question that was answered.
    limit: u64,
}

/// A series of failures.
#[derive(Debug)]
struct Failing {
    since: u64,
    wait: u64,
    retry_at: u64,
    /// The end of the window that was granted without the store.
    local_ends: u64,
    is_told: bool,
}

impl Failing {
    /// Returns the time at which the next window without the store may begin.
    const fn next_window(&self, now: u64) -> u64 {
        let from = self.since.saturating_add(GRACE);
        let next = if self.local_ends > from { self.local_ends } else { from };
        if next > now { next } else { u64::MAX }
    }
}

/// Something to report.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Happened {
    /// Units were leased, or granted without the store.
    Leased(QuotaResource),
    /// The key is of age for the first time, or will never be.
    Ready,
    /// The policy for a store that is away has begun to hold.
    Fallback,
    /// The operator must know.
    Warning(String),
}

#[derive(Debug)]
pub(crate) struct Lessee {
    pub(crate) terms: Terms,
    /// In an `Arc` of the lessees' own, so that the count of the inner one tells whether the
    /// tracker is gone.
    leases: Arc<Arc<Leases>>,
    period: u64,
    ticket: u64,
    /// The ticket of the last question that was sent.
    asked: u64,
    /// A question whose answer is missing; it is repeated.
    open: Option<Question>,
    /// Whether a question has been sent and may still be answered.
    is_asking: bool,
    held: Option<Held>,
    failing: Option<Failing>,
    estimate: Estimate,
    /// The largest amount that was refused since the store last granted enough.
    unmet: u64,
    /// Whether a shortage was signalled since the last question.
    is_short: bool,
    /// Windows in a row without use.
    idle: u32,
    /// The wait after an empty answer.
    poll: u64,
    leased_in_all: u64,
    /// The time of the next step; `u64::MAX` for that of a signal.
    due: u64,
    is_ready: bool,
    /// The lower limit of another host, or the refusal, of which the operator was warned.
    warned: Option<String>,
    /// Whether the store counts the key per another period.
    pub(crate) is_refused: bool,
    /// Set when the tracker is gone, and its rest is being given back.
    pub(super) is_leaving: bool,
}

impl Lessee {
    pub(crate) fn new(terms: Terms, leases: Arc<Arc<Leases>>, now: u64) -> Self {
        let period = nanos(terms.period);
        Self {
            terms,
            leases,
            period,
            ticket: 0,
            asked: 0,
            open: None,
            is_asking: false,
            held: None,
            failing: None,
            estimate: Estimate::default(),
            unmet: 0,
            is_short: false,
            idle: 0,
            poll: FIRST_POLL,
            leased_in_all: 0,
            due: now,
            is_ready: false,
            warned: None,
            is_refused: false,
            is_leaving: false,
        }
    }

    /// Returns the time of the next step.
    pub(super) const fn due(&self) -> u64 {
        self.due
    }

    /// Returns the time from which the key grants, if it does not yet.
    pub(crate) fn of_age_at(&self) -> Option<u64> {
        self.held.as_ref().and_then(|held| held.of_age_at)
    }

    /// Returns whether the store has failed for longer than a moment.
    pub(crate) fn is_lost(&self, now: u64) -> bool {
        self.failing.as_ref().is_some_and(|failing| now.saturating_sub(failing.since) >= GRACE)
    }

    /// Reports whether the tracker is gone: only the lessees have the leases.
    pub(super) fn is_orphan(&self) -> bool {
        Arc::strong_count(&*self.leases) == 1
    }

    /// Reports whether the lessee has given back its rest.
    pub(super) const fn has_left(&self) -> bool {
        self.is_leaving && self.open.is_none()
    }

    /// Returns the use of the lease, of this host.
    pub(crate) fn usage(&self) -> LeaseUse {
        self.leases.of(self.terms.resource).map_or_else(LeaseUse::default, LeasedRate::usage)
    }

    /// Notes a shortage.
    pub(super) fn signal(&mut self, now: u64) {
        self.is_short = true;
        self.due = self.due.min(now);
    }

    /// Does what is due, and returns the question to ask.
    pub(super) fn step(
        &mut self,
        now: u64,
        clock: &Arc<dyn Clock>,
        happened: &mut Vec<Happened>,
    ) -> Option<Question> {
        if self.failing.is_some() && !self.is_leaving {
            self.fall_back(now, clock, happened);
        }
        if self.is_asking {
            return None;
        }
        if self.failing.as_ref().is_some_and(|failing| now < failing.retry_at) {
            return None;
        }
        if self.open.is_none() {
            let want = self.want(now)?;
            self.open = Some(self.question(want));
        }
        self.is_asking = true;
        self.asked = self.ticket;
        self.is_short = false;
        // Until the answer or the failure; but windows without the store go on.
        self.due = self.failing.as_ref().map_or(u64::MAX, |failing| failing.next_window(now));
        self.open.clone()
    }

    /// Does what is due while the store cannot be asked.
    pub(super) fn bide(&mut self, now: u64, clock: &Arc<dyn Clock>, happened: &mut Vec<Happened>) {
        if self.failing.is_some() && !self.is_leaving {
            self.fall_back(now, clock, happened);
        }
    }

    /// Returns the units to ask for now, `None` to ask nothing; sets the next step then.
    fn want(&mut self, now: u64) -> Option<u64> {
        let lease = self.leases.of(self.terms.resource)?;
        let (usage, wanted) = (lease.usage(), lease.wanted());
        self.unmet = self.unmet.max(wanted);
        self.estimate.refuse(wanted);
        let limit = self.limit();
        let Some(held) = &self.held else {
            return Some(self.estimate.size(limit, limit, 1).max(self.owed(usage.debt())));
        };
        if now >= held.ends {
            if self.is_idle(usage.debt()) {
                let wanted = lease.listen(0);
                self.unmet = self.unmet.max(wanted);
                if wanted == 0 {
                    self.due = u64::MAX;
                    return None;
                }
            }
            if let Some(time) = held.of_age_at.filter(|time| now < *time) {
                self.due = time;
                return None;
            }
            let size = self.estimate.size(limit, limit, held.lessees);
            return Some(size.max(self.owed(usage.debt())));
        }
        let left = usage.left();
        let has_more = held.of_age_at.is_none() && (held.remaining > 0 || held.limit < limit);
        self.estimate.see(usage.used, now, self.period);
        let size = self.estimate.size(limit, held.remaining, held.lessees);
        if has_more && (self.is_short || self.unmet > left) {
            return Some(size.max(self.owed(usage.debt())).min(limit));
        }
        if left == 0 {
            self.due = held.ends;
        } else if now < held.beat {
            self.due = held.beat.min(held.ends);
        } else {
            return Some(0);
        }
        None
    }

    /// Handles an answer to the question that was sent and received at these times.
    pub(super) fn answer(
        &mut self,
        answer: Answer,
        (sent, received): (u64, u64),
        clock: &Arc<dyn Clock>,
        happened: &mut Vec<Happened>,
    ) {
        self.is_asking = false;
        if self.is_leaving {
            // Units that came meanwhile are left in the store, which is where all of them go.
            if self.open.as_ref().is_some_and(|open| open.ticket == self.asked) {
                self.open = None;
            }
            self.due = received;
            return;
        }
        let question = self.open.take();
        let (wanted, limit) = question.map_or((0, 0), |question| (question.want, question.limit));
        self.failing = None;
        self.is_refused = false;
        let resource = self.terms.resource;
        let Some(lease) = self.leases.of(resource) else { return };
        let lag = nanos(clock.lag());
        let left_of_window = nanos(answer.window_left).min(self.period);
        let life = nanos(answer.life);
        let spendable = shorter(left_of_window.min(life)).saturating_sub(lag);
        let terms = LeaseTerms {
            units: answer.granted,
            until: sent.saturating_add(spendable),
            ends: received.saturating_add(longer(left_of_window)).saturating_add(lag),
        };
        let is_same = self
            .held
            .as_ref()
            .is_some_and(|held| held.window == answer.window && held.reign == answer.reign);
        let mut held = Held {
            reign: answer.reign,
            window: answer.window,
            ends: terms.ends,
            beat: if life < left_of_window {
                // Not at once, after an answer that lets nothing live on.
                let soon = (self.period / 20).min(LAST_POLL);
                terms.until.saturating_sub(life / 3).max(received.saturating_add(soon))
            } else {
                u64::MAX
            },
            remaining: answer.remaining,
            lessees: answer.lessees,
            of_age_at: None,
            limit,
        };
        if let Some(before) = self.held.take().filter(|_| is_same) {
            lease.extend(terms);
            // The earliest end that is sure.
            held.ends = held.ends.min(before.ends);
        } else {
            let before = lease.begin(terms, clock);
            let is_used = before.used > 0 || self.unmet > 0 || wanted_lately(lease);
            self.idle = if is_used { 0 } else { self.idle.saturating_add(1) };
            self.estimate.end_window(before.used, self.unmet > 0, received);
        }
        let usage = lease.usage();
        let grants = answer.newborn == 0;
        if !grants {
            let further = answer.newborn.saturating_sub(1).saturating_mul(self.period);
            held.of_age_at = Some(held.ends.saturating_add(further));
        } else if !self.is_ready {
            self.is_ready = true;
            happened.push(Happened::Ready);
        }
        let is_full = answer.remaining == 0 || !grants;
        lease.set_retry_at(match held.of_age_at {
            Some(time) => time,
            None if is_full => held.ends,
            None => 0,
        });
        let threshold = if is_full {
            u64::MAX
        } else {
            usage.leased.saturating_sub(low(answer.granted)).saturating_add(1)
        };
        let refused = lease.listen(threshold);
        self.estimate.refuse(refused);
        self.unmet = self.unmet.max(refused);
        if usage.left() >= self.unmet && !is_full {
            self.unmet = 0;
        }
        self.set_due(&held, usage.left(), wanted > answer.granted && !is_full, received);
        self.held = Some(held);
        self.leased_in_all = self.leased_in_all.saturating_add(answer.granted);
        if answer.granted > 0 {
            happened.push(Happened::Leased(resource));
        }
        self.warn_of_limit(answer.limit, happened);
    }

    /// Sets the next step after an answer.
    fn set_due(&mut self, held: &Held, left: u64, is_empty: bool, now: u64) {
        if let Some(time) = held.of_age_at {
            self.due = time;
        } else if held.remaining == 0 || self.unmet <= left {
            self.due = if left > 0 { held.beat.max(now).min(held.ends) } else { held.ends };
        } else {
            self.due = if is_empty { now.saturating_add(self.poll) } else { now };
        }
        self.poll = if is_empty { (self.poll * 2).min(LAST_POLL) } else { FIRST_POLL };
    }

    /// Handles the refusal of a question by the store.
    pub(super) fn refuse(&mut self, refusal: &KeyRefusal, now: u64, happened: &mut Vec<Happened>) {
        self.is_asking = false;
        match refusal {
            KeyRefusal::Period { stored } => {
                self.open = None;
                self.is_refused = true;
                if !self.is_ready {
                    self.is_ready = true;
                    happened.push(Happened::Ready);
                }
                let text = format!(
                    "{} of {} counts per {:?} on this host and per {stored:?} on another: nothing \
                     is granted here until both have the same period",
                    self.terms.resource,
                    self.whose(),
                    self.terms.period
                );
                self.warn(text, happened);
                let retry_at = now.saturating_add(self.period.clamp(FIRST_RETRY, LAST_RETRY));
                self.due = retry_at;
                if let Some(lease) = self.leases.of(self.terms.resource) {
                    lease.set_retry_at(retry_at);
                }
            }
            KeyRefusal::Store(text) => {
                let text = format!(
                    "the store refuses {} of {}: {text}",
                    self.terms.resource,
                    self.whose()
                );
                self.warn(text, happened);
                self.fail(now);
            }
        }
    }

    /// Handles the loss of an answer.
    pub(super) fn fail(&mut self, now: u64) {
        self.is_asking = false;
        if self.is_leaving && self.failing.is_some() {
            // The units end by themselves.
            self.open = None;
        }
        let most = (self.period / 10).clamp(FIRST_RETRY, LAST_RETRY);
        let failing = self.failing.get_or_insert(Failing {
            since: now,
            wait: FIRST_RETRY / 2,
            retry_at: now,
            local_ends: 0,
            is_told: false,
        });
        failing.wait = (failing.wait * 2).min(most);
        failing.retry_at = now.saturating_add(failing.wait);
        self.due = failing.retry_at;
        if self.terms.on_loss == StoreLoss::Closed
            && let Some(lease) = self.leases.of(self.terms.resource)
        {
            lease.set_retry_at(failing.retry_at);
        }
    }

    /// Grants a window without the store, if it is lost and the policy says so.
    fn fall_back(&mut self, now: u64, clock: &Arc<dyn Clock>, happened: &mut Vec<Happened>) {
        let (limit, period) = (self.limit(), self.period);
        let Some(failing) = &mut self.failing else { return };
        self.due = if self.is_asking { u64::MAX } else { failing.retry_at.max(now) };
        let Some(lease) = self.leases.of(self.terms.resource) else { return };
        // The units of the last window may still be out, here and elsewhere.
        let held_until = self.held.as_ref().map_or(0, |held| held.ends);
        let from = failing.since.saturating_add(GRACE).max(held_until).max(failing.local_ends);
        if now < from {
            self.due = self.due.min(from);
            return;
        }
        if !failing.is_told {
            failing.is_told = true;
            happened.push(Happened::Fallback);
        }
        let units = match self.terms.on_loss {
            StoreLoss::Closed => return,
            StoreLoss::Share => limit / u64::from(self.terms.max_hosts.max(1)),
            StoreLoss::Open => limit,
        };
        let ends = now.saturating_add(period);
        failing.local_ends = ends;
        self.held = None;
        let until = ends.saturating_sub(nanos(clock.lag()));
        lease.begin(LeaseTerms { units, until, ends }, clock);
        lease.set_retry_at(ends);
        lease.listen(u64::MAX);
        self.unmet = 0;
        self.due = self.due.min(ends);
        if !self.is_ready {
            self.is_ready = true;
            happened.push(Happened::Ready);
        }
        happened.push(Happened::Leased(self.terms.resource));
    }

    /// Ends the lease for good, and returns whether there is a rest to give back.
    pub(super) fn leave(&mut self, now: u64) -> bool {
        self.is_leaving = true;
        self.is_asking = false;
        let Some(lease) = self.leases.of(self.terms.resource) else { return false };
        let rest = lease.end().left();
        let held = self.held.take().filter(|held| now < held.ends && rest > 0);
        self.open = held.map(|held| Question {
            give: Some(Give { window: held.window, units: rest }),
            ..self.question(0)
        });
        self.due = now;
        self.open.is_some()
    }

    /// Returns all units that the store has leased so far.
    pub(crate) const fn leased_in_all(&self) -> u64 {
        self.leased_in_all
    }

    /// Returns the last warning, if its cause goes on.
    pub(crate) fn warning(&self) -> Option<&str> {
        self.warned.as_deref()
    }

    /// Returns the limit over all hosts.
    pub(crate) fn limit(&self) -> u64 {
        self.leases.limit(self.terms.resource).min(MOST_UNITS)
    }

    /// Returns the words for the quota's owner.
    pub(crate) fn whose(&self) -> String {
        if self.terms.id.is_empty() {
            String::from("the host quota")
        } else {
            format!("component `{}`", self.terms.id)
        }
    }

    /// Returns the units that are asked for beside the size of a lease: a refused amount, and debt.
    fn owed(&self, debt: u64) -> u64 {
        self.unmet.saturating_add(debt).min(self.limit())
    }

    fn is_idle(&self, debt: u64) -> bool {
        self.idle >= IDLE_WINDOWS && self.unmet == 0 && debt == 0
    }

    /// Makes the next question.
    fn question(&mut self, want: u64) -> Question {
        self.ticket = self.ticket.saturating_add(1);
        Question {
            key: Arc::clone(&self.terms.key),
            period: self.terms.period,
            limit: self.limit(),
            want,
            lessee: Arc::clone(&self.terms.name),
            ticket: self.ticket,
            give: None,
        }
    }

    fn warn_of_limit(&mut self, in_force: u64, happened: &mut Vec<Happened>) {
        let own = self.limit();
        if in_force < own {
            let text = format!(
                "{} of {} has a limit of {own} on this host and of {in_force} on another: the \
                 lower one is in force",
                self.terms.resource,
                self.whose()
            );
            self.warn(text, happened);
        } else {
            self.warned = None;
        }
    }

    fn warn(&mut self, text: String, happened: &mut Vec<Happened>) {
        if self.warned.as_ref() != Some(&text) {
            self.warned = Some(text.clone());
            happened.push(Happened::Warning(text));
        }
    }
}

/// Reports whether a take was refused since the lessor last listened.
fn wanted_lately(lease: &LeasedRate) -> bool {
    lease.wanted() > 0
}

/// Returns the rest of a lease below which the next one is asked for.
const fn low(granted: u64) -> u64 {
    let quarter = granted / 4;
    if quarter > 1 { quarter } else { 1 }
}

const fn shorter(time: u64) -> u64 {
    time - time / DRIFT
}

const fn longer(time: u64) -> u64 {
    time.saturating_add(time.div_ceil(DRIFT))
}

/// Returns a time in nanoseconds, at most 584 years.
pub(crate) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
