//! Paced takes and their waits, on a clock that goes with the timers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use core::time::Duration;
use std::sync::{Arc, Mutex};

use limits_core::{Allowance, Clock, QuotaResource, QuotaTracker, QuotaType, ResourceQuota};
use quota_enforce::{ComponentHandle, EnforceError, QuotaRegistry};
use tokio::task::JoinSet;
use tokio::time::{Instant, advance};

use super::{Waiter, later};
use crate::context;

const NETWORK: QuotaResource = QuotaResource::NetworkBandwidth;
const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

/// The clock of tokio's timers, which tests pause.
#[derive(Debug)]
struct TimerClock(Instant);

impl Clock for TimerClock {
    fn now_ns(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_nanos()).unwrap()
    }
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(TimerClock(Instant::now()))
}

fn network(limit: impl Into<Allowance>) -> ResourceQuota {
    ResourceQuota::new().with_network_bandwidth(limit)
}

fn alone(quota: ResourceQuota) -> (QuotaRegistry, ComponentHandle) {
    let registry = QuotaRegistry::builder().clock(clock()).build();
    let handle = registry.register(context("a", quota)).unwrap();
    (registry, handle)
}

/// One grant: when it was used, by which stream, and how much of it.
#[derive(Clone, Copy, Debug)]
struct Use {
    at: Duration,
    stream: usize,
    units: u64,
}

/// Runs streams that always want more, for some time, and returns what they did.
async fn run(streams: Vec<ComponentHandle>, time: Duration) -> Vec<Use> {
    let (start, uses) = (Instant::now(), Arc::new(Mutex::new(Vec::new())));
    let mut tasks = JoinSet::new();
    for (stream, handle) in streams.into_iter().enumerate() {
        let uses = Arc::clone(&uses);
        tasks.spawn(async move {
            // Just before the next window begins.
            let end = start + time - MS;
            while let Ok(grant) = handle.reserve_paced_wait(NETWORK, 1, 16_384, end).await {
                assert!(grant.is_current());
                let (at, units) = (start.elapsed(), grant.amount(NETWORK));
                uses.lock().unwrap().push(Use { at, stream, units });
                grant.commit();
                // As a stream does whose buffer is full.
                tokio::task::yield_now().await;
            }
        });
    }
    while let Some(task) = tasks.join_next().await {
        task.unwrap();
    }
    Arc::try_unwrap(uses).unwrap().into_inner().unwrap()
}

/// Returns the units of each window.
fn windows(uses: &[Use], period: Duration, count: usize) -> Vec<u64> {
    let mut sums = vec![0; count];
    for one in uses {
        let window = one.at.as_nanos() / period.as_nanos();
        sums[usize::try_from(window).unwrap()] += one.units;
    }
    sums
}

/// Returns the longest time between two uses of one stream, from the start to the end.
fn longest_silence(uses: &[Use], streams: usize, time: Duration) -> Duration {
    let silences = (0..streams).flat_map(|stream| {
        let mut last = Duration::ZERO;
        let times = uses.iter().filter(move |one| one.stream == stream).map(|one| one.at);
        times.chain([time]).map(move |at| at - core::mem::replace(&mut last, at))
    });
    silences.max().unwrap()
}

// I10 I15
#[tokio::test(start_paused = true)]
async fn sixteen_streams_share_each_window_to_the_unit_and_none_is_silent_for_long() {
    for limit in [1_000, 100_003, 1_048_576, 100 << 20] {
        let (_registry, handle) = alone(network(limit));
        let uses = run(vec![handle.clone(); 16], SECOND * 10).await;
        assert_eq!(windows(&uses, SECOND, 10), [limit; 10]);
        let silence = longest_silence(&uses, 16, SECOND * 10);
        assert!(silence <= MS * 250, "{silence:?} of {limit}");
        let mut each = [0; 16];
        uses.iter().for_each(|one| each[one.stream] += one.units);
        let (least, most) = (each.iter().min().unwrap(), each.iter().max().unwrap());
        // The first to come back in a window takes what the others left.
        assert!(*most <= least * 2, "{each:?}");
        assert_eq!(handle.denials().total(), 16, "the ends of the sixteen waits");
    }
}

// I15
#[tokio::test(start_paused = true)]
async fn components_below_one_host_share_its_windows_to_the_unit() {
    // Above the host's limit, below it, and far below.
    let host = Arc::new(QuotaTracker::with_clock(network(500_000), clock()));
    let registry = QuotaRegistry::builder().parent(Arc::clone(&host)).build();
    let component =
        |id, limit: u64| registry.register(context(id, network(limit))).expect("it is new");
    let [wide, even, narrow] =
        [component("wide", 900_000), component("even", 300_000), component("narrow", 10_000)];
    let mut streams = vec![wide; 8];
    streams.extend(vec![even; 8]);
    streams.extend(vec![narrow; 4]);
    let uses = run(streams, SECOND * 10).await;
    assert_eq!(windows(&uses, SECOND, 10), [500_000; 10]);
    let of = |range: core::ops::Range<usize>| -> Vec<_> {
        uses.iter().filter(|one| range.contains(&one.stream)).copied().collect()
    };
    assert!(windows(&of(0..8), SECOND, 10).iter().all(|sum| *sum >= 200_000));
    assert!(windows(&of(8..16), SECOND, 10).iter().all(|sum| (180_000..=300_000).contains(sum)));
    assert!(windows(&of(16..20), SECOND, 10).iter().all(|sum| (9_500..=10_000).contains(sum)));
    let silence = longest_silence(&uses, 20, SECOND * 10);
    assert!(silence <= MS * 250, "{silence:?}");
}

// I15
#[tokio::test(start_paused = true)]
async fn two_hundred_streams_are_served_within_a_quarter_of_a_second() {
    let (_registry, handle) = alone(network(1 << 20));
    let uses = run(vec![handle; 200], SECOND * 10).await;
    assert_eq!(windows(&uses, SECOND, 10), [1 << 20; 10]);
    let silence = longest_silence(&uses, 200, SECOND * 10);
    assert!(silence <= MS * 250, "{silence:?}");
}

#[tokio::test(start_paused = true)]
async fn a_byte_a_second_goes_to_the_streams_in_turn() {
    let (_registry, handle) = alone(network(1));
    let uses = run(vec![handle; 3], SECOND * 9).await;
    let streams: Vec<_> = uses.iter().map(|one| (one.stream, one.units)).collect();
    assert_eq!(streams, [(0, 1), (1, 1), (2, 1)].repeat(3));
    assert_eq!(windows(&uses, SECOND, 9), [1; 9]);
}

#[tokio::test(start_paused = true)]
async fn windows_of_a_millisecond_and_of_a_day_grant_their_limits() {
    let (_registry, handle) = alone(network(1_000).with_reset_period(MS));
    let uses = run(vec![handle; 16], MS * 100).await;
    assert_eq!(windows(&uses, MS, 100)[..99], [1_000; 99]);

    let day = SECOND * 86_400;
    let (_registry, handle) = alone(network(864_000).with_reset_period(day));
    let uses = run(vec![handle.clone(); 2], SECOND * 100).await;
    // Ten a second, and one ahead.
    assert_eq!(uses.iter().map(|one| one.units).sum::<u64>(), 1_001);
    assert!(longest_silence(&uses, 2, SECOND * 100) <= MS * 250);
    advance(day - SECOND * 110).await;
    let rest = handle.reserve_paced(NETWORK, 1, u64::MAX).unwrap();
    assert_eq!(rest.amount(NETWORK), 864_000 - 1_001 - 99);
}

#[tokio::test(start_paused = true)]
async fn without_a_limit_no_stream_waits_and_under_a_limit_of_zero_none_waits_either() {
    let (_registry, handle) = alone(network(Allowance::Unlimited));
    let grant = handle.reserve_paced_wait(NETWORK, 1, 1 << 40, Instant::now()).await.unwrap();
    assert_eq!(grant.amount(NETWORK), 1 << 40);
    let (_registry, handle) = alone(network(0));
    let refused = [
        handle.reserve_paced(NETWORK, 1, 7).unwrap_err(),
        handle.reserve_paced_wait(NETWORK, 1, 7, later()).await.unwrap_err(),
    ];
    for error in refused {
        let said = "network bandwidth quota of 0 bytes per 1s exceeded: 0 used, 7 more requested; \
                    more than the whole quota, do not retry";
        assert_eq!(error.to_string(), said);
    }
    assert_eq!(handle.denials().total(), 2);
    drop(handle.reserve_paced_wait(NETWORK, 0, 0, Instant::now()).await.unwrap());
}

// I14
#[tokio::test(start_paused = true)]
async fn a_refusal_that_time_ends_is_no_denial_and_has_the_time() {
    let (registry, handle) = alone(network(1_000));
    handle.reserve_paced(NETWORK, 1, 1_000).unwrap().commit();
    let refused = handle.reserve_paced(NETWORK, 5, 10).unwrap_err();
    let said = "network bandwidth quota of 1000 bytes per 1s exceeded: 125 used, 10 more \
                requested; retry in 5ms";
    assert_eq!(refused.to_string(), said);
    assert_eq!(handle.denials().total(), 0);
    let end = Instant::now() + MS * 3;
    let late = handle.reserve_paced_wait(NETWORK, 5, 10, end).await.unwrap_err();
    assert!(late.as_quota().is_some_and(|refused| refused.requested() == 10), "{late}");
    assert_eq!((Instant::now(), handle.denials().total()), (end, 1));
    registry.unregister("a").unwrap();
    assert!(matches!(handle.reserve_paced(NETWORK, 1, 1), Err(EnforceError::NotRegistered { .. })));
}

// I13
#[tokio::test(start_paused = true)]
async fn sixteen_waiters_are_woken_as_they_are_served_and_hardly_ever_else() {
    let (_registry, handle) = alone(network(160_000));
    handle.reserve_paced(NETWORK, 1, 20_000).unwrap().commit();
    let wait = || Waiter::new(handle.reserve_paced_wait(NETWORK, 1, 16_384, later()));
    let mut waiters: Vec<_> = (0..16).map(|_| wait()).collect();
    let (mut wakes, mut served) = (0, 0);
    for _ in 0..800 {
        advance(MS).await;
        for waiter in &mut waiters {
            while waiter.is_woken() {
                wakes += 1;
                waiter.wakes.0.store(0, core::sync::atomic::Ordering::Relaxed);
                if let Some(granted) = waiter.poll() {
                    granted.unwrap().commit();
                    served += 1;
                    *waiter = wait();
                }
            }
        }
    }
    let used = handle.usage().network_bandwidth_used;
    assert!(used >= 147_000, "{used}");
    assert!(served <= 400 && wakes <= 1_200, "{wakes} wakes for {served} grants");
}

// I10 I15
#[tokio::test(start_paused = true)]
async fn a_take_that_does_not_wait_serves_the_waiters_first() {
    let (_registry, handle) = alone(network(16_000));
    handle.reserve_paced(NETWORK, 1, 2_000).unwrap().commit();
    let wait = |most| Waiter::new(handle.reserve_paced_wait(NETWORK, 1, most, later()));
    let (mut first, mut second) = (wait(100), wait(100));
    // 160 are due, and no timer has gone off that the waiters would have been polled for.
    advance(MS * 10).await;
    let rest = handle.reserve_paced(NETWORK, 1, 1_000).unwrap_err();
    assert_eq!(rest.as_quota().map(|refused| refused.used()), Some(2_160));
    assert_eq!(first.granted().amount(NETWORK), 100);
    assert_eq!(second.granted().amount(NETWORK), 60);
}

// I10
#[tokio::test(start_paused = true)]
async fn one_that_waits_for_a_whole_amount_is_refused_by_its_own_measure() {
    // The parent refuses a paced waiter for what is due, and has room for one that is not paced.
    let host = Arc::new(QuotaTracker::with_clock(network(1_000), clock()));
    let registry = QuotaRegistry::builder().parent(Arc::clone(&host)).build();
    let [a, b] = ["a", "b"].map(|id| registry.register(context(id, network(500))).unwrap());
    host.consume(QuotaType::NetworkBandwidth(600)).unwrap();
    let mut paced = Waiter::new(a.reserve_paced_wait(NETWORK, 1, 10, later()));
    b.consume(QuotaType::NetworkBandwidth(300)).unwrap();
    let mut whole = Waiter::new(b.reserve_wait(QuotaType::NetworkBandwidth(300), later()));
    advance(SECOND).await;
    registry.offer_to_waiters();
    assert_eq!(paced.granted().amount(NETWORK), 10);
    assert_eq!(whole.granted().amount(NETWORK), 300);
}

// I12
#[tokio::test(start_paused = true)]
async fn a_dropped_grant_or_wait_gives_its_units_to_the_next() {
    let (_registry, handle) = alone(network(1_000));
    let held = handle.reserve_paced(NETWORK, 1, 125).unwrap();
    let wait = |most| Waiter::new(handle.reserve_paced_wait(NETWORK, most, most, later()));
    let (first, mut second) = (wait(125), wait(50));
    drop(first);
    drop(held);
    assert_eq!(second.granted().amount(NETWORK), 50);
    assert_eq!(handle.usage().network_bandwidth_used, 0);
}

#[tokio::test(start_paused = true)]
async fn where_it_is_only_observed_no_stream_waits() {
    let registry = QuotaRegistry::builder().clock(clock()).observe_only().build();
    let handle = registry.register(context("a", network(1_000))).unwrap();
    for (units, denials) in [(900, 0), (900, 1)] {
        let grant = handle.reserve_paced_wait(NETWORK, 1, units, Instant::now()).await.unwrap();
        assert_eq!((grant.amount(NETWORK), grant.is_current()), (units, true));
        grant.commit();
        assert_eq!(handle.denials().total(), denials);
    }
    assert_eq!(handle.reserve_paced(NETWORK, 1, 50).unwrap().amount(NETWORK), 50);
    assert_eq!(handle.usage().network_bandwidth_used, 900);
}
