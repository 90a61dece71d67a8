//! The state of a host's membership in a cluster.

use core::time::Duration;

use limits_core::QuotaResource;

use crate::driver::Lessee;
use crate::store::StoreError;

/// The state of a store and of all quotas that a host shares through it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClusterStatus {
    /// Whether the store has answered the last questions.
    pub is_connected: bool,
    /// The time since the first of the failures in a row, if the last questions have failed.
    pub failing_for: Option<Duration>,
    /// The last failure, also of the past.
    pub last_error: Option<StoreError>,
    /// The questions that were sent, repeated ones included.
    pub questions: u64,
    /// The round trips of these questions.
    pub round_trips: u64,
    /// Warnings about the server.
    pub warnings: Vec<String>,
    /// The shared quotas.
    pub keys: Vec<KeyStatus>,
}

/// The state of one shared quota on this host.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct KeyStatus {
    /// The component's id, empty for the quota over all components.
    pub id: Box<str>,
    /// The rate.
    pub resource: QuotaResource,
    /// The key in the store.
    pub key: Box<str>,
    /// The length of a window.
    pub period: Duration,
    /// The limit over all hosts, in units per window.
    pub limit: u64,
    /// The units that are leased to this host for the window that goes on, or was the last.
    pub leased: u64,
    /// The use of these units, debt included.
    pub used: u64,
    /// All units that were leased to this host so far.
    pub leased_in_all: u64,
    /// The time until the key grants, if it does not yet.
    pub newborn_for: Option<Duration>,
    /// Whether the store has not answered for this quota for half a second or longer.
    pub is_lost: bool,
    /// A reason why the store grants less than this host asks for: another limit or period of
    /// another host, or an error of the server.
    pub warning: Option<String>,
}

impl KeyStatus {
    pub(crate) fn of(lessee: &Lessee, now: u64) -> Self {
        let usage = lessee.usage();
        Self {
            id: lessee.terms.id.clone(),
            resource: lessee.terms.resource,
            key: Box::from(&*lessee.terms.key),
            period: lessee.terms.period,
            limit: lessee.limit(),
            leased: usage.leased,
            used: usage.used,
            leased_in_all: lessee.leased_in_all(),
            newborn_for: lessee
                .of_age_at()
                .and_then(|time| time.checked_sub(now))
                .map(Duration::from_nanos),
            is_lost: lessee.is_lost(now),
            warning: lessee.warning().map(str::to_owned),
        }
    }
}
