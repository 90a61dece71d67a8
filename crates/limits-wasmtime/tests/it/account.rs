//! Quotas over time, lent by an account that many stores share.

use core::time::Duration;
use std::sync::Arc;

use limits_wasmtime::limits_core::{
    Account, ManualClock, QuotaResource, QuotaTracker, ResourceLimitsBuilder, ResourceQuota,
    WasmError,
};
use limits_wasmtime::{CpuPolicy, ExecutionFailure, ExecutionResult, LimitState};

use crate::guest::{Guest, Host, roomy};

const SPIN: &str = r#"(func (export "run") (loop $l br $l))"#;
const GROW: &str = r#"(memory 1)
    (func (export "run")
      (loop $l (br_if $l (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))))"#;

/// A tracker whose clock stands still, so that what is used up stays used up.
fn tracker(quota: ResourceQuota) -> Arc<QuotaTracker> {
    Arc::new(QuotaTracker::with_clock(quota, Arc::new(ManualClock::new())))
}

fn host(account: &Arc<QuotaTracker>, policy: CpuPolicy) -> Host {
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
    let account = tracker(ResourceQuota::new().with_cpu_time(10_u64));
    let host = host(&account, CpuPolicy::Throttle);
    let failure = run(SPIN, roomy().execution_timeout_ms(200), host).await.unwrap_err();
    assert!(matches!(failure.error(), WasmError::ExecutionTimeout { .. }), "{failure}");
    let report = failure.report();
    // The rest of the deadline was waited out, whatever the machine did in between.
    assert!(report.throttled_time > Duration::from_millis(20), "{report:?}");
    let used = account.usage().cpu_time_used_us;
    assert!(used >= 10_000, "{used}");
    assert_eq!(used, u64::try_from(report.cpu_time.as_micros()).unwrap());
}

/// I7: with nothing left the guest is not entered.
#[tokio::test]
async fn i7_a_guest_that_is_denied_ends_with_the_accounts_error() {
    let account = tracker(ResourceQuota::new().with_cpu_time(5_u64));
    let limits = || roomy().execution_timeout_ms(60_000);
    let failure = run(SPIN, limits(), host(&account, CpuPolicy::Deny)).await.unwrap_err();
    let WasmError::Quota(error) = failure.error() else { panic!("{failure}") };
    assert_eq!((error.resource(), error.limit()), (QuotaResource::CpuTime, 5_000));
    assert!(failure.report().slices > 0);
    let second = run(SPIN, limits(), host(&account, CpuPolicy::Deny)).await.unwrap_err();
    assert!(matches!(second.error(), WasmError::Quota(_)), "{second}");
    assert_eq!(second.report().slices, 0);
}

/// I6: growth is refused by the account as by the store's own limit, and all of it is given back.
#[tokio::test]
async fn i6_memory_comes_from_the_account_and_goes_back() {
    let account = tracker(ResourceQuota::new().with_memory(4 * 65_536_u64));
    let result = run(GROW, roomy(), host(&account, CpuPolicy::Throttle)).await.unwrap();
    assert_eq!(result.report.peak_memory_bytes, 4 * 65_536);
    assert_eq!(result.report.refusals, 1);
    let refused = result.report.last_quota_refusal.unwrap();
    assert_eq!((refused.resource(), refused.used()), (QuotaResource::Memory, 4 * 65_536));
    assert_eq!(account.usage().memory_used, 0);
}

/// I6: live stores share one budget, and a store that does not fit is not instantiated.
#[tokio::test]
async fn i6_live_stores_share_the_memory_of_their_account() {
    let account = tracker(ResourceQuota::new().with_memory(3 * 65_536_u64));
    let guest = Guest::core(r#"(memory 2) (func (export "run"))"#);
    let limits = roomy().build().unwrap();
    let instantiate = async || {
        let host = host(&account, CpuPolicy::Throttle);
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
