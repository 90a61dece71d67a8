//! Random histories of leased levels beside a plain reckoning of their windows.

use core::time::Duration;
use limits_core::{Clock as _, LeaseTerms, QuotaTracker, Reservation, ResourceQuota};
use proptest::prelude::*;
use std::sync::Arc;

use super::{Leased, MESSAGES, messages};

/// The unit of time of a history: a take may be counted some nanoseconds after the clock's time.
const MICRO: u64 = 1_000;

/// One event of a history; levels are counted from the component up.
#[derive(Clone, Debug)]
enum Event {
    Advance(u64),
    Begin(usize, u64, u64),
    Extend(usize, u64, u64),
    End(usize),
    Peek(u64),
    Take(u64),
    UpTo(u64),
    Paced(u64, u64),
    Reserve(u64),
    Drop(usize),
    Settle(usize, u64),
    Charge(u64),
    Reset(usize),
}

fn event() -> impl Strategy<Value = Event> {
    let n = || 0..12_u64;
    let life = || 0..30_u64;
    prop_oneof![
        4 => (0..20_u64).prop_map(Event::Advance),
        3 => (0..2_usize, n(), life()).prop_map(|(level, n, life)| Event::Begin(level, n, life)),
        3 => (0..2_usize, n(), life()).prop_map(|(level, n, life)| Event::Extend(level, n, life)),
        1 => (0..2_usize).prop_map(Event::End),
        1 => n().prop_map(Event::Peek),
        5 => n().prop_map(Event::Take),
        2 => n().prop_map(Event::UpTo),
        2 => (n(), n()).prop_map(|(least, most)| Event::Paced(least, most)),
        4 => n().prop_map(Event::Reserve),
        4 => any::<usize>().prop_map(Event::Drop),
        2 => (any::<usize>(), n()).prop_map(|(which, n)| Event::Settle(which, n)),
        1 => n().prop_map(Event::Charge),
        1 => (0..2_usize).prop_map(Event::Reset),
    ]
}

/// The windows of one leased level.
#[derive(Debug, Default)]
struct Windows {
    /// Which window it is; a lease is open in it or not.
    number: usize,
    is_open: bool,
    leased: u64,
    used: u64,
    until: u64,
    ends: u64,
    /// The units granted in this window, less those refunded.
    granted: u64,
}

impl Windows {
    fn end(&mut self) {
        let debt = self.used - if self.is_open { self.used.min(self.leased) } else { 0 };
        *self = Self { number: self.number + 1, used: debt, ..Self::default() };
    }

    fn left(&self, now: u64) -> u64 {
        let is_spendable = self.is_open && now < self.until;
        if is_spendable { self.leased.saturating_sub(self.used) } else { 0 }
    }

    fn debt(&self) -> u64 {
        if self.is_open { self.used.saturating_sub(self.leased) } else { self.used }
    }
}

/// A reservation, its units, and the window of each level that counts them.
struct Held {
    reservation: Reservation<Arc<QuotaTracker>>,
    n: u64,
    windows: Vec<usize>,
}

struct Twins {
    levels: Vec<Leased>,
    model: Vec<Windows>,
    held: Vec<Held>,
}

impl Twins {
    fn new(levels: usize) -> Self {
        let host = Leased::new(ResourceQuota::new());
        let mut all = vec![host];
        if levels > 1 {
            let parent = &all[0];
            let below =
                QuotaTracker::with_parent(ResourceQuota::new(), Arc::clone(&parent.tracker));
            let clock = Arc::clone(&parent.clock);
            all.insert(0, Leased::of(below, clock));
        }
        let model = all.iter().map(|_| Windows::default()).collect();
        Self { levels: all, model, held: Vec::new() }
    }

    fn now(&self) -> u64 {
        self.levels[0].clock.now_ns()
    }

    fn left(&self) -> u64 {
        self.model.iter().map(|level| level.left(self.now())).min().unwrap_or(0)
    }

    fn terms(&self, units: u64, life: u64) -> LeaseTerms {
        let life = life * MICRO;
        LeaseTerms { units, until: self.now() + life, ends: self.now() + 2 * life }
    }

    /// Counts a take of the model.
    fn count(&mut self, n: u64) {
        for level in &mut self.model {
            level.used += n;
            level.granted += n;
        }
    }

    fn hand_back(&mut self, n: u64, windows: &[usize]) {
        for (level, window) in self.model.iter_mut().zip(windows) {
            if level.is_open && level.number == *window {
                level.used = level.used.saturating_sub(n);
                level.granted = level.granted.saturating_sub(n);
            }
        }
    }

    fn charge(&mut self, n: u64) {
        self.model.iter_mut().for_each(|level| level.used += n);
    }

    fn let_go(&mut self, which: usize) -> Option<Held> {
        let which = which.checked_rem(self.held.len())?;
        Some(self.held.swap_remove(which))
    }

    fn apply(&mut self, event: Event) -> Result<(), TestCaseError> {
        let tracker = Arc::clone(&self.levels[0].tracker);
        let left = self.left();
        match event {
            Event::Advance(by) => self.levels[0].clock.advance(Duration::from_nanos(by * MICRO)),
            Event::Begin(level, units, life) => self.begin(level, units, life)?,
            Event::Extend(level, units, life) => {
                let terms = self.terms(units, life);
                let Some(model) = self.model.get_mut(level) else { return Ok(()) };
                if model.is_open {
                    model.leased += units;
                    model.until = model.until.max(terms.until);
                    model.ends = model.ends.max(terms.ends);
                }
                self.levels[level].lease().extend(terms);
            }
            Event::End(level) => {
                let Some(model) = self.model.get_mut(level) else { return Ok(()) };
                let used = self.levels[level].lease().end().used;
                prop_assert_eq!(used, model.used);
                if model.is_open {
                    model.end();
                }
            }
            Event::Peek(n) => {
                prop_assert_eq!(tracker.peek(messages(n)).is_ok(), n == 0 || n <= left);
            }
            Event::Take(n) => {
                let fits = n == 0 || n <= left;
                prop_assert_eq!(tracker.consume(messages(n)).is_ok(), fits);
                if fits {
                    self.count(n);
                }
            }
            Event::UpTo(n) => {
                let part = tracker.reserve_up_to(messages(n));
                prop_assert_eq!(part.is_ok(), n == 0 || left > 0);
                if let Ok(part) = part {
                    prop_assert_eq!(part.amount(MESSAGES), n.min(left));
                    part.commit();
                    self.count(n.min(left));
                }
            }
            Event::Paced(least, most) => {
                let part = tracker.reserve_paced(MESSAGES, least, most);
                let least = least.max(1).min(most);
                prop_assert_eq!(part.is_ok(), most == 0 || left >= least);
                if let Ok(part) = part {
                    prop_assert_eq!(part.amount(MESSAGES), most.min(left));
                    part.commit();
                    self.count(most.min(left));
                }
            }
            Event::Reserve(n) => {
                let reservation = tracker.reserve_owned(&[messages(n)]);
                prop_assert_eq!(reservation.is_ok(), n == 0 || n <= left);
                if let Ok(reservation) = reservation {
                    self.count(n);
                    let windows = self.model.iter().map(|level| level.number).collect();
                    self.held.push(Held { reservation, n, windows });
                }
            }
            Event::Drop(which) => {
                if let Some(Held { reservation, n, windows }) = self.let_go(which) {
                    let now = self.now();
                    let goes_on = |(level, number): (&Windows, &usize)| {
                        level.number == *number && now < level.until
                    };
                    let is_current = self.model.iter().zip(&windows).all(goes_on);
                    prop_assert_eq!(reservation.is_current(), n == 0 || is_current);
                    drop(reservation);
                    self.hand_back(n, &windows);
                }
            }
            Event::Settle(which, actual) => {
                if let Some(Held { reservation, n, windows }) = self.let_go(which) {
                    reservation.commit_actual(messages(actual));
                    self.charge(actual.saturating_sub(n));
                    self.hand_back(n.saturating_sub(actual), &windows);
                }
            }
            Event::Charge(n) => {
                tracker.charge(messages(n));
                self.charge(n);
            }
            Event::Reset(level) => {
                let Some(model) = self.model.get_mut(level) else { return Ok(()) };
                model.used -= model.debt();
                self.levels[level].tracker.reset();
            }
        }
        self.same()
    }

    fn begin(&mut self, level: usize, units: u64, life: u64) -> Result<(), TestCaseError> {
        let terms = self.terms(units, life);
        let Some(model) = self.model.get_mut(level) else { return Ok(()) };
        let before = self.levels[level].lease().begin(terms, self.levels[level].tracker.clock());
        prop_assert_eq!((before.used, before.debt()), (model.used, model.debt()));
        model.end();
        let LeaseTerms { units, until, ends } = terms;
        *model = Windows { is_open: true, leased: units, until, ends, ..core::mem::take(model) };
        Ok(())
    }

    fn same(&self) -> Result<(), TestCaseError> {
        for (leased, model) in self.levels.iter().zip(&self.model) {
            prop_assert!(model.granted <= model.leased);
            let usage = leased.lease().usage();
            let units = if model.is_open { model.leased } else { 0 };
            prop_assert_eq!((usage.used, usage.leased), (model.used, units));
            let goes_on = model.is_open && self.now() < model.ends;
            prop_assert!(!goes_on || leased.used() == model.used);
        }
        Ok(())
    }
}

proptest! {
    // I22 I23 I24 I25
    #[test]
    fn leased_levels_and_the_reckoning_agree_over_any_history(
        levels in 1..=2_usize,
        events in prop::collection::vec(event(), 1..80),
    ) {
        let mut twins = Twins::new(levels);
        for event in events {
            twins.apply(event)?;
        }
    }
}
