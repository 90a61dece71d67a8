//! Cancelling stops one execution and no other.

use core::time::Duration;

use limits_wasmtime::limits_core::WasmError;

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
