//! A host process: threads that take from a quota that is leased.

use core::time::Duration;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread;

use limits_core::{Allowance, CapabilitySet, ResourceQuota, StoreLoss};
use quota_cluster::{Cluster, ClusterSettings, LeaseStore, RedisSettings, RedisStore};
use quota_enforce::{ComponentHandle, QuotaRegistry, SecurityContext};
use tokio::runtime::Handle;

use crate::greedy::Greedy;
use crate::history::{Recorder, questions_file, received_file, takes_file};
use crate::messages::Messages;
use crate::peer;
use crate::planted_store::PlantedStore;
use crate::sentinels::MASTER;
use crate::spec::{Demand, HostSpec, Limiter, OnLoss, Plant, Taking};
use crate::taker::Taker;
use crate::window::now_us;
use crate::witness_clock::WitnessClock;
use crate::witness_lessor::WitnessLessor;
use crate::witness_store::{Files, InForce, WitnessStore};

/// The component whose quota the hosts share.
pub const COMPONENT: &str = "app";

/// Runs a host by the orders in a file, until its time is over.
///
/// # Errors
///
/// The orders cannot be read, or the counts cannot be written.
pub fn run(orders: &Path) -> io::Result<()> {
    let spec: HostSpec = serde_json::from_slice(&fs::read(orders)?)?;
    match spec.limiter {
        Limiter::Cluster => shared(&spec),
        Limiter::Incr | Limiter::PlainLease => peer::run(&spec),
    }
}

fn shared(spec: &HostSpec) -> io::Result<()> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    if spec.has(Plant::NoNewborn) {
        runtime.block_on(lease(spec, || PlantedStore::new(spec.store.url.clone())))
    } else {
        let store = || RedisStore::new(settings(spec)).map_err(io::Error::other);
        runtime.block_on(lease(spec, store))
    }
}

fn settings(spec: &HostSpec) -> RedisSettings {
    let store = &spec.store;
    let mut settings = if store.sentinels.is_empty() {
        RedisSettings::new(store.url.as_str())
    } else {
        RedisSettings::new(format!("redis://{MASTER}"))
    };
    settings.sentinels.clone_from(&store.sentinels);
    settings.wait_replicas = store.wait_replicas;
    settings
}

/// Runs the threads that take, and keeps them a member of the cluster.
async fn lease<S: LeaseStore>(
    spec: &HostSpec,
    store: impl Fn() -> io::Result<S>,
) -> io::Result<()> {
    let recorder = |path: &Path| Recorder::create(path, spec.places.clone());
    let files = Files::new(
        recorder(&received_file(&spec.folder))?,
        recorder(&questions_file(&spec.folder))?,
        spec.windows(),
    );
    let files = Arc::new(Mutex::new(files));
    let in_force = Arc::new(InForce::default());
    let join = || {
        let store = WitnessStore::new(store()?, Arc::clone(&files), Arc::clone(&in_force), spec);
        Member::join(store, spec)
    };
    let mut member = join()?;
    let quota = Arc::new(RwLock::new(member.quota.clone()));
    let takers: Vec<_> = (0..spec.threads)
        .map(|thread| {
            let file = recorder(&takes_file(&spec.folder, thread))?;
            let mut taker = Taker::new(file, spec.windows());
            if let Demand::Greedy(greed) = spec.demand {
                let greedy = Greedy::new(&quota, greed, Handle::current());
                let spec = spec.clone();
                return Ok(thread::spawn(move || greedy.run(&spec)));
            }
            let mut messages = Messages::new(&quota, &in_force, spec, thread);
            let spec = spec.clone();
            Ok(thread::spawn(move || taker.run(&spec, &mut messages)))
        })
        .collect::<io::Result<_>>()?;
    let end = spec.takes_us.end;
    let life = if spec.life_us == 0 { u64::MAX } else { spec.life_us };
    while now_us() < end {
        let rest = end.saturating_sub(now_us()).min(life);
        tokio::time::sleep(Duration::from_micros(rest)).await;
        if life < u64::MAX {
            member.cluster.close().await;
            member = join()?;
            *quota.write().unwrap_or_else(PoisonError::into_inner) = member.quota.clone();
        }
    }
    for taker in takers {
        taker.join().map_err(|_panic| io::Error::other("a thread that takes has panicked"))??;
    }
    // A store that is away cannot be given anything back.
    let _closed = tokio::time::timeout(Duration::from_secs(2), member.cluster.close()).await;
    Ok(())
}

/// One membership in the cluster.
struct Member {
    cluster: Cluster,
    /// Held: it is the registry of the component.
    _registry: QuotaRegistry,
    quota: (Vec<ComponentHandle>, Arc<WitnessClock>),
}

impl Member {
    fn join(store: impl LeaseStore, spec: &HostSpec) -> io::Result<Self> {
        let on_loss = match spec.on_loss {
            OnLoss::Closed => StoreLoss::Closed,
            OnLoss::Share => StoreLoss::Share,
            OnLoss::Open => StoreLoss::Open,
        };
        let has_host = !spec.component_limits.is_empty();
        let settings = ClusterSettings {
            max_hosts: spec.max_hosts,
            messages_on_loss: on_loss,
            cpu_time_on_loss: on_loss,
            shares_host: has_host,
            ..ClusterSettings::default()
        };
        let cluster = Cluster::start(store, settings);
        let lessor = Arc::new(WitnessLessor::new(cluster.lessor(), &spec.plants));
        let clock = Arc::clone(lessor.witness());
        let builder = QuotaRegistry::builder().lessor(lessor);
        let (registry, limits) = if has_host {
            let over_all = quota(spec, spec.limit)
                .with_storage(Allowance::Unlimited)
                .with_storage_entries(Allowance::Unlimited)
                .with_memory(Allowance::Unlimited);
            (builder.host(over_all).build(), spec.component_limits.clone())
        } else {
            (builder.build(), vec![spec.limit])
        };
        let register = |(number, limit)| {
            let id = match number {
                0 => String::from(COMPONENT),
                number => format!("{COMPONENT}-{number}"),
            };
            let quota = quota(spec, limit);
            registry.register(SecurityContext::with_quota(id, CapabilitySet::new(), quota))
        };
        let handles: Result<Vec<_>, _> = (0..).zip(limits).map(register).collect();
        let handles = handles.map_err(io::Error::other)?;
        Ok(Self { cluster, _registry: registry, quota: (handles, clock) })
    }
}

/// Returns the quota of a limit, of the resource that the threads take.
fn quota(spec: &HostSpec, limit: u64) -> ResourceQuota {
    let quota = ResourceQuota::new()
        .with_message_rate(Allowance::Unlimited)
        .with_network_bandwidth(Allowance::Unlimited)
        .with_cpu_time(Allowance::Unlimited)
        .with_reset_period(Duration::from_micros(spec.period_us));
    match spec.taking {
        Taking::Charge(_) => quota.with_cpu_time(limit / 1_000),
        Taking::Consume | Taking::Reserve => quota.with_message_rate(limit),
    }
}
