//! A function of a live instance, found once and called many times.

use core::future::Future as _;
use core::sync::atomic::{AtomicU64, Ordering};
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::sync::Arc;
use std::time::Instant;

use limits_wasmtime::limits_core::{
    Account, CpuTimePolicy, ManualClock, QuotaTracker, ResourceQuota, WasmError,
};
use limits_wasmtime::{LimitState, LiveFunction, LiveSlot};

use crate::guest::{Guest, Host, roomy};

/// Sums its arguments in a global; its other exports do not end well.
const SUM: &str = r#"(component
    (import "sleep" (func $sleep))
    (core func $sleep' (canon lower (func $sleep)))
    (core module $m (import "h" "sleep" (func $sleep)) (memory 1)
      (global $n (mut i32) (i32.const 0))
      (func (export "add") (param i32) (result i32)
        (global.set $n (i32.add (global.get $n) (local.get 0)))
        (global.get $n))
      (func (export "trap") unreachable)
      (func (export "wait") (call $sleep))
      (func (export "spin") (loop $l br $l)))
    (core instance $i (instantiate $m (with "h" (instance (export "sleep" (func $sleep'))))))
    (func (export "add") (param "n" u32) (result u32) (canon lift (core func $i "add")))
    (func (export "trap") (canon lift (core func $i "trap")))
    (func (export "wait") (canon lift (core func $i "wait")))
    (func (export "spin") (canon lift (core func $i "spin"))))"#;

async fn slot(state: LimitState) -> LiveSlot<Host> {
    slot_for(60_000, state).await
}

async fn slot_for(timeout_ms: u64, state: LimitState) -> LiveSlot<Host> {
    let guest = Guest::new(SUM);
    let limits = roomy().execution_timeout_ms(timeout_ms).build().unwrap();
    let host = Host { limits: state, ..Host::default() };
    let live = guest.executor.instantiate(&guest.component, &limits, host).await;
    LiveSlot::new(live.unwrap().output)
}

async fn add(slot: &mut LiveSlot<Host>, add: &mut LiveFunction<(u32,), (u32,)>, n: u32) -> u32 {
    add.call(slot, (n,)).await.unwrap().output.0
}

#[tokio::test]
async fn a_function_is_found_once_and_called_many_times() {
    let mut slot = slot(LimitState::new()).await;
    let mut function = slot.func("add").await.unwrap();
    assert_eq!(function.export(), "add");
    for expected in 1..=1_000 {
        let result = function.call(&mut slot, (1,)).await.unwrap();
        assert_eq!(result.output, (expected,));
        // Fuel is fresh for each call.
        assert!(result.report.fuel.consumed() < 20, "{}", result.report.fuel);
        assert_eq!(result.report.slices, 1);
    }
    // Other ways to call see the same instance, and the handle stays good.
    assert_eq!(slot.call::<_, (u32,)>("add", (1_u32,)).await.unwrap().output, (1_001,));
    assert_eq!(add(&mut slot, &mut function, 1).await, 1_002);
    let (live, result) = slot.take().unwrap().call::<_, (u32,)>("add", (1_u32,)).await.unwrap();
    assert_eq!(result.output, (1_003,));
    assert_eq!(add(&mut LiveSlot::new(live), &mut function.clone(), 1).await, 1_004);
}

#[tokio::test]
async fn a_function_that_is_missing_or_of_other_types_is_refused_as_it_is_looked_up() {
    let mut slot = slot(LimitState::new()).await;
    let missing = slot.func::<(u32,), (u32,)>("ad").await.unwrap_err();
    assert_eq!(
        missing.to_string(),
        "invalid call: the component exports no function `ad`, did you mean `add`?"
    );
    let other = slot.func::<(u64,), (u32,)>("add").await.unwrap_err();
    assert!(matches!(other, WasmError::InvalidCall(_)), "{other}");
    assert_eq!(slot.call::<_, (u32,)>("add", (1_u32,)).await.unwrap().output, (1,));
}

/// D2 of the design: after an abnormal end no path enters the store.
#[tokio::test]
async fn a_function_enters_no_instance_after_an_abnormal_end() {
    for export in ["trap", "spin", "wait"] {
        let mut slot = slot_for(200, LimitState::new()).await;
        let mut function = slot.func("add").await.unwrap();
        let mut fail = slot.func::<(), ()>(export).await.unwrap();
        assert_eq!(add(&mut slot, &mut function, 1).await, 1);
        assert!(fail.call(&mut slot, ()).await.is_err());
        assert!(slot.instance().is_none(), "{export}");
        let failure = function.call(&mut slot, (1,)).await.unwrap_err();
        assert_eq!(
            failure.to_string(),
            "invalid configuration: the live instance is gone after an earlier call, and its slot \
             does not respawn it"
        );
    }
}

/// D2, for the caller who gives up. The account has the memory back at once, not at the next call.
#[tokio::test]
async fn a_call_whose_future_is_dropped_leaves_no_instance_and_no_memory_behind() {
    let tracker = Arc::new(QuotaTracker::new(ResourceQuota::new().with_memory(65_536)));
    let account: Arc<dyn Account> = Arc::<QuotaTracker>::clone(&tracker);
    let state = LimitState::new().with_account(account, CpuTimePolicy::Deny);
    let mut slot = slot(state).await;
    let mut wait = slot.func::<(), ()>("wait").await.unwrap();
    assert_eq!(tracker.usage().memory_used, 65_536);
    let call = wait.call(&mut slot, ());
    assert!(tokio::time::timeout(Duration::from_millis(5), call).await.is_err());
    assert_eq!(tracker.usage().memory_used, 0);
    assert!(slot.instance().is_none());
    assert!(wait.call(&mut slot, ()).await.is_err());
}

#[tokio::test]
async fn a_function_is_found_again_in_the_instance_that_replaces_a_lost_one() {
    let mut slot = slot(LimitState::new()).await.respawn_with(Host::default);
    let mut function = slot.func("add").await.unwrap();
    let mut trap = slot.func::<(), ()>("trap").await.unwrap();
    for _ in 0..3 {
        assert_eq!(add(&mut slot, &mut function, 2).await, 2);
        assert_eq!(add(&mut slot, &mut function, 2).await, 4);
        assert!(trap.call(&mut slot, ()).await.is_err());
    }
}

/// A handle of one store in the slot of another would otherwise be Wasmtime's panic.
#[tokio::test]
async fn a_function_of_one_slot_is_found_in_another_or_refused() {
    let (mut one, mut other) = (slot(LimitState::new()).await, slot(LimitState::new()).await);
    let mut function = one.func("add").await.unwrap();
    assert_eq!(add(&mut one, &mut function, 1).await, 1);
    assert_eq!(add(&mut other, &mut function, 10).await, 10);
    assert_eq!(add(&mut one, &mut function, 1).await, 2);

    let guest = Guest::core(r#"(func (export "run"))"#);
    let limits = roomy().build().unwrap();
    let live = guest.executor.instantiate(&guest.component, &limits, Host::default()).await;
    let mut stranger = LiveSlot::new(live.unwrap().output);
    let failure = function.call(&mut stranger, (1,)).await.unwrap_err();
    assert!(matches!(failure.error(), WasmError::InvalidCall(_)), "{failure}");
    assert!(stranger.call::<_, ()>("run", ()).await.is_ok());
}

#[tokio::test]
async fn a_cancellation_between_two_calls_keeps_a_function_out() {
    let mut slot = slot(LimitState::new()).await;
    let mut function = slot.func("add").await.unwrap();
    assert_eq!(add(&mut slot, &mut function, 1).await, 1);
    slot.instance().unwrap().state().limits.cancel_handle().cancel();
    let failure = function.call(&mut slot, (1,)).await.unwrap_err();
    assert_eq!(failure.to_string(), "execution cancelled by the host");
    assert!(slot.instance().is_none());
}

/// The driver registers for a cancellation only once the guest waits.
#[tokio::test]
async fn a_cancellation_ends_a_function_that_waits() {
    let guest = Guest::new(SUM);
    let limits = roomy().build().unwrap();
    let live = guest.executor.instantiate(&guest.component, &limits, Host::default()).await;
    let mut slot = LiveSlot::new(live.unwrap().output);
    let cancel = slot.instance().unwrap().state().limits.cancel_handle();
    let mut wait = slot.func::<(), ()>("wait").await.unwrap();
    let call = tokio::spawn(async move { wait.call(&mut slot, ()).await });
    // Some turns of the runtime: the guest is in its host function.
    for _ in 0..3 {
        tokio::task::yield_now().await;
    }
    cancel.cancel();
    let failure = call.await.unwrap().unwrap_err();
    assert!(matches!(failure.error(), WasmError::Cancelled), "{failure}");
}

/// An account of much CPU time whose window does not end, and a state that it pays for.
fn account(cpu_time_ms: u64) -> (Arc<QuotaTracker>, LimitState) {
    let quota = ResourceQuota::new().with_cpu_time(cpu_time_ms);
    let tracker = Arc::new(QuotaTracker::with_clock(quota, Arc::new(ManualClock::new())));
    let account: Arc<dyn Account> = Arc::<QuotaTracker>::clone(&tracker);
    (tracker, LimitState::new().with_account(account, CpuTimePolicy::Throttle))
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap()
}

#[tokio::test]
async fn a_function_has_a_deadline_of_its_own_in_each_call() {
    let mut slot = slot_for(200, LimitState::new()).await;
    let mut function = slot.func::<(u32,), (u32,)>("add").await.unwrap();
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(450) {
        let report = function.call(&mut slot, (1,)).await.unwrap().report;
        assert!(report.wall_time < Duration::from_millis(200));
        assert_eq!(report.instantiate_time, Duration::ZERO);
    }
    let mut spin = slot.func::<(), ()>("spin").await.unwrap();
    let failure = spin.call(&mut slot, ()).await.unwrap_err();
    assert!(
        matches!(failure.error(), WasmError::ExecutionTimeout { timeout_ms: 200, .. }),
        "{failure}"
    );
    let report = failure.report();
    assert!(report.wall_time >= Duration::from_millis(200), "{report:?}");
    assert!(report.cpu_time <= report.wall_time, "{report:?}");
}

#[tokio::test]
async fn a_function_that_runs_for_long_gives_the_thread_back() {
    let mut slot = slot_for(200, LimitState::new()).await;
    let mut spin = slot.func::<(), ()>("spin").await.unwrap();
    let turns = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&turns);
    let neighbour = tokio::spawn(async move {
        loop {
            counted.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
        }
    });
    let failure = spin.call(&mut slot, ()).await.unwrap_err();
    neighbour.abort();
    // 800 slices in 200 ms, if nothing else runs.
    assert!(turns.load(Ordering::Relaxed) >= 20, "{}", turns.load(Ordering::Relaxed));
    assert!(failure.report().slices >= 20, "{failure}");
}

/// I7: most calls are shorter than the unit that CPU time is counted in, and are paid for together.
#[tokio::test]
async fn i7_short_calls_of_a_function_are_charged_together() {
    let (tracker, state) = account(1_000_000);
    let mut slot = slot(state).await;
    let instantiation = tracker.usage().cpu_time_used_us;
    let mut function = slot.func::<(u32,), (u32,)>("add").await.unwrap();
    let mut used = Duration::ZERO;
    for _ in 0..2_000 {
        used += function.call(&mut slot, (1,)).await.unwrap().report.cpu_time;
    }
    let charged = tracker.usage().cpu_time_used_us - instantiation;
    // At most a microsecond of the instantiation comes on top.
    assert!((micros(used)..=micros(used) + 1).contains(&charged), "{charged} of {used:?}");
}

/// I7, by a handle: the first slice asks as well.
#[tokio::test]
async fn i7_a_function_waits_for_the_cpu_time_of_its_account() {
    let (tracker, state) = account(10);
    let mut slot = slot_for(300, state).await;
    let mut spin = slot.func::<(), ()>("spin").await.unwrap();
    let failure = spin.call(&mut slot, ()).await.unwrap_err();
    assert!(matches!(failure.error(), WasmError::ExecutionTimeout { .. }), "{failure}");
    assert!(!failure.report().throttled_time.is_zero(), "{failure}");
    let used = tracker.usage().cpu_time_used_us;
    assert!(used >= 10_000, "{used}");
}

/// I7: calls by a handle inside an execution are paid for once.
#[tokio::test]
async fn i7_a_function_that_is_called_inside_an_execution_is_charged_once() {
    let (tracker, state) = account(1_000_000);
    let mut inner = slot(state).await;
    let instantiation = tracker.usage().cpu_time_used_us;
    let mut function = inner.func::<(u32,), (u32,)>("add").await.unwrap();
    let account: Arc<dyn Account> = Arc::<QuotaTracker>::clone(&tracker);
    let state = LimitState::new().with_account(account, CpuTimePolicy::Throttle);
    let guest = Guest::new(SUM);
    let limits = roomy().build().unwrap();
    let host = Host { limits: state, ..Host::default() };
    let run = guest.executor.execute_with(&guest.component, &limits, host, async |_, _| {
        let mut used = Duration::ZERO;
        for _ in 0..500 {
            used += function.call(&mut inner, (1,)).await?.report.cpu_time;
        }
        Ok(used)
    });
    let result = run.await.unwrap();
    let both = micros(result.output + result.report.cpu_time);
    let charged = tracker.usage().cpu_time_used_us - instantiation;
    assert!(charged.abs_diff(both) <= 3, "{charged} charged, {both} used");
}

#[test]
fn a_function_is_not_entered_outside_a_runtime_and_its_instance_stays() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (mut slot, mut function) = runtime.block_on(async {
        let mut slot = slot(LimitState::new()).await;
        let function = slot.func::<(u32,), (u32,)>("add").await.unwrap();
        (slot, function)
    });
    let failure = {
        let call = core::pin::pin!(function.call(&mut slot, (1,)));
        let Poll::Ready(outcome) = call.poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("waits for a runtime that is not there");
        };
        outcome.unwrap_err()
    };
    assert!(matches!(failure.error(), WasmError::InvalidConfiguration { .. }), "{failure}");
    assert!(slot.instance().is_some());
    assert_eq!(runtime.block_on(add(&mut slot, &mut function, 1)), 1);
    // In a task, the runtime is known in another way.
    let call = async move { add(&mut slot, &mut function, 1).await };
    assert_eq!(runtime.block_on(runtime.spawn(call)).unwrap(), 2);
}
