//! The lessees of one host: their timers, and one round trip for all that are due.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use limits_core::{Clock, QuotaResource};

use super::lessee::{Happened, Lessee};
use crate::store::{Answer, KeyRefusal, Question, StoreError};

/// The most questions of one round trip.
const MOST_QUESTIONS: usize = 256;
/// The time between two searches for lessees whose trackers are gone: 1 s.
const SWEEP: u64 = 1_000_000_000;

/// The number of a lessee in its host.
pub(crate) type Number = u64;

/// The lessees of one host. It knows neither tasks nor sockets.
#[derive(Debug)]
pub(crate) struct Fleet {
    clock: Arc<dyn Clock>,
    lessees: BTreeMap<Number, Lessee>,
    /// The next step of each lessee that has one.
    timers: BTreeSet<(u64, Number)>,
    last: Number,
    /// The lessees whose questions are on their way, in order.
    asked: Vec<Number>,
    /// The lessees whose keys are not of age yet.
    young: usize,
    swept: u64,
    /// Questions that were sent, repeated ones included.
    pub(crate) questions: u64,
    /// Round trips.
    pub(crate) round_trips: u64,
}

/// Something to report, and whose it is.
pub(crate) type Report = (Number, Happened);

impl Fleet {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            swept: clock.now_ns(),
            clock,
            lessees: BTreeMap::new(),
            timers: BTreeSet::new(),
            last: 0,
            asked: Vec::new(),
            young: 0,
            questions: 0,
            round_trips: 0,
        }
    }

    /// Returns the number of the next lessee.
    pub(crate) fn next_number(&mut self) -> Number {
        self.last = self.last.saturating_add(1);
        self.last
    }

    pub(crate) fn add(&mut self, number: Number, lessee: Lessee) {
        self.timers.insert((lessee.due(), number));
        self.young += usize::from(lessee.is_young());
        self.lessees.insert(number, lessee);
    }

    /// Returns the number of lessees whose keys are not of age yet.
    pub(crate) const fn young(&self) -> usize {
        self.young
    }

    pub(crate) fn get(&self, number: Number) -> Option<&Lessee> {
        self.lessees.get(&number)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Lessee> {
        self.lessees.values()
    }

    /// Returns the time of the next step. While questions are on their way, what is due already
    /// waits for their answers.
    pub(crate) fn next_step(&self) -> u64 {
        let sweep =
            if self.lessees.is_empty() { u64::MAX } else { self.swept.saturating_add(SWEEP) };
        let from = if self.asked.is_empty() { 0 } else { self.clock.now_ns().saturating_add(1) };
        self.timers.range((from, 0)..).next().map_or(sweep, |(due, _)| sweep.min(*due))
    }

    /// Notes a shortage of a lessee.
    pub(crate) fn signal(&mut self, number: Number) {
        let now = self.clock.now_ns();
        self.change(number, |lessee| lessee.signal(now));
    }

    /// Does what is due, and returns the questions to ask, none while others are on their way.
    pub(crate) fn step(&mut self, reports: &mut Vec<Report>) -> Vec<Question> {
        let now = self.clock.now_ns();
        if now.saturating_sub(self.swept) >= SWEEP {
            self.sweep(now);
        }
        let mut questions = Vec::new();
        let is_asking = !self.asked.is_empty();
        let clock = Arc::clone(&self.clock);
        let due: Vec<Number> =
            self.timers.range(..=(now, Number::MAX)).map(|(_, number)| *number).collect();
        for number in due {
            let mut happened = Vec::new();
            let is_full = questions.len() >= MOST_QUESTIONS;
            let question = self.change(number, |lessee| {
                if is_asking || is_full {
                    lessee.bide(now, &clock, &mut happened);
                    None
                } else {
                    lessee.step(now, &clock, &mut happened)
                }
            });
            reports.extend(happened.into_iter().map(|happened| (number, happened)));
            if let Some(question) = question.flatten() {
                self.asked.push(number);
                questions.push(question);
            }
        }
        if !questions.is_empty() {
            self.round_trips = self.round_trips.saturating_add(1);
            let count = u64::try_from(questions.len()).unwrap_or(u64::MAX);
            self.questions = self.questions.saturating_add(count);
        }
        questions
    }

    /// Handles the outcome of a round trip that began at a time.
    pub(crate) fn answered(
        &mut self,
        sent: u64,
        outcome: Result<Vec<Result<Answer, KeyRefusal>>, StoreError>,
        reports: &mut Vec<Report>,
    ) {
        let now = self.clock.now_ns();
        let clock = Arc::clone(&self.clock);
        let mut asked = core::mem::take(&mut self.asked);
        match outcome {
            Ok(answers) => {
                let mut answers = answers.into_iter();
                for &number in &asked {
                    let mut happened = Vec::new();
                    let answer = answers.next();
                    self.change(number, |lessee| match answer {
                        Some(Ok(answer)) => {
                            lessee.answer(answer, (sent, now), &clock, &mut happened);
                        }
                        Some(Err(refusal)) => lessee.refuse(&refusal, now, &mut happened),
                        None => lessee.fail(sent, now),
                    });
                    reports.extend(happened.into_iter().map(|happened| (number, happened)));
                }
            }
            Err(_) => {
                // Those that would have asked by now would have failed as well.
                let due = self.timers.range(..=(now, Number::MAX)).map(|(_, number)| *number);
                asked.extend(due);
                asked.sort_unstable();
                asked.dedup();
                for number in &asked {
                    self.change(*number, |lessee| lessee.fail(sent, now));
                }
            }
        }
        for number in asked {
            if self.lessees.get(&number).is_some_and(Lessee::has_left) {
                self.remove(number);
            }
        }
    }

    /// Ends all leases; the next step returns the questions that give the rest back.
    pub(crate) fn leave(&mut self) {
        let now = self.clock.now_ns();
        // An answer that comes yet finds none that waits for it.
        self.asked.clear();
        let all: Vec<Number> = self.lessees.keys().copied().collect();
        for number in all {
            self.leave_one(number, now);
        }
    }

    /// Returns whether no lessee is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.lessees.is_empty()
    }

    /// Returns the resources of reports of new units, each once.
    pub(crate) fn leased(reports: &[Report]) -> Vec<QuotaResource> {
        let all = reports.iter().filter_map(|(_, happened)| match happened {
            Happened::Leased(resource) => Some(*resource),
            _ => None,
        });
        let mut resources: Vec<_> = all.collect();
        resources.sort_unstable_by_key(|resource| resource.key());
        resources.dedup();
        resources
    }

    /// Looks for lessees whose trackers are gone.
    fn sweep(&mut self, now: u64) {
        self.swept = now;
        let gone: Vec<Number> = self
            .lessees
            .iter()
            .filter(|(_, lessee)| lessee.is_orphan() && !lessee.is_leaving)
            .map(|(number, _)| *number)
            .collect();
        for number in gone {
            self.leave_one(number, now);
        }
    }

    fn leave_one(&mut self, number: Number, now: u64) {
        let gives_back = self.change(number, |lessee| lessee.leave(now));
        if gives_back == Some(false) {
            self.remove(number);
        }
    }

    fn remove(&mut self, number: Number) {
        if let Some(lessee) = self.lessees.remove(&number) {
            self.timers.remove(&(lessee.due(), number));
            self.young -= usize::from(lessee.is_young());
        }
    }

    /// Changes a lessee, and its timer with it.
    fn change<T>(&mut self, number: Number, change: impl FnOnce(&mut Lessee) -> T) -> Option<T> {
        let lessee = self.lessees.get_mut(&number)?;
        self.timers.remove(&(lessee.due(), number));
        self.young -= usize::from(lessee.is_young());
        let value = change(lessee);
        self.young += usize::from(lessee.is_young());
        if lessee.due() != u64::MAX {
            self.timers.insert((lessee.due(), number));
        }
        Some(value)
    }
}
