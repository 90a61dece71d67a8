//! The answer to a question: a lease, its deadline, and the next step.

use std::sync::Arc;

use limits_core::{Clock, LeaseTerms, LeaseUse};

use super::{Happened, Held, Lessee, nanos};
use crate::store::Answer;

/// Deadlines come sooner by this part, and ends of windows later, for clocks that run differently.
const DRIFT: u64 = 1_000;
/// The waits after an answer that grants nothing although the store has units.
pub(super) const FIRST_POLL: u64 = 1_000_000;
const LAST_POLL: u64 = 50_000_000;

impl Lessee {
    /// Handles an answer to the question that was sent and received at these times.
    pub(in crate::driver) fn answer(
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
        self.leased_in_all = self.leased_in_all.saturating_add(answer.granted);
        let in_force = answer.limit;
        let is_empty = wanted > answer.granted && answer.remaining > 0 && answer.newborn == 0;
        let is_new = !self.is_of_held(&answer);
        if is_new {
            self.asked_limits = (limit, self.asked_limits.0);
        }
        self.asked_limits.0 = self.asked_limits.0.min(limit);
        self.hold(answer, limit, (sent, received), clock);
        self.listen(received, is_empty, happened);
        self.warn_of_limit(in_force, happened);
    }

    /// Reports whether an answer is for the window for which units are leased.
    fn is_of_held(&self, answer: &Answer) -> bool {
        let held = self.held.as_ref();
        held.is_some_and(|held| held.window == answer.window && held.reign == answer.reign)
    }

    /// Adds the units of an answer to those of its window, or begins it with them.
    fn hold(
        &mut self,
        answer: Answer,
        limit: u64,
        (sent, received): (u64, u64),
        clock: &Arc<dyn Clock>,
    ) {
        let Some(lease) = self.leases.of(self.terms.resource) else { return };
        let lag = nanos(clock.lag());
        let left_of_window = nanos(answer.window_left).min(self.period);
        let life = nanos(answer.life);
        let spendable = shorter(left_of_window.min(life)).saturating_sub(lag);
        let until = sent.saturating_add(spendable);
        let mut ends = received.saturating_add(longer(left_of_window)).saturating_add(lag);
        let mut granted = answer.granted;
        let is_new = !self.is_of_held(&answer);
        // The lease is one that was granted without the store, or none.
        let was_local = self.held.is_none() && received < self.local_ends;
        let before = self.held.take().filter(|_| !is_new);
        if let Some(before) = &before {
            // The earliest end that is sure.
            ends = ends.min(before.ends);
            if granted == 0 {
                granted = before.granted;
            }
        }
        if is_new {
            // Units that were granted here without the store are part of this window as well.
            let now = lease.usage();
            self.owed = if was_local { now.used.saturating_sub(now.debt()) } else { 0 };
        }
        let paid = self.owed.min(answer.granted);
        self.owed -= paid;
        let terms = LeaseTerms { units: answer.granted - paid, until, ends };
        if is_new {
            let before = lease.begin(terms, clock);
            let is_used = before.used > 0 || self.unmet > 0 || lease.wanted() > 0;
            self.idle = if is_used { 0 } else { self.idle.saturating_add(1) };
            self.estimate.end_window(before.used, self.unmet > 0, received);
            // The question of this window has asked for it: it is wanted on if it is refused again.
            self.unmet = 0;
        } else {
            lease.extend(terms);
        }
        let beat = if life < left_of_window {
            // Not at once, after an answer that lets nothing live on.
            let soon = (self.period / 20).min(LAST_POLL);
            until.saturating_sub(life / 3).max(received.saturating_add(soon))
        } else {
            u64::MAX
        };
        let of_age_at = answer
            .newborn
            .checked_sub(1)
            .map(|further| ends.saturating_add(further.saturating_mul(self.period)));
        let Answer { reign, window, remaining, lessees, .. } = answer;
        self.held =
            Some(Held { reign, window, ends, beat, remaining, lessees, granted, of_age_at, limit });
    }

    /// Listens for shortages after an answer, and sets the next step.
    fn listen(&mut self, now: u64, is_empty: bool, happened: &mut Vec<Happened>) {
        let resource = self.terms.resource;
        let (Some(lease), Some(held)) = (self.leases.of(resource), &self.held) else { return };
        let usage = lease.usage();
        // The answer to a question with a lower limit says nothing of a higher one.
        let has_more = held.remaining > 0 || held.limit < self.limit();
        let is_full = !has_more || held.of_age_at.is_some();
        if held.of_age_at.is_none() {
            self.is_ready = true;
        }
        lease.set_retry_at(match held.of_age_at {
            Some(time) => time,
            None if is_full => held.ends,
            None => 0,
        });
        let threshold = if is_full { u64::MAX } else { held.threshold(usage) };
        let refused = lease.listen(threshold);
        self.is_short = false;
        self.estimate.refuse(refused);
        self.unmet = self.unmet.max(refused);
        if usage.left() >= self.unmet {
            self.unmet = 0;
        }
        if usage.left() > 0 {
            // Also where no unit is new: those that are left may be spent again.
            happened.push(Happened::Leased(resource));
        }
        self.due = if let Some(time) = held.of_age_at {
            time
        } else if has_more && self.unmet > usage.left() {
            if is_empty { now.saturating_add(self.poll) } else { now }
        } else if usage.left() > 0 {
            held.beat.max(now).min(held.ends)
        } else {
            held.ends
        };
        if held.ends <= now {
            // By this host's clock the window is over: that of the store has stepped back, or lags.
            self.quiet_until = now.saturating_add((self.period / 20).min(LAST_POLL));
            self.due = self.due.max(self.quiet_until);
        }
        self.poll = if is_empty { (self.poll * 2).min(LAST_POLL) } else { FIRST_POLL };
    }
}

impl Held {
    /// Returns the use of the lease from which on the next one is asked for.
    pub(super) const fn threshold(&self, usage: LeaseUse) -> u64 {
        usage.leased.saturating_sub(low(self.granted)).saturating_add(1)
    }
}

/// Returns the rest of a lease below which the next one is asked for.
pub(super) const fn low(granted: u64) -> u64 {
    let quarter = granted / 4;
    if quarter > 1 { quarter } else { 1 }
}

const fn shorter(time: u64) -> u64 {
    time - time / DRIFT
}

const fn longer(time: u64) -> u64 {
    time.saturating_add(time.div_ceil(DRIFT))
}
