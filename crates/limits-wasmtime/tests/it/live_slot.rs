//! A slot holds a live instance, and replaces a lost one where the host chose so.

use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::sync::Arc;

use limits_wasmtime::LiveSlot;
use limits_wasmtime::limits_core::{Blame, WasmError};
use limits_wasmtime::wasmtime::component::Val;

use crate::guest::{Guest, Host, roomy};

/// Counts its calls in a global; its other exports do not end well.
const COUNTER: &str = r#"(component
    (import "sleep" (func $sleep))
    (core func $sleep' (canon lower (func $sleep)))
    (core module $m (import "h" "sleep" (func $sleep)) (global $n (mut i32) (i32.const 0))
      (func (export "count") (result i32)
        (global.set $n (i32.add (global.get $n) (i32.const 1)))
        (global.get $n))
      (func (export "trap") unreachable)
      (func (export "wait") (call $sleep))
      (func (export "spin") (loop $l br $l)))
    (core instance $i (instantiate $m (with "h" (instance (export "sleep" (func $sleep'))))))
    (func (export "count") (result u32) (canon lift (core func $i "count")))
    (func (export "trap") (canon lift (core func $i "trap")))
    (func (export "wait") (canon lift (core func $i "wait")))
    (func (export "spin") (canon lift (core func $i "spin"))))"#;

async fn slot() -> LiveSlot<Host> {
    let guest = Guest::new(COUNTER);
    let limits = roomy().execution_timeout_ms(200).build().unwrap();
    let live = guest.executor.instantiate(&guest.component, &limits, Host::default()).await;
    LiveSlot::new(live.unwrap().output)
}

async fn count(slot: &mut LiveSlot<Host>) -> u32 {
    let (count,) = slot.call::<_, (u32,)>("count", ()).await.unwrap().output;
    count
}

#[tokio::test]
async fn a_slot_whose_instance_is_lost_stays_empty_without_the_hosts_choice() {
    let mut slot = slot().await;
    assert_eq!((count(&mut slot).await, count(&mut slot).await), (1, 2));
    let failure = slot.call::<_, ()>("trap", ()).await.unwrap_err();
    assert!(matches!(failure.error(), WasmError::Trap { .. }), "{failure}");
    for _ in 0..2 {
        assert!(slot.instance().is_none());
        let failure = slot.call_dynamic("count", &[]).await.unwrap_err();
        assert_eq!(failure.blame(), Blame::Caller);
        assert_eq!(
            failure.to_string(),
            "invalid configuration: the live instance is gone after an earlier call, and its slot \
             does not respawn it"
        );
    }
}

#[tokio::test]
async fn a_lost_instance_is_replaced_by_choice_however_it_was_lost() {
    let made = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&made);
    let mut slot = slot().await.respawn_with(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        Host::default()
    });
    assert_eq!((count(&mut slot).await, count(&mut slot).await), (1, 2));
    for (losses, export) in ["trap", "spin", "wait"].into_iter().enumerate() {
        assert!(slot.call::<_, ()>(export, ()).await.is_err());
        assert!(slot.instance().is_none(), "{export}");
        assert_eq!((count(&mut slot).await, count(&mut slot).await), (1, 2), "{export}");
        assert_eq!(made.load(Ordering::Relaxed), losses + 1);
    }
    // The caller gives up: the future is dropped while the guest waits.
    let wait = slot.call::<_, ()>("wait", ());
    assert!(tokio::time::timeout(Duration::from_millis(5), wait).await.is_err());
    assert!(slot.instance().is_none());
    assert_eq!(count(&mut slot).await, 1);
    assert_eq!(made.load(Ordering::Relaxed), 4);
}

#[tokio::test]
async fn a_call_that_did_not_enter_the_guest_keeps_the_instance() {
    let mut slot = slot().await.respawn_with(|| panic!("nothing was lost"));
    assert_eq!(count(&mut slot).await, 1);
    assert!(slot.call::<_, ()>("nonesuch", ()).await.is_err());
    assert!(slot.call_dynamic("count", &[Val::Bool(true)]).await.is_err());
    assert_eq!(count(&mut slot).await, 2);
    let live = slot.take().unwrap();
    let (_, result) = live.call::<_, (u32,)>("count", ()).await.unwrap();
    assert_eq!(result.output, (3,));
}

/// D2 of the design: after an abnormal end no path enters the store. A body that swallows it does
/// not change that, and costs the instance at the next call.
#[tokio::test]
async fn a_store_is_not_entered_again_after_an_abnormal_end_that_a_body_swallows() {
    let mut slot = slot().await.respawn_with(Host::default);
    assert_eq!(count(&mut slot).await, 1);
    let swallow = async |export: &'static str, slot: &mut LiveSlot<Host>| {
        let result = slot.call_with(async |store, instance| {
            let function = instance.get_typed_func::<(), ()>(&mut *store, export)?;
            let call = function.call_async(&mut *store, ());
            let ended = tokio::time::timeout(Duration::from_millis(5), call).await;
            assert!(!matches!(ended, Ok(Ok(()))));
            Ok(())
        });
        result.await.unwrap();
    };
    for export in ["trap", "wait"] {
        swallow(export, &mut slot).await;
        let failure = slot.call::<_, (u32,)>("count", ()).await.unwrap_err();
        assert_eq!(
            failure.to_string(),
            "invalid configuration: an earlier call into the store failed or was dropped, and the \
             host went on as if it had not",
        );
        assert_eq!(failure.blame(), Blame::Caller);
        assert_eq!(failure.report().fuel.consumed(), 0);
        assert!(slot.instance().is_none(), "{export}");
        assert_eq!(count(&mut slot).await, 1);
    }
}

/// A cancellation is for good: nothing else could free the slot of such an instance.
#[tokio::test]
async fn an_instance_that_is_cancelled_between_calls_is_lost_and_replaced() {
    let mut slot = slot().await.respawn_with(Host::default);
    assert_eq!(count(&mut slot).await, 1);
    slot.instance().unwrap().state().limits.cancel_handle().cancel();
    let failure = slot.call::<_, (u32,)>("count", ()).await.unwrap_err();
    assert!(matches!(failure.error(), WasmError::Cancelled), "{failure}");
    assert!(slot.instance().is_none());
    assert_eq!((count(&mut slot).await, count(&mut slot).await), (1, 2));
}

/// The futures can be spawned, and the body borrows from its surroundings.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_runs_on_a_spawned_task() {
    let mut slot = slot().await;
    let task = tokio::spawn(async move {
        let name = String::from("count");
        let body = slot.call_with(async |store, instance| {
            let count = instance.get_typed_func::<(), (u32,)>(&mut *store, &name)?;
            let (first,) = count.call_async(&mut *store, ()).await?;
            let (second,) = count.call_async(&mut *store, ()).await?;
            Ok((first, second))
        });
        body.await.unwrap().output
    });
    assert_eq!(task.await.unwrap(), (1, 2));
}
