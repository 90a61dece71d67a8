//! Waits for CPU time in between other waits: one alarm serves them all.

use core::future::pending;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use core::time::Duration;
use std::sync::Arc;

use limits_wasmtime::LimitState;
use limits_wasmtime::limits_core::{
    Account, CpuTimePolicy, QuotaError, QuotaResource, QuotaType, Retry, WasmError,
};

use crate::guest::{Guest, Host, roomy};

/// An account that refuses CPU time once each time that it is told to.
#[derive(Debug, Default)]
struct Refusing {
    is_to_refuse: AtomicBool,
    refused: AtomicU32,
}

fn refusal(delay: Duration) -> QuotaError {
    QuotaError::new(QuotaResource::CpuTime, 1).with_retry(Retry::After(delay))
}

impl Account for Refusing {
    fn peek(&self, _: QuotaType) -> Result<(), QuotaError> {
        if !self.is_to_refuse.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        self.refused.fetch_add(1, Ordering::Relaxed);
        Err(refusal(Duration::from_millis(5)))
    }
    fn take(&self, quota: QuotaType) -> Result<(), QuotaError> {
        self.peek(quota)
    }
    fn charge(&self, _: QuotaType) {}
    fn release(&self, _: QuotaType) {}
}

fn host(account: Arc<dyn Account>) -> Host {
    let limits = LimitState::new().with_account(account, CpuTimePolicy::Throttle);
    Host { limits, ..Host::default() }
}

/// Runs a guest that waits for a millisecond and is refused CPU time as it is woken.
async fn wait_and_pause(refusing: &Refusing) {
    refusing.is_to_refuse.store(true, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(1)).await;
}

/// The alarm is set for the deadline, in a minute, as it is needed for the account.
#[tokio::test]
async fn a_guest_that_lacks_cpu_time_after_a_wait_goes_on_when_it_has_some() {
    let refusing = Arc::new(Refusing::default());
    let guest = Guest::core(r#"(func (export "run"))"#);
    let limits = roomy().build().unwrap();
    let run = guest.executor.execute_with(
        &guest.component,
        &limits,
        host(Arc::<Refusing>::clone(&refusing)),
        async |_, _| {
            for _ in 0..3 {
                wait_and_pause(&refusing).await;
            }
            Ok(())
        },
    );
    let report = run.await.unwrap().report;
    assert_eq!(refusing.refused.load(Ordering::Relaxed), 3);
    assert!(report.throttled_time >= Duration::from_millis(15), "{report:?}");
    assert!(report.wall_time < Duration::from_secs(30), "{report:?}");
}

/// The alarm was set for the account as it is needed for the deadline.
#[tokio::test]
async fn a_guest_that_waits_after_it_lacked_cpu_time_keeps_its_deadline() {
    let refusing = Arc::new(Refusing::default());
    let guest = Guest::core(r#"(func (export "run"))"#);
    let limits = roomy().execution_timeout_ms(1_000).build().unwrap();
    let run = guest.executor.execute_with(
        &guest.component,
        &limits,
        host(Arc::<Refusing>::clone(&refusing)),
        async |_, _| {
            wait_and_pause(&refusing).await;
            pending::<wasmtime::Result<()>>().await
        },
    );
    let failure = run.await.unwrap_err();
    assert!(matches!(failure.error(), WasmError::ExecutionTimeout { .. }), "{failure}");
    assert!(failure.report().wall_time >= Duration::from_millis(1_000), "{failure:?}");
    assert_eq!(refusing.refused.load(Ordering::Relaxed), 1);
}

/// An account that has no CPU time, at first for a millisecond, then for an hour.
#[derive(Debug, Default)]
struct LongerAndLonger(AtomicU32);

impl Account for LongerAndLonger {
    fn peek(&self, _: QuotaType) -> Result<(), QuotaError> {
        let is_first = self.0.fetch_add(1, Ordering::Relaxed) == 0;
        Err(refusal(if is_first { Duration::from_millis(1) } else { Duration::from_secs(3_600) }))
    }
    fn take(&self, quota: QuotaType) -> Result<(), QuotaError> {
        self.peek(quota)
    }
    fn charge(&self, _: QuotaType) {}
    fn release(&self, _: QuotaType) {}
}

/// I7: the alarm of the first pause has gone off as the second one begins, which lasts until the
/// deadline. The execution neither sleeps on it for ever nor asks the account again and again.
#[tokio::test]
async fn i7_a_pause_that_becomes_a_wait_for_the_deadline_asks_a_few_times() {
    let longer = Arc::new(LongerAndLonger::default());
    let guest = Guest::core(r#"(func (export "run"))"#);
    let limits = roomy().execution_timeout_ms(30).build().unwrap();
    let host = host(Arc::<LongerAndLonger>::clone(&longer));
    let run =
        guest.executor.execute_with_limits::<_, (), ()>(&guest.component, &limits, host, "run", ());
    let failure = run.await.unwrap_err();
    assert!(matches!(failure.error(), WasmError::ExecutionTimeout { .. }), "{failure}");
    assert!(failure.report().wall_time >= Duration::from_millis(30), "{failure:?}");
    let asked = longer.0.load(Ordering::Relaxed);
    assert!(asked <= 6, "{asked} times");
}
