//! The answer to a question: a lease, its deadline, and the next step.

use std::sync::Arc;

use limits_core::{Clock, LeaseTerms};

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
            granted: answer.granted,
            of_age_at: None,
            limit,
        };
        if let Some(before) = self.held.take().filter(|_| is_same) {
            lease.extend(terms);
            // The earliest end that is sure.
            held.ends = held.ends.min(before.ends);
            if answer.granted == 0 {
                held.granted = before.granted;
            }
        } else {
            let before = lease.begin(terms, clock);
            let is_used = before.used > 0 || self.unmet > 0 || lease.wanted() > 0;
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
            usage.leased.saturating_sub(low(held.granted)).saturating_add(1)
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
