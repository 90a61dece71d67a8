//! Gauges and counters for the program's metrics.

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use limits_core::{Allowance, Escaped, ExecutionEnd, QuotaResource};
use metrics::{counter, describe_counter, describe_gauge, gauge};

use crate::audit::{AuditEvent, AuditKind, AuditSink};
use crate::lessor::ClusterEvent;
use crate::registry::QuotaRegistry;

const USED: &str = "quota_used";
const LIMIT: &str = "quota_limit";
const DENIALS: &str = "quota_denials_total";
const COMPONENTS: &str = "quota_components";
const HOST_USED: &str = "quota_host_used";
const HOST_LIMIT: &str = "quota_host_limit";
const LEASED: &str = "quota_leased";
const STORE_CONNECTED: &str = "quota_cluster_store_connected";
const STORE_LOSSES: &str = "quota_cluster_store_losses_total";
const FALLBACKS: &str = "quota_cluster_fallbacks_total";
const WARNINGS: &str = "quota_cluster_warnings_total";
const EXECUTIONS: &str = "executions_total";
const CPU_SECONDS: &str = "cpu_seconds_total";
const THROTTLED_SECONDS: &str = "throttled_seconds_total";
const QUEUED_SECONDS: &str = "queued_seconds_total";

/// The label of all components that have none of their own.
const OTHER: &str = "other";

/// The characters of an id in a label.
const LABEL_CHARACTERS: usize = 256;

/// Exports quotas through the [`metrics`] facade, to the recorder that the program has installed.
///
/// | metric | kind | labels | value |
/// |---|---|---|---|
/// | `quota_used` | gauge | `component`, `resource` | units in use; of a rate, in the window |
/// | `quota_limit` | gauge | `component`, `resource` | units allowed; absent where there never was a limit, infinite where it was lifted |
/// | `quota_denials_total` | counter | `component`, `resource` | denials, also those that were only observed; those by capabilities have the resource `capability` |
/// | `quota_components` | gauge | | components registered |
/// | `quota_host_used` | gauge | `resource` | units that all components together use, if the registry has a parent |
/// | `quota_host_limit` | gauge | `resource` | units that the parent allows them, as `quota_limit` |
/// | `quota_leased` | gauge | `component`, `resource` | units that are leased to this host in the window, of a rate that hosts share |
/// | `quota_cluster_store_connected` | gauge | | 1 while the store of such rates answers, 0 while it is away; absent without a [lessor](crate::QuotaRegistryBuilder::lessor) |
/// | `quota_cluster_store_losses_total` | counter | | losses of that store |
/// | `quota_cluster_fallbacks_total` | counter | `resource`, `policy` | rates for which the operator's [choice](limits_core::StoreLoss) for a loss came into force |
/// | `quota_cluster_warnings_total` | counter | | warnings about that store |
/// | `executions_total` | counter | `component`, `outcome` | executions ended; see [`ExecutionOutcome`](limits_core::ExecutionOutcome) |
/// | `cpu_seconds_total` | gauge that only rises | `component` | CPU time of executions that have ended |
/// | `throttled_seconds_total` | gauge that only rises | `component` | time that those waited for CPU time |
/// | `queued_seconds_total` | gauge that only rises | `component` | time that those waited for their turn on a thread |
///
/// The counters of the facade are integers; those of seconds are gauges, so that they have
/// fractions. They are counted as executions end, whatever is scraped when, so they can bill.
///
/// Resources are `storage`, `storage_entries`, `message_rate`, `network_bandwidth`, `cpu_time`
/// (microseconds) and `memory`. The first components that are seen get a label each, as many as
/// [`new`](Self::new) allows, and keep it as long as the program runs; all others together are
/// `other`, without limits. So the number of time series is bounded, however many components come
/// and go.
///
/// Denials and executions are counted as they happen, so the exporter must be one of the registry's
/// sinks. The other gauges are set by [`export`](Self::export), which the program calls as often as
/// it is scraped. An exporter is for one registry: a component that this does not have counts as
/// unregistered.
#[derive(Debug)]
pub struct MetricsExporter {
    labelled: RwLock<BTreeSet<Box<str>>>,
    /// The limits that were exported, by component and resource; the host's without a component.
    /// Only exports wait for it, no host call.
    limited: Mutex<BTreeSet<(Option<Box<str>>, QuotaResource)>>,
    /// The time of ended executions, by label.
    times: Mutex<BTreeMap<String, Times>>,
    most: usize,
    /// True once a component has had no label of its own.
    has_other: AtomicBool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Times {
    cpu: Duration,
    throttled: Duration,
    queued: Duration,
}

impl MetricsExporter {
    /// Makes an exporter that names at most `components` components, and describes its metrics to
    /// the recorder.
    #[must_use]
    pub fn new(components: usize) -> Self {
        describe_gauge!(USED, "Units of a quota in use");
        describe_gauge!(LIMIT, "Units of a quota allowed");
        describe_counter!(DENIALS, "Requests denied");
        describe_gauge!(COMPONENTS, "Components registered");
        describe_gauge!(HOST_USED, "Units of the host's quota in use by all components");
        describe_gauge!(HOST_LIMIT, "Units of the host's quota allowed to all components");
        describe_gauge!(LEASED, "Units of a shared quota leased to this host");
        describe_gauge!(STORE_CONNECTED, "Whether the store of shared quotas answers");
        describe_counter!(STORE_LOSSES, "Losses of the store of shared quotas");
        describe_counter!(FALLBACKS, "Rates that went on without the store");
        describe_counter!(WARNINGS, "Warnings about the store of shared quotas");
        describe_counter!(EXECUTIONS, "Executions ended");
        describe_gauge!(CPU_SECONDS, "CPU time of ended executions, in seconds; only rises");
        describe_gauge!(THROTTLED_SECONDS, "Wait of ended executions for CPU time; only rises");
        describe_gauge!(QUEUED_SECONDS, "Wait of ended executions for a thread; only rises");
        Self {
            labelled: RwLock::default(),
            limited: Mutex::default(),
            times: Mutex::default(),
            most: components,
            has_other: AtomicBool::new(false),
        }
    }

    /// Sets every gauge of use and limits. Unregistered components report a use and a limit of 0.
    pub fn export(&self, registry: &QuotaRegistry) {
        let handles = registry.list();
        gauge!(COMPONENTS).set(float(u64::try_from(handles.len()).unwrap_or(u64::MAX)));
        if let Some(is_connected) = registry.is_store_connected() {
            set_connected(is_connected);
        }
        let mut limited = locked(&self.limited);
        if let Some(host) = registry.parent() {
            for (resource, status) in host.status().iter() {
                gauge!(HOST_USED, "resource" => resource.key()).set(float(status.used()));
                set_limit(&mut limited, None, resource, status.limit());
            }
        }
        let mut used: BTreeMap<(String, &'static str), u64> = BTreeMap::new();
        let labelled = self.labelled.read().unwrap_or_else(PoisonError::into_inner).clone();
        let other = self.has_other.load(Ordering::Relaxed).then_some(OTHER);
        for component in labelled.iter().map(|component| &**component).chain(other) {
            for &resource in QuotaResource::ALL {
                used.insert((component.to_owned(), resource.key()), 0);
            }
        }
        let mut unregistered = limited.clone();
        unregistered.retain(|(component, _)| component.is_some());
        for handle in &handles {
            let component = self.label(handle.id());
            for (resource, status) in handle.status().iter() {
                if component != OTHER {
                    unregistered.remove(&(Some(Box::from(&*component)), resource));
                    set_limit(&mut limited, Some(&component), resource, status.limit());
                    if let Some(lease) = handle.lease(resource) {
                        let component = component.clone();
                        gauge!(LEASED, "component" => component, "resource" => resource.key())
                            .set(float(lease.leased));
                    }
                }
                let sum = used.entry((component.clone(), resource.key())).or_default();
                *sum = sum.saturating_add(status.used());
            }
        }
        for (component, resource) in unregistered {
            set_limit(&mut limited, component.as_deref(), resource, Allowance::AtMost(0));
        }
        for ((component, resource), used) in used {
            gauge!(USED, "component" => component, "resource" => resource).set(float(used));
        }
    }

    /// Returns the component's own label if it has one or one is left.
    fn label(&self, component: &str) -> String {
        let own = Escaped::head(component, LABEL_CHARACTERS).to_string();
        let is_full = {
            let labelled = self.labelled.read().unwrap_or_else(PoisonError::into_inner);
            if labelled.contains(&*own) {
                return own;
            }
            labelled.len() >= self.most
        };
        // A component whose id is `other` is one of them.
        if is_full || own == OTHER {
            return self.other();
        }
        let mut labelled = self.labelled.write().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have taken the last one meanwhile.
        if labelled.len() >= self.most && !labelled.contains(&*own) {
            return self.other();
        }
        labelled.insert(Box::from(&*own));
        own
    }

    fn other(&self) -> String {
        self.has_other.store(true, Ordering::Relaxed);
        String::from(OTHER)
    }
}

/// Sets the gauge of a limit, of the host if there is no component.
fn set_limit(
    limited: &mut BTreeSet<(Option<Box<str>>, QuotaResource)>,
    component: Option<&str>,
    resource: QuotaResource,
    limit: Allowance,
) {
    let key = (component.map(Box::from), resource);
    let limit = match limit {
        Allowance::AtMost(limit) => float(limit),
        // A gauge cannot be removed.
        Allowance::Unlimited if limited.contains(&key) => f64::INFINITY,
        Allowance::Unlimited => return,
    };
    limited.insert(key);
    match component {
        Some(component) => {
            let component = component.to_owned();
            gauge!(LIMIT, "component" => component, "resource" => resource.key()).set(limit);
        }
        None => gauge!(HOST_LIMIT, "resource" => resource.key()).set(limit),
    }
}

impl AuditSink for MetricsExporter {
    fn record(&self, event: &AuditEvent<'_>) {
        let resource = match event.kind {
            AuditKind::CapabilityDenied(_) => "capability",
            AuditKind::QuotaDenied(error) => error.resource().key(),
            AuditKind::Cluster(event) => return count(event),
            _ => return,
        };
        let component = self.label(event.component);
        counter!(DENIALS, "component" => component, "resource" => resource).increment(1);
    }

    fn execution_ended(&self, component: &str, end: &ExecutionEnd) {
        let component = self.label(component);
        let outcome = end.outcome.as_str();
        let label = component.clone();
        counter!(EXECUTIONS, "component" => label, "outcome" => outcome).increment(1);
        let mut times = locked(&self.times);
        let sum = times.entry(component.clone()).or_default();
        sum.cpu = sum.cpu.saturating_add(end.cpu_time);
        sum.throttled = sum.throttled.saturating_add(end.throttled_time);
        sum.queued = sum.queued.saturating_add(end.queued_time);
        // In the lock, so that no gauge falls.
        let label = component.clone();
        gauge!(CPU_SECONDS, "component" => label).set(sum.cpu.as_secs_f64());
        let label = component.clone();
        gauge!(THROTTLED_SECONDS, "component" => label).set(sum.throttled.as_secs_f64());
        gauge!(QUEUED_SECONDS, "component" => component).set(sum.queued.as_secs_f64());
    }
}

/// Counts a change of the cluster, and sets the gauge of its store at once.
fn count(event: &ClusterEvent) {
    match event {
        ClusterEvent::StoreLost { .. } => {
            set_connected(false);
            counter!(STORE_LOSSES).increment(1);
        }
        ClusterEvent::StoreBack { .. } => set_connected(true),
        ClusterEvent::Fallback { resource, policy, .. } => {
            let (resource, policy) = (resource.key(), policy.as_str());
            counter!(FALLBACKS, "resource" => resource, "policy" => policy).increment(1);
        }
        ClusterEvent::Warning { .. } => counter!(WARNINGS).increment(1),
    }
}

fn set_connected(is_connected: bool) {
    gauge!(STORE_CONNECTED).set(if is_connected { 1.0 } else { 0.0 });
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "metrics are floats; no lossless conversion exists"
)]
const fn float(number: u64) -> f64 {
    number as f64
}
