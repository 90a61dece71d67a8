//! A host as an embedder writes it: store data and linker.

use limits_core::ResourceLimits;
use limits_wasmtime::{HasLimits, LimitState, resource_table};
use quota_enforce::ConfiguredComponent;
use quota_wasi::{
    DirectoryAccess, HttpOptions, InProcessBus, RedbStore, StoreQuota, WasiHttpQuotaView,
    WasiQuota, WasiQuotaView,
};
use wasmtime::Engine;
use wasmtime::component::{Linker, ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::Result;
use crate::folder::Folder;
use crate::guest_case::Services;

/// The data of a store.
pub(crate) struct Host {
    limits: LimitState,
    wasi: WasiCtx,
    table: ResourceTable,
    quota: StoreQuota,
}

impl Host {
    /// The data of one execution, whose output goes nowhere.
    pub(crate) fn new(component: &ConfiguredComponent, wasi: &WasiQuota) -> Self {
        let limits: &ResourceLimits = &component.limits;
        let quota = wasi.store(limits);
        let context = WasiCtx::builder()
            .stdout(quota.stdout(tokio::io::empty()))
            .stderr(quota.stderr(tokio::io::empty()))
            .build();
        Self {
            limits: LimitState::new().with_account(&component.handle, component.cpu_time_policy),
            wasi: context,
            table: resource_table(limits),
            quota,
        }
    }
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

impl WasiHttpQuotaView for Host {
    fn quota_and_table(&mut self) -> (&mut StoreQuota, &mut ResourceTable) {
        (&mut self.quota, &mut self.table)
    }
}

/// Links all that the command links.
pub(crate) fn linker(engine: &Engine) -> Result<Linker<Host>> {
    let mut linker = Linker::new(engine);
    quota_wasi::add_to_linker(&mut linker)?;
    quota_wasi::add_http_to_linker(&mut linker)?;
    quota_wasi::add_keyvalue_to_linker(&mut linker)?;
    quota_wasi::add_messaging_to_linker(&mut linker)?;
    Ok(linker)
}

/// Opens the services of a component.
pub(crate) fn open(
    component: &ConfiguredComponent,
    services: Services,
    folder: &Folder,
) -> Result<WasiQuota> {
    let mut builder = WasiQuota::builder(component.handle.clone())
        .max_blocking_threads(component.limits.max_blocking_threads())
        .network_policy(component.network_policy)
        .message_policy(component.message_policy);
    if services.directory {
        builder = builder.directory(folder.data(), "/data", DirectoryAccess::ReadWrite);
    }
    if services.tcp {
        builder = builder.tcp();
    }
    if services.udp {
        builder = builder.udp();
    }
    if services.http {
        builder = builder.http(HttpOptions::new());
    }
    if services.keyvalue {
        builder = builder.keyvalue(RedbStore::open(folder.path("pairs.redb"))?);
    }
    if services.messages {
        builder = builder.messaging(InProcessBus::new());
    }
    Ok(builder.build()?)
}
