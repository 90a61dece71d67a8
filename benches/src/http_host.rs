//! The guest that makes HTTP requests, under wasmtime-wasi-http alone and under quotas.

use core::error::Error;

use limits_core::ResourceLimits;
use limits_wasmtime::{
    ComponentExecutor, HasLimits, LimitState, PreparedComponent, create_engine, resource_table,
};
use quota_wasi::{HttpOptions, StoreQuota, WasiHttpQuotaView, WasiQuota, WasiQuotaView};
use wasmtime::component::{Component, InstancePre, Linker, ResourceTable};
use wasmtime::{Engine, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::http_client::PlainClient;
use crate::http_guest;
use crate::net_host::component;
use crate::roomy;

type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// The data of a store without quotas.
struct Plain {
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    client: PlainClient,
}

impl WasiView for Plain {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for Plain {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.client }
    }
}

/// wasmtime-wasi-http alone, with fuel.
pub struct PlainHttp {
    engine: Engine,
    component: InstancePre<Plain>,
    limits: ResourceLimits,
}

impl PlainHttp {
    /// Compiles the guest.
    ///
    /// # Errors
    ///
    /// If there is no engine or memory for it.
    pub fn new() -> Fallible<Self> {
        let engine = create_engine()?;
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
        let component = linker.instantiate_pre(&Component::from_binary(&engine, &guest()?)?)?;
        Ok(Self { engine, component, limits: limits()? })
    }

    /// Makes requests one after the other, and returns the bytes of their responses.
    ///
    /// # Errors
    ///
    /// As the guest's execution.
    pub async fn fetch(&self, authority: &str, requests: u32) -> Fallible<u64> {
        let data = Plain {
            table: resource_table(&self.limits),
            wasi: WasiCtx::builder().build(),
            http: WasiHttpCtx::new(),
            client: PlainClient,
        };
        let mut store = Store::new(&self.engine, data);
        store.set_fuel(u64::MAX)?;
        let instance = self.component.instantiate_async(&mut store).await?;
        let run = instance.get_typed_func::<(&str, u32), (u64,)>(&mut store, "fetch")?;
        Ok(run.call_async(&mut store, (authority, requests)).await?.0)
    }
}

impl core::fmt::Debug for PlainHttp {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("PlainHttp").finish_non_exhaustive()
    }
}

/// The data of a store with quotas.
struct Data {
    limits: LimitState,
    table: ResourceTable,
    wasi: WasiCtx,
    quota: StoreQuota,
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
    fn quota(&mut self) -> &mut StoreQuota {
        &mut self.quota
    }
}

impl WasiHttpQuotaView for Data {
    fn quota_and_table(&mut self) -> (&mut StoreQuota, &mut ResourceTable) {
        (&mut self.quota, &mut self.table)
    }
}

/// The executor of limits-wasmtime with quota-wasi.
pub struct QuotaHttp {
    executor: ComponentExecutor,
    component: PreparedComponent<Data>,
    limits: ResourceLimits,
    quota: WasiQuota,
}

impl QuotaHttp {
    /// Compiles the guest, which has a bandwidth of bytes per second.
    ///
    /// # Errors
    ///
    /// As [`PlainHttp::new`].
    pub fn new(bandwidth: u64) -> Fallible<Self> {
        let quota = WasiQuota::builder(component(bandwidth)?).http(HttpOptions::new()).build()?;
        let executor = ComponentExecutor::new(create_engine()?)?;
        let mut linker = Linker::new(executor.engine());
        quota_wasi::add_to_linker(&mut linker)?;
        quota_wasi::add_http_to_linker(&mut linker)?;
        let component = executor.prepare(&executor.compile(&guest()?)?, &linker)?;
        Ok(Self { executor, component, limits: limits()?, quota })
    }

    /// Makes requests one after the other, and returns the bytes of their responses.
    ///
    /// # Errors
    ///
    /// As the guest's execution.
    pub async fn fetch(&self, authority: &str, requests: u32) -> Fallible<u64> {
        let data = Data {
            limits: LimitState::new(),
            table: resource_table(&self.limits),
            wasi: WasiCtx::builder().build(),
            quota: self.quota.store(&self.limits),
        };
        let ended = self.executor.execute_with_limits::<_, (&str, u32), (u64,)>(
            &self.component,
            &self.limits,
            data,
            "fetch",
            (authority, requests),
        );
        Ok(ended.await?.output.0)
    }
}

impl core::fmt::Debug for QuotaHttp {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("QuotaHttp").finish_non_exhaustive()
    }
}

fn guest() -> Fallible<Vec<u8>> {
    http_guest::component().map_err(|error| error.to_string().into())
}

fn limits() -> Fallible<ResourceLimits> {
    Ok(roomy().execution_timeout_ms(600_000).max_requests(1_000_000).build()?)
}

#[cfg(test)]
mod tests {
    use super::{PlainHttp, QuotaHttp};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn the_guest_reads_each_response_to_its_end_on_every_host() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            loop {
                let (mut peer, _) = listener.accept().await.unwrap();
                tokio::spawn(async move {
                    while peer.read(&mut [0; 4_096]).await.is_ok_and(|read| read > 0) {
                        let response = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
                        peer.write_all(response.as_bytes()).await.unwrap();
                    }
                });
            }
        });
        assert_eq!(PlainHttp::new().unwrap().fetch(&authority, 3).await.unwrap(), 15);
        assert_eq!(QuotaHttp::new(1 << 30).unwrap().fetch(&authority, 3).await.unwrap(), 15);
    }
}
