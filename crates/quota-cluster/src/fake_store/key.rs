//! The state of one key, and the answer to one question: the protocol without a server.

use core::time::Duration;
use std::collections::HashMap;
use std::sync::Arc;

use crate::store::{Answer, KeyRefusal, Question};

/// The largest number that a script counts exactly: 2^53 - 1.
const MOST: u64 = (1 << 53) - 1;

/// The bounds of a lease's life, in microseconds.
const SHORTEST_LIFE: u64 = 25_000;
const LONGEST_LIFE: u64 = 1_000_000;

/// The text for a question with a number that the script cannot count with.
const REFUSED_NUMBER: &str =
    "WLARG the period, limit, ticket, or units are no whole number from 0 to 2^53 - 1";

/// One key of the store.
#[derive(Debug)]
pub(super) struct Key {
    reign: Arc<str>,
    /// Microseconds.
    period: u64,
    window: u64,
    granted: u64,
    /// The first window that grants.
    free: u64,
    /// The lowest limits asked with in this window, and in the one before.
    limit: u64,
    limit_before: u64,
    /// The lessees that asked in the window before.
    lessees_before: u64,
    lessees: HashMap<Arc<str>, Lessee>,
}

/// A lessee in the window that goes on.
#[derive(Clone, Copy, Debug, Default)]
struct Lessee {
    ticket: u64,
    /// The answer to the question with this ticket.
    granted: u64,
    /// All units of the window that the lessee has.
    has: u64,
}

/// The units that a question has moved: granted, and given back.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moved {
    pub(super) granted: u64,
    pub(super) given_back: u64,
}

/// Answers a question at a time of the store, in microseconds.
pub(super) fn answer(
    key: &mut Option<Key>,
    question: &Question,
    reign: &Arc<str>,
    now: u64,
) -> Result<(Answer, Moved), KeyRefusal> {
    let period = u64::try_from(question.period.as_micros()).unwrap_or(u64::MAX);
    if period == 0 || [period, question.limit, question.ticket].into_iter().any(|n| n > MOST) {
        return Err(KeyRefusal::Store(REFUSED_NUMBER.to_owned()));
    }
    let mut life = life(period);
    let window = now / period;
    // An old key tells which leases may be out: none of another period is, once its last window
    // and one more are over.
    let mut before = key.take_if(|key| key.reign != *reign || key.period != period);
    if let Some(old) = &before {
        let old_window = now / old.period;
        let runs = old.window <= old_window.saturating_add(1)
            && old_window <= old.window.saturating_add(1);
        if old.reign == *reign && runs {
            let stored = Duration::from_micros(old.period);
            *key = before.take();
            return Err(KeyRefusal::Period { stored });
        }
        life = life.max(self::life(old.period));
    } else {
        // The clock stepped back, by more than one window.
        before = key.take_if(|key| window.saturating_add(1) < key.window);
    }
    drop(before);
    let key = key.get_or_insert_with(|| {
        let free = now.saturating_add(life).div_ceil(period);
        Key::new(question, reign, period, window, free)
    });
    if window > key.window {
        key.begin(window, question.limit);
    }
    key.limit = key.limit.min(question.limit);
    let moved = key.take(question);
    let limit = key.limit.min(key.limit_before);
    let ends = key.window.saturating_add(1).saturating_mul(period);
    let answer = Answer {
        reign: Arc::clone(reign),
        window: key.window,
        granted: key
            .lessees
            .get(&question.lessee)
            .map_or(0, |lessee| if lessee.ticket == question.ticket { lessee.granted } else { 0 }),
        remaining: limit.saturating_sub(key.granted),
        window_left: Duration::from_micros(ends.saturating_sub(now).min(period)),
        life: Duration::from_micros(self::life(period)),
        lessees: key.lessees_before.max(u64::try_from(key.lessees.len()).unwrap_or(u64::MAX)),
        newborn: key.free.saturating_sub(key.window),
        limit,
    };
    Ok((answer, moved))
}

impl Key {
    fn new(question: &Question, reign: &Arc<str>, period: u64, window: u64, free: u64) -> Self {
        Self {
            reign: Arc::clone(reign),
            period,
            window,
            granted: 0,
            free,
            limit: question.limit,
            limit_before: question.limit,
            lessees_before: 0,
            lessees: HashMap::new(),
        }
    }

    /// Begins a window.
    fn begin(&mut self, window: u64, limit: u64) {
        let follows = window == self.window.saturating_add(1);
        self.limit_before = if follows { self.limit } else { limit };
        self.lessees_before =
            if follows { u64::try_from(self.lessees.len()).unwrap_or(u64::MAX) } else { 0 };
        self.window = window;
        self.granted = 0;
        self.limit = limit;
        self.lessees.clear();
    }

    /// Takes back what the question gives, and grants what it wants, unless it was answered before
    /// or comes late.
    fn take(&mut self, question: &Question) -> Moved {
        let lessee = self.lessees.get(&question.lessee).copied();
        if lessee.is_some_and(|lessee| question.ticket <= lessee.ticket) {
            return Moved::default();
        }
        let mut lessee = lessee.unwrap_or_default();
        // No more than the store knows of: it may have lost the lease, and then the units.
        let given_back = question
            .give
            .filter(|give| give.window == self.window)
            .map_or(0, |give| give.units.min(lessee.has));
        self.granted = self.granted.saturating_sub(given_back);
        let granted = if self.window >= self.free {
            let limit = self.limit.min(self.limit_before);
            question.want.min(limit.saturating_sub(self.granted))
        } else {
            0
        };
        self.granted = self.granted.saturating_add(granted);
        lessee.ticket = question.ticket;
        lessee.granted = granted;
        lessee.has = lessee.has.saturating_sub(given_back).saturating_add(granted);
        self.lessees.insert(Arc::clone(&question.lessee), lessee);
        Moved { granted, given_back }
    }
}

/// The time for which a lease lives past the store's last answer, in microseconds.
fn life(period: u64) -> u64 {
    (period / 4).clamp(SHORTEST_LIFE, LONGEST_LIFE).min(period)
}
