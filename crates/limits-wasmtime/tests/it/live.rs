//! A store kept between calls.

use core::time::Duration;
use std::sync::Arc;

use limits_wasmtime::limits_core::CpuTimePolicy;
use limits_wasmtime::limits_core::{
    Account, Blame, Clock, ManualClock, QuotaTracker, QuotaType, ResourceLimitsBuilder,
    ResourceQuota, WasmError,
};
use limits_wasmtime::wasmtime::component::Val;
use limits_wasmtime::{LimitState, LiveComponent};

use crate::guest::{Guest, Host, roomy};

/// Counts its calls in its memory; `spin` never ends.
const COUNTER: &str = r#"(component
    (core module $m (memory 1) (global $n (mut i32) (i32.const 0))
      (func (export "count") (result i32)
        (global.set $n (i32.add (global.get $n) (i32.const 1)))
        (global.get $n))
      (func (export "grow") (result i32) (memory.grow (i32.const 1)))
      (func (export "work") (local $i i32)
        (loop $l
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br_if $l (i32.lt_u (local.get $i) (i32.const 10000)))))
      (func (export "spin") (loop $l br $l)))
    (core instance $i (instantiate $m))
    (func (export "count") (result u32) (canon lift (core func $i "count")))
    (func (export "grow") (result s32) (canon lift (core func $i "grow")))
    (func (export "work") (canon lift (core func $i "work")))
    (func (export "spin") (canon lift (core func $i "spin"))))"#;

async fn counter(limits: ResourceLimitsBuilder) -> LiveComponent<Host> {
    let guest = Guest::new(COUNTER);
    let limits = limits.build().unwrap();
    let live = guest.executor.instantiate(&guest.component, &limits, Host::default()).await;
    live.unwrap().output
}

#[tokio::test]
async fn memory_lives_and_fuel_is_fresh_for_each_call() {
    let mut live = counter(roomy().max_fuel(100_000)).await;
    for expected in 1..=5_u32 {
        let (next, result) = live.call::<_, (u32,)>("count", ()).await.unwrap();
        assert_eq!(result.output, (expected,));
        let (next, result) = next.call::<_, ()>("work", ()).await.unwrap();
        // Two thirds of the fuel, five times.
        assert!(result.report.fuel.exceeds_threshold(50), "{}", result.report.fuel);
        live = next;
    }
}

#[tokio::test]
async fn a_call_into_a_kept_instance_spends_no_time_on_instantiation() {
    let guest = Guest::new(COUNTER);
    let limits = roomy().build().unwrap();
    let made =
        guest.executor.instantiate(&guest.component, &limits, Host::default()).await.unwrap();
    assert_eq!(made.report.instantiate_time, made.report.wall_time);
    let (_, called) = made.output.call::<_, (u32,)>("count", ()).await.unwrap();
    assert_eq!(called.report.instantiate_time, Duration::ZERO);
}

#[tokio::test]
async fn an_execution_tells_its_instantiation_from_its_call() {
    let limits = roomy().max_fuel(u64::MAX).execution_timeout_ms(200).build().unwrap();
    let in_call = Guest::new(COUNTER);
    let ended = in_call
        .executor
        .execute_with_limits::<_, (), ()>(&in_call.component, &limits, Host::default(), "spin", ())
        .await
        .unwrap_err();
    let report = ended.report();
    assert!(Duration::ZERO < report.instantiate_time);
    assert!(report.instantiate_time < report.wall_time, "{report:?}");

    let in_start = Guest::new(
        r#"(component
            (core module $m (func $s (loop $l br $l)) (start $s) (func (export "run")))
            (core instance $i (instantiate $m))
            (func (export "run") (canon lift (core func $i "run"))))"#,
    );
    let ended = in_start
        .executor
        .execute_with_limits::<_, (), ()>(&in_start.component, &limits, Host::default(), "run", ())
        .await
        .unwrap_err();
    assert_eq!(ended.report().instantiate_time, ended.report().wall_time);
}

#[tokio::test]
async fn memory_is_bounded_over_all_calls() {
    let live = counter(roomy().memory_bytes(2 * 65_536)).await;
    let (live, grown) = live.call::<_, (i32,)>("grow", ()).await.unwrap();
    assert_eq!((grown.output, grown.report.refusals), ((1,), 0));
    let (_, grown) = live.call::<_, (i32,)>("grow", ()).await.unwrap();
    assert_eq!((grown.output, grown.report.refusals), ((-1,), 1));
}

#[tokio::test]
async fn a_stopped_store_is_gone() {
    let live = counter(roomy().execution_timeout_ms(200)).await;
    let (failure, instance) = live.call::<_, ()>("spin", ()).await.unwrap_err().into_parts();
    assert!(matches!(failure.error(), WasmError::ExecutionTimeout { .. }), "{failure}");
    assert!(instance.is_none());
}

#[tokio::test]
async fn a_call_that_could_not_begin_hands_the_instance_back() {
    let live = counter(roomy()).await;
    let (live, _) = live.call::<_, (u32,)>("count", ()).await.unwrap();
    let (failure, live) = live.call::<_, ()>("nonesuch", ()).await.unwrap_err().into_parts();
    assert_eq!(failure.to_string(), "invalid call: the component exports no function `nonesuch`");
    let (live, result) = live.unwrap().call_dynamic("count", &[]).await.unwrap();
    assert_eq!(result.output.len(), 1);
    assert_eq!(live.into_state().calls.load(core::sync::atomic::Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_kept_store_that_is_cancelled_is_not_entered_again() {
    let mut live = counter(roomy()).await;
    live.state_mut().limits.cancel_handle().cancel();
    let failure = live.call::<_, (u32,)>("count", ()).await.unwrap_err();
    assert_eq!(failure.to_string(), "execution cancelled by the host");
}

/// The LimitState is the only record of what the store uses.
#[tokio::test]
async fn a_store_whose_limits_were_replaced_is_not_entered() {
    let mut live = counter(roomy()).await;
    *live.state_mut() = Host::default();
    let (failure, _) = live.call::<_, (u32,)>("count", ()).await.unwrap_err().into_parts();
    assert_eq!(
        failure.to_string(),
        "invalid configuration: the store's LimitState was replaced between two calls; it must \
         stay, since it knows what the store uses"
    );
}

/// A caller's typing mistake does not cost an actor its state.
#[tokio::test]
async fn arguments_that_do_not_fit_leave_the_instance_as_it_was() {
    let mut live = counter(roomy()).await;
    for arguments in [vec![Val::U32(1)], vec![Val::Bool(true), Val::Bool(true)]] {
        let failed = live.call_dynamic("count", &arguments).await.unwrap_err();
        assert_eq!(failed.blame(), Blame::Caller);
        let (failure, kept) = failed.into_parts();
        assert_eq!(
            failure.to_string(),
            format!(
                "invalid call: the component's `count` takes 0 arguments, the caller gave {}; it \
                 is func() -> u32",
                arguments.len()
            )
        );
        live = kept.unwrap();
    }
    let (_, result) = live.call::<_, (u32,)>("count", ()).await.unwrap();
    assert_eq!(result.output, (1,));
}

/// An account without CPU time keeps a call from entering the guest; the actor lives on.
#[tokio::test]
async fn a_call_that_was_not_entered_leaves_the_instance_as_it_was() {
    let quota = ResourceQuota::new().with_cpu_time(1_000);
    let clock = Arc::new(ManualClock::new());
    let time: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
    let tracker = Arc::new(QuotaTracker::with_clock(quota, time));
    let account: Arc<dyn Account> = Arc::<QuotaTracker>::clone(&tracker);
    let guest = Guest::new(COUNTER);
    let limits = roomy().build().unwrap();
    let state = LimitState::new().with_account(account, CpuTimePolicy::Deny);
    let host = Host { limits: state, ..Host::default() };
    let live = guest.executor.instantiate(&guest.component, &limits, host).await.unwrap().output;
    let (live, _) = live.call::<_, (u32,)>("count", ()).await.unwrap();

    tracker.charge(QuotaType::CpuTime(1_000));
    let (failure, kept) = live.call::<_, (u32,)>("count", ()).await.unwrap_err().into_parts();
    assert!(matches!(failure.error(), WasmError::Quota(_)), "{failure}");
    assert_eq!(failure.report().slices, 0);

    clock.advance(Duration::from_secs(2));
    let (_, result) = kept.unwrap().call::<_, (u32,)>("count", ()).await.unwrap();
    assert_eq!(result.output, (2,));
}

/// A call that was entered and trapped leaves nothing to enter again.
#[tokio::test]
async fn a_call_that_was_entered_and_failed_takes_the_instance_along() {
    let live = counter(roomy().execution_timeout_ms(200)).await;
    let (failure, kept) = live.call::<_, ()>("spin", ()).await.unwrap_err().into_parts();
    assert!(matches!(failure.error(), WasmError::ExecutionTimeout { .. }), "{failure}");
    assert!(kept.is_none());
}

#[tokio::test]
async fn the_report_of_a_call_that_was_not_entered_has_the_memory_of_the_store() {
    let live = counter(roomy()).await;
    let failure = live.call::<_, ()>("nonesuch", ()).await.unwrap_err();
    assert_eq!(failure.failure().report().peak_memory_bytes, 65_536);
}

/// The host's data can outlive the store; the account gets the memory when the store is gone.
#[tokio::test]
async fn the_account_gets_the_memory_of_an_instance_that_is_ended_for_its_state() {
    let tracker = Arc::new(QuotaTracker::new(ResourceQuota::new().with_memory(1 << 20)));
    let account: Arc<dyn Account> = Arc::<QuotaTracker>::clone(&tracker);
    let guest = Guest::new(COUNTER);
    let limits = roomy().memory_bytes(65_536).build().unwrap();
    let state = LimitState::new().with_account(account, CpuTimePolicy::Deny);
    let host = Host { limits: state, ..Host::default() };
    let live = guest.executor.instantiate(&guest.component, &limits, host).await.unwrap().output;
    assert_eq!(tracker.usage().memory_used, 65_536);
    let state = live.into_state();
    assert_eq!(tracker.usage().memory_used, 0);
    // It can be the state of another store, which has its own memory.
    let live = guest.executor.instantiate(&guest.component, &limits, state).await.unwrap().output;
    assert_eq!(tracker.usage().memory_used, 65_536);
    drop(live);
    assert_eq!(tracker.usage().memory_used, 0);
}
