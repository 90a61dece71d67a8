//! Streams of components on a clock that goes with tokio's timers.

use core::time::Duration;
use std::io;
use std::sync::{Arc, Mutex};

use limits_core::{Allowance, CapabilitySet, Clock, QuotaTracker, RatePolicy, ResourceQuota};
use quota_enforce::{ComponentHandle, QuotaRegistry, SecurityContext};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
use tokio::task::JoinSet;
use tokio::time::{Instant, advance, sleep, timeout};
use wasmtime_wasi::p2::StreamError;

use super::metered::Metered;
use super::{Parts, Wire};

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

fn register(registry: &QuotaRegistry, id: &str, quota: ResourceQuota) -> ComponentHandle {
    let context = SecurityContext::with_quota(id, CapabilitySet::new(), quota);
    registry.register(context).unwrap()
}

fn component(quota: ResourceQuota) -> ComponentHandle {
    register(&QuotaRegistry::builder().clock(clock()).build(), "a", quota)
}

fn throttled(quota: ResourceQuota) -> Wire {
    Wire::new(component(quota), RatePolicy::Throttle)
}

fn used(component: &ComponentHandle) -> u64 {
    component.usage().network_bandwidth_used
}

/// The bytes that peers saw, by time and stream.
#[derive(Clone, Debug)]
struct Seen(Arc<Mutex<Vec<(Duration, usize, u64)>>>, Instant);

impl Seen {
    fn new() -> Self {
        Self(Arc::default(), Instant::now())
    }

    fn note(&self, stream: usize, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap();
        self.0.lock().unwrap().push((self.1.elapsed(), stream, bytes));
    }

    fn seconds(&self, seconds: usize) -> Vec<u64> {
        let mut sums = vec![0; seconds];
        for (at, _, bytes) in &*self.0.lock().unwrap() {
            if let Some(sum) = sums.get_mut(usize::try_from(at.as_secs()).unwrap()) {
                *sum += bytes;
            }
        }
        sums
    }

    /// Returns the longest silence of a stream before the time `end`.
    fn longest_silence(&self, streams: usize, end: Duration) -> Duration {
        let seen = self.0.lock().unwrap();
        let of = |stream| seen.iter().filter(move |it| it.1 == stream).map(|it| it.0.min(end));
        let silences = (0..streams).flat_map(|stream| {
            let mut last = Duration::ZERO;
            of(stream).chain([end]).map(move |at| at - core::mem::replace(&mut last, at))
        });
        silences.max().unwrap()
    }
}

/// Lets streams send as fast as they may to peers that read as fast as they can.
async fn upload(wires: Vec<Wire>, time: Duration) -> Seen {
    let (seen, mut tasks) = (Seen::new(), JoinSet::new());
    for (stream, wire) in wires.into_iter().enumerate() {
        let (near, mut far) = duplex(64 * 1024);
        let mut near = Metered::new(near, wire);
        tasks.spawn(async move { while near.write_all(&[7; 100_000]).await.is_ok() {} });
        let seen = seen.clone();
        tasks.spawn(async move {
            let mut buffer = vec![0; 64 * 1024];
            while let Ok(bytes) = far.read(&mut buffer).await {
                seen.note(stream, bytes);
            }
        });
    }
    sleep(time).await;
    tasks.shutdown().await;
    seen
}

// I40 I41
#[tokio::test(start_paused = true)]
async fn over_ten_windows_sixteen_streams_send_the_quota_to_the_byte() {
    for limit in [10_000, 1 << 20, 64 << 20] {
        let wire = throttled(network(limit));
        let seen = upload(vec![wire; 16], SECOND * 10 - MS).await;
        assert_eq!(seen.seconds(10), [limit; 10]);
        let silence = seen.longest_silence(16, SECOND * 10 - MS);
        assert!(silence <= MS * 250, "{silence:?} of {limit}");
    }
}

// I40 I41
#[tokio::test(start_paused = true)]
async fn two_components_below_one_host_send_the_hosts_quota_to_the_byte() {
    let host = Arc::new(QuotaTracker::with_clock(network(1 << 20), clock()));
    let registry = QuotaRegistry::builder().parent(host).build();
    // One may use more than the host has.
    let [wide, narrow] = [("wide", 4 << 20), ("narrow", 100_000)].map(|(id, limit)| {
        Wire::new(register(&registry, id, network(limit)), RatePolicy::Throttle)
    });
    let mut wires = vec![wide; 12];
    wires.extend(vec![narrow; 4]);
    let seen = upload(wires, SECOND * 10 - MS).await;
    assert_eq!(seen.seconds(10), [1 << 20; 10]);
    let silence = seen.longest_silence(16, SECOND * 10 - MS);
    assert!(silence <= MS * 250, "{silence:?}");
}

// I42
#[tokio::test(start_paused = true)]
async fn both_directions_share_one_quota_and_a_peer_feels_the_back_pressure() {
    let wire = throttled(network(100_000));
    let (near, far) = duplex(4_096);
    let (mut from, mut to) = tokio::io::split(Metered::new(near, wire));
    let (mut far_from, mut far_to) = tokio::io::split(far);
    let (read, sent) = (Seen::new(), Seen::new());
    let mut tasks = JoinSet::new();
    let peer = sent.clone();
    tasks.spawn(async move {
        while far_to.write(&[1; 1_000]).await.map(|bytes| peer.note(0, bytes)).is_ok() {}
    });
    tasks.spawn(async move { while to.write_all(&[2; 1_000]).await.is_ok() {} });
    let seen = read.clone();
    tasks.spawn(async move {
        while from.read(&mut [0; 4_096]).await.map(|bytes| seen.note(0, bytes)).is_ok() {}
    });
    let seen = read.clone();
    tasks.spawn(async move {
        while far_from.read(&mut [0; 4_096]).await.map(|bytes| seen.note(1, bytes)).is_ok() {}
    });
    sleep(SECOND * 3 - MS).await;
    assert_eq!(read.seconds(3), [100_000; 3]);
    assert!(read.longest_silence(2, SECOND * 3 - MS) <= MS * 250);
    // The peer is ahead by no more than the pipe holds.
    let bytes = |seen: &Seen, stream| -> u64 {
        seen.0.lock().unwrap().iter().filter(|it| it.1 == stream).map(|it| it.2).sum()
    };
    assert!(bytes(&sent, 0) - bytes(&read, 0) <= 4_096);
    tasks.shutdown().await;
}

// I41
#[tokio::test(start_paused = true)]
async fn nothing_is_lost_however_slow_the_quota_is() {
    let wire = throttled(network(1_000));
    let (near, mut far) = duplex(64);
    let mut near = Metered::new(near, wire);
    let text: Vec<u8> = (0..=255).cycle().take(5_300).collect();
    let expected = text.clone();
    let writer = tokio::spawn(async move {
        near.write_all(&text).await.unwrap();
        near.shutdown().await.unwrap();
    });
    let mut read = Vec::new();
    let start = Instant::now();
    far.read_to_end(&mut read).await.unwrap();
    writer.await.unwrap();
    assert!(read == expected);
    assert!(start.elapsed() >= SECOND * 5 && start.elapsed() < SECOND * 6);
}

// I41
#[tokio::test(start_paused = true)]
async fn a_stream_that_loses_ten_windows_in_a_row_goes_on_in_the_eleventh() {
    let component = component(network(1_000));
    let wire = Wire::new(component.clone(), RatePolicy::Throttle);
    let mut take = core::pin::pin!(wire.take(1, Parts::Any));
    wire.charge(1_000);
    for window in 1..=10 {
        assert!(timeout(Duration::ZERO, take.as_mut()).await.is_err(), "{window}");
        advance(SECOND).await;
        // Its timer has gone off, and another one is faster.
        wire.charge(1_000);
    }
    assert!(timeout(MS * 990, take.as_mut()).await.is_err());
    assert_eq!(timeout(MS * 10, take).await.unwrap().unwrap().bytes(), 1);
    assert_eq!(component.denials().total(), 0);
}

// I42
#[tokio::test(start_paused = true)]
async fn a_stream_that_waits_for_its_peer_holds_no_bytes() {
    let component = component(network(1_000));
    let wire = Wire::new(component.clone(), RatePolicy::Throttle);
    let (near, mut far) = duplex(10);
    let mut near = Metered::new(near, wire);
    let mut buffer = [0; 100];
    timeout(MS * 10, near.read(&mut buffer)).await.unwrap_err();
    assert_eq!(used(&component), 0);
    assert_eq!(near.write(&[0; 100]).await.unwrap(), 10);
    timeout(MS * 10, near.write(&[0; 100])).await.unwrap_err();
    assert_eq!(used(&component), 10);
    far.write_all(b"seven b").await.unwrap();
    assert_eq!(near.read(&mut buffer).await.unwrap(), 7);
    assert_eq!(used(&component), 17);
    // The end of a stream is no byte.
    drop(far);
    assert_eq!(near.read(&mut buffer).await.unwrap(), 0);
    assert_eq!(used(&component), 17);
    assert!(near.write(&[0; 5]).await.is_err());
    assert_eq!(used(&component), 17);
}

// I42
#[tokio::test(start_paused = true)]
async fn a_stream_without_a_permit_reads_nothing() {
    let component = component(network(8));
    let wire = Wire::new(component.clone(), RatePolicy::Throttle);
    wire.take(1, Parts::Any).await.unwrap().settle(1);
    let (near, mut far) = duplex(100);
    // Below the pipe that the permit would let bytes out of.
    let mut near = Metered::new(near, wire);
    far.write_all(&[0; 100]).await.unwrap();
    assert!(timeout(MS * 120, near.read(&mut [0; 100])).await.is_err());
    assert!(timeout(Duration::ZERO, far.write(&[0; 1])).await.is_err(), "the pipe is full");
    assert_eq!(near.read(&mut [0; 100]).await.unwrap(), 1);
    assert_eq!(far.write(&[0; 100]).await.unwrap(), 1);
}

// I43
#[tokio::test(start_paused = true)]
async fn a_permit_goes_back_to_its_own_window_and_is_current_as_long_as_that() {
    let component = component(network(1_000));
    let wire = Wire::new(component.clone(), RatePolicy::Throttle);
    let permit = wire.take(100, Parts::Any).await.unwrap();
    assert_eq!((permit.bytes(), used(&component)), (100, 100));
    drop(permit);
    assert_eq!(used(&component), 0);
    wire.take(100, Parts::Any).await.unwrap().settle(30);
    assert_eq!(used(&component), 30);
    let old = wire.take(50, Parts::Any).await.unwrap();
    advance(SECOND).await;
    assert!(!old.is_current());
    wire.take(40, Parts::Any).await.unwrap().settle(40);
    drop(old);
    assert_eq!(used(&component), 40);
    wire.charge(5);
    assert_eq!(used(&component), 45);
}

// I40
#[tokio::test(start_paused = true)]
async fn a_permit_that_is_too_old_when_its_stream_is_polled_is_taken_anew_up_to_three_times() {
    let component = component(network(8));
    let wire = Wire::new(component.clone(), RatePolicy::Throttle);
    wire.take(1, Parts::Any).await.unwrap().settle(1);
    let mut take = core::pin::pin!(wire.take(1, Parts::Any));
    for window in 1..=3 {
        assert!(timeout(Duration::ZERO, take.as_mut()).await.is_err(), "{window}");
        // Another waiter looks for all, and this one is not polled before the window is over.
        let mut other = core::pin::pin!(wire.take(1, Parts::Any));
        assert!(timeout(Duration::ZERO, other.as_mut()).await.is_err());
        advance(MS * 500).await;
        other.await.unwrap().settle(1);
        advance(SECOND).await;
        while wire.try_take(8, Parts::Any).unwrap().map(|permit| permit.settle(8)).is_some() {}
    }
    // The bytes of a window that is over, which count as those of the one that goes on.
    let permit = timeout(Duration::ZERO, take).await.unwrap().unwrap();
    assert!(permit.is_current());
    let before = used(&component);
    drop(permit);
    assert_eq!(used(&component), before);
}

#[tokio::test(start_paused = true)]
async fn where_the_quota_denies_a_stream_reads_the_numbers() {
    let wire = Wire::new(component(network(1_000)), RatePolicy::Deny);
    assert_eq!(wire.take(700, Parts::Any).await.unwrap().bytes(), 700);
    wire.take(700, Parts::Whole).await.unwrap().settle(700);
    wire.take(700, Parts::Any).await.map(|permit| permit.settle(300)).unwrap();
    let said = "network bandwidth quota of 1000 bytes per 1s exceeded: 1000 used, 5 more \
                requested; retry in 1s";
    let refused = wire.take(5, Parts::Any).await.unwrap_err();
    assert_eq!((refused.to_string(), format!("{refused:?}")), (said.to_owned(), said.to_owned()));
    let StreamError::LastOperationFailed(read) = StreamError::from(refused) else {
        panic!("the guest reads it")
    };
    assert_eq!(read.to_string(), said);
    let mut stream = Metered::new(duplex(10).0, wire.clone());
    let error = stream.write(&[0; 5]).await.unwrap_err();
    assert_eq!((error.kind(), error.to_string()), (io::ErrorKind::QuotaExceeded, said.to_owned()));
    let error = stream.read(&mut [0; 5]).await.unwrap_err();
    assert_eq!(error.to_string(), said);
}

#[tokio::test(start_paused = true)]
async fn a_rate_of_zero_and_a_datagram_above_the_whole_limit_are_refused_at_once() {
    let never = "more than the whole quota, do not retry";
    let wire = throttled(network(0));
    let refused = wire.take(5, Parts::Any).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!(
            "network bandwidth quota of 0 bytes per 1s exceeded: 0 used, 5 more requested; {never}"
        )
    );
    let wire = throttled(network(100));
    let refused = wire.take(101, Parts::Whole).await.unwrap_err().to_string();
    assert!(refused.ends_with(never), "{refused}");
    let start = Instant::now();
    assert_eq!(wire.take(100, Parts::Whole).await.unwrap().bytes(), 100);
    assert_eq!(start.elapsed(), MS * 875);
}

#[tokio::test(start_paused = true)]
async fn extreme_rates_and_periods_go_on() {
    let slow = throttled(network(1));
    let start = Instant::now();
    for _ in 0..10 {
        slow.take(100, Parts::Any).await.unwrap().settle(1);
    }
    assert_eq!(start.elapsed(), SECOND * 9 + MS * 875);

    let unlimited = throttled(network(Allowance::Unlimited));
    assert_eq!(unlimited.try_take(u64::MAX, Parts::Whole).unwrap().unwrap().bytes(), u64::MAX);
    assert_eq!(unlimited.try_take(u64::MAX, Parts::Any).unwrap().unwrap().bytes(), 65_536);

    let quick = throttled(network(1_000).with_reset_period(MS));
    let seen = upload(vec![quick; 16], SECOND - MS).await;
    assert!((980_000..=1_000_000).contains(&seen.seconds(1)[0]), "{:?}", seen.seconds(1));

    let day = network(864_000).with_reset_period(SECOND * 86_400);
    let seen = upload(vec![throttled(day); 2], SECOND * 100 - MS).await;
    assert_eq!(seen.seconds(100).iter().sum::<u64>(), 1_001);
    assert!(seen.longest_silence(2, SECOND * 100 - MS) <= MS * 250);
}

#[tokio::test(start_paused = true)]
async fn where_it_is_only_observed_all_bytes_pass() {
    let registry = QuotaRegistry::builder().clock(clock()).observe_only().build();
    for policy in [RatePolicy::Throttle, RatePolicy::Deny] {
        let id = policy.as_str();
        let component = register(&registry, id, network(1_000));
        let wire = Wire::new(component.clone(), policy);
        for bytes in [900, 900] {
            let permit = wire.take(bytes, Parts::Any).await.unwrap();
            assert_eq!((permit.bytes(), permit.is_current()), (bytes, true));
            permit.settle(bytes);
        }
        assert_eq!((used(&component), component.denials().total()), (900, 1), "{id}");
    }
}
