//! Waits for a rate's next window.

use core::time::Duration;
use std::sync::Arc;

use limits_core::{Clock, ManualClock, QuotaTracker, QuotaType, ResourceQuota};
use quota_enforce::{ComponentHandle, QuotaRegistry};
use tokio::time::advance;

use super::{Waiter, later};
use crate::{context, thousand};

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

async fn pass(clock: &ManualClock, time: Duration) {
    clock.advance(time);
    advance(time).await;
}

fn messages(component: &ComponentHandle, count: u64) -> Waiter<'_> {
    Waiter::new(component.reserve_wait(QuotaType::MessageRate(count), later()))
}

// I10
#[tokio::test(start_paused = true)]
async fn waiters_of_a_rate_are_granted_in_their_order_window_by_window() {
    let (_registry, handle, clock) = thousand(QuotaRegistry::builder());
    handle.consume(QuotaType::MessageRate(1_000)).unwrap();
    let mut waiters = [600, 500, 400, 1_000].map(|count| messages(&handle, count));
    for (window, fit) in [(1, 0..1), (2, 1..3), (3, 3..4)] {
        // Timers of later waiters that find nothing to do.
        pass(&clock, MS * 10).await;
        waiters[fit.start..].iter_mut().for_each(Waiter::settle);
        pass(&clock, SECOND - MS * 11).await;
        assert!(waiters.iter().skip(fit.start).all(|waiter| !waiter.is_woken()), "{window}");
        pass(&clock, MS).await;
        // The first looks for all.
        waiters[fit.start].granted().commit();
        for waiter in &mut waiters[fit.start + 1..fit.end] {
            waiter.granted().commit();
        }
    }
    assert_eq!(handle.denials().total(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_debt_is_waited_out() {
    let (_registry, handle, clock) = thousand(QuotaRegistry::builder());
    handle.charge(QuotaType::CpuTime(2_500));
    let mut waiter = Waiter::new(handle.reserve_wait(QuotaType::CpuTime(600), later()));
    pass(&clock, SECOND * 3 - MS).await;
    assert!(!waiter.is_woken());
    pass(&clock, MS).await;
    drop(waiter.granted());
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_lags_is_given_time_to_catch_up() {
    #[derive(Debug)]
    struct Behind(ManualClock);

    impl Clock for Behind {
        fn now_ns(&self) -> u64 {
            self.0.now_ns()
        }

        fn lag(&self) -> Duration {
            MS * 10
        }
    }
    let clock = Arc::new(Behind(ManualClock::new()));
    let registry = QuotaRegistry::builder().clock(Arc::<Behind>::clone(&clock)).build();
    let quota = ResourceQuota::new().with_message_rate(1);
    let handle = registry.register(context("a", quota)).unwrap();
    handle.consume(QuotaType::MessageRate(1)).unwrap();
    let mut waiter = messages(&handle, 1);
    advance(SECOND + MS * 9).await;
    assert!(!waiter.is_woken());
    clock.0.advance(SECOND);
    advance(MS).await;
    drop(waiter.granted());
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_stands_still_is_asked_once_a_millisecond_at_most() {
    let (_registry, handle, clock) = thousand(QuotaRegistry::builder());
    handle.consume(QuotaType::MessageRate(1_000)).unwrap();
    clock.advance(SECOND - Duration::from_nanos(1));
    let mut waiter = messages(&handle, 1);
    for _ in 0..10 {
        advance(MS).await;
        assert!(waiter.is_woken());
        waiter.settle();
    }
    clock.advance(Duration::from_nanos(1));
    advance(MS).await;
    drop(waiter.granted());
}

/// Ten components, each with a limit of ten messages, below a parent with a limit of six.
fn ten_below_six() -> (QuotaRegistry, Vec<ComponentHandle>, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new());
    let six = ResourceQuota::new().with_message_rate(6);
    let parent = QuotaTracker::with_clock(six, Arc::<ManualClock>::clone(&clock));
    let registry = QuotaRegistry::builder().parent(Arc::new(parent)).build();
    let quota = ResourceQuota::new().with_message_rate(10);
    let register = |n| registry.register(context(&format!("{n}"), quota)).expect("it is new");
    let handles = (0..10).map(register).collect();
    (registry, handles, clock)
}

// I13
#[tokio::test(start_paused = true)]
async fn a_parents_window_wakes_one_waiter_and_those_that_it_serves() {
    let (_registry, handles, clock) = ten_below_six();
    handles[0].consume(QuotaType::MessageRate(6)).unwrap();
    let mut waiters: Vec<_> = handles.iter().map(|handle| messages(handle, 2)).collect();
    for served in [0..3, 3..6, 6..9, 9..10] {
        // Timers of later waiters that find nothing to do, a millisecond apart.
        pass(&clock, MS * 10).await;
        waiters[served.start..].iter_mut().for_each(Waiter::settle);
        pass(&clock, SECOND - MS * 10).await;
        let woken: Vec<_> = (served.start..10).filter(|at| waiters[*at].is_woken()).collect();
        assert_eq!(woken, [served.start], "one timer");
        waiters[served.start].granted().commit();
        // Those for which units are there, and the next first waiter, which learns the time.
        let woken: Vec<_> = (served.start + 1..10).filter(|at| waiters[*at].is_woken()).collect();
        assert_eq!(woken, (served.start + 1..(served.end + 1).min(10)).collect::<Vec<_>>());
        for waiter in &mut waiters[served.start + 1..served.end] {
            waiter.granted().commit();
        }
    }
    assert_eq!(handles[9].usage().message_count, 2);
}

// I13
#[tokio::test(start_paused = true)]
async fn if_the_first_is_not_polled_the_next_looks_for_all_a_millisecond_later() {
    let (_registry, handles, clock) = ten_below_six();
    handles[0].consume(QuotaType::MessageRate(6)).unwrap();
    let mut waiters: Vec<_> = handles.iter().map(|handle| messages(handle, 2)).collect();
    pass(&clock, SECOND).await;
    pass(&clock, MS).await;
    let woken: Vec<_> = (0..10).filter(|at| waiters[*at].is_woken()).collect();
    assert_eq!(woken, [0, 1]);
    waiters[1].granted().commit();
    waiters[2].granted().commit();
    // The first has its units as well, though its host has not polled it.
    assert_eq!(handles[0].usage().message_count, 2);
    waiters[0].granted().commit();
    assert!(!waiters[4].is_woken());
}

// I11
#[tokio::test(start_paused = true)]
async fn a_waiter_whose_time_comes_first_is_served_then() {
    let clock = Arc::new(ManualClock::new());
    let unbounded = ResourceQuota::new().with_message_rate(1_000_000);
    let parent = QuotaTracker::with_clock(unbounded, Arc::<ManualClock>::clone(&clock));
    let registry = QuotaRegistry::builder().parent(Arc::new(parent)).build();
    let quota =
        |seconds| ResourceQuota::new().with_message_rate(1).with_reset_period(SECOND * seconds);
    let slow = registry.register(context("slow", quota(60))).unwrap();
    let quick = registry.register(context("quick", quota(1))).unwrap();
    for handle in [&slow, &quick] {
        handle.consume(QuotaType::MessageRate(1)).unwrap();
    }
    let mut first = messages(&slow, 1);
    let mut second = messages(&quick, 1);
    // It has to look earlier now.
    assert!(first.is_woken());
    first.settle();
    pass(&clock, SECOND).await;
    assert!(first.is_woken());
    first.settle();
    drop(second.granted());
    pass(&clock, SECOND * 59).await;
    drop(first.granted());
}
