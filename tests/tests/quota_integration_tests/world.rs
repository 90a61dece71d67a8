//! A host with a registry, and guests that call its guarded functions.

use core::sync::atomic::Ordering;
use core::time::Duration;
use std::sync::{Arc, Mutex};

use integration_tests::{PLENTY_MS, block_on, limits};
use limits_core::{CapabilitySet, CpuTimePolicy, ManualClock, Permission, ResourceQuota};
use limits_wasmtime::wasmtime::component::{ComponentNamedList, Lower};
use quota_enforce::{
    AuditEvent, AuditSink, ComponentHandle, QuotaRegistry, QuotaRegistryBuilder, SecurityContext,
};

use crate::host::{Answer, Guarded, Told};

/// A registry whose clock is turned by hand, and what it reported.
pub(crate) struct World {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) seen: Arc<Seen>,
    pub(crate) registry: QuotaRegistry,
    pub(crate) guarded: Guarded,
}

#[derive(Debug, Default)]
pub(crate) struct Seen(pub(crate) Mutex<Vec<String>>);

impl AuditSink for Seen {
    fn record(&self, event: &AuditEvent<'_>) {
        let mut text =
            format!("{} {} {}", event.component, event.kind.name(), event.kind.subject());
        if !event.enforced {
            text.push_str(" (observed)");
        }
        self.0.lock().expect("no thread panics with it").push(text);
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Arc::new(ManualClock::new()), QuotaRegistry::builder())
    }

    pub(crate) fn with(clock: Arc<ManualClock>, builder: QuotaRegistryBuilder) -> Self {
        let seen = Arc::new(Seen::default());
        let (time, sink) = (Arc::clone(&clock), Arc::clone(&seen));
        let registry = builder.clock(time).audit(sink).build();
        let guarded = Guarded::new(limits(100_000_000, PLENTY_MS)).expect("a good guest");
        Self { clock, seen, registry, guarded }
    }

    /// Registers a component that may write below its own folder, send orders and connect to one
    /// host.
    pub(crate) fn register(&self, id: &str, quota: ResourceQuota) -> ComponentHandle {
        self.registry
            .register(SecurityContext::with_quota(id, capabilities(), quota))
            .expect("a new id")
    }

    /// Writes until refused or done.
    pub(crate) fn write(&self, component: &ComponentHandle, size: u32, times: u32) -> Told {
        let path = format!("/data/{}/log", component.id());
        self.run(component, "write", (path.as_str(), size, times))
    }

    pub(crate) fn send(&self, component: &ComponentHandle, times: u32) -> Told {
        self.run(component, "send", ("orders.new", times))
    }

    pub(crate) fn transfer(&self, component: &ComponentHandle, bytes: u64, times: u32) -> Told {
        self.run(component, "transfer", ("api.example.com:443", bytes, times))
    }

    pub(crate) fn run<P>(&self, component: &ComponentHandle, export: &str, params: P) -> Told
    where
        P: ComponentNamedList + Lower + Send + Sync,
    {
        block_on(self.guarded.run(component, CpuTimePolicy::Throttle, export, params))
            .expect("it returns")
    }

    pub(crate) fn written(&self) -> u64 {
        self.guarded.outside.written.load(Ordering::Relaxed)
    }

    pub(crate) fn sent(&self) -> u64 {
        self.guarded.outside.sent.load(Ordering::Relaxed)
    }

    pub(crate) fn transferred(&self) -> u64 {
        self.guarded.outside.transferred.load(Ordering::Relaxed)
    }

    pub(crate) fn advance(&self, ms: u64) {
        self.clock.advance(Duration::from_millis(ms));
    }
}

pub(crate) fn capabilities() -> CapabilitySet {
    CapabilitySet::builder()
        .grant(Permission::FilesystemWrite, "/data/<id>/**")
        .grant(Permission::MessagingSend, "orders.*")
        .grant(Permission::NetworkConnect, "api.example.com:443")
        .build()
        .expect("good patterns")
}

pub(crate) const fn done(calls: u32) -> Told {
    Told { calls, answer: Answer::Done }
}

pub(crate) const fn refused(calls: u32, used: u64, limit: u64, retry_ms: Option<u64>) -> Told {
    Told { calls, answer: Answer::OverQuota { used, limit, retry_ms } }
}
