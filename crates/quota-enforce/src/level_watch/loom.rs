//! Every interleaving of threads that change the use of a resource and look at its level.
//!
//! `cargo xtask loom` runs these on the real `level_watch.rs`; the ordinary test run leaves them
//! out. An atomic stands for the tracker's count.

use std::sync::{Arc, Mutex, PoisonError};
use std::vec::Vec;

use limits_core::{Allowance, QuotaResourceStatus};
use loom::thread;

use super::{Cause, LevelWatch, Look};
use crate::sync::{AtomicU64, Ordering};
use crate::usage_level::UsageLevel;

/// A resource of which 100 units may be used.
struct Resource {
    used: AtomicU64,
    level_watch: LevelWatch,
    window_ns: Option<u64>,
    told: Mutex<Vec<(UsageLevel, UsageLevel)>>,
    /// The level that was reported last, as a sink would keep it: without ordering of its own.
    last: AtomicU64,
}

impl Resource {
    fn new(used: u64, window_ns: Option<u64>) -> Arc<Self> {
        let resource = Self {
            used: AtomicU64::new(used),
            level_watch: LevelWatch::default(),
            window_ns,
            told: Mutex::default(),
            last: AtomicU64::new(0),
        };
        resource.watch(Cause::Fallen);
        resource.told.lock().unwrap_or_else(PoisonError::into_inner).clear();
        Arc::new(resource)
    }

    fn status(&self) -> QuotaResourceStatus {
        // As the tracker's counts are read.
        let used = self.used.load(Ordering::Relaxed);
        QuotaResourceStatus::new(used, Allowance::AtMost(100))
    }

    fn watch(&self, seen: Cause) {
        let look = || Look { status: self.status(), now_ns: 0, window_ns: self.window_ns };
        self.level_watch.watch(seen, look, |from, to, _| {
            let last = UsageLevel::from_code(self.last.load(Ordering::Relaxed));
            assert_eq!(from, last, "a sink sees what it did the last time");
            self.last.store(to.code(), Ordering::Relaxed);
            self.told.lock().unwrap_or_else(PoisonError::into_inner).push((from, to));
            // Another thread may run during a report.
            thread::yield_now();
        });
    }

    fn take(&self, units: u64) {
        self.used.fetch_add(units, Ordering::Relaxed);
        self.watch(Cause::Taken(units));
    }

    fn release(&self, units: u64) {
        self.used.fetch_sub(units, Ordering::Relaxed);
        self.watch(Cause::Fallen);
    }

    /// Checks what the sinks heard, from the level at which the scenario began, and returns it.
    fn check(&self, mut level: UsageLevel) -> Vec<(UsageLevel, UsageLevel)> {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (from, to) in &told {
            assert_eq!(*from, level, "each crossing begins where the last one led: {told:?}");
            assert_ne!(from, to);
            level = *to;
        }
        assert_eq!(level, UsageLevel::of(&self.status()), "{told:?}");
        told
    }
}

/// Runs each in a thread of its own, the last in this one.
fn together<const N: usize>(resource: &Arc<Resource>, works: [fn(&Resource); N]) {
    let threads: Vec<_> = works[1..]
        .iter()
        .map(|work| {
            let (resource, work) = (Arc::clone(resource), *work);
            thread::spawn(move || work(&resource))
        })
        .collect();
    works[0](resource);
    threads.into_iter().for_each(|thread| thread.join().expect("a thread that ends"));
}

// I4 I5
#[test]
fn what_is_released_as_another_thread_takes_is_heard_last() {
    loom::model(|| {
        let resource = Resource::new(79, None);
        together(&resource, [|it| it.release(79), |it| it.take(20)]);
        resource.check(UsageLevel::Normal);
    });
}

// I4 I5
#[test]
fn what_is_taken_as_another_thread_releases_is_heard_last() {
    loom::model(|| {
        let resource = Resource::new(96, None);
        together(&resource, [|it| it.release(96), |it| it.take(96)]);
        resource.check(UsageLevel::Critical);
    });
}

// I1 I4 I5
#[test]
fn of_two_threads_that_cross_one_level_together_one_reports() {
    for window_ns in [None, Some(1_000)] {
        loom::model(move || {
            let resource = Resource::new(50, window_ns);
            together(&resource, [|it| it.take(46), |it| it.take(3)]);
            let told = resource.check(UsageLevel::Normal);
            assert_eq!(told.iter().filter(|(_, to)| *to == UsageLevel::Critical).count(), 1);
            assert!(told.iter().all(|(from, to)| from < to), "{told:?}");
        });
    }
}

// I4 I5
#[test]
fn of_three_threads_that_take_and_release_the_last_state_is_heard_last() {
    let mut model = loom::model::Builder::new();
    // All of them take minutes; what two threads can do is above, without a bound.
    model.preemption_bound = Some(2);
    model.check(|| {
        let resource = Resource::new(60, None);
        together(&resource, [|it| it.take(36), |it| it.release(60), |it| it.take(20)]);
        resource.check(UsageLevel::Normal);
    });
}
