//! A host that registers and unregisters components without a pause.

use core::time::Duration;
use std::io;
use std::time::Instant;

use limits_core::{Allowance, CapabilitySet, QuotaType, ResourceQuota};
use quota_cluster::{Cluster, ClusterSettings, RedisSettings, RedisStore};
use quota_enforce::{QuotaRegistry, SecurityContext};
use tokio::runtime::Builder;

use crate::server::RedisServer;

/// The time in which a host finds components that are gone, and gives back their leases.
const SWEPT: Duration = Duration::from_millis(2_500);

/// The pause after each component.
const PAUSE: Duration = Duration::from_micros(200);

/// The outcome of a flood.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a report")]
pub struct Flood {
    /// The components that were registered and unregistered.
    pub components: u64,
    /// The time for all of them.
    pub lasted: Duration,
    /// The questions that the host has asked for them, those that gave leases back included.
    pub questions: u64,
    /// The round trips of these questions.
    pub round_trips: u64,
    /// The most quotas that the host has shared at a time.
    pub most_lessees: usize,
    /// The quotas that it shares after all of that.
    pub lessees: usize,
    /// The keys in the store.
    pub keys: u64,
    /// Takes of a component that stays during the flood, and those of them that were refused.
    pub takes: (usize, usize),
    /// The same before the flood.
    pub calm_takes: (usize, usize),
    /// The time of such a take: the median, and p99, in nanoseconds.
    pub take_ns: (u128, u128),
    /// The same before the flood.
    pub calm_take_ns: (u128, u128),
}

/// Registers components, each takes once, and unregisters them; beside one that stays.
///
/// # Errors
///
/// The server does not start, or a component is refused.
pub fn flood(components: u64) -> io::Result<Flood> {
    let server = RedisServer::on_unix_socket(&[])?;
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let _entered = runtime.enter();
    let store = RedisStore::new(RedisSettings::new(server.url())).map_err(io::Error::other)?;
    let cluster = Cluster::start(store, ClusterSettings::default());
    let registry = QuotaRegistry::builder().lessor(cluster.lessor()).build();
    let quota = |limit| {
        ResourceQuota::new()
            .with_message_rate(limit)
            .with_network_bandwidth(Allowance::Unlimited)
            .with_cpu_time(Allowance::Unlimited)
            .with_reset_period(Duration::from_millis(200))
    };
    let register = |id: &str, limit| {
        let context = SecurityContext::with_quota(id, CapabilitySet::new(), quota(limit));
        registry.register(context).map_err(io::Error::other)
    };
    let stays = register("stays", 1_000_000)?;
    runtime.block_on(cluster.ready()).map_err(io::Error::other)?;
    let take = |(times, refused): &mut (Vec<u128>, usize)| {
        let start = Instant::now();
        let outcome = stays.consume(QuotaType::MessageRate(1));
        times.push(start.elapsed().as_nanos());
        *refused += usize::from(outcome.is_err());
    };
    let (mut calm, mut flooded) = ((Vec::new(), 0), (Vec::new(), 0));
    for _ in 0..components {
        take(&mut calm);
        take(&mut calm);
        std::thread::sleep(PAUSE);
    }
    let before = cluster.status();
    let mut most_lessees = 0;
    let start = Instant::now();
    for number in 0..components {
        let id = format!("component-{number}");
        let component = register(&id, 1_000)?;
        let _refused = component.consume(QuotaType::MessageRate(1));
        take(&mut flooded);
        drop(registry.unregister(&id).map_err(io::Error::other)?);
        drop(component);
        if number % 100 == 0 {
            most_lessees = most_lessees.max(cluster.status().keys.len());
        }
        take(&mut flooded);
        std::thread::sleep(PAUSE);
    }
    let lasted = start.elapsed();
    std::thread::sleep(SWEPT);
    let after = cluster.status();
    let keys = server.query(&redis::cmd("DBSIZE"))?;
    runtime.block_on(cluster.close());
    Ok(Flood {
        components,
        lasted,
        questions: after.questions - before.questions,
        round_trips: after.round_trips - before.round_trips,
        most_lessees,
        lessees: after.keys.len(),
        keys,
        takes: (flooded.0.len(), flooded.1),
        calm_takes: (calm.0.len(), calm.1),
        take_ns: percentiles(&mut flooded.0),
        calm_take_ns: percentiles(&mut calm.0),
    })
}

fn percentiles(times: &mut [u128]) -> (u128, u128) {
    times.sort_unstable();
    let at = |percent| times.get(times.len() * percent / 100).copied().unwrap_or(0);
    (at(50), at(99))
}
