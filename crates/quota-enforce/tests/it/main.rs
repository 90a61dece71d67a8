//! Registries, handles, guards and events, as hosts see them.

mod audit;
mod borrows;
mod checked_resources;
mod clocks;
#[cfg(feature = "config")]
mod configured;
mod crossings;
mod directories;
mod embedding;
mod entries;
mod guards;
mod huge_amounts;
mod last_levels;
mod leases;
mod levels;
mod lifecycle;
mod model;
mod networks;
mod observing;
mod preempted;
mod refusals;
mod registrations;
mod releases;
mod revocations;
mod samples;
mod strangers;
mod successors;
mod usage_file_bounds;
mod usage_file_writes;
mod usage_files;
mod views;
#[cfg(feature = "wait")]
mod waiting;
mod writers;

use std::sync::{Arc, Mutex};

use limits_core::{Account, CapabilitySet, ManualClock, Permission, ResourceQuota};
use quota_enforce::{
    AuditEvent, AuditSink, ComponentHandle, QuotaRegistry, QuotaRegistryBuilder, SecurityContext,
};

/// May write anywhere below `/data`, send to any topic, connect to anybody.
fn capabilities() -> CapabilitySet {
    CapabilitySet::builder()
        .grant(Permission::FilesystemWrite, "/data/**")
        .grant(Permission::MessagingSend, "**")
        .grant(Permission::NetworkConnect, "**")
        .build()
        .expect("valid patterns")
}

fn account(component: &ComponentHandle) -> Arc<dyn Account> {
    component.into()
}

fn context(id: &str, quota: ResourceQuota) -> SecurityContext {
    SecurityContext::with_quota(id, capabilities(), quota)
}

/// Registers a component whose quotas are all 1 000, in a registry with a clock that stands still.
fn thousand(builder: QuotaRegistryBuilder) -> (QuotaRegistry, ComponentHandle, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new());
    let registry = builder.clock(Arc::<ManualClock>::clone(&clock)).build();
    let handle = registry.register(context("a", thousand_of_each())).expect("it is new");
    (registry, handle, clock)
}

fn thousand_of_each() -> ResourceQuota {
    ResourceQuota::new()
        .with_storage(1_000)
        .with_message_rate(1_000)
        .with_network_bandwidth(1_000)
        .with_cpu_time(1_000)
        .with_memory(1_000)
}

/// Keeps events as texts.
#[derive(Debug, Default)]
struct Notebook(Mutex<Vec<String>>);

impl Notebook {
    /// Returns the events since the last call.
    fn take(&self) -> Vec<String> {
        core::mem::take(&mut *self.0.lock().expect("no thread panics with it"))
    }
}

impl AuditSink for Notebook {
    fn record(&self, event: &AuditEvent<'_>) {
        use quota_enforce::AuditKind;

        let AuditEvent { component, kind, enforced, .. } = event;
        let what = match kind {
            AuditKind::CapabilityDenied(decision) | AuditKind::CapabilityGranted(decision) => {
                decision.to_string()
            }
            AuditKind::QuotaDenied(error) => error.to_string(),
            AuditKind::QuotaGranted { resource, amount, .. } => {
                format!("{amount} {} of {}", resource.unit(), resource.name())
            }
            AuditKind::Threshold { resource, from, to, status, .. } => {
                format!("{} {from} -> {to} at {}", resource.key(), status.used())
            }
            _ => String::new(),
        };
        let observed = if *enforced { "" } else { " (observed)" };
        let line = format!("{component} {}{observed} {what}", kind.name());
        self.0.lock().expect("no thread panics with it").push(line.trim_end().to_owned());
    }
}
