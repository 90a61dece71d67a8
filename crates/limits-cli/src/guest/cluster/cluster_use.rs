//! The use of a cluster by all runs together. The fields are the keys of the JSON.

use core::time::Duration;

use limits_config::ClusterTable;
use limits_core::QuotaResource;
use quota_cluster::{ClusterStatus, KeyStatus};
use serde::Serialize;
use serde_json::Value;

use crate::report::level_use::{amount, bound, number};
use crate::units::milliseconds;

/// The use of a cluster by all runs together.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ClusterUse {
    /// The address of the store, or those of its sentinels.
    store: String,
    /// Whether the store answered at the end.
    connected: bool,
    /// The wait before the first run.
    waited_ms: f64,
    /// The questions to the store.
    questions: u64,
    round_trips: u64,
    leases: Vec<LeaseUse>,
    /// Sentences on the store's state.
    events: Vec<String>,
    #[serde(skip)]
    waited: Duration,
}

/// The leases of one rate.
#[derive(Clone, Debug, Serialize)]
struct LeaseUse {
    /// `component` or `host`.
    level: &'static str,
    resource: &'static str,
    /// The limit over all hosts in one period.
    limit: Value,
    period_ms: f64,
    /// All units that this process has leased.
    leased: Value,
    on_store_loss: &'static str,
    #[serde(skip)]
    is_empty: bool,
    #[serde(skip)]
    line: String,
}

impl ClusterUse {
    pub(crate) fn new(
        store: String,
        waited: Duration,
        status: &ClusterStatus,
        table: &ClusterTable,
        events: Vec<String>,
    ) -> Self {
        Self {
            store,
            connected: status.is_connected,
            waited_ms: milliseconds(waited),
            questions: status.questions,
            round_trips: status.round_trips,
            leases: status.keys.iter().map(|key| LeaseUse::new(key, table)).collect(),
            events,
            waited,
        }
    }

    /// Writes the wait for people.
    pub(crate) fn waited(&self) -> String {
        match self.waited.as_secs_f64() {
            seconds @ 1.0.. => format!("{seconds:.1} s for the cluster"),
            seconds => format!("{:.1} ms for the cluster", seconds * 1e3),
        }
    }

    /// Writes a line for each rate, also for one of which other hosts have all. A process that has
    /// leased nothing at all never met the store: no lines.
    pub(crate) fn leases(&self) -> Vec<String> {
        if self.leases.iter().all(|lease| lease.is_empty) {
            return Vec::new();
        }
        self.leases.iter().map(|lease| lease.line.clone()).collect()
    }
}

impl LeaseUse {
    fn new(key: &KeyStatus, table: &ClusterTable) -> Self {
        let KeyStatus { id, resource, limit, leased_in_all: leased, period, .. } = key;
        let resource: QuotaResource = *resource;
        let (level, whose) =
            if id.is_empty() { ("host", "the host's ") } else { ("component", "") };
        let line = format!(
            "{whose}{resource}: {} leased of {} in {period:?} for all hosts",
            amount(resource, *leased),
            bound(resource, *limit)
        );
        Self {
            level,
            resource: resource.key(),
            limit: number(resource, *limit),
            period_ms: milliseconds(*period),
            leased: number(resource, *leased),
            on_store_loss: table.on_store_loss(resource).as_str(),
            is_empty: *leased == 0,
            line,
        }
    }
}
