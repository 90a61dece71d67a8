//! Cancelling stops one execution and no other.

use core::future::poll_fn;
use core::sync::atomic::Ordering;
use core::task::Poll;
use core::time::Duration;
use std::time::Instant;

use limits_wasmtime::limits_core::WasmError;
use limits_wasmtime::wasmtime::component::Linker;
use limits_wasmtime::{ComponentExecutor, create_engine};

use crate::guest::{Guest, Host, roomy};

const SPIN: &str = r#"(func (export "run") (loop $l br $l))"#;
const SLEEP: &str = r#"(import "host" "sleep" (func $sleep)) (func (export "run") (call $sleep))"#;
const ASK: &str = r#"(import "host" "now" (func $now (result i64)))
    (func (export "run") (loop $l (drop (call $now)) br $l))"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_two_running_guests_is_cancelled() {
    for module in [SPIN, SLEEP, ASK] {
        let spawn = |timeout_ms| {
            let guest = Guest::core(module);
            let state = Host::default();
            let cancel = state.limits.cancel_handle();
            let limits = roomy().execution_timeout_ms(timeout_ms).build().unwrap();
            let running = tokio::spawn(async move {
                guest
                    .executor
                    .execute_with_limits::<_, _, ()>(&guest.component, &limits, state, "run", ())
                    .await
            });
            (cancel, running)
        };
        let (cancel, first) = spawn(60_000);
        let (_, second) = spawn(200);
        tokio::time::sleep(Duration::from_millis(20)).await;
        cancel.cancel();
        let failure = first.await.unwrap().unwrap_err();
        assert!(matches!(failure.error(), WasmError::Cancelled), "{failure}");
        assert!(failure.report().wall_time < Duration::from_secs(30));
        let failure = second.await.unwrap().unwrap_err();
        assert!(matches!(failure.error(), WasmError::ExecutionTimeout { .. }), "{failure}");
    }
}

#[tokio::test]
async fn what_is_cancelled_before_it_begins_does_not_begin() {
    let guest = Guest::core(SPIN);
    let state = Host::default();
    let cancel = state.limits.cancel_handle();
    cancel.cancel();
    assert!(cancel.is_cancelled());
    let limits = roomy().build().unwrap();
    let failure = guest
        .executor
        .execute_with_limits::<_, _, ()>(&guest.component, &limits, state, "run", ())
        .await
        .unwrap_err();
    assert_eq!(failure.to_string(), "execution cancelled by the host");
    assert_eq!(failure.report().slices, 0);
}

/// A caller's own timeout around an execution drops it; nothing of it goes on.
#[tokio::test]
async fn a_dropped_execution_ends() {
    let guest = Guest::core(SPIN);
    let dropped = tokio::time::timeout(Duration::from_millis(20), guest.run(roomy())).await;
    assert!(dropped.is_err());
}

/// A guest that calls `yield` and then `now`. The host's `yield` wakes its own task, waits once,
/// and does its `work` after that.
fn yielding(work: fn(&Host)) -> Guest {
    const TEXT: &str = r#"(component
        (import "yield" (func $yield)) (import "now" (func $now (result u64)))
        (core func $yield' (canon lower (func $yield)))
        (core func $now' (canon lower (func $now)))
        (core module $m
          (import "host" "yield" (func $yield)) (import "host" "now" (func $now (result i64)))
          (func (export "run") (call $yield) (drop (call $now))))
        (core instance $i (instantiate $m (with "host" (instance
          (export "yield" (func $yield')) (export "now" (func $now'))))))
        (func (export "run") (canon lift (core func $i "run"))))"#;
    let executor = ComponentExecutor::new(create_engine().unwrap()).unwrap();
    let mut linker = Linker::<Host>::new(executor.engine());
    let mut root = linker.root();
    root.func_wrap_async("yield", move |cx, (): ()| {
        Box::new(async move {
            let mut has_waited = false;
            poll_fn(|task| {
                if core::mem::replace(&mut has_waited, true) {
                    return Poll::Ready(());
                }
                task.waker().wake_by_ref();
                Poll::Pending
            })
            .await;
            work(cx.data());
            Ok(())
        })
    })
    .unwrap();
    root.func_wrap("now", |cx, (): ()| {
        cx.data().calls.fetch_add(1, Ordering::Relaxed);
        Ok((7_u64,))
    })
    .unwrap();
    let component = executor.compile(&wat::parse_str(TEXT).unwrap()).unwrap();
    let component = executor.prepare(&component, &linker).unwrap();
    Guest { executor, component }
}

/// A poll that ends with a wake is a fuel yield to the driver, if it is not this.
#[tokio::test]
async fn a_host_function_that_yields_and_then_cancels_or_is_late_is_the_guests_last() {
    const LATE: Duration = Duration::from_millis(100);
    let cancel: fn(&Host) = |host| host.limits.cancel_handle().cancel();
    let late: fn(&Host) = |_| {
        let began = Instant::now();
        while began.elapsed() < LATE {}
    };
    for (work, timeout_ms, word) in [(cancel, 60_000, "cancelled"), (late, 50, "timeout")] {
        let guest = yielding(work);
        let (host, calls) = Host::counting();
        let limits = roomy().execution_timeout_ms(timeout_ms).build().unwrap();
        let run = guest.executor.execute_with_limits::<_, _, ()>(
            &guest.component,
            &limits,
            host,
            "run",
            (),
        );
        let failure = run.await.unwrap_err();
        assert_eq!(failure.error().outcome().as_str(), word, "{failure}");
        assert_eq!(calls.load(Ordering::Relaxed), 0, "{word}");
    }
}
