//! The waiters of one resource, by component and by age.

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use limits_core::{QuotaError, Retry};
use tokio::time::Instant;

use super::request::Request;
use super::slot::{Outcome, Slot};
use crate::handle::ComponentHandle;

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
            (_, None) => component.take_for(&request),
        };
        match outcome {
            Ok(reservation) => slot.fill(Outcome::Granted(reservation)),
            Err(error) if error.retry() == Retry::Never => {
                slot.fill(Outcome::Refused(request.refused_as(error)));
            }
            Err(error) => {
                let (component, waiters) = (component.clone(), VecDeque::from([waiter]));
                let due = component.due(error, Instant::now());
                let is_first_refused = true;
                let line = Line { component, waiters, refused: error, is_first_refused, due };
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
        // The refusal of a parent with the smallest amount: more of it is refused as well.
        let mut above: Option<(u64, QuotaError)> = None;
        let mut from = 0;
        while let Some((&ticket, line)) = self.lines.range_mut(from..).next() {
            from = ticket.saturating_add(1);
            let Some(request) = line.waiters.front().map(|first| first.request) else { continue };
            if !concerned.are_in(line) {
                continue;
            }
            let least = request.least().amount();
            if let Some((_, error)) = above.filter(|(amount, _)| least >= *amount) {
                // Due no earlier than the waiter with the smallest amount.
                line.refuse(request.refused_as(error), None);
                continue;
            }
            let outcome = match line.component.take_for(&request) {
                Ok(reservation) => Outcome::Granted(reservation),
                Err(error) if error.retry() == Retry::Never => Outcome::Refused(error),
                Err(error) => {
                    if error.depth() > 0 {
                        above = Some((least, error));
                    }
                    let due = line.component.due(error, now);
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
        let (&first, line) = self.lines.iter().find(|(_, line)| line.component == *component)?;
        let at = line.waiters.binary_search_by_key(&ticket, |waiter| waiter.ticket).ok()?;
        let position = self.lines.range(..first).count().saturating_add(at);
        let later = Duration::from_millis(u64::try_from(position).unwrap_or(u64::MAX));
        due.checked_add(later)
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
        let first = self.lines.values().next().and_then(|line| line.waiters.front());
        let watch = first.zip(due).map(|(first, due)| (first.ticket, due));
        if watch != self.watch {
            let slot = first.filter(|_| watch.is_some()).map(|first| Arc::clone(&first.slot));
            self.woken.extend(slot);
            self.watch = watch;
        }
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
