//! Quotas at the WASI boundary beside the executor's limits on memory, fuel and time.

use limits_core::{Blame, CpuTimePolicy, ResourceLimits, WasmError};
use limits_wasmtime::{
    ComponentExecutor, ExecutionFailure, HasLimits, LimitState, create_engine, resource_table,
};
use quota_wasi::{StoreQuota, WasiQuotaView, add_to_linker};
use wasmtime::component::{ComponentNamedList, Lift, Linker, Lower, ResourceTable};
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::host::{limits, roomy};
use crate::puppet::puppet;

/// Store data with all three.
struct Host {
    limits: LimitState,
    table: ResourceTable,
    wasi: WasiCtx,
    quota: StoreQuota,
}

impl HasLimits for Host {
    fn limits(&mut self) -> &mut LimitState {
        &mut self.limits
    }
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiQuotaView for Host {
    fn quota(&mut self) -> &mut StoreQuota {
        &mut self.quota
    }
}

/// Runs one call of a guest to its failure.
async fn failure<P, R>(
    limits: ResourceLimits,
    export: &str,
    params: P,
) -> (ExecutionFailure, MemoryOutputPipe)
where
    P: ComponentNamedList + Lower + Send + Sync,
    R: ComponentNamedList + Lift + Send + Sync + core::fmt::Debug + 'static,
{
    let dir = tempfile::tempdir().unwrap();
    let quota = roomy(dir.path());
    let executor = ComponentExecutor::new(create_engine().unwrap()).unwrap();
    let mut linker = Linker::<Host>::new(executor.engine());
    add_to_linker(&mut linker).unwrap();
    let component = executor.compile(&wat::parse_str(puppet("0.2.0")).unwrap()).unwrap();
    let component = executor.prepare(&component, &linker).unwrap();
    let state = LimitState::new().with_account(quota.component().clone(), CpuTimePolicy::Throttle);
    let store = quota.store(&limits);
    let stdout = MemoryOutputPipe::new(1 << 20);
    let host = Host {
        limits: state,
        table: resource_table(&limits),
        wasi: WasiCtx::builder().stdout(store.stdout(stdout.clone())).build(),
        quota: store,
    };
    let ended = executor.execute_with_limits::<_, P, R>(&component, &limits, host, export, params);
    (ended.await.unwrap_err(), stdout)
}

#[tokio::test]
async fn too_many_random_bytes_are_the_guests_own_limit() {
    let limits = limits().max_random_bytes(64).build().unwrap();
    let (failure, _) = failure::<_, (Vec<u8>,)>(limits, "get-random-bytes", (65_u64,)).await;
    assert_eq!(failure.blame(), Blame::Guest);
    assert!(matches!(failure.error(), WasmError::LimitExceeded(_)));
    assert_eq!(
        failure.to_string(),
        "random limit of 64 bytes per host call exceeded: 0 in use, 65 more requested"
    );
}

#[tokio::test]
async fn a_guest_that_waits_to_write_ends_by_its_deadline() {
    let limits = limits().max_output_rate(1_000).execution_timeout_ms(50).max_fuel(u64::MAX);
    let (failure, stdout) = failure::<_, ()>(limits.build().unwrap(), "chatter", ()).await;
    assert!(matches!(failure.error(), WasmError::ExecutionTimeout { .. }), "{failure}");
    // An eighth of a second's at once, and as much once it is due.
    assert!(stdout.contents().len() <= 301, "{}", stdout.contents().len());
    assert!(!stdout.contents().is_empty());
}
