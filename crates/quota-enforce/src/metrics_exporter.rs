//! Gauges and counters for the program's metrics.

use core::sync::atomic::{AtomicBool, Ordering};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError, RwLock};

use limits_core::{Allowance, QuotaResource};
use metrics::{counter, describe_counter, describe_gauge, gauge};

use crate::audit::{AuditEvent, AuditKind, AuditSink};
use crate::registry::QuotaRegistry;

const USED: &str = "quota_used";
const LIMIT: &str = "quota_limit";
const DENIALS: &str = "quota_denials_total";
const COMPONENTS: &str = "quota_components";

/// The label of all components that have none of their own.
const OTHER: &str = "other";

/// Exports quotas through the [`metrics`] facade, to whatever recorder the program has installed.
///
/// | metric | kind | labels | what it is |
/// |---|---|---|---|
/// | `quota_used` | gauge | `component`, `resource` | units in use; for rates, in the window |
/// | `quota_limit` | gauge | `component`, `resource` | units allowed; absent where there never was a limit, infinite where it was lifted |
/// | `quota_denials_total` | counter | `component`, `resource` | denials, also those that were only observed; `resource` is `capability` for those |
/// | `quota_components` | gauge | | components registered |
///
/// Resources are `storage`, `message_rate`, `network_bandwidth`, `cpu_time` (microseconds) and
/// `memory`. The first components that are seen get a label each, as many as [`new`](Self::new)
/// says, and keep it as long as the program runs; all others together are `other`, of which only
/// use and denials are told. So the number of time series is bounded, whatever comes and goes.
///
/// Denials are counted as they happen, so it must be one of the registry's sinks. The gauges are
/// written by [`export`](Self::export), which the program calls as often as it is scraped. One
/// exporter is for one registry: what that does not know counts as gone.
#[derive(Debug)]
pub struct MetricsExporter {
    labelled: RwLock<BTreeSet<Box<str>>>,
    /// Of which resources of a component a limit was told. Only exports wait for it, no host call.
    limited: Mutex<BTreeSet<(Box<str>, QuotaResource)>>,
    most: usize,
    /// Whether any component has had no label of its own.
    has_other: AtomicBool,
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
        Self {
            labelled: RwLock::new(BTreeSet::new()),
            limited: Mutex::new(BTreeSet::new()),
            most: components,
            has_other: AtomicBool::new(false),
        }
    }

    /// Writes all gauges. What components that are gone have used is zero, and so is what they may.
    pub fn export(&self, registry: &QuotaRegistry) {
        let handles = registry.list();
        gauge!(COMPONENTS).set(float(u64::try_from(handles.len()).unwrap_or(u64::MAX)));
        let mut used: BTreeMap<(String, &'static str), u64> = BTreeMap::new();
        let labelled = self.labelled.read().unwrap_or_else(PoisonError::into_inner).clone();
        let other = self.has_other.load(Ordering::Relaxed).then_some(OTHER);
        for component in labelled.iter().map(|component| &**component).chain(other) {
            for resource in QuotaResource::ALL {
                used.insert((component.to_owned(), resource.key()), 0);
            }
        }
        let mut limited = self.limited.lock().unwrap_or_else(PoisonError::into_inner);
        let mut gone = limited.clone();
        for handle in &handles {
            let component = self.label(handle.id());
            for (resource, status) in handle.status().iter() {
                if component != OTHER {
                    let key = (Box::from(&*component), resource);
                    gone.remove(&key);
                    match status.limit() {
                        Allowance::AtMost(limit) => {
                            set_limit(&component, resource, float(limit));
                            limited.insert(key);
                        }
                        // A gauge cannot be taken back.
                        Allowance::Unlimited if limited.contains(&key) => {
                            set_limit(&component, resource, f64::INFINITY);
                        }
                        Allowance::Unlimited => {}
                    }
                }
                let sum = used.entry((component.clone(), resource.key())).or_default();
                *sum = sum.saturating_add(status.used());
            }
        }
        for (component, resource) in gone {
            set_limit(&component, resource, 0.0);
        }
        for ((component, resource), used) in used {
            gauge!(USED, "component" => component, "resource" => resource).set(float(used));
        }
    }

    /// Returns the component's own label if it has one or one is left.
    fn label(&self, component: &str) -> String {
        let own = component.to_owned();
        let is_full = {
            let labelled = self.labelled.read().unwrap_or_else(PoisonError::into_inner);
            if labelled.contains(component) {
                return own;
            }
            labelled.len() >= self.most
        };
        // A component that calls itself `other` is one of them.
        if is_full || component == OTHER {
            return self.other();
        }
        let mut labelled = self.labelled.write().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have taken the last one meanwhile.
        if labelled.len() >= self.most && !labelled.contains(component) {
            return self.other();
        }
        labelled.insert(Box::from(component));
        own
    }

    fn other(&self) -> String {
        self.has_other.store(true, Ordering::Relaxed);
        String::from(OTHER)
    }
}

fn set_limit(component: &str, resource: QuotaResource, limit: f64) {
    let component = component.to_owned();
    gauge!(LIMIT, "component" => component, "resource" => resource.key()).set(limit);
}

impl AuditSink for MetricsExporter {
    fn record(&self, event: &AuditEvent<'_>) {
        let resource = match event.kind {
            AuditKind::CapabilityDenied(_) => "capability",
            AuditKind::QuotaDenied(error) => error.resource().key(),
            _ => return,
        };
        let component = self.label(event.component);
        counter!(DENIALS, "component" => component, "resource" => resource).increment(1);
    }
}

#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "metrics are floats; no lossless conversion exists"
)]
const fn float(number: u64) -> f64 {
    number as f64
}
