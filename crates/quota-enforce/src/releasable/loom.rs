//! Every interleaving of threads that take and release units of a total.
//!
//! `cargo xtask loom` runs these on the real `releasable.rs`. An atomic stands for the tracker's
//! count, which never goes below zero.

use std::sync::Arc;

use loom::thread;

use super::Releasable;
use crate::sync::{AtomicU64, Ordering};

#[derive(Default)]
struct Component {
    used: AtomicU64,
    releasable: Releasable,
}

impl Component {
    fn keep(&self, units: u64) {
        self.used.fetch_add(units, Ordering::Relaxed);
        self.releasable.add(units);
    }

    fn release(&self, units: u64) -> u64 {
        let units = self.releasable.take_up_to(units);
        let before = self.used.fetch_sub(units, Ordering::Relaxed);
        assert!(before >= units, "released before it was counted");
        units
    }
}

// I8
#[test]
fn two_releases_share_what_was_kept_and_a_live_store_stays_counted() {
    ::loom::model(|| {
        let component = Arc::new(Component::default());
        component.keep(10);
        // Memory of a live store: taken through an account.
        component.used.fetch_add(5, Ordering::Relaxed);
        let other = {
            let component = Arc::clone(&component);
            thread::spawn(move || component.release(7))
        };
        let released = component.release(u64::MAX) + other.join().expect("a thread that ends");
        assert_eq!(released, 10);
        assert_eq!(component.used.load(Ordering::Relaxed), 5);
    });
}

// I8
#[test]
fn what_is_kept_during_a_release_is_released_or_still_held() {
    ::loom::model(|| {
        let component = Arc::new(Component::default());
        let other = {
            let component = Arc::clone(&component);
            thread::spawn(move || component.keep(10))
        };
        let released = component.release(u64::MAX);
        other.join().expect("a thread that ends");
        assert_eq!(released + component.used.load(Ordering::Relaxed), 10);
        assert_eq!(component.release(u64::MAX), 10 - released);
    });
}
