//! Keys, values and messages beside the executor's deadline and its bound of the resource table.

use std::sync::Arc;

use limits_core::{CpuTimePolicy, ManualClock, ResourceLimits, ResourceQuota, WasmError};
use limits_wasmtime::{
    ComponentExecutor, ExecutionFailure, LimitState, create_engine, resource_table,
};
use quota_enforce::QuotaRegistry;
use quota_wasi::{
    InProcessBus, MessageTransport, OutgoingMessage, QueueLimits, Sending, WasiQuota,
    add_keyvalue_to_linker, add_messaging_to_linker,
};
use wasmtime::component::Linker;
use wasmtime_wasi::WasiCtx;

use crate::executor::Host;
use crate::host::limits;
use crate::keys::{keeper, used};
use crate::memory_store::MemoryStore;
use crate::messages::sender;
use crate::puppet::{Part, puppet_of};
use crate::services::{KEYS, MESSAGES};

/// Runs the guest's function that does not end, to its failure.
async fn failure(part: &Part, quota: &WasiQuota, limits: &ResourceLimits) -> ExecutionFailure {
    let executor = ComponentExecutor::new(create_engine().unwrap()).unwrap();
    let mut linker = Linker::<Host>::new(executor.engine());
    add_keyvalue_to_linker(&mut linker).unwrap();
    add_messaging_to_linker(&mut linker).unwrap();
    let text = puppet_of(part, "0.2.0-draft");
    let component = executor.compile(&wat::parse_str(text).unwrap()).unwrap();
    let component = executor.prepare(&component, &linker).unwrap();
    let host = Host {
        limits: LimitState::new().with_account(quota.component().clone(), CpuTimePolicy::Throttle),
        table: resource_table(limits),
        wasi: WasiCtx::builder().build(),
        quota: quota.store(limits),
    };
    let ended = executor.execute_with_limits::<_, (), ()>(&component, limits, host, "run", ());
    ended.await.unwrap_err()
}

/// As long as all that an execution does is to wait.
fn short() -> ResourceLimits {
    limits().execution_timeout_ms(100).max_fuel(u64::MAX).build().unwrap()
}

#[tokio::test]
#[expect(clippy::await_holding_lock, reason = "the thread that waits for it is another")]
async fn a_guest_that_waits_for_its_store_ends_by_its_deadline_and_the_change_is_settled() {
    // I82
    let store = MemoryStore::default();
    let component = keeper(&QuotaRegistry::new(), "guest", ResourceQuota::new());
    let quota = WasiQuota::builder(component).keyvalue(store.clone()).build().unwrap();
    let stopped = store.stop_changes();
    let failure = failure(&KEYS, &quota, &short()).await;
    assert!(matches!(failure.error(), WasmError::ExecutionTimeout { .. }), "{failure}");
    assert_eq!(used(&quota), (1, 6));
    drop(stopped);
    // The thread that makes the change has it, and gives it back when it is done.
    while store.size("guest") != (1, 6) {
        tokio::task::yield_now().await;
    }
    assert_eq!(used(&quota), (1, 6));
}

#[tokio::test]
async fn a_guest_that_waits_for_its_message_rate_ends_by_its_deadline() {
    let bus = InProcessBus::new();
    let all = bus.subscribe("**", QueueLimits::new(1_000, 1 << 20)).unwrap();
    let registry = QuotaRegistry::builder().clock(Arc::new(ManualClock::new())).build();
    let component = sender(&registry, "guest", "**", ResourceQuota::new().with_message_rate(3));
    let quota = WasiQuota::builder(component).messaging(bus).build().unwrap();
    let failure = failure(&MESSAGES, &quota, &short()).await;
    assert!(matches!(failure.error(), WasmError::ExecutionTimeout { .. }), "{failure}");
    assert_eq!(core::iter::from_fn(|| all.try_receive()).count(), 3);
    assert_eq!(quota.component().usage().message_count, 3);
}

/// A transport that never answers.
struct Silent;

impl MessageTransport for Silent {
    fn send(&self, _: OutgoingMessage) -> Sending<'_> {
        Box::pin(core::future::pending())
    }
}

#[tokio::test]
async fn a_guest_that_waits_for_its_transport_ends_by_its_deadline() {
    // I91
    let registry = QuotaRegistry::builder().clock(Arc::new(ManualClock::new())).build();
    let component = sender(&registry, "guest", "**", ResourceQuota::new().with_message_rate(3));
    let quota = WasiQuota::builder(component).messaging(Silent).build().unwrap();
    let failure = failure(&MESSAGES, &quota, &short()).await;
    assert!(matches!(failure.error(), WasmError::ExecutionTimeout { .. }), "{failure}");
    assert_eq!(quota.component().usage().message_count, 1);
}
