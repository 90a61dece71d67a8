//! The same guest on the network, under Wasmtime alone and under quotas.

use core::error::Error;

use limits_core::{CapabilitySet, Permission, ResourceLimits, ResourceQuota};
use limits_wasmtime::{
    ComponentExecutor, HasLimits, LimitState, PreparedComponent, create_engine, resource_table,
};
use quota_enforce::{ComponentHandle, QuotaRegistry, SecurityContext};
use quota_wasi::{StoreQuota, WasiQuota, WasiQuotaView};
use wasmtime::component::{
    Component, ComponentNamedList, InstancePre, Lift, Linker, Lower, ResourceTable,
};
use wasmtime::{Engine, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::net_guest;
use crate::roomy;

type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// One copy of the guest, from one port of the loopback to another.
#[derive(Clone, Copy, Debug)]
pub struct Copy {
    /// The port that sends.
    pub source: u16,
    /// The port that receives.
    pub sink: u16,
    /// Whether the guest writes 4 KiB at a time.
    pub in_parts: bool,
}

/// The data of a store.
struct Data {
    limits: LimitState,
    table: ResourceTable,
    wasi: WasiCtx,
    quota: Option<StoreQuota>,
}

impl Data {
    fn new(limits: &ResourceLimits, quota: Option<StoreQuota>) -> Self {
        let mut wasi = WasiCtx::builder();
        wasi.inherit_network().allow_tcp(true);
        let table = resource_table(limits);
        Self { limits: LimitState::new(), table, wasi: wasi.build(), quota }
    }
}

impl HasLimits for Data {
    fn limits(&mut self) -> &mut LimitState {
        &mut self.limits
    }
}

impl WasiView for Data {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiQuotaView for Data {
    #[expect(clippy::expect_used, reason = "linked only where there is one")]
    fn quota(&mut self) -> &mut StoreQuota {
        self.quota.as_mut().expect("a store with quotas")
    }
}

/// Wasmtime and wasmtime-wasi alone, with fuel.
pub struct PlainNet {
    engine: Engine,
    component: InstancePre<Data>,
    limits: ResourceLimits,
}

impl PlainNet {
    /// Compiles the guest.
    ///
    /// # Errors
    ///
    /// If there is no engine or memory for it.
    pub fn new() -> Fallible<Self> {
        let engine = create_engine()?;
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        let component = linker.instantiate_pre(&Component::from_binary(&engine, &guest()?)?)?;
        Ok(Self { engine, component, limits: limits()? })
    }

    /// Copies, and returns the number of bytes.
    ///
    /// # Errors
    ///
    /// As the guest's execution.
    pub async fn copy(&self, copy: Copy) -> Fallible<u64> {
        let mut store = Store::new(&self.engine, Data::new(&self.limits, None));
        store.set_fuel(u64::MAX)?;
        let instance = self.component.instantiate_async(&mut store).await?;
        let run = instance.get_typed_func::<(u16, u16, bool), (u64,)>(&mut store, "copy")?;
        Ok(run.call_async(&mut store, (copy.source, copy.sink, copy.in_parts)).await?.0)
    }
}

impl core::fmt::Debug for PlainNet {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("PlainNet").finish_non_exhaustive()
    }
}

/// Registers a component that reaches the loopback, with a bandwidth of bytes per second.
pub(crate) fn component(bandwidth: u64) -> Fallible<ComponentHandle> {
    let capabilities = CapabilitySet::builder()
        .grant(Permission::NetworkConnect, "127.0.0.1:*")
        .build()?
        .by_operator();
    let quota = ResourceQuota::new().with_network_bandwidth(bandwidth);
    let context = SecurityContext::with_quota("guest", capabilities, quota);
    Ok(QuotaRegistry::new().register(context)?)
}

/// The executor of limits-wasmtime with quota-wasi.
pub struct QuotaNet {
    executor: ComponentExecutor,
    component: PreparedComponent<Data>,
    limits: ResourceLimits,
    quota: WasiQuota,
}

impl QuotaNet {
    /// Compiles the guest, which has a bandwidth of bytes per second.
    ///
    /// # Errors
    ///
    /// As [`PlainNet::new`].
    pub fn new(bandwidth: u64) -> Fallible<Self> {
        let quota = WasiQuota::builder(component(bandwidth)?).tcp().build()?;
        let executor = ComponentExecutor::new(create_engine()?)?;
        let mut linker = Linker::new(executor.engine());
        quota_wasi::add_to_linker(&mut linker)?;
        let component = executor.prepare(&executor.compile(&guest()?)?, &linker)?;
        Ok(Self { executor, component, limits: limits()?, quota })
    }

    /// Copies, and returns the number of bytes.
    ///
    /// # Errors
    ///
    /// As the guest's execution.
    pub async fn copy(&self, copy: Copy) -> Fallible<u64> {
        self.call("copy", (copy.source, copy.sink, copy.in_parts)).await.map(|(bytes,)| bytes)
    }

    /// Sends to a port until the future is dropped.
    ///
    /// # Errors
    ///
    /// As the guest's execution.
    pub async fn send(&self, sink: u16) -> Fallible<()> {
        self.call::<_, ()>("send", (sink,)).await
    }

    async fn call<P, R>(&self, export: &str, params: P) -> Fallible<R>
    where
        P: ComponentNamedList + Lower + Send + Sync,
        R: ComponentNamedList + Lift + Send + Sync + 'static,
    {
        let data = Data::new(&self.limits, Some(self.quota.store(&self.limits)));
        let ended = self.executor.execute_with_limits::<_, P, R>(
            &self.component,
            &self.limits,
            data,
            export,
            params,
        );
        Ok(ended.await?.output)
    }
}

impl core::fmt::Debug for QuotaNet {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("QuotaNet").finish_non_exhaustive()
    }
}

fn guest() -> Fallible<Vec<u8>> {
    net_guest::component().map_err(|error| error.to_string().into())
}

fn limits() -> Fallible<ResourceLimits> {
    Ok(roomy().execution_timeout_ms(600_000).build()?)
}

#[cfg(test)]
mod tests {
    use super::{Copy, PlainNet, QuotaNet};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn the_guest_copies_as_much_as_it_is_measured_for_on_every_host() {
        let (plain, quotas) = (PlainNet::new().unwrap(), QuotaNet::new(1 << 30).unwrap());
        for (in_parts, on_plain) in [(false, false), (false, true), (true, false), (true, true)] {
            let [sends, reads] =
                [TcpListener::bind("127.0.0.1:0").await, TcpListener::bind("127.0.0.1:0").await]
                    .map(Result::unwrap);
            let [source, sink] =
                [&sends, &reads].map(|listener| listener.local_addr().unwrap().port());
            let sent: Vec<u8> = (0..=255).cycle().take(300_000).collect();
            let expected = sent.clone();
            let source_peer = tokio::spawn(async move {
                sends.accept().await.unwrap().0.write_all(&sent).await.unwrap();
            });
            let sink_peer = tokio::spawn(async move {
                let mut all = Vec::new();
                reads.accept().await.unwrap().0.read_to_end(&mut all).await.unwrap();
                all
            });
            let copy = Copy { source, sink, in_parts };
            let copied =
                if on_plain { plain.copy(copy).await } else { quotas.copy(copy).await }.unwrap();
            assert_eq!(copied, 300_000);
            source_peer.await.unwrap();
            assert!(sink_peer.await.unwrap() == expected);
        }
    }
}
