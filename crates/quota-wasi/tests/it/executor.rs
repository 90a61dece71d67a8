//! Quotas at the WASI boundary beside the executor's limits on memory, fuel and time.

use core::time::Duration;

use limits_core::{Blame, CpuTimePolicy, ResourceLimits, ResourceQuota, WasmError};
use limits_wasmtime::{
    ComponentExecutor, ExecutionFailure, HasLimits, LimitState, create_engine, resource_table,
};
use quota_enforce::{QuotaRegistry, SecurityContext};
use quota_wasi::{StoreQuota, WasiQuota, WasiQuotaView, add_to_linker};
use wasmtime::component::{ComponentNamedList, Lift, Linker, Lower, ResourceTable};
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::host::{limits, roomy};
use crate::network::connecting;
use crate::puppet::{Part, puppet_of};
use crate::resolver::{Teller, Told};
use crate::sockets::SOCKETS;
use crate::wasi::FILES;

/// Store data with all three.
pub(crate) struct Host {
    pub(crate) limits: LimitState,
    pub(crate) table: ResourceTable,
    pub(crate) wasi: WasiCtx,
    pub(crate) quota: StoreQuota,
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

/// Runs one call of a guest of files to its failure.
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
    failure_of::<P, R>(&FILES, &quota, limits, export, params).await
}

/// The same of any guest.
pub(crate) async fn failure_of<P, R>(
    part: &Part,
    quota: &WasiQuota,
    limits: ResourceLimits,
    export: &str,
    params: P,
) -> (ExecutionFailure, MemoryOutputPipe)
where
    P: ComponentNamedList + Lower + Send + Sync,
    R: ComponentNamedList + Lift + Send + Sync + core::fmt::Debug + 'static,
{
    let executor = ComponentExecutor::new(create_engine().unwrap()).unwrap();
    let mut linker = Linker::<Host>::new(executor.engine());
    add_to_linker(&mut linker).unwrap();
    let code = wat::parse_str(puppet_of(part, "0.2.0")).unwrap();
    let component = executor.prepare(&executor.compile(&code).unwrap(), &linker).unwrap();
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
    let limits = limits().max_output_rate(1_000).execution_timeout_ms(500).max_fuel(u64::MAX);
    let (failure, stdout) = failure::<_, ()>(limits.build().unwrap(), "chatter", ()).await;
    assert!(matches!(failure.error(), WasmError::ExecutionTimeout { .. }), "{failure}");
    // An eighth of a second's at once, and as much once it is due: 625 bytes by the deadline.
    assert!(stdout.contents().len() <= 2_000, "{}", stdout.contents().len());
    assert!(!stdout.contents().is_empty());
}

/// A component with so many bytes an hour, of which next to none are due by now.
fn quiet(bytes: u64) -> WasiQuota {
    let hour = Duration::from_secs(3_600);
    let quota = ResourceQuota::new().with_network_bandwidth(bytes).with_reset_period(hour);
    let set = connecting(&["127.0.0.1:*", "never.example:1"]).capabilities().clone();
    let context = SecurityContext::with_quota("guest", set, quota);
    let builder = WasiQuota::builder(QuotaRegistry::new().register(context).unwrap()).udp();
    let never = Teller::default().answer("never.example", Told::Never);
    builder.resolver(never).max_blocking_threads(1).build().unwrap()
}

#[tokio::test]
async fn a_guest_that_waits_on_the_network_ends_by_its_deadline() {
    let limits = || limits().execution_timeout_ms(50).max_fuel(u64::MAX).build().unwrap();
    let peer = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = peer.local_addr().unwrap().port();
    // No usual datagram fits a window of the first, so a guest waits in the call that sends.
    let (small, large) = (quiet(1_400), quiet(10_000));
    let name = ("never.example",);
    let part = &SOCKETS;
    let ended = [
        failure_of::<_, ()>(part, &small, limits(), "hear", ()).await,
        failure_of::<_, ()>(part, &small, limits(), "say-for-ever", (port, 1_000_u32)).await,
        failure_of::<_, ()>(part, &large, limits(), "say-for-ever", (port, 1_000_u32)).await,
        failure_of::<_, ()>(part, &small, limits(), "wait-for-name", name).await,
        failure_of::<_, ()>(part, &small, limits(), "wait-for-name", name).await,
    ];
    for (failure, _) in ended {
        assert!(matches!(failure.error(), WasmError::ExecutionTimeout { .. }), "{failure}");
    }
    peer.set_nonblocking(true).unwrap();
    assert!(peer.recv(&mut [0]).is_err());
    for quota in [small, large] {
        assert_eq!(quota.component().usage().network_bandwidth_used, 0);
    }
}
