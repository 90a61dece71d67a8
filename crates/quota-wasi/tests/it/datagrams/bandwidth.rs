//! The bandwidth quota, on a clock that goes with the timers of tests.

use core::net::SocketAddr;
use core::time::Duration;
use std::sync::Arc;

use limits_core::{Clock, Permission, RatePolicy, ResourceQuota};
use quota_enforce::{QuotaRegistry, SecurityContext};
use quota_wasi::WasiQuota;
use tokio::task::JoinSet;
use tokio::time::{Instant, advance};
use wasmtime_wasi::p2::bindings::sockets::network::ErrorCode;

use super::{heard, peer};
use crate::guest::Guest;
use crate::host::limits;
use crate::network::{Datagrams, capabilities};

const SECOND: Duration = Duration::from_secs(1);

/// The clock of tokio's timers, which these tests pause.
#[derive(Debug)]
struct TimerClock(Instant);

impl Clock for TimerClock {
    fn now_ns(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_nanos()).unwrap()
    }
}

/// A component with so many bytes a second, and the start of its first window.
struct Shaped {
    registry: QuotaRegistry,
    quota: WasiQuota,
    start: Instant,
}

fn shaped(bytes: u64, policy: RatePolicy) -> Shaped {
    let start = Instant::now();
    let registry = QuotaRegistry::builder().clock(Arc::new(TimerClock(start))).build();
    let quota = component(&registry, "guest", bytes, policy);
    Shaped { registry, quota, start }
}

fn component(registry: &QuotaRegistry, id: &str, bytes: u64, policy: RatePolicy) -> WasiQuota {
    let set = capabilities(&[(Permission::NetworkConnect, "127.0.0.0/8:*")]);
    let quota = ResourceQuota::new().with_network_bandwidth(bytes);
    let component = registry.register(SecurityContext::with_quota(id, set, quota)).unwrap();
    WasiQuota::builder(component).udp().network_policy(policy).build().unwrap()
}

impl Shaped {
    async fn guest(&self) -> (Guest, Datagrams) {
        let mut guest = Guest::on_network(&self.quota, limits()).await;
        let datagrams = guest.datagrams().await;
        (guest, datagrams)
    }

    fn used(&self) -> u64 {
        self.quota.component().usage().network_bandwidth_used
    }

    /// The window that goes on.
    fn window(&self) -> usize {
        usize::try_from(self.start.elapsed().as_secs()).unwrap()
    }

    /// Lets what is left of the window pass.
    async fn pass(&self) {
        advance(SECOND - Duration::from_nanos(self.start.elapsed().subsec_nanos().into())).await;
    }
}

/// A datagram of 1 000 bytes with its heads.
const THOUSAND: [u8; 972] = [b'x'; 972];

#[tokio::test(start_paused = true)]
async fn each_window_sends_what_the_quota_has_and_nothing_is_lost() {
    // I57.
    let (peer, address) = peer().await;
    let shaped = shaped(10_000, RatePolicy::Throttle);
    let (mut guest, udp) = shaped.guest().await;
    let mut sent = [0; 4];
    for number in 0..40_u8 {
        let mut data = THOUSAND;
        data[0] = number;
        assert_eq!(guest.send(udp.outgoing, &data, Some(address)).await, Ok(1));
        sent[shaped.window()] += 1;
    }
    assert_eq!(sent, [10; 4]);
    for number in 0..40 {
        let (data, _) = heard(&peer).await;
        assert_eq!((data[0], data.len()), (number, 972));
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_must_wait_is_not_ready_and_sends_what_fits() {
    let (_peer, address) = peer().await;
    let shaped = shaped(10_000, RatePolicy::Throttle);
    let (mut guest, udp) = shaped.guest().await;
    advance(SECOND / 2).await;
    assert_eq!(guest.check_send(udp.outgoing).await, 16);
    // Due by now: the half that has passed, and an eighth of a second ahead.
    let many: [(&[u8], _); 16] = [(&THOUSAND, Some(address)); 16];
    assert_eq!(guest.send_all(udp.outgoing, &many).await, Ok(6));
    assert_eq!(guest.check_send(udp.outgoing).await, 0);
    assert_eq!(shaped.used(), 6_000);
    guest.wait_on("outgoing-subscribe", udp.outgoing).await;
    assert_eq!(guest.check_send(udp.outgoing).await, 16);
    // Held for the next datagram; handed back with the stream.
    assert_eq!(shaped.used(), 7_000);
    guest.close_datagrams(udp).await;
    assert_eq!(shaped.used(), 6_000);
}

#[tokio::test(start_paused = true)]
async fn a_datagram_longer_than_the_last_is_waited_for_in_its_call() {
    let (peer, address) = peer().await;
    let shaped = shaped(10_000, RatePolicy::Throttle);
    let (mut guest, udp) = shaped.guest().await;
    assert_eq!(guest.check_send(udp.outgoing).await, 0);
    guest.wait_on("outgoing-subscribe", udp.outgoing).await;
    let long = [b'y'; 8_972];
    assert_eq!(guest.send(udp.outgoing, &long, Some(address)).await, Ok(1));
    let took = shaped.start.elapsed();
    // Nine tenths of a second, less the eighth that windows are ahead.
    assert!((SECOND * 3 / 4..SECOND).contains(&took), "{took:?}");
    assert_eq!(heard(&peer).await.0.len(), 8_972);
    assert_eq!(shaped.used(), 9_000);
}

#[tokio::test(start_paused = true)]
async fn a_datagram_longer_than_a_window_is_too_large() {
    let (_peer, address) = peer().await;
    for policy in [RatePolicy::Throttle, RatePolicy::Deny] {
        let shaped = shaped(1_000, policy);
        let (mut guest, udp) = shaped.guest().await;
        let refused = guest.send(udp.outgoing, &[0; 973], Some(address)).await;
        assert_eq!(refused, Err(ErrorCode::DatagramTooLarge));
        assert_eq!(guest.send(udp.outgoing, &THOUSAND, Some(address)).await, Ok(1));
        assert_eq!(shaped.used(), 1_000);
    }
}

#[tokio::test(start_paused = true)]
async fn where_the_quota_denies_a_datagram_beyond_it_would_block() {
    let (_peer, address) = peer().await;
    let shaped = shaped(10_000, RatePolicy::Deny);
    let (mut guest, udp) = shaped.guest().await;
    for _ in 0..2 {
        for _ in 0..10 {
            assert_eq!(guest.send(udp.outgoing, &THOUSAND, Some(address)).await, Ok(1));
        }
        let refused = guest.send(udp.outgoing, b"", Some(address)).await;
        assert_eq!(refused, Err(ErrorCode::WouldBlock));
        assert_eq!(shaped.used(), 10_000);
        shaped.pass().await;
    }
}

#[tokio::test(start_paused = true)]
async fn received_datagrams_wait_in_the_kernel_for_their_window() {
    // I55.
    let (peer, _) = peer().await;
    let shaped = shaped(10_000, RatePolicy::Throttle);
    let (mut guest, udp) = shaped.guest().await;
    let port = guest.udp_address(udp.socket).await.unwrap().port();
    for number in 0..40_u8 {
        let mut data = THOUSAND;
        data[0] = number;
        peer.send_to(&data, ("127.0.0.1", port)).await.unwrap();
    }
    let mut received = [0; 4];
    for number in 0..40 {
        let (data, _) = guest.next(udp.incoming).await.unwrap();
        assert_eq!((data[0], data.len()), (number, 972));
        received[shaped.window()] += 1;
    }
    assert_eq!(received, [10; 4]);
    let usage = guest.usage();
    assert_eq!((usage.received_bytes(), usage.dropped_datagrams()), (40_000, 0));
}

#[tokio::test(start_paused = true)]
async fn where_the_quota_denies_received_datagrams_beyond_it_are_dropped() {
    // I55.
    let (peer, address) = peer().await;
    let shaped = shaped(10_000, RatePolicy::Deny);
    let (mut guest, udp) = shaped.guest().await;
    let port = guest.udp_address(udp.socket).await.unwrap().port();
    for _ in 0..15 {
        peer.send_to(&THOUSAND, ("127.0.0.1", port)).await.unwrap();
    }
    guest.wait_on("incoming-subscribe", udp.incoming).await;
    assert_eq!(guest.receive(udp.incoming, 16).await.unwrap().len(), 10);
    let usage = guest.usage();
    assert_eq!((usage.received_bytes(), usage.dropped_datagrams()), (10_000, 5));
    shaped.pass().await;
    peer.send_to(b"later", ("127.0.0.1", port)).await.unwrap();
    assert_eq!(guest.next(udp.incoming).await, Ok((b"later".to_vec(), address)));
}

#[tokio::test(start_paused = true)]
async fn a_received_datagram_longer_than_a_window_is_dropped() {
    // I55: it would stay for ever, before all others.
    let (peer, address) = peer().await;
    let shaped = shaped(1_000, RatePolicy::Throttle);
    let (mut guest, udp) = shaped.guest().await;
    let port = guest.udp_address(udp.socket).await.unwrap().port();
    peer.send_to(&[0; 973], ("127.0.0.1", port)).await.unwrap();
    peer.send_to(b"short", ("127.0.0.1", port)).await.unwrap();
    assert_eq!(guest.next(udp.incoming).await, Ok((b"short".to_vec(), address)));
    let usage = guest.usage();
    assert_eq!((usage.received_bytes(), usage.dropped_datagrams()), (33, 1));
}

#[tokio::test(start_paused = true)]
async fn sixteen_executions_share_a_quota_and_use_all_of_it() {
    const WINDOWS: usize = 5;
    let (_peer, address) = peer().await;
    let shaped = Arc::new(shaped(160_000, RatePolicy::Throttle));
    let mut running = JoinSet::new();
    for _ in 0..16 {
        let shaped = Arc::clone(&shaped);
        running.spawn(async move { send_for(&shaped, WINDOWS, address).await });
    }
    let all = running.join_all().await;
    for window in 0..WINDOWS {
        let sum: u64 = all.iter().map(|sent| sent[window]).sum();
        assert!((157_000..=160_000).contains(&sum), "{window}: {sum}");
        assert!(all.iter().all(|sent| sent[window] > 0), "{window}: {all:?}");
    }
}

/// Sends for so many windows, and returns the bytes of each.
async fn send_for(shaped: &Shaped, windows: usize, to: SocketAddr) -> Vec<u64> {
    let (mut guest, udp) = shaped.guest().await;
    let mut sent = vec![0; windows];
    loop {
        assert_eq!(guest.send(udp.outgoing, &THOUSAND, Some(to)).await, Ok(1));
        match sent.get_mut(shaped.window()) {
            Some(sent) => *sent += 1_000,
            None => return sent,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_revocation_ends_a_wait_in_a_call() {
    // I57: decided on once more, when the bytes are there.
    let (peer, address) = peer().await;
    let shaped = shaped(10_000, RatePolicy::Throttle);
    let (mut guest, udp) = shaped.guest().await;
    guest.wait_on("outgoing-subscribe", udp.outgoing).await;
    let revoke = async {
        tokio::time::sleep(SECOND / 4).await;
        shaped.registry.set_capabilities("guest", &capabilities(&[])).unwrap();
    };
    let send = guest.send(udp.outgoing, &[0; 8_972], Some(address));
    let (refused, ()) = tokio::join!(send, revoke);
    assert_eq!(refused, Err(ErrorCode::AccessDenied));
    assert!(peer.try_recv(&mut [0]).is_err());
}

#[tokio::test(start_paused = true)]
async fn an_execution_that_ends_in_a_wait_leaves_nothing_behind() {
    let (peer, address) = peer().await;
    let shaped = shaped(10_000, RatePolicy::Throttle);
    let (mut sending, outgoing) = shaped.guest().await;
    let (mut receiving, incoming) = shaped.guest().await;
    let port = receiving.udp_address(incoming.socket).await.unwrap().port();
    for _ in 0..3 {
        peer.send_to(&[0; 8_972], ("127.0.0.1", port)).await.unwrap();
    }
    let both = async {
        tokio::join!(
            sending.send(outgoing.outgoing, &[0; 8_972], Some(address)),
            receiving.wait_on("incoming-subscribe", incoming.incoming),
        )
    };
    let ended = tokio::time::timeout(SECOND / 2, both).await;
    assert!(ended.is_err());
    drop((sending, receiving));
    assert_eq!(shaped.used(), 0);
    // No stream waits any more: all of the window that is due is for another.
    let (mut other, udp) = shaped.guest().await;
    assert_eq!(other.send(udp.outgoing, &[0; 4_972], Some(address)).await, Ok(1));
    assert!(shaped.start.elapsed() < SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_component_at_its_limit_slows_no_other() {
    let (_peer, address) = peer().await;
    let shaped = shaped(2_000, RatePolicy::Throttle);
    let other = component(&shaped.registry, "other", 1_000_000, RatePolicy::Throttle);
    let (mut slow, waiting) = shaped.guest().await;
    let mut fast = Guest::on_network(&other, limits()).await;
    let free = fast.datagrams().await;
    for _ in 0..3 {
        assert_eq!(slow.check_send(waiting.outgoing).await, 0);
        for _ in 0..100 {
            assert_eq!(fast.send(free.outgoing, &THOUSAND, Some(address)).await, Ok(1));
        }
        assert!(shaped.start.elapsed() < SECOND / 2);
    }
    let used = other.component().usage().network_bandwidth_used;
    assert_eq!((shaped.used(), used), (0, 300_000));
}

#[tokio::test(start_paused = true)]
async fn bytes_held_from_one_window_are_not_sent_in_the_next() {
    // I57: the next one has what its quota is, and no more.
    let (_peer, address) = peer().await;
    let shaped = shaped(10_000, RatePolicy::Throttle);
    let (mut slow, held) = shaped.guest().await;
    let (mut quick, udp) = shaped.guest().await;
    advance(SECOND / 2).await;
    assert_eq!(slow.check_send(held.outgoing).await, 16);
    shaped.pass().await;
    advance(SECOND * 9 / 10).await;
    for _ in 0..10 {
        assert_eq!(quick.send(udp.outgoing, &THOUSAND, Some(address)).await, Ok(1));
    }
    assert_eq!((shaped.window(), shaped.used()), (1, 10_000));
    let late: [(&[u8], _); 1] = [(&THOUSAND, Some(address))];
    assert_eq!(slow.send_all(held.outgoing, &late).await, Ok(1));
    assert_eq!((shaped.window(), shaped.used()), (2, 1_000));
}
