//! Quotas over time, lent by an account that many stores share.

use core::future::poll_fn;
use core::pin::Pin;
use core::sync::atomic::{AtomicU32, Ordering};
use core::task::Poll;
use core::time::Duration;
use std::sync::{Arc, Mutex};

use limits_wasmtime::limits_core::CpuTimePolicy;
use limits_wasmtime::limits_core::{
    Account, ManualClock, QuotaError, QuotaResource, QuotaTracker, QuotaType,
    ResourceLimitsBuilder, ResourceQuota, Retry, WasmError,
};
use limits_wasmtime::{ExecutionFailure, ExecutionResult, LimitState};

use crate::guest::{Guest, Host, roomy};

const SPIN: &str = r#"(func (export "run") (loop $l br $l))"#;
const GROW: &str = r#"(memory 1)
    (func (export "run")
      (loop $l (br_if $l (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))))"#;

/// A tracker whose clock stands still, so that no window ends.
fn tracker(quota: ResourceQuota) -> Arc<QuotaTracker> {
    Arc::new(QuotaTracker::with_clock(quota, Arc::new(ManualClock::new())))
}

fn host(account: &Arc<QuotaTracker>, policy: CpuTimePolicy) -> Host {
    let account: Arc<dyn Account> = Arc::<QuotaTracker>::clone(account);
    Host { limits: LimitState::new().with_account(account, policy), ..Host::default() }
}

async fn run(
    module: &str,
    limits: ResourceLimitsBuilder,
    host: Host,
) -> Result<ExecutionResult<()>, ExecutionFailure> {
    let guest = Guest::core(module);
    let limits = limits.build().unwrap();
    guest.executor.execute_with_limits(&guest.component, &limits, host, "run", ()).await
}

/// I7: the guest runs for what its account has, and waits for the rest of its time.
#[tokio::test]
async fn i7_a_throttled_guest_waits_and_its_deadline_holds() {
    let account = tracker(ResourceQuota::new().with_cpu_time(10));
    let host = host(&account, CpuTimePolicy::Throttle);
    let failure = run(SPIN, roomy().execution_timeout_ms(200), host).await.unwrap_err();
    assert!(matches!(failure.error(), WasmError::ExecutionTimeout { .. }), "{failure}");
    let report = failure.report();
    // The rest of the deadline was waited out, whatever the machine did in between.
    assert!(report.throttled_time > Duration::from_millis(20), "{report:?}");
    let used = account.usage().cpu_time_used_us;
    assert!(used >= 10_000, "{used}");
    assert_eq!(used, u64::try_from(report.cpu_time.as_micros()).unwrap());
}

/// An account without CPU time, which counts how often it is asked for some.
#[derive(Debug, Default)]
struct Empty {
    asked: AtomicU32,
}

impl Account for Empty {
    fn peek(&self, _: QuotaType) -> Result<(), QuotaError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let retry = Retry::After(Duration::from_secs(3_600));
        Err(QuotaError::new(QuotaResource::CpuTime, 1).with_retry(retry))
    }
    fn take(&self, quota: QuotaType) -> Result<(), QuotaError> {
        self.peek(quota)
    }
    fn charge(&self, _: QuotaType) {}
    fn release(&self, _: QuotaType) {}
}

/// An account that hosts share, whose units come after it was asked for them twice.
#[derive(Debug, Default)]
struct Leased {
    asked: AtomicU32,
    denied: AtomicU32,
}

impl Account for Leased {
    fn peek(&self, _: QuotaType) -> Result<(), QuotaError> {
        if self.asked.fetch_add(1, Ordering::Relaxed) >= 2 {
            return Ok(());
        }
        let retry = Retry::After(Duration::from_millis(1));
        Err(QuotaError::new(QuotaResource::CpuTime, 1).with_retry(retry).of_lease())
    }
    fn take(&self, _: QuotaType) -> Result<(), QuotaError> {
        self.denied.fetch_add(1, Ordering::Relaxed);
        Err(QuotaError::new(QuotaResource::CpuTime, 1))
    }
    fn charge(&self, _: QuotaType) {}
    fn release(&self, _: QuotaType) {}
}

#[tokio::test]
async fn a_guest_that_is_denied_cpu_time_waits_for_a_lease_that_is_on_its_way() {
    let account = Arc::new(Leased::default());
    let lent: Arc<dyn Account> = Arc::<Leased>::clone(&account);
    let limits = LimitState::new().with_account(lent, CpuTimePolicy::Deny);
    let host = Host { limits, ..Host::default() };
    run(r#"(func (export "run"))"#, roomy(), host).await.unwrap();
    assert!(account.asked.load(Ordering::Relaxed) > 2);
    assert_eq!(account.denied.load(Ordering::Relaxed), 0);
}

/// I7: an execution that never gets CPU time does not keep a thread busy until its deadline.
#[tokio::test]
async fn i7_an_execution_that_is_not_entered_waits_without_taking_time() {
    let empty = Arc::new(Empty::default());
    let account: Arc<dyn Account> = Arc::<Empty>::clone(&empty);
    let limits = LimitState::new().with_account(account, CpuTimePolicy::Throttle);
    let host = Host { limits, ..Host::default() };
    let failure = run(SPIN, roomy().execution_timeout_ms(20), host).await.unwrap_err();
    assert!(matches!(failure.error(), WasmError::ExecutionTimeout { .. }), "{failure}");
    assert!(failure.report().wall_time >= Duration::from_millis(20));
    let asked = empty.asked.load(Ordering::Relaxed);
    assert!(asked <= 3, "{asked} times");
}

/// I7: in the next window it goes on, as often as it takes, and pays the same fuel as ever.
#[tokio::test]
async fn i7_a_throttled_guest_goes_on_in_the_next_window_and_ends_well() {
    let count = r#"(func (export "run") (local $i i32)
      (loop $l
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $l (i32.lt_u (local.get $i) (i32.const 10_000_000)))))"#;
    let alone = run(count, roomy(), Host::default()).await.unwrap().report;
    let period = Duration::from_millis(20);
    let quota = ResourceQuota::new().with_cpu_time(1).with_reset_period(period);
    let account = Arc::new(QuotaTracker::new(quota));
    let report = run(count, roomy(), host(&account, CpuTimePolicy::Throttle)).await.unwrap().report;
    assert_eq!(report.fuel.consumed(), alone.fuel.consumed());
    assert_eq!(alone.throttled_time, Duration::ZERO);
    // More than one window's time was used, so it has waited for others.
    assert!(report.cpu_time > Duration::from_millis(2), "{report:?}");
    assert!(report.throttled_time > period, "{report:?}");
    // Nor does it need a deadline to be woken by.
    let endless = roomy().execution_timeout_ms(u64::MAX);
    let report = run(count, endless, host(&account, CpuTimePolicy::Throttle)).await.unwrap().report;
    assert_eq!(report.fuel.consumed(), alone.fuel.consumed());
}

/// I7: with nothing left the guest is not entered.
#[tokio::test]
async fn i7_a_guest_that_is_denied_ends_with_the_accounts_error() {
    let account = tracker(ResourceQuota::new().with_cpu_time(5));
    let limits = || roomy().execution_timeout_ms(60_000);
    let failure = run(SPIN, limits(), host(&account, CpuTimePolicy::Deny)).await.unwrap_err();
    let WasmError::Quota(error) = failure.error() else { panic!("{failure}") };
    assert_eq!((error.resource(), error.limit()), (QuotaResource::CpuTime, 5_000));
    assert!(failure.report().slices > 0);
    let second = run(SPIN, limits(), host(&account, CpuTimePolicy::Deny)).await.unwrap_err();
    assert!(matches!(second.error(), WasmError::Quota(_)), "{second}");
    assert_eq!(second.report().slices, 0);
}

/// I6: growth is refused by the account as by the store's own limit, and all of it is released.
#[tokio::test]
async fn i6_memory_comes_from_the_account_and_goes_back() {
    let account = tracker(ResourceQuota::new().with_memory(4 * 65_536_u64));
    let result = run(GROW, roomy(), host(&account, CpuTimePolicy::Throttle)).await.unwrap();
    assert_eq!(result.report.peak_memory_bytes, 4 * 65_536);
    assert_eq!(result.report.refusals, 1);
    let refused = result.report.last_quota_refusal.unwrap();
    assert_eq!((refused.resource(), refused.used()), (QuotaResource::Memory, 4 * 65_536));
    assert_eq!(account.usage().memory_used, 0);
}

/// I6: memory is released however the execution ends.
#[tokio::test]
async fn i6_memory_goes_back_however_an_execution_ends() {
    let account = tracker(ResourceQuota::new());
    let ended = async |body: &str, limits: ResourceLimitsBuilder| {
        let module = format!(r#"(memory 3) (func (export "run") {body})"#);
        let failure =
            run(&module, limits, host(&account, CpuTimePolicy::Throttle)).await.unwrap_err();
        assert_eq!(failure.report().peak_memory_bytes, 3 * 65_536);
        assert_eq!(account.usage().memory_used, 0, "{failure}");
        failure
    };
    let spin = "(loop $l br $l)";
    let trap = ended("unreachable", roomy()).await;
    assert!(matches!(trap.error(), WasmError::Trap { .. }), "{trap}");
    let late = ended(spin, roomy().execution_timeout_ms(20)).await;
    assert!(matches!(late.error(), WasmError::ExecutionTimeout { .. }), "{late}");
    let dear = ended(spin, roomy().max_fuel(10_000)).await;
    assert!(matches!(dear.error(), WasmError::OutOfFuel { .. }), "{dear}");

    // A caller that gives up drops the execution half-way.
    let module =
        r#"(import "host" "sleep" (func $sleep)) (memory 3) (func (export "run") (call $sleep))"#;
    let mut given_up = Box::pin(run(module, roomy(), host(&account, CpuTimePolicy::Throttle)));
    while account.usage().memory_used == 0 {
        assert!(poll_once(given_up.as_mut()).await.is_none());
    }
    assert_eq!(account.usage().memory_used, 3 * 65_536);
    drop(given_up);
    assert_eq!(account.usage().memory_used, 0);
}

/// Polls once, and lets others run.
async fn poll_once<F: Future + Unpin>(mut future: F) -> Option<F::Output> {
    tokio::task::yield_now().await;
    poll_fn(|cx| match Pin::new(&mut future).poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

/// I6: live stores share one budget, and a store that does not fit is not instantiated.
#[tokio::test]
async fn i6_live_stores_share_the_memory_of_their_account() {
    let account = tracker(ResourceQuota::new().with_memory(3 * 65_536_u64));
    let guest = Guest::core(r#"(memory 2) (func (export "run"))"#);
    let limits = roomy().build().unwrap();
    let instantiate = async || {
        let host = host(&account, CpuTimePolicy::Throttle);
        guest.executor.instantiate(&guest.component, &limits, host).await
    };
    let first = instantiate().await.unwrap();
    assert_eq!(account.usage().memory_used, 2 * 65_536);
    let second = instantiate().await.unwrap_err();
    assert!(matches!(second.error(), WasmError::Quota(_)), "{second}");
    assert_eq!(account.usage().memory_used, 2 * 65_536);
    drop(first);
    assert_eq!(account.usage().memory_used, 0);
    assert!(instantiate().await.is_ok());
}

/// An account that records its charges.
#[derive(Debug, Default)]
struct Charges(Mutex<Vec<u64>>);

impl Account for Charges {
    fn peek(&self, _: QuotaType) -> Result<(), QuotaError> {
        Ok(())
    }
    fn take(&self, _: QuotaType) -> Result<(), QuotaError> {
        Ok(())
    }
    fn charge(&self, quota: QuotaType) {
        self.0.lock().unwrap().push(quota.amount());
    }
    fn release(&self, _: QuotaType) {}
}

/// I7: polls of less than a microsecond are added up, and the account is never asked for nothing.
#[tokio::test]
async fn i7_short_polls_are_charged_together() {
    let guest = Guest::core(r#"(func (export "run"))"#);
    let charges = Arc::new(Charges::default());
    let account: Arc<dyn Account> = Arc::<Charges>::clone(&charges);
    let state = LimitState::new().with_account(account, CpuTimePolicy::Throttle);
    let host = Host { limits: state, ..Host::default() };
    let limits = roomy().build().unwrap();
    let run = guest.executor.execute_with(&guest.component, &limits, host, async |_, _| {
        for _ in 0..20_000 {
            let mut woken = false;
            poll_fn(|cx| {
                cx.waker().wake_by_ref();
                if core::mem::replace(&mut woken, true) { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
        }
        Ok(())
    });
    let report = run.await.unwrap().report;
    let charges = charges.0.lock().unwrap();
    let sum: u64 = charges.iter().sum();
    assert_eq!(sum, u64::try_from(report.cpu_time.as_micros()).unwrap());
    assert!(report.slices > 20_000, "{}", report.slices);
    assert!(charges.iter().all(|charge| *charge > 0));
}
