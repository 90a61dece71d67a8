//! A host with guarded functions, and a guest that asks until it is refused: on behalf of a
//! component that has used up its quota, and of one beside it that finds the host full.
//!
//! Prints what the guest was told, what monitoring shows and what the audit wrote down:
//! `cargo run -q -p integration-tests --example guarded_host`.

#[path = "guarded/host.rs"]
mod host;

use core::error::Error;
use core::sync::atomic::Ordering;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use integration_tests::{SHOP, limits};
use limits_config::{ComponentConfig, Policy};
use limits_core::CpuTimePolicy;
use limits_wasmtime::ExecutionFailure;
use limits_wasmtime::wasmtime::component::{ComponentNamedList, Lower};
use quota_enforce::{ComponentHandle, JsonLinesSink, QuotaRegistry, SecurityContext};

use crate::host::{Guarded, Told};

/// The operator's policy decides for each component, and for all of them together.
const POLICY: &str = r#"
[host]
storage = "15KB"
network_bandwidth = "10MB/s"
cpu_time = "2000ms/s"
memory = "64MiB"

[ceiling.quota]
network_bandwidth = "1MB/s"
"#;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut out = io::stdout();
    let lines = Lines::default();
    let audit = Arc::new(JsonLinesSink::new(lines.clone())?);
    let policy = Policy::from_toml(POLICY)?;
    let host = policy.host().to_resource_quota();
    let registry = QuotaRegistry::builder().host(host).audit(audit).build();
    let config = ComponentConfig::from_toml(SHOP)?;
    // The host says who a component is: here two that came with the same file.
    let register = |id: &str| -> Result<Tenant, Box<dyn Error>> {
        let effective = policy.apply(&config, &id.parse()?, None);
        let component = registry.register(SecurityContext::with_quota(
            effective.id().as_str(),
            effective.capabilities().clone(),
            effective.quota(),
        ))?;
        Ok(Tenant { component, cpu_time_policy: effective.cpu_time_policy() })
    };
    let (shop, bakery) = (register("shop")?, register("bakery")?);

    let guarded = Guarded::new(limits(10_000_000, 10_000))?;
    writeln!(out, "what the guest was told")?;
    let told = shop.run(&guarded, "write", ("/data/shop/log", 1_000_u32, 100_u32)).await?;
    writeln!(out, "  write 1000 bytes   {told:?}")?;
    let told = shop.run(&guarded, "write", ("/etc/passwd", 1_u32, 1_u32)).await?;
    writeln!(out, "  write elsewhere    {told:?}")?;
    let told = shop.run(&guarded, "send", ("orders.new", 100_u32)).await?;
    writeln!(out, "  send               {told:?}")?;
    let told =
        shop.run(&guarded, "transfer", ("api.example.com:443", 300_000_u64, 100_u32)).await?;
    writeln!(out, "  transfer 300 kB    {told:?}")?;
    let told = bakery.run(&guarded, "write", ("/data/bakery/log", 1_000_u32, 100_u32)).await?;
    writeln!(out, "  write by another   {told:?}")?;
    let failure = shop
        .run(&guarded, "write-or-end", ("/data/shop/log", 1_000_u32, 1_u32))
        .await
        .err()
        .ok_or("the quota was used up")?;
    writeln!(out, "\nwhat the embedder got\n  {failure}")?;

    let outside = &guarded.outside;
    writeln!(
        out,
        "\nwhat got through\n  {} bytes written, {} messages sent, {} bytes transferred",
        outside.written.load(Ordering::Relaxed),
        outside.sent.load(Ordering::Relaxed),
        outside.transferred.load(Ordering::Relaxed),
    )?;

    writeln!(out, "\nwhat monitoring shows of the first (one window, if this was fast)")?;
    let denials = shop.component.denials();
    for (resource, status) in shop.component.status().iter() {
        writeln!(
            out,
            "  {:<18} {:>9} of {:>9} {:<9} {:>5.1} %  {} denied",
            resource.name(),
            status.used(),
            status.limit(),
            resource.unit(),
            status.percentage(),
            denials.by_quota(resource),
        )?;
    }
    writeln!(
        out,
        "  warning: {}, critical: {}, denied by capability: {}",
        shop.component.is_quota_warning(),
        shop.component.is_quota_critical(),
        denials.by_capability(),
    )?;

    writeln!(out, "\nwhat all components have together")?;
    let everyone = registry.parent().ok_or("the policy bounds the host")?.status();
    for (resource, status) in everyone.iter() {
        writeln!(
            out,
            "  {:<18} {:>9} of {:>9} {}",
            resource.name(),
            status.used(),
            status.limit(),
            resource.unit(),
        )?;
    }

    registry.unregister("shop")?;
    registry.unregister("bakery")?;
    // The sink writes what still waits as the last that holds it goes.
    drop((registry, shop, bakery));
    writeln!(out, "\nwhat the audit wrote down\n{}", lines.text())?;
    Ok(())
}

/// A component of this host.
struct Tenant {
    component: ComponentHandle,
    /// The policy for its executions while it has no CPU time left.
    cpu_time_policy: CpuTimePolicy,
}

impl Tenant {
    async fn run<P>(
        &self,
        host: &Guarded,
        export: &str,
        params: P,
    ) -> Result<Told, ExecutionFailure>
    where
        P: ComponentNamedList + Lower + Send + Sync,
    {
        host.run(&self.component, self.cpu_time_policy, export, params).await
    }
}

/// The lines of the audit, to be printed last. A real host gives the sink a file.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
