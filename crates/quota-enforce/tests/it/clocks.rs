//! Clocks that are behind, and clocks of parents.

use core::time::Duration;
use std::sync::Arc;

use limits_core::{Clock, ManualClock, QuotaError, QuotaTracker, QuotaType, ResourceQuota, Retry};
use quota_enforce::{CoarseClock, ComponentHandle, EnforceError, QuotaRegistry};

use crate::{Notebook, account, context, thousand_of_each};

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

/// Takes all of a rate, and then waits by the wall clock as long as the refusal says.
fn wait_as_refused(handle: &ComponentHandle, wall: &ManualClock) -> QuotaError {
    let one = QuotaType::MessageRate(1);
    wall.advance(Duration::from_micros(300));
    handle.consume(one).expect("there is one");
    wall.advance(Duration::from_micros(1_700));
    let refused = handle.consume(one).expect_err("it was the last");
    let refused = *refused.as_quota().expect("a quota did");
    assert_eq!(account(handle).peek(one), Err(refused));
    let Retry::After(wait) = refused.retry() else { panic!("{refused}") };
    wall.advance(wait);
    handle.consume(one).expect("there is one");
    refused
}

#[test]
fn a_caller_that_waits_by_the_wall_clock_as_long_as_refused_is_admitted() {
    // With the kernel's coarse clock, 13 of 20 that did were refused once more.
    for period_ms in [50, 53, 1_000] {
        for start_us in (0..20_000).step_by(700) {
            let wall = Arc::new(ManualClock::new());
            wall.set_ns(start_us * 1_000);
            let clock = Arc::new(Ticking(Arc::clone(&wall)));
            let registry = QuotaRegistry::builder().clock(clock).build();
            let period = Duration::from_millis(period_ms);
            let quota = thousand_of_each().with_message_rate(1).with_reset_period(period);
            let handle = registry.register(context("a", quota)).unwrap();
            let refused = wait_as_refused(&handle, &wall);
            assert_eq!((refused.period(), refused.depth()), (Some(period), 0));
            // And not much longer than it takes.
            assert!(refused.retry() <= Retry::After(period + TICK));
        }
    }
}

#[test]
fn a_parents_clock_is_the_clock_of_waits_and_levels() {
    let wall = Arc::new(ManualClock::new());
    let ceiling = ResourceQuota::new().with_message_rate(1);
    let clock = Arc::new(Ticking(Arc::clone(&wall)));
    let parent = Arc::new(QuotaTracker::with_clock(ceiling, clock));
    let notebook = Arc::new(Notebook::default());
    let registry =
        QuotaRegistry::builder().parent(parent).audit(Arc::<Notebook>::clone(&notebook)).build();
    let handle = registry.register(context("a", thousand_of_each())).unwrap();
    wall.advance(Duration::from_micros(1_300));
    assert_eq!(wait_as_refused(&handle, &wall).depth(), 1);
    notebook.take();
    handle.charge(QuotaType::CpuTime(1_000));
    assert_eq!(notebook.take(), ["a threshold cpu_time normal -> critical at 1000000"]);
    wall.advance(Duration::from_secs(3));
    registry.refresh_levels();
    assert_eq!(notebook.take(), ["a threshold cpu_time critical -> normal at 0"]);
}

#[test]
fn an_exact_clock_has_exact_waits() {
    let (_registry, handle, clock) = crate::thousand(QuotaRegistry::builder());
    handle.consume(QuotaType::MessageRate(1_000)).unwrap();
    clock.advance(Duration::from_nanos(1));
    let refused = handle.consume(QuotaType::MessageRate(1)).unwrap_err();
    let exactly = Retry::After(Duration::from_nanos(999_999_999));
    assert_eq!(refused.as_quota().unwrap().retry(), exactly);
    let never = handle.consume(QuotaType::Storage(1_001)).unwrap_err();
    assert_eq!(never.as_quota().unwrap().retry(), Retry::Never);
}

#[test]
fn a_period_that_the_hosts_clock_cannot_time_is_refused_and_not_under_admitted() {
    // With a period of 1 ms and a parent on the coarse clock, 126 of 500 were admitted.
    let clock = || Arc::new(Ticking(Arc::new(ManualClock::new())));
    let parent = Arc::new(QuotaTracker::with_clock(ResourceQuota::new(), clock()));
    for builder in
        [QuotaRegistry::builder().parent(parent), QuotaRegistry::builder().clock(clock())]
    {
        let registry = builder.build();
        let register = |id, period_ms| {
            let period = Duration::from_millis(period_ms);
            registry.register(context(id, thousand_of_each().with_reset_period(period)))
        };
        let (period, shortest) = (Duration::from_millis(19), 5 * TICK);
        let refused = Err(EnforceError::PeriodTooShort { period, shortest });
        assert_eq!(register("a", 19), refused);
        assert!(registry.is_empty());
        register("a", 20).unwrap();
    }
}

#[test]
fn a_parents_own_period_is_judged_as_well() {
    let short = ResourceQuota::new().with_reset_period(Duration::from_millis(1));
    let clock = Arc::new(Ticking(Arc::new(ManualClock::new())));
    let top = Arc::new(QuotaTracker::with_clock(short, clock));
    let parent = Arc::new(QuotaTracker::with_parent(ResourceQuota::new(), top));
    let registry = QuotaRegistry::builder().parent(parent).build();
    let refused = registry.register(context("a", thousand_of_each()));
    let (period, shortest) = (short.reset_period, 5 * TICK);
    assert_eq!(refused, Err(EnforceError::PeriodTooShort { period, shortest }));
}

#[test]
fn the_coarse_clock_is_for_periods_of_50_ms_and_the_default_clocks_are_for_all() {
    let quota = |ms| thousand_of_each().with_reset_period(Duration::from_millis(ms));
    let coarse = Arc::new(CoarseClock::new());
    let is_behind = coarse.lag() > Duration::ZERO;
    let registry = QuotaRegistry::builder().clock(coarse).build();
    assert_eq!(registry.register(context("a", quota(49))).is_err(), is_behind);
    registry.register(context("b", quota(50))).unwrap();
    for builder in [QuotaRegistry::builder(), QuotaRegistry::builder().host(quota(1))] {
        builder.build().register(context("a", quota(1))).unwrap();
    }
}
