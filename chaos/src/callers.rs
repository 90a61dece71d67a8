//! The figures of callers: takes beside a driver, and waits for a lease.

use core::time::Duration;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use limits_core::{
    Allowance, CapabilitySet, LeaseSignal, LeaseTerms, Leases, QuotaResource, QuotaTracker,
    QuotaType, ResourceQuota,
};
use quota_cluster::{
    BootClock, Cluster, ClusterSettings, LeaseStore as _, Question, RedisSettings, RedisStore,
};
use quota_enforce::{QuotaRegistry, SecurityContext};
use tokio::runtime::{Builder, Runtime};

use crate::figures::Figure;
use crate::server::RedisServer;

/// Far above what is taken, so that the store always has room.
const LIMIT: u64 = 1 << 40;

/// The time of a take that has to wait for a lease, beside that of a question.
pub(crate) fn waits(_: &Path) -> io::Result<Vec<Figure>> {
    let server = RedisServer::on_unix_socket(&[])?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let store = || RedisStore::new(RedisSettings::new(server.url())).map_err(io::Error::other);
    let (mut waits, mut questions) = (Vec::new(), Vec::new());
    runtime.block_on(async {
        let cluster = Cluster::start(store()?, ClusterSettings::default());
        let registry = QuotaRegistry::builder().lessor(cluster.lessor()).build();
        let quota = ResourceQuota::new()
            .with_message_rate(4_000)
            .with_network_bandwidth(Allowance::Unlimited)
            .with_cpu_time(Allowance::Unlimited);
        let components: Vec<_> = (0..2_000)
            .map(|number| {
                let id = format!("component-{number}");
                registry.register(SecurityContext::with_quota(id, CapabilitySet::new(), quota))
            })
            .collect::<Result<_, _>>()
            .map_err(io::Error::other)?;
        cluster.ready().await.map_err(io::Error::other)?;
        let mut alone = store()?;
        // Each has less than that, and its key far more.
        let take = QuotaType::MessageRate(400);
        for (ticket, component) in (0..).zip(&components) {
            let question = Question {
                key: Arc::from("bench:{alone}"),
                period: Duration::from_secs(1),
                limit: LIMIT,
                want: 10,
                lessee: Arc::from("chaos"),
                ticket,
                give: None,
            };
            let start = Instant::now();
            let _answers = alone.ask(&[question]).await.map_err(io::Error::other)?;
            questions.push(start.elapsed());
            let start = Instant::now();
            let deadline = start + Duration::from_secs(2);
            let granted = component.reserve_wait(take, deadline).await.map_err(io::Error::other)?;
            waits.push(start.elapsed());
            granted.commit();
        }
        cluster.close().await;
        io::Result::Ok(())
    })?;
    let (wait, question) = (percentile(&mut waits, 99), percentile(&mut questions, 99));
    let (middle, one) = (percentile(&mut waits, 50), percentile(&mut questions, 50));
    Ok(vec![
        Figure {
            target: String::from("a take that waits for a lease: p99 at most that of 2 questions"),
            measured: format!("{wait:?} of 2 x {question:?}"),
            is_met: wait <= question * 2,
        },
        Figure {
            target: String::from("a take that waits for a lease: median at most 2 questions"),
            measured: format!("{middle:?} of 2 x {one:?}"),
            is_met: middle <= one * 2,
        },
    ])
}

/// The time of takes while a driver leases their units, beside that without one.
pub(crate) fn takes(_: &Path) -> io::Result<Vec<Figure>> {
    const ROUNDS: usize = 400;
    let server = RedisServer::on_unix_socket(&[])?;
    let runtime = driver_runtime()?;
    let quota = ResourceQuota::new().with_message_rate(LIMIT);
    let (cluster, driven) = {
        let _entered = runtime.enter();
        let store = RedisStore::new(RedisSettings::new(server.url())).map_err(io::Error::other)?;
        let cluster = Cluster::start(store, ClusterSettings::default());
        let leases = cluster.lessor().component("chaos", &quota).map_err(io::Error::other)?;
        let leases = leases.ok_or_else(|| io::Error::other("nothing is shared"))?;
        let clock = cluster.lessor().clock();
        (cluster, QuotaTracker::with_clock(quota, clock).with_leases(leases))
    };
    runtime.block_on(cluster.ready()).map_err(io::Error::other)?;
    let leases = Arc::new(Leases::new(&[QuotaResource::MessageRate], Arc::new(Unheard)));
    let alone = QuotaTracker::with_clock(quota, Arc::new(BootClock::new()))
        .with_leases(Arc::clone(&leases));
    if let Some(messages) = leases.of(QuotaResource::MessageRate) {
        let terms = LeaseTerms { units: LIMIT, until: u64::MAX, ends: u64::MAX };
        messages.begin(terms, alone.clock());
    }
    // Until the leases follow the demand.
    for _ in 0..20 {
        round(&driven);
        thread::sleep(Duration::from_millis(20));
    }
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        with.extend(round(&driven));
        without.extend(round(&alone));
    }
    runtime.block_on(cluster.close());
    let middle = ratio(percentile(&mut with, 50), percentile(&mut without, 50));
    let late = ratio(percentile(&mut with, 99), percentile(&mut without, 99));
    Ok(vec![
        Figure {
            target: String::from("a take beside the driver: median at most 1.05 x that without"),
            measured: format!("{middle:.3} x"),
            is_met: middle <= 1.05,
        },
        Figure {
            target: String::from("a take beside the driver: p99 at most 1.2 x that without"),
            measured: format!("{late:.3} x"),
            is_met: late <= 1.2,
        },
    ])
}

#[derive(Debug)]
struct Unheard;

impl LeaseSignal for Unheard {
    fn short(&self, _: QuotaResource) {}
}

fn driver_runtime() -> io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(1).enable_all().build()
}

/// Takes in stretches of 50, refused ones included, and returns the time of each stretch.
fn round(tracker: &QuotaTracker) -> Vec<Duration> {
    (0..50)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..50 {
                let _refused = tracker.consume(QuotaType::MessageRate(1));
            }
            start.elapsed()
        })
        .collect()
}

fn percentile(times: &mut [Duration], percent: usize) -> Duration {
    times.sort_unstable();
    times.get(times.len() * percent / 100).copied().unwrap_or_default()
}

fn ratio(time: Duration, other: Duration) -> f64 {
    time.as_secs_f64() / other.as_secs_f64()
}
