//! A host process: threads that take from a quota that is leased.

use core::time::Duration;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use limits_core::{Allowance, CapabilitySet, QuotaType, ResourceQuota};
use quota_cluster::{Cluster, ClusterSettings, LeaseStore, RedisSettings, RedisStore};
use quota_enforce::{ComponentHandle, QuotaRegistry, SecurityContext};

use crate::history::{Recorder, questions_file, received_file, takes_file};
use crate::peer;
use crate::planted_store::PlantedStore;
use crate::sentinels::MASTER;
use crate::spec::{HostSpec, Limiter, Plant};
use crate::taker::{Take, Taken, Taker};
use crate::window::{now_us, sleep_until_us};
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
        let store = PlantedStore::new(spec.store.url.clone())?;
        runtime.block_on(lease(spec, store))
    } else {
        let store = RedisStore::new(settings(spec)).map_err(io::Error::other)?;
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

async fn lease(spec: &HostSpec, store: impl LeaseStore) -> io::Result<()> {
    let recorder = |path: &Path| Recorder::create(path, spec.places.clone());
    let files = Files::new(
        recorder(&received_file(&spec.folder))?,
        recorder(&questions_file(&spec.folder))?,
        spec.windows(),
    );
    let store = WitnessStore::new(store, files, spec);
    let in_force = store.in_force();
    let cluster = Cluster::start(store, ClusterSettings::default());
    let lessor = Arc::new(WitnessLessor::new(cluster.lessor(), &spec.plants));
    let clock = Arc::clone(lessor.witness());
    let registry = QuotaRegistry::builder().lessor(lessor).build();
    let quota = ResourceQuota::new()
        .with_message_rate(spec.limit)
        .with_network_bandwidth(Allowance::Unlimited)
        .with_cpu_time(Allowance::Unlimited)
        .with_reset_period(Duration::from_micros(spec.period_us));
    let handle = registry
        .register(SecurityContext::with_quota(COMPONENT, CapabilitySet::new(), quota))
        .map_err(io::Error::other)?;
    let takers: Vec<_> = (0..spec.threads)
        .map(|thread| {
            let file = recorder(&takes_file(&spec.folder, thread))?;
            let mut taker = Taker::new(file, spec.windows());
            let mut messages = Messages {
                handle: handle.clone(),
                clock: Arc::clone(&clock),
                in_force: Arc::clone(&in_force),
            };
            let spec = spec.clone();
            Ok(thread::spawn(move || taker.run(&spec, &mut messages)))
        })
        .collect::<io::Result<_>>()?;
    let end = spec.takes_us.end;
    tokio::task::spawn_blocking(move || {
        sleep_until_us(end);
        takers.into_iter().try_for_each(|taker| {
            taker.join().map_err(|_panic| io::Error::other("a thread that takes has panicked"))?
        })
    })
    .await??;
    // A store that is away cannot be given anything back.
    let _closed = tokio::time::timeout(Duration::from_secs(2), cluster.close()).await;
    Ok(())
}

/// Messages of the component.
struct Messages {
    handle: ComponentHandle,
    clock: Arc<WitnessClock>,
    in_force: Arc<InForce>,
}

impl Take for Messages {
    fn take(&mut self) -> Option<Taken> {
        self.clock.begin_take();
        self.handle.consume(QuotaType::MessageRate(1)).ok()?;
        let instant_us = WitnessClock::last_reading().unwrap_or_else(now_us);
        Some(Taken { instant_us, is_late: !self.in_force.includes(instant_us) })
    }
}
