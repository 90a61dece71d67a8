//! The same guest under Wasmtime alone, under limits, and under limits and quotas.

use core::error::Error;
use std::path::Path;

use limits_core::{CapabilitySet, Permission, ResourceLimits, ResourceQuota};
use limits_wasmtime::{
    ComponentExecutor, HasLimits, LimitState, PreparedComponent, create_engine, resource_table,
};
use quota_enforce::{QuotaRegistry, SecurityContext};
use quota_wasi::{DirectoryAccess, StoreQuota, WasiQuota, WasiQuotaView};
use tokio::runtime::{Builder, Runtime};
use wasmtime::component::{Component, InstancePre, Linker, ResourceTable};
use wasmtime::{Engine, Store};
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxView, WasiView};

use crate::roomy;
use crate::wasi_guest::{GUEST, Work};

type Fallible<T> = Result<T, Box<dyn Error>>;

/// A host that runs the guest, each time in a store of its own.
pub trait WasiHost: core::fmt::Debug {
    /// Runs one export to its end.
    ///
    /// # Errors
    ///
    /// As the guest's execution.
    fn run(&self, work: Work) -> Fallible<()>;
}

/// The data of a store without quotas.
struct Data {
    limits: LimitState,
    table: ResourceTable,
    wasi: WasiCtx,
}

impl Data {
    fn new(limits: &ResourceLimits, dir: Option<&Path>) -> Fallible<Self> {
        let mut wasi = WasiCtx::builder();
        if let Some(dir) = dir {
            wasi.preopened_dir(dir, "/", FsPerms::ReadWrite)?;
        }
        Ok(Self { limits: LimitState::new(), table: resource_table(limits), wasi: wasi.build() })
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

/// Wasmtime and wasmtime-wasi alone, with fuel.
pub struct Plain<'d> {
    runtime: Runtime,
    engine: Engine,
    component: InstancePre<Data>,
    limits: ResourceLimits,
    dir: &'d Path,
}

impl<'d> Plain<'d> {
    /// Compiles the guest, whose preopen is `dir`.
    ///
    /// # Errors
    ///
    /// If there is no engine, runtime or memory for it.
    pub fn new(dir: &'d Path) -> Fallible<Self> {
        let engine = create_engine()?;
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        let component = Component::from_binary(&engine, &wat::parse_str(GUEST)?)?;
        let component = linker.instantiate_pre(&component)?;
        Ok(Self { runtime: runtime()?, engine, component, limits: limits()?, dir })
    }
}

impl WasiHost for Plain<'_> {
    fn run(&self, work: Work) -> Fallible<()> {
        self.runtime.block_on(async {
            let mut store = Store::new(&self.engine, Data::new(&self.limits, Some(self.dir))?);
            store.set_fuel(u64::MAX)?;
            let instance = self.component.instantiate_async(&mut store).await?;
            let run = instance.get_typed_func::<(u32,), ()>(&mut store, work.export)?;
            Ok(run.call_async(&mut store, (work.calls,)).await?)
        })
    }
}

impl core::fmt::Debug for Plain<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Plain").finish_non_exhaustive()
    }
}

/// The executor of limits-wasmtime with wasmtime-wasi.
pub struct Limited<'d> {
    runtime: Runtime,
    executor: ComponentExecutor,
    component: PreparedComponent<Data>,
    limits: ResourceLimits,
    dir: &'d Path,
}

impl<'d> Limited<'d> {
    /// Compiles the guest, whose preopen is `dir`.
    ///
    /// # Errors
    ///
    /// As [`Plain::new`].
    pub fn new(dir: &'d Path) -> Fallible<Self> {
        let executor = ComponentExecutor::new(create_engine()?)?;
        let mut linker = Linker::new(executor.engine());
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        let component = executor.prepare(&executor.compile(&wat::parse_str(GUEST)?)?, &linker)?;
        Ok(Self { runtime: runtime()?, executor, component, limits: limits()?, dir })
    }
}

impl WasiHost for Limited<'_> {
    fn run(&self, work: Work) -> Fallible<()> {
        let data = Data::new(&self.limits, Some(self.dir))?;
        let ended = self.executor.execute_with_limits::<_, _, ()>(
            &self.component,
            &self.limits,
            data,
            work.export,
            (work.calls,),
        );
        self.runtime.block_on(ended)?;
        Ok(())
    }
}

impl core::fmt::Debug for Limited<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Limited").finish_non_exhaustive()
    }
}

/// The data of a store with quotas.
struct QuotaData {
    data: Data,
    quota: StoreQuota,
}

impl HasLimits for QuotaData {
    fn limits(&mut self) -> &mut LimitState {
        self.data.limits()
    }
}

impl WasiView for QuotaData {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.data.ctx()
    }
}

impl WasiQuotaView for QuotaData {
    fn quota(&mut self) -> &mut StoreQuota {
        &mut self.quota
    }
}

/// The executor of limits-wasmtime with quota-wasi.
pub struct WithQuotas {
    runtime: Runtime,
    executor: ComponentExecutor,
    component: PreparedComponent<QuotaData>,
    limits: ResourceLimits,
    quota: WasiQuota,
}

impl WithQuotas {
    /// Compiles the guest, whose preopen is `dir`. Its quota of storage is never used up.
    ///
    /// # Errors
    ///
    /// As [`Plain::new`], and if the directory cannot be locked.
    pub fn new(dir: &Path) -> Fallible<Self> {
        let capabilities = CapabilitySet::builder()
            .grant(Permission::FilesystemRead, "/**")
            .grant(Permission::FilesystemWrite, "/**")
            .build()?;
        let quota = ResourceQuota::new().with_storage(1 << 40).with_storage_entries(1 << 20);
        let component = QuotaRegistry::new().register(SecurityContext::with_quota(
            "guest",
            capabilities,
            quota,
        ))?;
        let quota = WasiQuota::builder(component)
            .directory(dir, "/", DirectoryAccess::ReadWrite)
            .build()?;
        let executor = ComponentExecutor::new(create_engine()?)?;
        let mut linker = Linker::new(executor.engine());
        quota_wasi::add_to_linker(&mut linker)?;
        let component = executor.prepare(&executor.compile(&wat::parse_str(GUEST)?)?, &linker)?;
        Ok(Self { runtime: runtime()?, executor, component, limits: limits()?, quota })
    }
}

impl WasiHost for WithQuotas {
    fn run(&self, work: Work) -> Fallible<()> {
        let data = QuotaData {
            data: Data::new(&self.limits, None)?,
            quota: self.quota.store(&self.limits),
        };
        let ended = self.executor.execute_with_limits::<_, _, ()>(
            &self.component,
            &self.limits,
            data,
            work.export,
            (work.calls,),
        );
        self.runtime.block_on(ended)?;
        Ok(())
    }
}

impl core::fmt::Debug for WithQuotas {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("WithQuotas").finish_non_exhaustive()
    }
}

fn limits() -> Fallible<ResourceLimits> {
    Ok(roomy().execution_timeout_ms(600_000).build()?)
}

fn runtime() -> Fallible<Runtime> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}

#[cfg(test)]
mod tests {
    use super::{Limited, Plain, WasiHost, WithQuotas};
    use crate::wasi_guest::{CHECK_WRITE, RANDOM, WRITE_AT, WRITE_STREAM, Work};

    #[test]
    fn the_guest_writes_as_much_as_it_is_measured_for_on_every_host() {
        let dir = tempfile::tempdir().unwrap();
        let hosts: [Box<dyn WasiHost>; 3] = [
            Box::new(Plain::new(dir.path()).unwrap()),
            Box::new(Limited::new(dir.path()).unwrap()),
            Box::new(WithQuotas::new(dir.path()).unwrap()),
        ];
        for host in hosts {
            for (work, bytes) in
                [(WRITE_STREAM, 12_288), (WRITE_AT, 12_288), (CHECK_WRITE, 0), (RANDOM, 0)]
            {
                host.run(Work { calls: 3, ..work }).unwrap();
                let written = std::fs::metadata(dir.path().join("f")).unwrap().len();
                assert_eq!(written, bytes, "{host:?} {}", work.name);
            }
        }
    }
}
