//! Turns of the workers, fair between components.
//!
//! # Invariants
//!
//! - I40: at most the given number of turns is taken at one time, and while a turn is free no
//!   thread waits.
//! - I41: between two turns of one id, each other id that waits has one.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// A bounded number of turns.
#[derive(Debug)]
pub(crate) struct Turns {
    state: Mutex<State>,
    granted: Condvar,
}

#[derive(Debug)]
struct State {
    free: u32,
    /// The ids that wait, the next one first, each with its tickets in the order of arrival.
    waiting: VecDeque<(String, VecDeque<u64>)>,
    /// The tickets whose turn has come and whose thread has not woken.
    called: Vec<u64>,
    next_ticket: u64,
}

/// A turn, which ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Turn(Arc<Turns>);

impl Turns {
    /// Makes so many turns, at least one.
    pub(crate) fn new(turns: u32) -> Arc<Self> {
        let state = State {
            free: turns.max(1),
            waiting: VecDeque::new(),
            called: Vec::new(),
            next_ticket: 0,
        };
        Arc::new(Self { state: Mutex::new(state), granted: Condvar::new() })
    }

    /// Waits for a turn of the component `id`.
    pub(crate) fn wait(self: &Arc<Self>, id: &str) -> Turn {
        let mut state = self.lock();
        if state.free > 0 {
            state.free -= 1;
            return Turn(Arc::clone(self));
        }
        let ticket = state.enqueue(id);
        loop {
            state = self.granted.wait(state).unwrap_or_else(PoisonError::into_inner);
            if let Some(place) = state.called.iter().position(|called| *called == ticket) {
                state.called.swap_remove(place);
                return Turn(Arc::clone(self));
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic leaves the state whole: each change is one step.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn enqueue(&mut self, id: &str) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        match self.waiting.iter_mut().find(|(waiting, _)| waiting == id) {
            Some((_, tickets)) => tickets.push_back(ticket),
            None => self.waiting.push_back((String::from(id), VecDeque::from([ticket]))),
        }
        ticket
    }

    /// Hands a turn to the next id, which goes behind all others, or sets it free.
    fn pass_on(&mut self) {
        let Some((id, mut tickets)) = self.waiting.pop_front() else {
            self.free += 1;
            return;
        };
        self.called.extend(tickets.pop_front());
        if !tickets.is_empty() {
            self.waiting.push_back((id, tickets));
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.lock().pass_on();
        self.0.granted.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::Turns;
    use core::sync::atomic::{AtomicUsize, Ordering};
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use std::sync::{Arc, mpsc};
    use std::thread;

    // I41: one component that asks often does not keep others waiting.
    #[test]
    fn ids_take_turns_whatever_the_number_of_their_requests() {
        let turns = Turns::new(1);
        let first = turns.wait("hog");
        let (tell, order) = mpsc::channel();
        let mut threads = Vec::new();
        for (place, id) in ["hog", "hog", "hog", "a", "b", "a"].into_iter().enumerate() {
            let (turns, tell) = (Arc::clone(&turns), tell.clone());
            threads.push(thread::spawn({
                let turns = Arc::clone(&turns);
                move || {
                    let _turn = turns.wait(id);
                    tell.send(id).unwrap();
                }
            }));
            // The next one comes after this one waits.
            while turns.lock().waiting.iter().map(|(_, tickets)| tickets.len()).sum::<usize>()
                <= place
            {
                thread::yield_now();
            }
        }
        drop(first);
        for thread in threads {
            thread.join().unwrap();
        }
        drop(tell);
        assert_eq!(order.iter().collect::<Vec<_>>(), ["hog", "a", "b", "hog", "a", "hog"]);
    }

    // I40.
    #[test]
    fn no_more_turns_are_taken_than_there_are_and_all_come_back() {
        let turns = Turns::new(3);
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for id in 0..8 {
                let (turns, now, most) = (&turns, &now, &most);
                scope.spawn(move || {
                    for _ in 0..200 {
                        let _turn = turns.wait(&(id % 3).to_string());
                        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        thread::yield_now();
                        now.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert!((1..=3).contains(&most.load(Ordering::SeqCst)));
        let state = turns.lock();
        assert_eq!((state.free, state.waiting.len(), state.called.len()), (3, 0, 0));
    }

    proptest! {
        // I41, for any order of arrival.
        #[test]
        fn an_id_waits_for_at_most_one_turn_of_each_other(ids in prop::collection::vec(0_u8..5, 1..60)) {
            let turns = Turns::new(1);
            let mut state = turns.lock();
            state.free = 0;
            let owner: BTreeMap<u64, u8> =
                ids.iter().map(|id| (state.enqueue(&id.to_string()), *id)).collect();
            let mut served = Vec::new();
            for _ in &ids {
                state.pass_on();
                served.push(owner[&state.called.pop().unwrap()]);
            }
            for (place, id) in served.iter().enumerate() {
                let Some(again) = served[place + 1..].iter().position(|other| other == id) else { continue };
                let between = &served[place + 1..place + 1 + again];
                for other in served[place + 1..].iter().filter(|other| *other != id) {
                    assert_eq!(between.iter().filter(|id| *id == other).count(), 1);
                }
            }
        }
    }
}
