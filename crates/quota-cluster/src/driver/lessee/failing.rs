//! A store that does not answer, or refuses: retries, the operator's choice, warnings.

use std::sync::Arc;

use limits_core::{Clock, LeaseTerms, StoreLoss};

use super::{Happened, Lessee, nanos};
use crate::store::KeyRefusal;

/// The wait after a failure: it doubles from the first to the last of these.
const FIRST_RETRY: u64 = 10_000_000;
const LAST_RETRY: u64 = 1_000_000_000;

/// A store that has failed for so long is lost.
pub(in crate::driver) const GRACE: u64 = 500_000_000;

/// A series of failures.
#[derive(Debug)]
pub(super) struct Failing {
    pub(super) since: u64,
    wait: u64,
    pub(super) retry_at: u64,
    is_told: bool,
}

impl Lessee {
    /// Handles the refusal of a question by the store.
    pub(in crate::driver) fn refuse(
        &mut self,
        refusal: &KeyRefusal,
        now: u64,
        happened: &mut Vec<Happened>,
    ) {
        self.is_asking = false;
        match refusal {
            KeyRefusal::Period { stored } => {
                self.open = None;
                self.failing = None; // the store has answered
                self.is_refused = true;
                self.is_ready = true;
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
                self.fail(now, now);
            }
        }
    }

    /// Handles the loss of the answer to a question that was sent at a time.
    pub(in crate::driver) fn fail(&mut self, sent: u64, now: u64) {
        self.is_asking = false;
        if self.is_leaving && self.failing.is_some() {
            // The units end by themselves.
            self.open = None;
        }
        let most = (self.period / 10).clamp(FIRST_RETRY, LAST_RETRY);
        let failing = self.failing.get_or_insert(Failing {
            since: sent,
            wait: FIRST_RETRY / 2,
            retry_at: now,
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

    /// Returns the time from which a window may be granted without the store; `u64::MAX` for never.
    pub(super) fn next_local(&self, failing: &Failing) -> u64 {
        if self.terms.on_loss == StoreLoss::Closed {
            return u64::MAX;
        }
        // The units of the last window may still be out, here and elsewhere.
        let held_until = self.held.as_ref().map_or(0, |held| held.ends);
        failing.since.saturating_add(GRACE).max(held_until).max(self.local_ends)
    }

    /// Grants a window without the store, if it is lost and the policy says so.
    pub(super) fn fall_back(
        &mut self,
        now: u64,
        clock: &Arc<dyn Clock>,
        happened: &mut Vec<Happened>,
    ) {
        let (limit, period) = (self.limit(), self.period);
        let Some(from) = self.failing.as_ref().map(|failing| self.next_local(failing)) else {
            return;
        };
        let Some(failing) = &mut self.failing else { return };
        self.due = if self.is_asking { u64::MAX } else { failing.retry_at.max(now) };
        let Some(lease) = self.leases.of(self.terms.resource) else { return };
        if now < from {
            self.due = self.due.min(from);
            return;
        }
        let units = match self.terms.on_loss {
            StoreLoss::Closed => return,
            StoreLoss::Share => limit / u64::from(self.terms.max_hosts.max(1)),
            StoreLoss::Open => limit,
        };
        if !failing.is_told {
            failing.is_told = true;
            happened.push(Happened::Fallback);
        }
        let ends = now.saturating_add(period);
        self.local_ends = ends;
        self.held = None;
        let until = ends.saturating_sub(nanos(clock.lag()));
        lease.begin(LeaseTerms { units, until, ends }, clock);
        lease.set_retry_at(ends);
        lease.listen(u64::MAX);
        self.unmet = 0;
        self.due = self.due.min(ends);
        self.is_ready = true;
        happened.push(Happened::Leased(self.terms.resource));
    }

    pub(super) fn warn_of_limit(&mut self, in_force: u64, happened: &mut Vec<Happened>) {
        // A limit of its own that was lower is in force for up to two windows.
        let own = self.asked_limits.0.min(self.asked_limits.1);
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
