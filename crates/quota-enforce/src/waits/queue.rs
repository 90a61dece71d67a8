//! The waiters of one resource, by component and by age.

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use limits_core::{QuotaError, Retry};
use tokio::time::Instant;

use super::crowd::Crowd;
use super::request::Request;
use super::slot::{Outcome, Slot};
use crate::handle::ComponentHandle;

/// The time between the timers of two waiters.
const APART: Duration = Duration::from_millis(1);
/// The same where the first one takes a paced rate: its timer goes off every few milliseconds.
const APART_PACED: Duration = Duration::from_millis(4);

/// The waiters whose units a lessor is told of at once.
const MOST_COUNTED: usize = 256;

/// The components whose waiters an event may concern.
#[derive(Clone, Copy)]
pub(crate) enum Concerned<'c> {
    /// Time has passed, or a parent has changed.
    All,
    /// This component has given units back: to itself, and to the parents of all.
    After(&'c ComponentHandle),
}

/// The waiters of one resource: a line for each component, sorted by the age of the first waiters.
#[derive(Default)]
pub(super) struct Queue {
    /// By the tickets of their first waiters. No line is empty.
    lines: BTreeMap<u64, Line>,
    last_ticket: u64,
    /// The ticket of the first waiter, and the time at which it has to look for all, as it knows.
    watch: Option<(u64, Instant)>,
    /// Waiters to wake.
    woken: Vec<Arc<Slot>>,
}

/// The waiters of one component.
pub(super) struct Line {
    component: ComponentHandle,
    waiters: VecDeque<Waiter>,
    /// The last refusal of a first waiter.
    refused: QuotaError,
    /// Whether that was the one that is first now.
    is_first_refused: bool,
    /// The time at which a rate may have units for the first.
    due: Option<Instant>,
    /// The waiters that share what is due, those that were served in the same pass included.
    crowd: usize,
}

struct Waiter {
    ticket: u64,
    request: Request,
    slot: Arc<Slot>,
}

impl Queue {
    /// Adds a waiter behind those of its component, unless it has its outcome at once. Returns its
    /// ticket.
    pub(super) fn join(
        &mut self,
        component: &ComponentHandle,
        request: Request,
        slot: &Arc<Slot>,
    ) -> u64 {
        self.last_ticket = self.last_ticket.saturating_add(1);
        let ticket = self.last_ticket;
        let waiter = Waiter { ticket, request, slot: Arc::clone(slot) };
        let line = self.line_of(component);
        let outcome = match (component.peek_least(&request), line) {
            (Err(error), _) if error.retry() == Retry::Never => Err(error),
            (_, Some((_, line))) => {
                line.waiters.push_back(waiter);
                return ticket;
            }
            (_, None) => {
                let crowd = Crowd { here: 1, all: self.count().saturating_add(1) };
                component.take_for(&request, Some(crowd))
            }
        };
        match outcome {
            Ok(reservation) => slot.fill(Outcome::Granted(reservation)),
            Err(error) if error.retry() == Retry::Never => {
                slot.fill(Outcome::Refused(request.refused_as(error)));
            }
            Err(error) => {
                let (component, waiters) = (component.clone(), VecDeque::from([waiter]));
                let due = component.due(&request, error, Instant::now());
                let line = Line {
                    component,
                    waiters,
                    refused: error,
                    is_first_refused: true,
                    due,
                    crowd: 1,
                };
                self.lines.insert(ticket, line);
                self.keep_watch();
            }
        }
        ticket
    }

    /// Removes a waiter and serves those behind it. Returns its refusal, and `None` if the waiter
    /// has its outcome.
    pub(super) fn leave(&mut self, component: &ComponentHandle, ticket: u64) -> Option<QuotaError> {
        let (first, line) = self.line_of(component)?;
        let at = line.waiters.binary_search_by_key(&ticket, |waiter| waiter.ticket).ok()?;
        let Waiter { request, .. } = line.waiters.remove(at)?;
        // A later one that would fit was refused because of the first.
        let refused = component.peek_least(&request).err().unwrap_or(line.refused);
        self.reinsert(first);
        self.serve(Concerned::After(component));
        Some(request.refused_as(refused))
    }

    /// Takes for the waiters that fit: of each component the first, then the next; of several
    /// components the one that waits longest.
    pub(super) fn serve(&mut self, concerned: Concerned<'_>) {
        let now = Instant::now();
        let all = self.count();
        self.lines.values_mut().for_each(|line| line.crowd = line.waiters.len());
        // The refusal of a parent with the smallest amount: more of it is refused as well.
        let mut above: Option<(Request, QuotaError)> = None;
        let mut from = 0;
        while let Some((&ticket, line)) = self.lines.range_mut(from..).next() {
            from = ticket.saturating_add(1);
            let Some(request) = line.waiters.front().map(|first| first.request) else { continue };
            if !concerned.are_in(line) {
                continue;
            }
            if let Some((_, error)) = above.filter(|(less, _)| request.asks_for_no_less(less)) {
                // Due no earlier than the waiter with the smallest amount.
                line.refuse(request.refused_as(error), None);
                continue;
            }
            let crowd = Crowd { here: line.crowd, all };
            let outcome = match line.component.take_for(&request, Some(crowd)) {
                Ok(reservation) => Outcome::Granted(reservation),
                Err(error) if error.retry() == Retry::Never => {
                    Outcome::Refused(request.refused_as(error))
                }
                Err(error) => {
                    if error.depth() > 0 {
                        above = Some((request, error));
                    } else if error.is_leased() {
                        line.component.want(error, sum(line.waiters.iter().map(Waiter::least)));
                    }
                    let due = line.component.due(&request, error, now);
                    line.refuse(error, due);
                    continue;
                }
            };
            if let Some(served) = line.waiters.pop_front() {
                served.slot.fill(outcome);
                self.woken.push(served.slot);
            }
            self.reinsert(ticket);
        }
        if let Some((_, error)) = above.filter(|(_, error)| error.is_leased())
            && let Some(line) = self.lines.values().next()
        {
            // A component that has many waiters gets no more than its own level has left, so its
            // host needs no more for it.
            let wanted = self.lines.values().map(|line| {
                let least = sum(line.waiters.iter().map(Waiter::least));
                least.min(line.component.left(error.resource()))
            });
            line.component.want(error, sum(wanted));
        }
        self.keep_watch();
    }

    /// Refuses the waiters of a component that will never fit, and serves the others.
    pub(super) fn review(&mut self, component: &ComponentHandle) {
        if let Some((first, line)) = self.line_of(component) {
            let mut refused = Vec::new();
            line.waiters.retain(|waiter| match component.peek_least(&waiter.request) {
                Err(error) if error.retry() == Retry::Never => {
                    waiter.slot.fill(Outcome::Refused(waiter.request.refused_as(error)));
                    refused.push(Arc::clone(&waiter.slot));
                    false
                }
                _ => true,
            });
            self.woken.append(&mut refused);
            self.reinsert(first);
        }
        self.serve(Concerned::After(component));
    }

    /// Removes the waiters of a component that was unregistered, and returns their line.
    pub(super) fn dismiss(&mut self, component: &ComponentHandle) -> Option<Line> {
        let (first, _) = self.line_of(component)?;
        let mut line = self.lines.remove(&first)?;
        for waiter in line.waiters.drain(..) {
            waiter.slot.fill(Outcome::Unregistered);
            self.woken.push(waiter.slot);
        }
        self.keep_watch();
        Some(line)
    }

    /// Returns the time at which a waiter has to look for all, and `None` for one that is not in
    /// the queue, or where no time makes room.
    pub(super) fn alarm(&self, component: &ComponentHandle, ticket: u64) -> Option<Instant> {
        let (_, due) = self.watch?;
        let is_paced = self.first().is_some_and(|first| first.request.is_paced());
        let apart = if is_paced { APART_PACED } else { APART };
        let (&first, line) = self.lines.iter().find(|(_, line)| line.component == *component)?;
        let at = line.waiters.binary_search_by_key(&ticket, |waiter| waiter.ticket).ok()?;
        let position = self.lines.range(..first).count().saturating_add(at);
        let later = apart.saturating_mul(u32::try_from(position).unwrap_or(u32::MAX));
        due.checked_add(later)
    }

    /// Returns the waiter that waits longest.
    fn first(&self) -> Option<&Waiter> {
        self.lines.values().next().and_then(|line| line.waiters.front())
    }

    /// Returns the number of waiters.
    fn count(&self) -> usize {
        self.lines.values().map(|line| line.waiters.len()).sum()
    }

    /// Returns the waiters to wake.
    pub(super) fn take_woken(&mut self) -> Vec<Arc<Slot>> {
        core::mem::take(&mut self.woken)
    }

    fn line_of(&mut self, component: &ComponentHandle) -> Option<(u64, &mut Line)> {
        let line = self.lines.iter_mut().find(|(_, line)| line.component == *component);
        line.map(|(first, line)| (*first, line))
    }

    /// Sorts a line in again whose first waiter has left; an empty one goes.
    fn reinsert(&mut self, ticket: u64) {
        let Some(mut line) = self.lines.remove(&ticket) else { return };
        let Some(first) = line.waiters.front().map(|waiter| waiter.ticket) else { return };
        if first != ticket {
            line.is_first_refused = false;
            line.due = None;
        }
        self.lines.insert(first, line);
    }

    /// Tells the first waiter when to look for all, unless it knows or no time makes room.
    fn keep_watch(&mut self) {
        let due = self.lines.values().filter_map(|line| line.due).min();
        let first = self.first();
        let watch = first.zip(due).map(|(first, due)| (first.ticket, due));
        if watch != self.watch {
            let slot = first.filter(|_| watch.is_some()).map(|first| Arc::clone(&first.slot));
            self.woken.extend(slot);
            self.watch = watch;
        }
    }
}

impl Waiter {
    /// Returns the smallest amount that it would be granted.
    const fn least(&self) -> u64 {
        self.request.least().amount()
    }
}

/// Adds up the amounts of waiters, up to some number of them.
fn sum(amounts: impl Iterator<Item = u64>) -> u64 {
    amounts.take(MOST_COUNTED).fold(0, u64::saturating_add)
}

impl Request {
    /// Reports whether a level that refuses `less` would refuse this as well.
    fn asks_for_no_less(&self, less: &Self) -> bool {
        // All that is left is more than what is due.
        (self.is_paced() || !less.is_paced()) && self.least().amount() >= less.least().amount()
    }
}

impl Line {
    const fn refuse(&mut self, error: QuotaError, due: Option<Instant>) {
        self.refused = error;
        self.is_first_refused = true;
        self.due = due;
    }
}

impl Concerned<'_> {
    /// Reports whether the first waiter of a line may have become able to take.
    fn are_in(self, line: &Line) -> bool {
        match self {
            Self::All => true,
            Self::After(component) => {
                line.component == *component || !line.is_first_refused || line.refused.depth() > 0
            }
        }
    }
}
