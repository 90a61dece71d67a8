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
    /// The end of the window that was granted without the store.
    local_ends: u64,
    is_told: bool,
}

impl Failing {
    /// Returns the time at which the next window without the store may begin.
    pub(super) const fn next_window(&self, now: u64) -> u64 {
        let from = self.since.saturating_add(GRACE);
        let next = if self.local_ends > from { self.local_ends } else { from };
        if next > now { next } else { u64::MAX }
    }
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
    pub(in crate::driver) fn fail(&mut self, now: u64) {
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
    pub(super) fn fall_back(
        &mut self,
        now: u64,
        clock: &Arc<dyn Clock>,
        happened: &mut Vec<Happened>,
    ) {
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

    pub(super) fn warn_of_limit(&mut self, in_force: u64, happened: &mut Vec<Happened>) {
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
