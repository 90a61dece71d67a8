//! One host's membership in a cluster.

#[cfg(test)]
mod tests;
#[cfg(test)]
mod waits;

use core::hash::BuildHasher as _;
use core::time::Duration;
use std::hash::RandomState;
use std::sync::{Arc, Mutex, Weak};

use limits_core::{Allowance, Clock, LeaseSignal, Leases, QuotaResource, ResourceQuota};
use quota_enforce::{ClusterEvent, LeaseListener, Lessor, NotShared};
use tokio::sync::{Notify, mpsc, watch};

use crate::boot_clock::BootClock;
use crate::driver::{Fleet, Health, Lent, Lessee, Shared, Signal, Terms, drive, lock};
use crate::settings::ClusterSettings;
use crate::status::{ClusterStatus, KeyStatus};
use crate::store::{LeaseStore, StoreError};

/// The rates that hosts share.
const RATES: [QuotaResource; 3] =
    [QuotaResource::MessageRate, QuotaResource::NetworkBandwidth, QuotaResource::CpuTime];

/// The id in the keys of the quota over all components. The prefix before it differs from that of
/// components, one of which may have the same id.
const HOST: &str = "host";

/// One host's membership in a cluster: it shares quotas through a store.
///
/// Clones are the same membership. A registry that is built with its [lessor](Self::lessor) takes
/// the rates of its components from leases. Once the last clone and the last registry are gone, or
/// by [`close`](Self::close), what is left of the leases goes back to the store, and every take of
/// a shared rate is refused.
///
/// ```
/// use std::sync::Arc;
/// use limits_core::{CapabilitySet, QuotaType, ResourceQuota};
/// use quota_cluster::{BootClock, Cluster, ClusterSettings, FakeStore};
/// use quota_enforce::{QuotaRegistry, SecurityContext};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // For a server: `RedisStore::new(RedisSettings::new("redis://127.0.0.1:6379"))?`.
/// let store = FakeStore::new(Arc::new(BootClock::new()));
/// let cluster = Cluster::start(store, ClusterSettings::default());
/// let registry = QuotaRegistry::builder().lessor(cluster.lessor()).build();
///
/// let quota = ResourceQuota::new().with_message_rate(1_000);
/// let context = SecurityContext::with_quota("shop", CapabilitySet::new(), quota);
/// let shop = registry.register(context)?;
/// cluster.ready().await?; // the keys are of age
/// let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
/// shop.reserve_wait(QuotaType::MessageRate(1), deadline).await?.commit();
/// cluster.close().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Cluster(Arc<Membership>);

/// Ends the driver with the last of its owners.
#[derive(Debug)]
struct Membership {
    shared: Arc<Shared>,
    settings: ClusterSettings,
    /// Unlike that of any other process.
    nonce: u64,
    ended: watch::Receiver<()>,
}

/// The time for which a host waited until the keys of its quotas were of age.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Readiness {
    /// The time of the wait.
    pub waited: Duration,
    /// Quotas that the store refuses, such as for another period: nothing of them is granted.
    pub refused: Vec<String>,
}

impl Cluster {
    /// Begins a membership: starts the task that asks the store, on the caller's tokio runtime.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime, and in one whose timer is not enabled.
    #[must_use]
    pub fn start(store: impl LeaseStore, settings: ClusterSettings) -> Self {
        Self::start_with_clock(store, settings, Arc::new(BootClock::new()))
    }

    /// Begins a membership whose leases have their deadlines on this clock.
    ///
    /// It must go on at the rate of real time, also in suspension, or leases are spent too late.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    #[must_use]
    pub fn start_with_clock(
        store: impl LeaseStore,
        settings: ClusterSettings,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (shortages, heard) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            fleet: Mutex::new(Fleet::new(Arc::clone(&clock))),
            clock,
            health: Mutex::new(Health::default()),
            changed: Notify::new(),
            young: watch::Sender::new(0),
            closing: watch::Sender::new(false),
            listeners: Mutex::default(),
            shortages,
        });
        let (alive, ended) = watch::channel(());
        let driven = Arc::clone(&shared);
        tokio::spawn(async move {
            drive(store, driven, heard).await;
            drop(alive);
        });
        // Two maps of this process and of any other one have different keys.
        let nonce = RandomState::new().hash_one(std::process::id());
        Self(Arc::new(Membership { shared, settings, nonce, ended }))
    }

    /// Returns the lessor for [registries](quota_enforce::QuotaRegistryBuilder::lessor).
    #[must_use]
    pub fn lessor(&self) -> Arc<dyn Lessor> {
        let lessor: Arc<Membership> = Arc::clone(&self.0);
        lessor
    }

    /// Waits until the keys of all quotas that are registered are of age: a new key, and one whose
    /// store has lost its data, grants nothing for the rest of the window, or a little longer.
    ///
    /// While the store is away it waits on, unless the policy of each rate lets it be granted
    /// without the store. The caller bounds the wait; dropped, it has no effect.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unfit`] if the store answers and cannot be used.
    pub async fn ready(&self) -> Result<Readiness, StoreError> {
        let shared = &self.0.shared;
        let began = shared.clock.now_ns();
        let mut young = shared.young.subscribe();
        loop {
            if *young.borrow_and_update() == 0 {
                break;
            }
            if let Some(error @ StoreError::Unfit(_)) = &lock(&shared.health).last_error {
                return Err(error.clone());
            }
            // The sender is in `shared`.
            let _ = tokio::time::timeout(Duration::from_millis(100), young.changed()).await;
        }
        let waited = Duration::from_nanos(shared.clock.now_ns().saturating_sub(began));
        let fleet = lock(&shared.fleet);
        let refused = fleet.iter().filter(|lessee| lessee.is_refused);
        let refused = refused.filter_map(|lessee| lessee.warning().map(str::to_owned)).collect();
        Ok(Readiness { waited, refused })
    }

    /// Returns the state of the store and of all shared quotas.
    #[must_use]
    pub fn status(&self) -> ClusterStatus {
        let shared = &self.0.shared;
        let health = lock(&shared.health).clone();
        let now = shared.clock.now_ns();
        let fleet = lock(&shared.fleet);
        ClusterStatus {
            is_connected: health.has_answered && health.failing_since.is_none(),
            failing_for: health
                .failing_since
                .map(|since| Duration::from_nanos(now.saturating_sub(since))),
            last_error: health.last_error,
            questions: fleet.questions,
            round_trips: fleet.round_trips,
            warnings: health.warnings,
            keys: fleet.iter().map(|lessee| KeyStatus::of(lessee, now)).collect(),
        }
    }

    /// Gives what is left of all leases back to the store, and ends the task. It waits at most two
    /// seconds for the store. Takes of shared rates are refused from then on.
    pub async fn close(&self) {
        self.0.shared.closing.send_replace(true);
        let mut ended = self.0.ended.clone();
        // The sender is dropped at the driver's end.
        while ended.changed().await.is_ok() {}
    }
}

impl Membership {
    /// Makes the leases of an owner's rates, and the lessees for them.
    fn lease(
        &self,
        id: &str,
        stem: &str,
        quota: &ResourceQuota,
    ) -> Result<Option<Arc<Leases>>, NotShared> {
        let resources: Vec<_> =
            RATES.into_iter().filter(|resource| has_limit(quota, *resource)).collect();
        if resources.is_empty() {
            return Ok(None);
        }
        NotShared::check(&resources, quota)?;
        let mut fleet = lock(&self.shared.fleet);
        let numbers: Vec<_> =
            resources.iter().map(|resource| (*resource, fleet.next_number())).collect();
        let shortages = self.shared.shortages.clone();
        let signal: Arc<dyn LeaseSignal> = Arc::new(Signal { numbers: numbers.clone(), shortages });
        let leases = Arc::new(Leases::new(&resources, signal).with_limits(quota));
        // The driver may ask before the tracker is made.
        let held = Arc::new(Lent(Arc::clone(&leases)));
        let now = self.shared.clock.now_ns();
        for (resource, number) in &numbers {
            let terms = Terms {
                id: Box::from(id),
                resource: *resource,
                key: Arc::from(format!("{}{stem}:{}", self.settings.prefix, resource.key())),
                name: Arc::from(format!("{:016x}.{number}", self.nonce)),
                period: quota.reset_period,
                on_loss: self.settings.on_loss(*resource),
                max_hosts: self.settings.max_hosts,
            };
            fleet.add(*number, Lessee::new(terms, Arc::clone(&held), now));
        }
        drop(fleet);
        self.shared.count_young();
        self.shared.changed.notify_one();
        Ok(Some(leases))
    }
}

impl Lessor for Membership {
    fn component(&self, id: &str, quota: &ResourceQuota) -> Result<Option<Arc<Leases>>, NotShared> {
        if !self.settings.shares_components {
            return Ok(None);
        }
        self.lease(id, &format!("c:{{{id}}}"), quota)
    }

    fn host(&self, quota: &ResourceQuota) -> Result<Option<Arc<Leases>>, NotShared> {
        if !self.settings.shares_host {
            return Ok(None);
        }
        self.lease("", &format!("h:{{{HOST}}}"), quota)
    }

    fn check_change(
        &self,
        leases: Option<&Leases>,
        quota: &ResourceQuota,
    ) -> Result<(), NotShared> {
        if self.settings.shares_components {
            NotShared::check_change(leases, &RATES, quota)
        } else {
            Ok(())
        }
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.shared.clock)
    }

    fn attach(&self, listener: Weak<dyn LeaseListener>) {
        lock(&self.shared.listeners).push(Weak::clone(&listener));
        let health = lock(&self.shared.health).clone();
        if let (true, Some(error), Some(listener)) =
            (health.is_lost, health.last_error, listener.upgrade())
        {
            listener
                .cluster_changed(&ClusterEvent::StoreLost { reason: error.reason().to_owned() });
        }
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.shared.closing.send_replace(true);
    }
}

fn has_limit(quota: &ResourceQuota, resource: QuotaResource) -> bool {
    let limit = match resource {
        QuotaResource::MessageRate => quota.max_message_rate,
        QuotaResource::NetworkBandwidth => quota.max_network_bandwidth,
        QuotaResource::CpuTime => quota.max_cpu_time_ms,
        _ => Allowance::Unlimited,
    };
    limit != Allowance::Unlimited
}
