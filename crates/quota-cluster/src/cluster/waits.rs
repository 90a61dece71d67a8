//! The time that callers wait for a lease, counted in round trips, on a simulated runtime.

use core::time::Duration;
use std::sync::Arc;

use limits_core::{CapabilitySet, Clock, QuotaType, ResourceQuota};
use quota_enforce::{ComponentHandle, QuotaRegistry, SecurityContext};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::tests::clock;
use crate::cluster::Cluster;
use crate::fake_store::FakeStore;
use crate::settings::ClusterSettings;
use crate::store::{Answer, KeyRefusal, LeaseStore, Question, StoreError};

const ROUND_TRIP: Duration = Duration::from_millis(6);
/// Timers of the runtime have a millisecond each way.
const TIMER: Duration = Duration::from_millis(2);

/// A store at some distance.
struct Distant(FakeStore);

impl LeaseStore for Distant {
    async fn ask(
        &mut self,
        questions: &[Question],
    ) -> Result<Vec<Result<Answer, KeyRefusal>>, StoreError> {
        sleep(ROUND_TRIP / 2).await;
        let answers = self.0.ask(questions).await;
        sleep(ROUND_TRIP / 2).await;
        answers
    }

    fn warnings(&mut self) -> Vec<String> {
        self.0.warnings()
    }
}

struct Host {
    cluster: Cluster,
    components: Vec<ComponentHandle>,
}

/// Returns a host with three components below a quota over all hosts, all of which are leased.
async fn host(store: &FakeStore, clock: &Arc<dyn Clock>, messages: u64) -> Host {
    let settings = ClusterSettings { shares_host: true, ..ClusterSettings::default() };
    let cluster = Cluster::start_with_clock(Distant(store.clone()), settings, Arc::clone(clock));
    let quota = ResourceQuota::new().with_message_rate(messages);
    let registry = QuotaRegistry::builder().host(quota).lessor(cluster.lessor()).build();
    let component = |id| {
        let context = SecurityContext::with_quota(id, CapabilitySet::new(), quota);
        registry.register(context).unwrap()
    };
    let components = vec![component("a"), component("b"), component("c")];
    cluster.ready().await.unwrap();
    Host { cluster, components }
}

/// Waits for `amount` messages some times, with a pause before each, and returns the times that it
/// waited.
async fn wait(component: ComponentHandle, amount: u64, pauses: Vec<Duration>) -> Vec<Duration> {
    let mut waited = Vec::new();
    for pause in pauses {
        sleep(pause).await;
        let began = Instant::now();
        let deadline = began + Duration::from_secs(60);
        let quota = QuotaType::MessageRate(amount);
        component.reserve_wait(quota, deadline).await.unwrap().commit();
        waited.push(began.elapsed());
    }
    waited
}

/// Returns pauses of 0 to `most` ms that differ from task to task.
fn pauses(task: u64, count: u64, most: u64) -> Vec<Duration> {
    let mut random = fastrand::Rng::with_seed(task);
    (0..count).map(|_| Duration::from_millis(random.u64(0..=most))).collect()
}

#[tokio::test(start_paused = true)]
async fn while_the_store_has_room_a_wait_takes_two_round_trips_at_most() {
    let clock = clock();
    let store = FakeStore::new(Arc::clone(&clock));
    let hosts = [host(&store, &clock, 100_000).await, host(&store, &clock, 100_000).await];
    let mut tasks = JoinSet::new();
    for task in 0..120_u64 {
        let host = &hosts[usize::try_from(task % 2).unwrap()];
        let component = host.components[usize::try_from(task % 3).unwrap()].clone();
        // A fifth of the limit.
        tasks.spawn(wait(component, 1 + task % 50, pauses(task, 100, 250)));
    }
    let mut waited = tasks.join_all().await.concat();
    waited.sort_unstable();
    let [median, p99, longest] =
        [50, 99, 100].map(|percent| waited[(waited.len() * percent / 100).min(waited.len() - 1)]);
    assert!(p99 <= 2 * ROUND_TRIP, "median {median:?}, p99 {p99:?}, longest {longest:?}");
    assert!(longest <= 3 * ROUND_TRIP + TIMER, "{longest:?}");
    for host in &hosts {
        host.cluster.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_crowd_that_comes_at_once_is_served_by_a_few_round_trips() {
    let clock = clock();
    let store = FakeStore::new(Arc::clone(&clock));
    let host = host(&store, &clock, 100_000).await;
    // Away from a window's end, and with nothing asked for lately.
    sleep(Duration::from_millis(12_500)).await;
    let mut tasks = JoinSet::new();
    for task in 0..200_u64 {
        let component = host.components[usize::try_from(task % 3).unwrap()].clone();
        tasks.spawn(wait(component, 40, vec![Duration::ZERO]));
    }
    let mut waited = tasks.join_all().await.concat();
    waited.sort_unstable();
    let longest = waited[waited.len() - 1];
    assert!(longest <= 3 * ROUND_TRIP + TIMER, "{waited:?}");
}
