//! The terms on which a host shares quotas.

use limits_core::{QuotaResource, StoreLoss};

/// The terms on which a host shares quotas with others. All hosts of a cluster have the same.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "made by hosts, with `..Default::default()`")]
pub struct ClusterSettings {
    /// The beginning of all keys in the store. Clusters with different prefixes share nothing.
    pub prefix: String,
    /// The most hosts that ever share a quota, at least 1. While the store is away, a host that
    /// [shares](StoreLoss::Share) grants the limit divided by this, rounded down.
    pub max_hosts: u32,
    /// The policy for messages while the store is away.
    pub messages_on_loss: StoreLoss,
    /// The policy for network bandwidth while the store is away.
    pub network_on_loss: StoreLoss,
    /// The policy for CPU time while the store is away.
    pub cpu_time_on_loss: StoreLoss,
    /// Whether the quota of each component is shared.
    pub shares_components: bool,
    /// Whether the quota over all components is shared, so that it bounds those of all hosts.
    pub shares_host: bool,
}

impl ClusterSettings {
    /// Returns the policy for a resource while the store is away.
    #[must_use]
    pub const fn on_loss(&self, resource: QuotaResource) -> StoreLoss {
        match resource {
            QuotaResource::MessageRate => self.messages_on_loss,
            QuotaResource::NetworkBandwidth => self.network_on_loss,
            QuotaResource::CpuTime => self.cpu_time_on_loss,
            // Totals are never leased.
            _ => StoreLoss::Closed,
        }
    }
}

impl Default for ClusterSettings {
    /// Returns the prefix `wasm-limits:`, 16 hosts, `closed` for each resource, and only the quotas
    /// of components shared.
    fn default() -> Self {
        Self {
            prefix: String::from("wasm-limits:"),
            max_hosts: 16,
            messages_on_loss: StoreLoss::Closed,
            network_on_loss: StoreLoss::Closed,
            cpu_time_on_loss: StoreLoss::Closed,
            shares_components: true,
            shares_host: false,
        }
    }
}
