//! A function of a live instance, found once and called many times.

use core::time::Duration;
use std::sync::Arc;

use limits_wasmtime::limits_core::{
    Account, CpuTimePolicy, QuotaTracker, ResourceQuota, WasmError,
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
    let guest = Guest::new(SUM);
    let limits = roomy().execution_timeout_ms(50).build().unwrap();
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
        let mut slot = slot(LimitState::new()).await;
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
    // One turn of the runtime: the guest is in its host function.
    tokio::task::yield_now().await;
    cancel.cancel();
    let failure = call.await.unwrap().unwrap_err();
    assert!(matches!(failure.error(), WasmError::Cancelled), "{failure}");
}
