//! Two tenants in one process: each has a directory, a quota and capabilities of its own, and one
//! fills its quota without the other noticing.
//!
//! Both run the program of examples/fill-storage, which knows nothing of quotas.
//! `cargo run -q -p two-tenants` prints what each of them observed.

mod module;
mod tenant;
mod tenant_state;

use core::error::Error;
use std::io::{Write as _, stdout};
use std::{env, fs, process};

use limits_wasmtime::wasmtime::component::Linker;
use limits_wasmtime::{ComponentExecutor, create_engine};
use quota_enforce::QuotaRegistry;

use crate::tenant::Tenant;

/// The error of a step that failed.
type Result<T> = core::result::Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Result<()> {
    let there = env::temp_dir().join(format!("two-tenants-{}", process::id()));
    let registry = QuotaRegistry::new();
    let executor = ComponentExecutor::new(create_engine()?)?;
    let mut linker = Linker::new(executor.engine());
    quota_wasi::add_to_linker(&mut linker)?;
    let component = executor.compile(&module::component()?)?;
    let program = executor.prepare(&component, &linker)?;

    let greedy = Tenant::open(&registry, include_str!("../tenants/greedy.toml"), &there)?;
    let modest = Tenant::open(&registry, include_str!("../tenants/modest.toml"), &there)?;
    let (greedy_lines, modest_lines) =
        tokio::join!(greedy.run(&executor, &program, &[]), modest.run(&executor, &program, &["3"]));
    for (tenant, lines) in [(&greedy, greedy_lines?), (&modest, modest_lines?)] {
        for line in lines.lines() {
            writeln!(stdout(), "{:<7} {line}", tenant.id())?;
        }
        writeln!(stdout(), "{:<7} uses {} bytes", tenant.id(), tenant.storage_used())?;
    }
    drop((greedy, modest));
    fs::remove_dir_all(there)?;
    Ok(())
}
