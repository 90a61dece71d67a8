//! The rates that hosts share, as `check` shows them. The fields are the keys of the JSON.

use core::time::Duration;

use limits_config::{ClusterTable, EffectiveConfig, HostCeilings};
use limits_core::{QuotaResource, ResourceQuota, StoreLoss};
use serde::Serialize;
use serde_json::Value;

use crate::quote::quoted_path;
use crate::report::level_use::{bound, number};
use crate::units::{grouped, milliseconds};

/// The store of a policy, and the rates that hosts share through it.
#[derive(Debug, Serialize)]
pub(crate) struct ClusterTerms {
    /// Null with sentinels.
    url: Option<String>,
    sentinels: Vec<String>,
    master: Option<String>,
    username: Option<String>,
    password_file: Option<String>,
    ca_file: Option<String>,
    prefix: String,
    max_hosts: u32,
    wait_replicas: u32,
    shared: Vec<SharedRate>,
    /// The resources that each host counts by itself.
    per_host: Vec<&'static str>,
}

/// A rate that hosts share.
#[derive(Debug, Serialize)]
struct SharedRate {
    /// `component` or `host`.
    level: &'static str,
    resource: &'static str,
    /// The limit over all hosts in one period.
    limit: Value,
    period_ms: f64,
    on_store_loss: &'static str,
    #[serde(skip)]
    line: String,
}

impl ClusterTerms {
    pub(crate) fn new(
        table: &ClusterTable,
        effective: &EffectiveConfig,
        host: &HostCeilings,
    ) -> Self {
        let component = table.shares_components().then(|| ("component", effective.quota()));
        let host = table.shares_host().then(|| ("host", host.to_resource_quota()));
        let levels = component.into_iter().chain(host);
        let shared = levels.flat_map(|(level, quota)| {
            let rates = QuotaResource::ALL.iter().copied();
            rates.filter_map(move |rate| SharedRate::new(level, rate, &quota, table))
        });
        let text = |text: &str| String::from(text);
        Self {
            url: table.url().map(text),
            sentinels: table.sentinels().map(text).collect(),
            master: table.master().map(text),
            username: table.username().map(text),
            password_file: table.password_file().map(quoted_path),
            ca_file: table.ca_file().map(quoted_path),
            prefix: text(table.prefix()),
            max_hosts: table.max_hosts(),
            wait_replicas: table.wait_replicas(),
            shared: shared.collect(),
            per_host: totals().map(QuotaResource::key).collect(),
        }
    }

    /// Writes the store, each shared rate and what is not shared, a line each.
    pub(crate) fn lines(&self) -> Vec<String> {
        let store = match &self.url {
            Some(url) => url.clone(),
            None => {
                let master = self.master.as_deref().unwrap_or_default();
                format!("{master} of the sentinels {}", self.sentinels.join(" "))
            }
        };
        let hosts = grouped(self.max_hosts.into());
        let mut lines = vec![format!("{store}, keys {}..., at most {hosts} hosts", self.prefix)];
        lines.extend(self.shared.iter().map(|rate| rate.line.clone()));
        let totals: Vec<&str> = totals().map(QuotaResource::name).collect();
        lines.push(format!("{} stay per host", totals.join(", ")));
        lines
    }
}

/// Returns the resources that are no rates.
fn totals() -> impl Iterator<Item = QuotaResource> {
    QuotaResource::ALL.iter().copied().filter(|resource| !resource.is_rate())
}

impl SharedRate {
    /// Describes a resource of a quota, unless it is not shared.
    fn new(
        level: &'static str,
        resource: QuotaResource,
        quota: &ResourceQuota,
        table: &ClusterTable,
    ) -> Option<Self> {
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let limit = match resource {
            QuotaResource::MessageRate => quota.max_message_rate.at_most(),
            QuotaResource::NetworkBandwidth => quota.max_network_bandwidth.at_most(),
            QuotaResource::CpuTime => quota.cpu_time_limit().map(micros),
            _ => None,
        }?;
        let period = quota.reset_period;
        let on_loss = table.on_store_loss(resource);
        let alone = match on_loss {
            StoreLoss::Closed => String::from("nothing"),
            StoreLoss::Share => {
                let part = limit / u64::from(table.max_hosts()).max(1);
                format!("{} on each", bound(resource, part))
            }
            StoreLoss::Open => format!("{} on each", bound(resource, limit)),
        };
        let whose = if level == "host" { "the host's " } else { "" };
        let line = format!(
            "{whose}{resource}: {} in {period:?} for all hosts; while the store is away {alone} \
             ({on_loss})",
            bound(resource, limit)
        );
        Some(Self {
            level,
            resource: resource.key(),
            limit: number(resource, limit),
            period_ms: milliseconds(period),
            on_store_loss: on_loss.as_str(),
            line,
        })
    }
}
