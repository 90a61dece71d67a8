//! Scenarios for the model checker: all interleavings of a few threads.

use core::num::{NonZeroU32, NonZeroUsize};
use core::task::{Context, Poll, Waker};
use std::task::Wake;

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use crate::{Pool, Seat, Share};

/// Counts its wakes; the task polls again when it sees one.
#[derive(Default)]
struct Flag(AtomicUsize);

impl Wake for Flag {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

struct Task {
    seat: Seat<Arc<Pool>>,
    flag: std::sync::Arc<Flag>,
    seen: usize,
}

impl Task {
    fn new(pool: &Arc<Pool>, first: usize) -> Self {
        let share = Share::new(NonZeroU32::MIN);
        let seat = Seat::new(Arc::clone(pool), Some(share), first);
        Self { seat, flag: std::sync::Arc::new(Flag::default()), seen: 0 }
    }

    fn poll(
        &mut self,
        poll: impl FnOnce(&mut Seat<Arc<Pool>>, &mut Context<'_>) -> Poll<()>,
    ) -> bool {
        let waker = Waker::from(std::sync::Arc::clone(&self.flag));
        poll(&mut self.seat, &mut Context::from_waker(&waker)).is_ready()
    }

    /// Waits for a wake, as a runtime does, and polls until the seat has a slot.
    fn take(&mut self) {
        while !self.poll(|seat, cx| seat.poll_take(cx, 0)) {
            self.wait();
        }
    }

    fn turn(&mut self) {
        if !self.poll(|seat, cx| seat.poll_turn(cx, 0, 250_000)) {
            self.wait();
            self.take();
        }
    }

    fn wait(&mut self) {
        while self.flag.0.load(Ordering::SeqCst) == self.seen {
            thread::yield_now();
        }
        self.seen += 1;
    }
}

fn pool(slots: usize) -> Arc<Pool> {
    Arc::new(Pool::new(NonZeroUsize::new(slots).unwrap()))
}

/// Counts those inside, and asserts that there are no more than slots.
fn inside(count: &AtomicUsize, most: usize) {
    let before = count.fetch_add(1, Ordering::SeqCst);
    assert!(before < most, "{} hold {most} slots", before + 1);
    thread::yield_now();
    count.fetch_sub(1, Ordering::SeqCst);
}

fn check(scenario: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(scenario);
}

// I5, I7, I8, I9
#[test]
fn two_executions_take_turns_on_one_slot_and_both_end() {
    check(|| {
        let pool = pool(1);
        let count = Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = (0..2)
            .map(|first| {
                let (pool, count) = (Arc::clone(&pool), Arc::clone(&count));
                thread::spawn(move || {
                    let mut task = Task::new(&pool, first);
                    task.take();
                    inside(&count, 1);
                    task.turn();
                    inside(&count, 1);
                    task.seat.give_back(0, 1);
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(pool.free_slots(), 1);
    });
}

// I9
#[test]
fn a_seat_that_is_dropped_as_it_waits_or_is_granted_loses_no_slot() {
    check(|| {
        let pool = pool(1);
        let mut holder = Task::new(&pool, 0);
        holder.take();
        let other = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || {
                let mut task = Task::new(&pool, 0);
                let _is_granted = task.poll(|seat, cx| seat.poll_take(cx, 0));
                drop(task);
            })
        };
        let third = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || Task::new(&pool, 0).take())
        };
        holder.seat.give_back(0, 1);
        other.join().unwrap();
        third.join().unwrap();
        drop(holder);
        assert_eq!(pool.free_slots(), 1);
    });
}

// I6
#[test]
fn a_holder_whose_slot_was_passed_on_gives_back_nothing() {
    check(|| {
        let pool = pool(1);
        let mut holder = Task::new(&pool, 0);
        holder.take();
        let other = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || {
                let mut task = Task::new(&pool, 0);
                if task.poll(|seat, cx| seat.poll_take(cx, 0)) {
                    return;
                }
                // Its holder keeps its thread.
                pool.inspect(6_000_000);
                pool.inspect(6_000_000);
                task.take();
            })
        };
        holder.seat.give_back(0, 1);
        other.join().unwrap();
        drop(holder);
        assert_eq!(pool.free_slots(), 1);
    });
}

// I5, I7
#[test]
fn no_seat_waits_while_one_of_two_slots_is_free() {
    check(|| {
        let pool = pool(2);
        let count = Arc::new(AtomicUsize::new(0));
        let mut holder = Task::new(&pool, 0);
        holder.take();
        let threads: Vec<_> = (0..2)
            .map(|first| {
                let (pool, count) = (Arc::clone(&pool), Arc::clone(&count));
                thread::spawn(move || {
                    let mut task = Task::new(&pool, first);
                    task.take();
                    inside(&count, 2);
                })
            })
            .collect();
        holder.seat.give_back(0, 1);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        drop(holder);
        assert_eq!(pool.free_slots(), 2);
    });
}
