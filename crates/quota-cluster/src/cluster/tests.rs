//! A cluster of two hosts on a simulated runtime.

use core::future::{Future, pending};
use core::time::Duration;
use std::sync::{Arc, Mutex};

use limits_core::{
    Clock, Leases, QuotaResource, QuotaTracker, QuotaType, ResourceQuota, StoreLoss,
};
use quota_enforce::{ClusterEvent, LeaseListener, NotShared};
use tokio::time::{Instant, advance, sleep, timeout};

use crate::cluster::Cluster;
use crate::fake_store::FakeStore;
use crate::settings::ClusterSettings;
use crate::store::{Answer, KeyRefusal, LeaseStore, Question, StoreError};

const SECOND: Duration = Duration::from_secs(1);
const KEY: &str = "wasm-limits:c:{shop}:message_rate";

/// The time of the test's runtime, which passes when all tasks wait.
#[derive(Debug)]
struct RuntimeClock(Instant);

impl Clock for RuntimeClock {
    fn now_ns(&self) -> u64 {
        // Not at zero, so that the store's first window is under way.
        u64::try_from(self.0.elapsed().as_nanos()).unwrap() + 5_300_000_000
    }
}

#[derive(Debug, Default)]
struct Heard {
    leased: Mutex<Vec<QuotaResource>>,
    events: Mutex<Vec<String>>,
}

impl LeaseListener for Heard {
    fn leased(&self, resource: QuotaResource) {
        self.leased.lock().unwrap().push(resource);
    }

    fn cluster_changed(&self, event: &ClusterEvent) {
        self.events.lock().unwrap().push(event.name().to_owned());
    }
}

struct Host {
    cluster: Cluster,
    tracker: QuotaTracker,
    heard: Arc<Heard>,
}

pub(super) fn clock() -> Arc<dyn Clock> {
    Arc::new(RuntimeClock(Instant::now()))
}

fn quota(messages: u64) -> ResourceQuota {
    ResourceQuota::new().with_message_rate(messages)
}

fn host(
    store: impl LeaseStore,
    clock: &Arc<dyn Clock>,
    settings: ClusterSettings,
    quota: ResourceQuota,
) -> Host {
    let cluster = Cluster::start_with_clock(store, settings, Arc::clone(clock));
    let lessor = cluster.lessor();
    let heard = Arc::new(Heard::default());
    let listener: Arc<dyn LeaseListener> = Arc::<Heard>::clone(&heard);
    lessor.attach(Arc::downgrade(&listener));
    let leases = lessor.component("shop", &quota).unwrap().unwrap();
    let tracker = QuotaTracker::with_clock(quota, Arc::clone(clock)).with_leases(leases);
    Host { cluster, tracker, heard }
}

impl Host {
    fn take(&self, n: u64) -> bool {
        self.tracker.consume(QuotaType::MessageRate(n)).is_ok()
    }

    /// Takes, and waits for the driver if it was refused.
    async fn take_soon(&self, n: u64) -> bool {
        if self.take(n) {
            return true;
        }
        sleep(Duration::from_millis(1)).await;
        self.take(n)
    }

    fn has_heard(&self, event: &str) -> bool {
        self.heard.events.lock().unwrap().iter().any(|heard| heard == event)
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_key_is_of_age_with_its_first_whole_window() {
    let clock = clock();
    let store = FakeStore::new(Arc::clone(&clock));
    let host = host(store, &clock, ClusterSettings::default(), quota(1_000));
    assert!(!host.take(1));
    let ready = host.cluster.ready().await.unwrap();
    // It began at 0.3 s of a window.
    assert!((700..=720).contains(&ready.waited.as_millis()), "{ready:?}");
    assert!(ready.refused.is_empty());
    // Units are there already.
    assert!(host.take(1));
    assert!(host.heard.leased.lock().unwrap().contains(&QuotaResource::MessageRate));
    let status = host.cluster.status();
    let messages = status.keys.iter().find(|key| &*key.key == KEY).unwrap();
    assert!(status.is_connected && messages.newborn_for.is_none());
    assert_eq!((messages.limit, messages.used), (1_000, 1));
    assert!(messages.leased >= 1 && messages.leased_in_all >= messages.leased);
}

#[tokio::test(start_paused = true)]
async fn a_second_host_is_ready_at_once_and_gets_what_the_first_has_given_back() {
    let clock = clock();
    let store = FakeStore::new(Arc::clone(&clock));
    let quota = quota(100);
    let one = host(store.clone(), &clock, ClusterSettings::default(), quota);
    one.cluster.ready().await.unwrap();
    assert!(one.take_soon(60).await);
    assert!(one.take_soon(30).await);
    let messages = one.cluster.status().keys.into_iter().find(|key| &*key.key == KEY).unwrap();
    assert!(messages.leased > 90, "the first host holds a part of the rest: {messages:?}");
    one.cluster.close().await;
    assert!(!one.take(1), "a closed membership grants nothing");
    let other = host(store, &clock, ClusterSettings::default(), quota);
    assert!(other.cluster.ready().await.unwrap().waited < Duration::from_millis(10));
    assert!(other.take_soon(100 - 90).await);
    assert!(!other.take_soon(1).await);
}

#[tokio::test(start_paused = true)]
async fn leases_of_a_tracker_that_is_gone_go_back_within_a_second_or_two() {
    let clock = clock();
    let store = FakeStore::new(Arc::clone(&clock));
    let quota = quota(100).with_reset_period(20 * SECOND);
    let one = host(store.clone(), &clock, ClusterSettings::default(), quota);
    let other = host(store, &clock, ClusterSettings::default(), quota);
    one.cluster.ready().await.unwrap();
    assert!(one.take_soon(90).await);
    assert!(one.take_soon(1).await);
    assert!(!other.take_soon(9).await);
    drop(one.tracker);
    sleep(2 * SECOND).await;
    assert!(one.cluster.status().keys.iter().all(|key| key.leased == 0));
    assert!(other.take_soon(9).await);
}

#[tokio::test(start_paused = true)]
async fn a_quota_that_cannot_be_shared_is_refused_with_its_numbers() {
    let clock = clock();
    let store = FakeStore::new(Arc::clone(&clock));
    let cluster = Cluster::start_with_clock(store, ClusterSettings::default(), clock);
    let of = |quota: ResourceQuota| cluster.lessor().component("shop", &quota);
    for period in [Duration::from_millis(99), Duration::from_millis(60_001)] {
        let refused = of(quota(1).with_reset_period(period)).unwrap_err();
        assert_eq!(refused, NotShared::Period { period });
    }
    for period in [Duration::from_millis(100), Duration::from_secs(60)] {
        assert!(of(quota(1).with_reset_period(period)).unwrap().is_some());
    }
    // The quota of the host is not shared unless the settings say so.
    assert!(cluster.lessor().host(&quota(1)).unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn hosts_with_other_periods_are_told_of_each_other() {
    let clock = clock();
    let store = FakeStore::new(Arc::clone(&clock));
    let one = host(store.clone(), &clock, ClusterSettings::default(), quota(100));
    one.cluster.ready().await.unwrap();
    let other = quota(100).with_reset_period(2 * SECOND);
    let other = host(store, &clock, ClusterSettings::default(), other);
    let refused = other.cluster.ready().await.unwrap().refused;
    assert_eq!(
        refused.first().map(String::as_str),
        Some(
            "message rate of component `shop` counts per 2s on this host and per 1s on another: \
             nothing is granted here until both have the same period"
        )
    );
    assert!(!other.take_soon(1).await);
    assert!(other.has_heard("store_warning"));
}

#[tokio::test(start_paused = true)]
async fn the_lower_of_two_limits_is_in_force_and_both_are_named() {
    let clock = clock();
    let store = FakeStore::new(Arc::clone(&clock));
    let one = host(store.clone(), &clock, ClusterSettings::default(), quota(100));
    let other = host(store, &clock, ClusterSettings::default(), quota(40));
    one.cluster.ready().await.unwrap();
    other.cluster.ready().await.unwrap();
    // Both have asked in the window before.
    assert!(other.take_soon(1).await);
    assert!(one.take_soon(1).await);
    sleep(2 * SECOND).await;
    let text = one.cluster.status().keys.iter().find_map(|key| key.warning.clone());
    assert_eq!(
        text.as_deref(),
        Some(
            "message rate of component `shop` has a limit of 100 on this host and of 40 on \
             another: the lower one is in force"
        )
    );
    let mut granted = 0;
    while granted < 200 && one.take_soon(1).await {
        granted += 1;
    }
    assert!(granted <= 40, "{granted}");
}

#[tokio::test(start_paused = true)]
async fn a_lost_store_is_reported_once_and_so_is_its_return() {
    let clock = clock();
    let store = FakeStore::new(Arc::clone(&clock));
    let settings =
        ClusterSettings { messages_on_loss: StoreLoss::Open, ..ClusterSettings::default() };
    let host = host(store.clone(), &clock, settings, quota(100));
    host.cluster.ready().await.unwrap();
    store.set_away(true);
    sleep(3 * SECOND).await;
    assert!(host.take(100), "an open host grants the whole limit");
    assert!(!host.cluster.status().is_connected);
    assert!(host.cluster.status().keys.iter().any(|key| key.is_lost));
    store.set_away(false);
    sleep(3 * SECOND).await;
    assert!(host.cluster.status().is_connected);
    let count = |name: &str| {
        host.heard.events.lock().unwrap().iter().filter(|heard| *heard == name).count()
    };
    assert_eq!((count("store_lost"), count("store_back")), (1, 1));
    assert!(host.has_heard("store_fallback"));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_cannot_be_used_ends_the_wait() {
    let clock = clock();
    let store = FakeStore::new(Arc::clone(&clock));
    let unfit = StoreError::Unfit(String::from("it is in cluster mode"));
    store.set_error(Some(unfit.clone()));
    let host = host(store, &clock, ClusterSettings::default(), quota(1));
    assert_eq!(host.cluster.ready().await, Err(unfit));
    assert_eq!(
        host.cluster.status().last_error.unwrap().to_string(),
        "the store of the cluster cannot be used: it is in cluster mode"
    );
}

/// A store whose server is stopped: no answer comes, and no error.
struct Stopped;

impl LeaseStore for Stopped {
    fn ask(
        &mut self,
        _: &[Question],
    ) -> impl Future<Output = Result<Vec<Result<Answer, KeyRefusal>>, StoreError>> + Send {
        pending()
    }

    fn warnings(&mut self) -> Vec<String> {
        Vec::new()
    }
}

// I5
#[tokio::test(start_paused = true)]
async fn a_stopped_store_blocks_no_caller_and_no_end() {
    let clock = clock();
    let host = host(Stopped, &clock, ClusterSettings::default(), quota(100));
    sleep(SECOND).await;
    assert!(!host.take(1));
    assert!(timeout(SECOND, host.cluster.ready()).await.is_err());
    // Units cannot be given back; there are none.
    timeout(3 * SECOND, host.cluster.close()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_last_owner_ends_the_task() {
    let clock = clock();
    let store = FakeStore::new(Arc::clone(&clock));
    let host = host(store.clone(), &clock, ClusterSettings::default(), quota(100));
    host.cluster.ready().await.unwrap();
    let leases: Arc<Leases> = Arc::clone(host.tracker.leases().unwrap());
    drop(host.cluster);
    sleep(Duration::from_millis(10)).await;
    let before = store.calls();
    assert_eq!(leases.of(QuotaResource::MessageRate).unwrap().usage().leased, 0);
    advance(10 * SECOND).await;
    assert!(host.tracker.consume(QuotaType::MessageRate(1)).is_err());
    assert_eq!(store.calls(), before);
}

#[tokio::test(start_paused = true)]
async fn a_quota_that_is_dropped_before_its_key_is_of_age_holds_up_no_wait() {
    let clock = clock();
    let store = FakeStore::new(Arc::clone(&clock));
    store.set_away(true);
    let cluster = Cluster::start_with_clock(store, ClusterSettings::default(), clock);
    let leases = cluster.lessor().component("shop", &quota(1)).unwrap();
    assert!(timeout(SECOND, cluster.ready()).await.is_err());
    drop(leases);
    timeout(3 * SECOND, cluster.ready()).await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_back_and_refuses_the_period_ends_what_was_granted_without_it() {
    let clock = clock();
    let store = FakeStore::new(Arc::clone(&clock));
    let settings =
        ClusterSettings { messages_on_loss: StoreLoss::Share, max_hosts: 2, ..Default::default() };
    let host = host(store.clone(), &clock, settings, quota(100));
    host.cluster.ready().await.unwrap();
    store.set_away(true);
    sleep(3 * SECOND).await;
    assert!(host.take(50));
    assert!(!host.take(1));
    store.set_refusal(KEY, Some(KeyRefusal::Period { stored: 2 * SECOND }));
    store.set_away(false);
    sleep(3 * SECOND).await;
    assert!(!host.take_soon(1).await);
}

#[tokio::test(start_paused = true)]
async fn units_granted_without_the_store_count_in_the_window_of_its_return() {
    let clock = clock();
    let store = FakeStore::new(Arc::clone(&clock));
    let settings =
        ClusterSettings { messages_on_loss: StoreLoss::Open, ..ClusterSettings::default() };
    let host = host(store.clone(), &clock, settings, quota(100));
    host.cluster.ready().await.unwrap();
    store.set_away(true);
    // Into the window that follows the last leased one.
    sleep(Duration::from_millis(1_150)).await;
    assert!(host.take(100));
    store.set_away(false);
    sleep(Duration::from_millis(300)).await;
    assert!(host.cluster.status().is_connected);
    assert!(!host.take_soon(1).await);
    sleep(SECOND).await;
    assert!(host.take_soon(1).await);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_raises_its_limit_is_not_warned_of_itself() {
    let clock = clock();
    let store = FakeStore::new(Arc::clone(&clock));
    let host = host(store, &clock, ClusterSettings::default(), quota(100));
    host.cluster.ready().await.unwrap();
    host.tracker.set_quota(quota(200)).unwrap();
    for _ in 0..40 {
        sleep(Duration::from_millis(100)).await;
        assert!(host.take_soon(1).await);
        assert!(host.cluster.status().keys.iter().all(|key| key.warning.is_none()));
    }
    sleep(SECOND).await;
    assert!(host.take_soon(150).await);
}

/// A store that takes 5 ms to be asked.
struct Slow(FakeStore);

impl LeaseStore for Slow {
    async fn ask(
        &mut self,
        questions: &[Question],
    ) -> Result<Vec<Result<Answer, KeyRefusal>>, StoreError> {
        let answers = self.0.ask(questions).await;
        sleep(Duration::from_millis(5)).await;
        answers
    }

    fn warnings(&mut self) -> Vec<String> {
        self.0.warnings()
    }
}

#[tokio::test(start_paused = true)]
async fn units_whose_answer_is_on_its_way_go_back_at_the_end_as_well() {
    let clock = clock();
    let store = FakeStore::new(Arc::clone(&clock));
    let one = host(Slow(store.clone()), &clock, ClusterSettings::default(), quota(100));
    one.cluster.ready().await.unwrap();
    assert!(!one.take_soon(60).await);
    // The store has granted them.
    assert!(store.history().iter().any(|((key, _), units)| &**key == KEY && *units >= 60));
    one.cluster.close().await;
    let other = host(store, &clock, ClusterSettings::default(), quota(100));
    other.cluster.ready().await.unwrap();
    assert!(other.take_soon(100).await);
}
