//! Clocks that are behind, and clocks of parents.

use core::time::Duration;
use std::sync::Arc;

use limits_core::{
    Account, Clock, ManualClock, QuotaError, QuotaTracker, QuotaType, ResourceQuota, Retry,
};
use quota_enforce::{ComponentHandle, QuotaRegistry};

use crate::{Notebook, context, thousand_of_each};

const TICK: Duration = Duration::from_millis(4);

/// A clock that moves on with every fourth millisecond of another.
#[derive(Debug)]
struct Ticking(Arc<ManualClock>);

impl Clock for Ticking {
    fn now_ns(&self) -> u64 {
        let tick = u64::try_from(TICK.as_nanos()).expect("a few");
        self.0.now_ns() / tick * tick
    }

    fn lag(&self) -> Duration {
        TICK
    }
}

/// Takes all of a rate, and then waits by the wall as long as it is told to.
fn wait_as_told(handle: &ComponentHandle, wall: &ManualClock) -> QuotaError {
    let one = QuotaType::MessageRate(1);
    wall.advance(Duration::from_micros(300));
    handle.consume(one).expect("there is one");
    wall.advance(Duration::from_micros(1_700));
    let refused = handle.consume(one).expect_err("it was the last");
    let refused = *refused.as_quota().expect("a quota did");
    assert_eq!(Account::peek(handle, one), Err(refused));
    let Retry::After(wait) = refused.retry() else { panic!("{refused}") };
    wall.advance(wait);
    handle.consume(one).expect("there is one");
    refused
}

#[test]
fn whoever_waits_by_the_wall_as_long_as_told_is_let_in() {
    // With the kernel's coarse clock, 13 of 20 that did were refused once more.
    for period_ms in [50, 53, 1_000] {
        for start_us in (0..20_000).step_by(700) {
            let wall = Arc::new(ManualClock::new());
            wall.set_ns(start_us * 1_000);
            let clock = Arc::new(Ticking(Arc::clone(&wall)));
            let registry = QuotaRegistry::builder().clock(clock).build();
            let period = Duration::from_millis(period_ms);
            let quota = thousand_of_each().with_message_rate(1_u64).with_reset_period(period);
            let handle = registry.register(context("a", quota)).unwrap();
            let refused = wait_as_told(&handle, &wall);
            assert_eq!((refused.period(), refused.level()), (Some(period), 0));
            // And not much longer than it takes.
            assert!(refused.retry() <= Retry::After(period + TICK));
        }
    }
}

#[test]
fn a_parents_clock_is_the_clock_of_waits_and_levels() {
    let wall = Arc::new(ManualClock::new());
    let ceiling = ResourceQuota::new().with_message_rate(1_u64);
    let clock = Arc::new(Ticking(Arc::clone(&wall)));
    let parent = Arc::new(QuotaTracker::with_clock(ceiling, clock));
    let notebook = Arc::new(Notebook::default());
    let registry =
        QuotaRegistry::builder().parent(parent).audit(Arc::<Notebook>::clone(&notebook)).build();
    let handle = registry.register(context("a", thousand_of_each())).unwrap();
    wall.advance(Duration::from_micros(1_300));
    assert_eq!(wait_as_told(&handle, &wall).level(), 1);
    notebook.take();
    handle.charge(QuotaType::CpuTime(1_000));
    assert_eq!(notebook.take(), ["a threshold cpu_time normal -> critical at 1000000"]);
    wall.advance(Duration::from_secs(3));
    registry.refresh_levels();
    assert_eq!(notebook.take(), ["a threshold cpu_time critical -> normal at 0"]);
}

#[test]
fn what_is_counted_exactly_is_told_exactly() {
    let (_registry, handle, clock) = crate::thousand(QuotaRegistry::builder());
    handle.consume(QuotaType::MessageRate(1_000)).unwrap();
    clock.advance(Duration::from_nanos(1));
    let refused = handle.consume(QuotaType::MessageRate(1)).unwrap_err();
    let exactly = Retry::After(Duration::from_nanos(999_999_999));
    assert_eq!(refused.as_quota().unwrap().retry(), exactly);
    let never = handle.consume(QuotaType::Storage(1_001)).unwrap_err();
    assert_eq!(never.as_quota().unwrap().retry(), Retry::Never);
}
