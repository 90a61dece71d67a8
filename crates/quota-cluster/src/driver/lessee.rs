//! One quota that the host shares: the questions for it, and what follows from their answers.

mod answer;
pub(crate) mod failing;

use core::ops::Deref;
use core::time::Duration;
use std::sync::Arc;

use limits_core::{Clock, LeaseUse, LeasedRate, Leases, QuotaResource, StoreLoss};

use self::answer::{FIRST_POLL, low};
use self::failing::{Failing, GRACE};
use super::estimate::Estimate;
use crate::store::{Give, Question};

/// The time for which takes that do not fit into a window are not heard of.
const DEAF: u64 = 10_000_000;
/// A lessee that has had no use for so many windows asks no more, until a take is refused.
const IDLE_WINDOWS: u32 = 10;

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
    /// The units of the last answer that had any.
    granted: u64,
    /// The time from which a newborn key grants.
    of_age_at: Option<u64>,
    /// The limit of the question that was answered.
    limit: u64,
}

/// Something to report.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Happened {
    /// Units were leased, or granted without the store.
    Leased(QuotaResource),
    /// The policy for a store that is away has begun to hold.
    Fallback,
    /// The operator must know.
    Warning(String),
}

/// The leases of one tracker, as its lessees share them: each lessee has an `Arc` of this, so the
/// `Arc` inside has one owner more only while there is a tracker.
#[derive(Debug)]
pub(crate) struct Lent(pub(crate) Arc<Leases>);

impl Deref for Lent {
    type Target = Leases;

    fn deref(&self) -> &Leases {
        &self.0
    }
}

#[derive(Debug)]
pub(crate) struct Lessee {
    pub(crate) terms: Terms,
    leases: Arc<Lent>,
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
    /// The end of the last window that was granted without the store.
    local_ends: u64,
    /// The use of that window, as far as it is not charged to the store's window around its end.
    owed: u64,
    /// The lowest limits that this host has asked with, in this window and in the one before.
    asked_limits: (u64, u64),
    /// The time before which no shortage leads to a question.
    quiet_until: u64,
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
    pub(crate) fn new(terms: Terms, leases: Arc<Lent>, now: u64) -> Self {
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
            local_ends: 0,
            owed: 0,
            asked_limits: (u64::MAX, u64::MAX),
            quiet_until: 0,
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

    /// Returns whether the key is not of age yet, and not refused either.
    pub(super) const fn is_young(&self) -> bool {
        !self.is_ready && !self.is_leaving
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
        Arc::strong_count(&self.leases.0) == 1
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
        // A question that was on its way may have answered it since.
        if self.leases.of(self.terms.resource).is_some_and(LeasedRate::is_told) {
            self.is_short = true;
            self.due = self.due.min(now.max(self.quiet_until));
        }
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
            if self.is_orphan() {
                // The fleet finds it, and gives its units back.
                self.due = u64::MAX;
                return None;
            }
            let want = self.want(now)?;
            self.open = Some(self.question(want));
        }
        self.is_asking = true;
        self.asked = self.ticket;
        self.is_short = false;
        // Until the answer or the failure; but windows without the store go on.
        self.due = match &self.failing {
            Some(failing) => self.next_local(failing).max(now.saturating_add(1)),
            None => u64::MAX,
        };
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
        // A take that does not fit into the rest of the window waits for the next one; until then
        // it is not asked for, since other hosts could use that rest.
        let fits = self.unmet <= left.saturating_add(held.remaining) || held.limit < limit;
        if has_more && fits && (self.is_short || self.unmet > left) {
            return Some(size.max(self.owed(usage.debt())).min(limit));
        }
        if has_more && !fits && left < size.max(low(held.granted)) {
            return Some(size.max(usage.debt()).min(limit));
        }
        if left > 0 && now >= held.beat {
            return Some(0);
        }
        self.due = if left > 0 { held.beat.min(held.ends) } else { held.ends };
        if has_more && lease.is_told() {
            // Takes that do not fit go on to be refused: the next one is heard a little later.
            if core::mem::take(&mut self.is_short) {
                self.due = self.due.min(now.saturating_add(DEAF));
            } else {
                self.unmet = self.unmet.max(lease.listen(held.threshold(usage)));
            }
        }
        None
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
        self.leases.limit(self.terms.resource).min(LeasedRate::MOST_UNITS)
    }

    /// Returns the words for the quota's owner.
    pub(crate) fn whose(&self) -> String {
        if self.terms.id.is_empty() {
            String::from("the host quota")
        } else {
            format!("component `{}`", self.terms.id)
        }
    }

    /// Returns the units that are asked for at least: a refused amount, debt, and what was granted
    /// without the store.
    fn owed(&self, debt: u64) -> u64 {
        self.unmet.saturating_add(debt).saturating_add(self.owed).min(self.limit())
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
}

/// Returns a time in nanoseconds, at most 584 years.
pub(crate) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
