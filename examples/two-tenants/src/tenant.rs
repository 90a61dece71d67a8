//! One tenant: a component of the registry and the directory that its guests find as `/data`.

use std::fs;
use std::path::Path;

use limits_config::{ComponentConfig, Policy};
use limits_wasmtime::{ComponentExecutor, PreparedComponent};
use quota_enforce::{ConfiguredComponent, QuotaRegistry};
use quota_wasi::wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use quota_wasi::{DirectoryAccess, WasiQuota};

use crate::Result;
use crate::tenant_state::TenantState;

/// The export of a command.
const RUN: &str = "wasi:cli/run@0.2.6#run";
/// Bytes that a run may print.
const OUTPUT_BYTES: usize = 64 * 1024;

/// A tenant.
pub(crate) struct Tenant {
    component: ConfiguredComponent,
    wasi: WasiQuota,
}

impl Tenant {
    /// Registers a tenant under its file, and opens a directory of its own below `there`.
    pub(crate) fn open(registry: &QuotaRegistry, file: &str, there: &Path) -> Result<Self> {
        let config = ComponentConfig::from_toml(file)?;
        // A host with an operator's policy applies that, and decides on the id.
        let effective = Policy::default().apply(&config, &config.component.name, None);
        let component = registry.register_effective(&effective)?;
        let directory = there.join(component.handle.id());
        fs::create_dir_all(&directory)?;
        let wasi = WasiQuota::builder(component.handle.clone())
            .directory(directory, "/data", DirectoryAccess::ReadWrite)
            .build()?;
        Ok(Self { component, wasi })
    }

    /// Runs a program in a store of its own and returns what it printed.
    pub(crate) async fn run(
        &self,
        executor: &ComponentExecutor,
        program: &PreparedComponent<TenantState>,
        args: &[&str],
    ) -> Result<String> {
        let stdout = MemoryOutputPipe::new(OUTPUT_BYTES);
        let state = TenantState::new(&self.component, &self.wasi, stdout.clone(), args);
        executor
            .execute_with_limits::<_, (), (core::result::Result<(), ()>,)>(
                program,
                &self.component.limits,
                state,
                RUN,
                (),
            )
            .await?;
        Ok(String::from_utf8_lossy(&stdout.contents()).into_owned())
    }

    /// Returns the name under which the tenant is counted.
    pub(crate) fn id(&self) -> &str {
        self.component.handle.id()
    }

    /// Returns the bytes of storage that the tenant uses.
    pub(crate) fn storage_used(&self) -> u64 {
        self.component.handle.usage().storage_used
    }
}
