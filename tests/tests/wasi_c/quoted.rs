//! The same programs under quotas and capabilities.

use std::sync::LazyLock;

use limits_core::{CapabilitySet, Permission, ResourceLimits, ResourceQuota};
use limits_wasmtime::wasmtime::component::Linker;
use limits_wasmtime::{HasLimits, LimitState, resource_table};
use quota_enforce::{ComponentHandle, QuotaRegistry, SecurityContext};
use quota_wasi::{DirectoryAccess, StoreQuota, WasiQuota, WasiQuotaView};
use wasmtime_wasi::{ResourceTable, WasiCtx, WasiCtxView, WasiView};

use crate::fixture::Fixture;
use crate::program::{EXECUTOR, Program, Ran};

static LINKER: LazyLock<Linker<Quoted>> = LazyLock::new(|| {
    let mut linker = Linker::new(EXECUTOR.engine());
    quota_wasi::add_to_linker(&mut linker).expect("an empty linker");
    linker
});

/// The data of a store.
struct Quoted {
    limits: LimitState,
    wasi: WasiCtx,
    table: ResourceTable,
    quota: StoreQuota,
}

/// A component that may do everything below `/`.
pub(crate) fn component(quota: ResourceQuota) -> ComponentHandle {
    component_with(quota, &["/**"], &["/**"])
}

/// A component with patterns of paths to read and to write.
pub(crate) fn component_with(
    quota: ResourceQuota,
    read: &[&str],
    write: &[&str],
) -> ComponentHandle {
    let mut capabilities = CapabilitySet::new();
    for (permission, patterns) in
        [(Permission::FilesystemRead, read), (Permission::FilesystemWrite, write)]
    {
        for pattern in patterns {
            capabilities.grant(permission, pattern).expect("a good pattern");
        }
    }
    QuotaRegistry::new()
        .register(SecurityContext::with_quota("guest", capabilities, quota))
        .expect("the only one")
}

/// Opens the directories of a fixture for a component.
pub(crate) fn open(component: &ComponentHandle, fixture: &Fixture) -> WasiQuota {
    WasiQuota::builder(component.clone())
        .directory(fixture.data(), "/data", DirectoryAccess::ReadWrite)
        .directory(fixture.read_only(), "/ro", DirectoryAccess::ReadOnly)
        .build()
        .expect("directories that no other locks")
}

/// Runs a program once.
pub(crate) async fn run(
    program: &Program,
    limits: &ResourceLimits,
    wasi: &WasiQuota,
    args: &[&str],
) -> Ran {
    let run = program.run(&LINKER, limits, args, |context, streams| {
        let quota = wasi.store(limits);
        context.stdout(quota.stdout(streams.stdout.clone()));
        context.stderr(quota.stderr(streams.stderr.clone()));
        Quoted {
            limits: LimitState::new(),
            wasi: context.build(),
            table: resource_table(limits),
            quota,
        }
    });
    run.await
}

impl HasLimits for Quoted {
    fn limits(&mut self) -> &mut LimitState {
        &mut self.limits
    }
}

impl WasiView for Quoted {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiQuotaView for Quoted {
    fn quota(&mut self) -> &mut StoreQuota {
        &mut self.quota
    }
}
