//! Host functions that are dropped before their end hand back what they took.
#![expect(clippy::unwrap_used, reason = "helpers of a test are test code")]

use core::future::{pending, poll_fn};
use core::pin::pin;
use core::sync::atomic::{AtomicU64, Ordering};
use core::task::Poll;
use std::sync::Arc;

use integration_tests::{Ended, PLENTY_MS, block_on, limits};
use limits_core::{QuotaType, ResourceQuota, WasmError};
use limits_wasmtime::wasmtime::StoreContextMut;
use limits_wasmtime::wasmtime::component::Linker;
use limits_wasmtime::{ComponentExecutor, LimitState, PreparedComponent, create_engine};
use quota_enforce::{ComponentHandle, EnforceError, with_quota};

use crate::World;

const GUEST: &str = r#"(component
  (import "transfer" (func $transfer))
  (core func $transfer (canon lower (func $transfer)))
  (core module $m (import "host" "transfer" (func $transfer)) (export "run" (func $transfer)))
  (core instance $i
    (instantiate $m (with "host" (instance (export "transfer" (func $transfer))))))
  (func (export "run") (canon lift (core func $i "run"))))"#;

/// A guest whose one host call takes 700 bytes of bandwidth and never ends.
struct Stuck {
    executor: ComponentExecutor,
    guest: PreparedComponent<LimitState>,
    /// The use in the middle of the call.
    midway: Arc<AtomicU64>,
}

impl Stuck {
    fn new(component: &ComponentHandle) -> Self {
        let executor = ComponentExecutor::new(create_engine().unwrap()).unwrap();
        let midway = Arc::<AtomicU64>::default();
        let mut linker = Linker::new(executor.engine());
        let (component, seen) = (component.clone(), Arc::clone(&midway));
        let mut root = linker.root();
        root.func_wrap_async("transfer", move |_: StoreContextMut<'_, LimitState>, (): ()| {
            let (component, seen) = (component.clone(), Arc::clone(&seen));
            Box::new(async move {
                let quota = QuotaType::NetworkBandwidth(700);
                with_quota!(&component, "api.example.com:443", "connect", quota => async {
                    seen.store(component.usage().network_bandwidth_used, Ordering::Relaxed);
                    pending::<Result<(), EnforceError>>().await
                })
                .await
                .map_err(|error| WasmError::from(error).into())
            })
        })
        .unwrap();
        let compiled = executor.compile(&wat::parse_str(GUEST).unwrap()).unwrap();
        let guest = executor.prepare(&compiled, &linker).unwrap();
        Self { executor, guest, midway }
    }

    async fn run(&self, ms: u64) -> Ended<()> {
        let (limits, state) = (limits(u64::MAX, ms), LimitState::new());
        self.executor.execute_with_limits(&self.guest, &limits, state, "run", ()).await
    }

    fn midway(&self) -> u64 {
        self.midway.load(Ordering::Relaxed)
    }
}

#[test]
fn a_host_call_that_the_deadline_ends_has_used_nothing() {
    let world = World::new();
    let shop = world.register("shop", ResourceQuota::new().with_network_bandwidth(1_000));
    let stuck = Stuck::new(&shop);
    // Were it not handed back, the second would be refused.
    for _ in 0..2 {
        stuck.midway.store(0, Ordering::Relaxed);
        let failure = block_on(stuck.run(300)).unwrap_err();
        assert!(matches!(failure.error(), WasmError::ExecutionTimeout { .. }), "{failure}");
        assert_eq!((stuck.midway(), shop.usage().network_bandwidth_used), (700, 0));
    }
}

#[test]
fn a_host_call_whose_execution_is_dropped_has_used_nothing() {
    let world = World::new();
    let shop = world.register("shop", ResourceQuota::new().with_network_bandwidth(1_000));
    let stuck = Stuck::new(&shop);
    block_on(async {
        let mut execution = pin!(stuck.run(PLENTY_MS));
        // Polled until it waits in the host call.
        poll_fn(|cx| {
            assert!(execution.as_mut().poll(cx).is_pending());
            if stuck.midway() == 0 { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
        assert_eq!(shop.usage().network_bandwidth_used, 700);
    });
    assert_eq!(shop.usage().network_bandwidth_used, 0);
}
