//! The bandwidth quota, met by TCP streams of guests. Time is tokio's, which goes on when all wait.

use core::time::Duration;

use limits_core::RatePolicy;
use quota_wasi::WasiQuota;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::guest::Guest;
use crate::host::limits;
use crate::loopback::{bandwidth, component, registry, server, unlimited, usage, used, with_tcp};
use crate::tcp_guest::{Cut, Line};

const SECOND: Duration = Duration::from_secs(1);

/// A guest with a line to a peer.
async fn line(quota: &WasiQuota) -> (Guest, Line, TcpStream) {
    let (listener, address) = server().await;
    let mut guest = Guest::on_network(quota, limits()).await;
    let line = guest.connect(address).await.unwrap();
    let (peer, _) = listener.accept().await.unwrap();
    (guest, line, peer)
}

/// Reads to the end, and returns the number of bytes.
async fn drain(mut peer: TcpStream) -> usize {
    let (mut bytes, mut buffer) = (0, vec![0; 65_536]);
    while let Ok(read @ 1..) = peer.read(&mut buffer).await {
        bytes += read;
    }
    bytes
}

/// Checks that no more was sent by now than the windows since `begin` have.
fn within(sent: u64, limit: u64, begin: Instant) {
    let windows = begin.elapsed().as_secs() + 1;
    assert!(sent <= limit * windows, "{sent} bytes in {windows} windows");
}

#[tokio::test(start_paused = true)]
async fn a_guest_that_sends_waits_for_the_quota_and_loses_nothing() {
    // I54.
    let quota = with_tcp(bandwidth(10_000)).build().unwrap();
    let (mut guest, line, peer) = line(&quota).await;
    let begin = Instant::now();
    let peer = tokio::spawn(drain(peer));
    for _ in 0..95 {
        guest.say(line, &[7; 1_000]).await.unwrap();
        within(usage(&guest).sent_bytes(), 10_000, begin);
    }
    // The last window is half used, and the half is due an eighth of a second ahead.
    assert_eq!(begin.elapsed().as_millis() / 10, 937);
    guest.hang_up(line).await;
    assert_eq!(peer.await.unwrap(), 95_000);
}

#[tokio::test(start_paused = true)]
async fn a_guest_that_polls_waits_for_the_quota_and_loses_nothing() {
    let quota = with_tcp(bandwidth(10_000)).build().unwrap();
    let (mut guest, line, peer) = line(&quota).await;
    let begin = Instant::now();
    let peer = tokio::spawn(drain(peer));
    let mut sent = 0;
    while sent < 95_000 {
        sent += guest.say_some(line, &[7; 4_000][..4_000.min(95_000 - sent)]).await.unwrap();
        within(usage(&guest).sent_bytes(), 10_000, begin);
    }
    assert!(begin.elapsed() < 10 * SECOND, "{:?}", begin.elapsed());
    guest.hang_up(line).await;
    assert_eq!(peer.await.unwrap(), 95_000);
}

#[tokio::test(start_paused = true)]
async fn a_guest_that_reads_waits_for_the_quota_and_its_peer_with_it() {
    // I52.
    let limits = limits().max_socket_buffer_bytes(8_192);
    let quota = with_tcp(bandwidth(10_000)).build().unwrap();
    let (listener, address) = server().await;
    let mut guest = Guest::on_network(&quota, limits).await;
    let line = guest.connect(address).await.unwrap();
    let (mut peer, _) = listener.accept().await.unwrap();
    rustix::net::sockopt::set_socket_send_buffer_size(&peer, 4_096).unwrap();
    let begin = Instant::now();
    let send = tokio::spawn(async move {
        peer.write_all(&[7; 200_000]).await.unwrap();
        begin.elapsed()
    });
    let mut heard = 0;
    while heard < 200_000 {
        heard += guest.hear(line, 3_000).await.unwrap().len();
        let windows = usize::try_from(begin.elapsed().as_secs()).unwrap() + 1;
        assert!(heard <= windows * 10_000, "{heard} bytes in {windows} windows");
    }
    assert!(begin.elapsed() < 20 * SECOND);
    // The peer had sent all but what the kernel holds for both.
    assert!(send.await.unwrap() > 10 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_guest_that_wakes_to_a_window_has_bytes_of_it() {
    // I53.
    let quota = with_tcp(bandwidth(1_000)).build().unwrap();
    let (mut guest, line, mut peer) = line(&quota).await;
    peer.write_all(&[7; 3_000]).await.unwrap();
    let mut heard = 0;
    while heard < 3_000 {
        guest.wait_on("input-subscribe", line.input).await;
        let bytes = guest.hear_now(line, 10_000).await.unwrap();
        assert!(!bytes.is_empty());
        heard += bytes.len();
    }
    let mut sent = 0;
    while sent < 3_000 {
        guest.wait_on("output-subscribe", line.output).await;
        let room = usize::try_from(guest.room(line).await.unwrap()).unwrap();
        assert!(room > 0);
        guest.say_now(line, &vec![7; room]).await.unwrap();
        sent += room;
    }
}

#[tokio::test(start_paused = true)]
async fn zeros_that_were_permitted_are_written_after_the_window_has_ended() {
    let quota = with_tcp(bandwidth(10_000)).build().unwrap();
    let (mut guest, line, mut peer) = line(&quota).await;
    // All that is due of the first window, whose end no other byte lies behind.
    sleep(SECOND - Duration::from_millis(1)).await;
    let room = guest.room(line).await.unwrap();
    assert!(room > 5_000);
    sleep(Duration::from_millis(2)).await;
    guest.say_zeros(line, room).await.unwrap();
    guest.wait_on("output-subscribe", line.output).await;
    let mut heard = vec![1; usize::try_from(room).unwrap()];
    peer.read_exact(&mut heard).await.unwrap();
    assert!(heard.iter().all(|byte| *byte == 0));
}

#[tokio::test(start_paused = true)]
async fn bytes_that_were_permitted_in_one_window_are_paid_for_in_the_next() {
    // I54
    let quota = with_tcp(bandwidth(10_000)).build().unwrap();
    let (mut guest, line, _peer) = line(&quota).await;
    sleep(SECOND - Duration::from_millis(1)).await;
    let room = guest.room(line).await.unwrap();
    assert!(room > 5_000);
    sleep(Duration::from_millis(2)).await;
    guest.say_now(line, &vec![7; usize::try_from(room).unwrap()]).await.unwrap();
    // An eighth of a second's bytes are due at the beginning of a window, and ten a millisecond.
    let sent = guest.usage().sent_bytes();
    assert!(sent <= 1_300, "{sent} of {room}");
}

/// Sends for some seconds from each of the guests. Returns what each had sent by the end of each
/// second.
async fn race(quotas: &[WasiQuota], seconds: u64) -> Vec<Vec<u64>> {
    let (listener, address) = server().await;
    let (mut guests, mut peers, mut usages) = (JoinSet::new(), JoinSet::new(), Vec::new());
    let begin = Instant::now();
    for quota in quotas {
        let mut guest = Guest::on_network(quota, limits()).await;
        usages.push(usage(&guest));
        let line = guest.connect(address).await.unwrap();
        peers.spawn(drain(listener.accept().await.unwrap().0));
        guests.spawn(async move { while guest.say(line, &[7; 4_096]).await.is_ok() {} });
    }
    let mut sent = Vec::new();
    for second in 1..=seconds {
        sleep_until(begin + Duration::from_millis(second * 1_000 - 1)).await;
        sent.push(usages.iter().map(|usage| usage.sent_bytes()).collect());
    }
    // Each store is dropped amid its wait.
    guests.shutdown().await;
    let received: usize = peers.join_all().await.into_iter().sum();
    let counted: u64 = usages.iter().map(|usage| usage.sent_bytes()).sum();
    assert_eq!(u64::try_from(received).unwrap(), counted);
    sent
}

#[tokio::test(start_paused = true)]
async fn sixteen_instances_on_one_quota_use_it_up_and_no_more_and_all_go_on() {
    let quota = with_tcp(bandwidth(100_000)).build().unwrap();
    let sent = race(&vec![quota; 16], 10).await;
    for (second, by) in (1..).zip(&sent) {
        let sum: u64 = by.iter().sum();
        assert!((98_000 * second..=100_000 * second).contains(&sum), "{sum} in {second} s");
    }
    // A sixteenth is 62 500 bytes.
    let least = sent.last().unwrap().iter().min().unwrap();
    assert!(*least > 31_000, "{sent:?}");
}

#[tokio::test(start_paused = true)]
async fn two_components_beside_each_other_have_quotas_of_their_own() {
    let registry = registry();
    let quotas = [("a", 20_000), ("b", 50_000)].map(|(id, limit)| {
        let component = component(&registry, id, bandwidth(limit));
        WasiQuota::builder(component).tcp().build().unwrap()
    });
    let expected: Vec<_> = (1..=5).map(|second| vec![20_000 * second, 50_000 * second]).collect();
    assert_eq!(race(&quotas, 5).await, expected);
}

#[tokio::test(start_paused = true)]
async fn denied_bytes_are_an_error_that_the_guest_reads_and_the_stream_goes_on() {
    let quota = with_tcp(bandwidth(5_000)).network_policy(RatePolicy::Deny).build().unwrap();
    let (mut guest, line, mut peer) = line(&quota).await;
    assert_eq!(guest.room(line).await, Ok(5_000));
    guest.say_now(line, &[7; 4_000]).await.unwrap();
    assert_eq!(used(&quota), 4_000);
    guest.say(line, &[7; 1_000]).await.unwrap();
    guest.flush_sent(line).await.unwrap();
    let refused = |requested: u32| {
        let text = format!(
            "network bandwidth quota of 5000 bytes per 1s exceeded: 5000 used, {requested} more \
             requested; retry in 1s"
        );
        Err(Cut::Failed(text))
    };
    assert_eq!(guest.room(line).await.map(|_| ()), refused(65_536));
    assert_eq!(guest.say(line, &[7]).await, refused(1));
    peer.write_all(b"answer").await.unwrap();
    assert_eq!(guest.hear(line, 10).await.map(|_| ()), refused(10));
    sleep(SECOND).await;
    assert_eq!(guest.hear(line, 10).await.unwrap(), b"answer");
    guest.say(line, b"on").await.unwrap();
    let mut heard = vec![0; 5_002];
    peer.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard[5_000..], b"on");
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_stream_needs_no_quota() {
    for policy in [RatePolicy::Deny, RatePolicy::Throttle] {
        let quota = with_tcp(bandwidth(1_000)).network_policy(policy).build().unwrap();
        let (mut guest, line, mut peer) = line(&quota).await;
        let begin = Instant::now();
        peer.write_all(&[7; 1_000]).await.unwrap();
        drop(peer);
        // All of the window, and the end within it.
        assert_eq!(guest.hear_all(line).await.unwrap().len(), 1_000);
        assert!(begin.elapsed() < SECOND);
    }
}

#[tokio::test]
async fn bytes_that_a_peer_never_reads_are_counted_once_the_kernel_has_them() {
    let quota = with_tcp(unlimited()).build().unwrap();
    let (mut guest, line, mut peer) = line(&quota).await;
    // Until the kernel takes no more, with a task that holds the rest of the last write.
    while guest.room(line).await.unwrap() > 0 {
        let room = usize::try_from(guest.room(line).await.unwrap()).unwrap();
        guest.say_now(line, &vec![7; room]).await.unwrap();
    }
    let sent = usage(&guest).sent_bytes();
    assert!((sent..sent + 65_536).contains(&used(&quota)));
    drop(guest);
    let mut all = Vec::new();
    peer.read_to_end(&mut all).await.unwrap();
    assert_eq!(u64::try_from(all.len()).unwrap(), sent);
    assert_eq!(used(&quota), sent);
}

#[tokio::test]
async fn a_stream_that_is_shut_down_amid_a_write_sends_it_first() {
    // I51.
    let quota = with_tcp(unlimited()).build().unwrap();
    let (mut guest, line, mut peer) = line(&quota).await;
    let mut sent = 0;
    loop {
        let room = usize::try_from(guest.room(line).await.unwrap()).unwrap();
        if room == 0 {
            break;
        }
        guest.say_now(line, &vec![7; room]).await.unwrap();
        sent += room;
    }
    guest.tcp_set("tcp-shutdown", line.socket, crate::tcp_guest::SEND).await.unwrap();
    let read = tokio::spawn(async move {
        let mut all = Vec::new();
        peer.read_to_end(&mut all).await.unwrap();
        all.len()
    });
    guest.hang_up(line).await;
    assert_eq!(read.await.unwrap(), sent);
    assert_eq!(used(&quota), u64::try_from(sent).unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_the_quota_that_is_dropped_leaves_it_exact() {
    let quota = with_tcp(bandwidth(1_000)).build().unwrap();
    let (mut guest, line, mut peer) = line(&quota).await;
    let late = timeout(SECOND / 2, guest.say(line, &[7; 4_000])).await;
    assert!(late.is_err());
    drop(guest);
    let mut all = Vec::new();
    peer.read_to_end(&mut all).await.unwrap();
    assert_eq!(used(&quota), u64::try_from(all.len()).unwrap());
    // The bytes that it held are there for others.
    let (mut other, line, _peer) = self::line(&quota).await;
    other.say(line, &vec![7; 1_000 - all.len()]).await.unwrap();
    assert_eq!(used(&quota), 1_000);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_waits_for_its_peer_holds_no_bytes_that_others_need() {
    let quota = with_tcp(bandwidth(10_000)).build().unwrap();
    let (mut silent, still, _peer) = line(&quota).await;
    let wait = tokio::spawn(async move { silent.hear(still, 65_536).await });
    tokio::task::yield_now().await;
    let (mut guest, line, peer) = line(&quota).await;
    let (begin, peer) = (Instant::now(), tokio::spawn(drain(peer)));
    guest.say(line, &[7; 20_000]).await.unwrap();
    assert!(begin.elapsed() < 2 * SECOND);
    guest.hang_up(line).await;
    assert_eq!(peer.await.unwrap(), 20_000);
    wait.abort();
}

#[tokio::test]
async fn listeners_serve_under_the_quota_too() {
    let quota = with_tcp(unlimited()).build().unwrap();
    let mut guest = Guest::on_network(&quota, limits()).await;
    let (socket, address) = guest.listen().await.unwrap();
    let client: TcpStream = TcpStream::connect(address).await.unwrap();
    let line = guest.accept(socket).await.unwrap();
    guest.say(line, &[7; 5_000]).await.unwrap();
    assert_eq!(used(&quota), 5_000);
    drop(client);
}
