//! Stores for guests: with a component's quotas and capabilities, or as under plain wasmtime-wasi.

use std::path::Path;
use std::sync::LazyLock;

use limits_core::{
    CapabilitySet, Permission, ResourceLimits, ResourceLimitsBuilder, ResourceQuota,
};
use quota_enforce::{ComponentHandle, QuotaRegistry, SecurityContext};
use quota_wasi::{
    DirectoryAccess, StoreQuota, WasiQuota, WasiQuotaBuilder, WasiQuotaView, add_to_linker,
};
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Engine, Store};
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use crate::guest::Guest;
use crate::puppet::{puppet, puppet_of};
use crate::sockets::SOCKETS;

/// A guest for the version of WASI that most toolchains name.
static PUPPET: LazyLock<(Engine, Component)> = LazyLock::new(|| {
    let engine = Engine::default();
    let component = Component::new(&engine, wat::parse_str(puppet("0.2.0")).unwrap()).unwrap();
    (engine, component)
});

/// The same for a guest of sockets.
static ON_NETWORK: LazyLock<(Engine, Component)> = LazyLock::new(|| {
    let (engine, text) = (Engine::default(), puppet_of(&SOCKETS, "0.2.0"));
    let component = Component::new(&engine, wat::parse_str(text).unwrap()).unwrap();
    (engine, component)
});

/// Host data of these tests.
pub(crate) struct Host {
    pub(crate) table: ResourceTable,
    pub(crate) wasi: WasiCtx,
    pub(crate) quota: Option<StoreQuota>,
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiQuotaView for Host {
    fn quota(&mut self) -> &mut StoreQuota {
        self.quota.as_mut().unwrap()
    }
}

/// A component that may read what `read` matches and write what `write` matches.
pub(crate) fn component(
    registry: &QuotaRegistry,
    id: &str,
    read: &[&str],
    write: &[&str],
    quota: ResourceQuota,
) -> ComponentHandle {
    let context = SecurityContext::with_quota(id, capabilities(read, write), quota);
    registry.register(context).unwrap()
}

pub(crate) fn capabilities(read: &[&str], write: &[&str]) -> CapabilitySet {
    let mut set = CapabilitySet::new();
    for pattern in read {
        set.grant(Permission::FilesystemRead, pattern).unwrap();
    }
    for pattern in write {
        set.grant(Permission::FilesystemWrite, pattern).unwrap();
    }
    set
}

/// A component with one directory, `/data`, in which it may do everything.
pub(crate) fn roomy(dir: &Path) -> WasiQuota {
    within(dir, ResourceQuota::new())
}

/// The same within a quota.
pub(crate) fn within(dir: &Path, quota: ResourceQuota) -> WasiQuota {
    let all = ["/data/**"];
    let component = component(&QuotaRegistry::new(), "guest", &all, &all, quota);
    data(component, dir).build().unwrap()
}

/// The same with other patterns.
pub(crate) fn allowed(dir: &Path, read: &[&str], write: &[&str]) -> WasiQuota {
    let registry = QuotaRegistry::new();
    let component = component(&registry, "guest", read, write, ResourceQuota::new());
    data(component, dir).build().unwrap()
}

/// A component with the directory `/data`. Entries count nothing.
pub(crate) fn data(component: ComponentHandle, dir: &Path) -> WasiQuotaBuilder {
    WasiQuota::builder(component).directory(dir, "/data", DirectoryAccess::ReadWrite).entry_bytes(0)
}

pub(crate) fn limits() -> ResourceLimitsBuilder {
    ResourceLimits::builder().memory_bytes(1 << 24)
}

impl Guest {
    pub(crate) async fn new(quota: &WasiQuota) -> Self {
        Self::within(quota, limits()).await
    }

    pub(crate) async fn within(quota: &WasiQuota, limits: ResourceLimitsBuilder) -> Self {
        let store = quota.store(&limits.build().unwrap());
        Self::with(store, |_, builder| builder).await
    }

    /// A guest whose host sets more up.
    pub(crate) async fn with(
        quota: StoreQuota,
        set_up: impl FnOnce(&StoreQuota, WasiCtxBuilder) -> WasiCtxBuilder,
    ) -> Self {
        let wasi = set_up(&quota, WasiCtxBuilder::new()).build();
        Self::made(&PUPPET, wasi, Some(quota)).await
    }

    /// A guest of sockets.
    pub(crate) async fn on_network(quota: &WasiQuota, limits: ResourceLimitsBuilder) -> Self {
        let store = quota.store(&limits.build().unwrap());
        Self::made(&ON_NETWORK, WasiCtxBuilder::new().build(), Some(store)).await
    }

    /// A guest of sockets under plain wasmtime-wasi, which may reach everything.
    pub(crate) async fn plain_on_network() -> Self {
        let mut builder = WasiCtxBuilder::new();
        builder.inherit_network().allow_tcp(true).allow_udp(true).allow_ip_name_lookup(true);
        Self::made(&ON_NETWORK, builder.build(), None).await
    }

    /// A guest under plain wasmtime-wasi that finds the directory open as `/data`.
    pub(crate) async fn plain(dir: &Path, perms: FsPerms) -> Self {
        let mut builder = WasiCtxBuilder::new();
        builder.preopened_dir(dir, "/data", perms).unwrap();
        Self::made(&PUPPET, builder.build(), None).await
    }

    /// A guest with a quota, or else under plain wasmtime-wasi.
    async fn made(
        (engine, component): &(Engine, Component),
        wasi: WasiCtx,
        quota: Option<StoreQuota>,
    ) -> Self {
        let mut linker = Linker::new(engine);
        match quota {
            Some(_) => add_to_linker(&mut linker).unwrap(),
            None => wasmtime_wasi::p2::add_to_linker_async(&mut linker).unwrap(),
        }
        let host = Host { table: ResourceTable::new(), wasi, quota };
        let mut store = Store::new(engine, host);
        let instance = linker.instantiate_async(&mut store, component).await.unwrap();
        Self { store, instance }
    }
}
