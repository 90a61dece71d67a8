//! Datagrams, under capabilities, limits and the bandwidth quota.

mod bandwidth;
mod bounds;
mod differential;

use core::net::SocketAddr;

use limits_core::Permission;
use quota_enforce::{QuotaRegistry, SecurityContext};
use quota_wasi::{Service, WasiQuota};
use tokio::net::UdpSocket;
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, IpAddressFamily};

use crate::guest::Guest;
use crate::host::limits;
use crate::network::{capabilities, connecting};
use crate::resolver::Teller;

/// A component that may do what its context allows, with UDP.
fn with_udp(context: SecurityContext) -> WasiQuota {
    WasiQuota::builder(QuotaRegistry::new().register(context).unwrap()).udp().build().unwrap()
}

/// A socket of the test, and its address.
async fn peer() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

async fn heard(peer: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = [0; 65_536];
    let (length, from) = peer.recv_from(&mut buffer).await.unwrap();
    (buffer[..length].to_vec(), from)
}

#[tokio::test]
async fn datagrams_go_and_come_and_are_counted_with_their_heads() {
    let (peer, address) = peer().await;
    let quota = with_udp(connecting(&["127.0.0.0/8:*"]));
    let mut guest = Guest::on_network(&quota, limits()).await;
    let usage = guest.usage();
    let udp = guest.datagrams().await;
    assert_eq!(guest.send(udp.outgoing, b"ping", Some(address)).await, Ok(1));
    let (data, from) = heard(&peer).await;
    assert_eq!(data, b"ping");
    peer.send_to(b"pong!", from).await.unwrap();
    assert_eq!(guest.next(udp.incoming).await, Ok((b"pong!".to_vec(), address)));
    assert_eq!((usage.sent_bytes(), usage.received_bytes()), (32, 33));
    assert_eq!(quota.component().usage().network_bandwidth_used, 65);
}

#[tokio::test]
async fn no_socket_is_made_where_the_host_has_not_switched_udp_on() {
    let component = QuotaRegistry::new().register(connecting(&["**"])).unwrap();
    let quota = WasiQuota::builder(component).tcp().build().unwrap();
    let mut guest = Guest::on_network(&quota, limits()).await;
    let usage = guest.usage();
    let refused = guest.udp_socket(IpAddressFamily::Ipv4).await;
    assert_eq!(refused.map(|_| ()), Err(ErrorCode::AccessDenied));
    assert_eq!(usage.refused_services(Service::Udp), 1);
}

#[tokio::test]
async fn each_datagram_is_decided_on_by_its_address() {
    // I57.
    let (peer, address) = peer().await;
    let (_other, elsewhere) = self::peer().await;
    let quota = with_udp(connecting(&[&address.to_string()]));
    let mut guest = Guest::on_network(&quota, limits()).await;
    let udp = guest.datagrams().await;
    let refused = Err(ErrorCode::AccessDenied);
    assert_eq!(guest.send(udp.outgoing, b"no", Some(elsewhere)).await, refused);
    assert_eq!(guest.send(udp.outgoing, b"yes", Some(address)).await, Ok(1));
    assert_eq!(heard(&peer).await.0, b"yes");
    // The first is sent and told of, the second refused by the next call.
    assert_eq!(guest.check_send(udp.outgoing).await, 16);
    let both: [(&[u8], _); 2] = [(b"yes", Some(address)), (b"no", Some(elsewhere))];
    assert_eq!(guest.send_all(udp.outgoing, &both).await, Ok(1));
    assert_eq!(guest.send(udp.outgoing, b"no", Some(elsewhere)).await, refused);
    guest.close_datagrams(udp).await;
    // So is the address of a connected socket.
    let refused = guest.datagrams_at("0.0.0.0:0", Some(elsewhere)).await;
    assert_eq!(refused.map(|_| ()), Err(ErrorCode::AccessDenied));
}

#[tokio::test]
async fn datagrams_of_senders_that_may_not_be_sent_to_are_dropped() {
    // I56.
    let (friend, address) = peer().await;
    let (stranger, _) = peer().await;
    let quota = with_udp(connecting(&[&address.to_string()]));
    let mut guest = Guest::on_network(&quota, limits()).await;
    let usage = guest.usage();
    let udp = guest.datagrams().await;
    let port = guest.udp_address(udp.socket).await.unwrap().port();
    for _ in 0..20 {
        stranger.send_to(b"let me in", ("127.0.0.1", port)).await.unwrap();
    }
    friend.send_to(b"me", ("127.0.0.1", port)).await.unwrap();
    assert_eq!(guest.next(udp.incoming).await, Ok((b"me".to_vec(), address)));
    assert_eq!(usage.dropped_datagrams(), 20);
    // They cost nothing, and one of them is reported.
    assert_eq!(quota.component().usage().network_bandwidth_used, 30);
    assert_eq!(quota.component().denials().by_capability(), 1);
}

#[tokio::test]
async fn a_socket_whose_port_the_guest_may_bind_receives_from_all() {
    let (stranger, address) = peer().await;
    let port = free_port();
    let local = format!("127.0.0.1:{port}");
    let set = capabilities(&[(Permission::NetworkBind, &local)]);
    let registry = QuotaRegistry::new();
    let component = registry.register(SecurityContext::new("guest", set)).unwrap();
    let quota = WasiQuota::builder(component).udp().build().unwrap();
    let mut guest = Guest::on_network(&quota, limits()).await;
    let refused = guest.datagrams_at("127.0.0.1:0", None).await;
    assert_eq!(refused.map(|_| ()), Err(ErrorCode::AccessDenied));
    let udp = guest.datagrams_at(&local, None).await.unwrap();
    stranger.send_to(b"hello", &local).await.unwrap();
    assert_eq!(guest.next(udp.incoming).await, Ok((b"hello".to_vec(), address)));
    let refused = guest.send(udp.outgoing, b"no", Some(address)).await;
    assert_eq!(refused, Err(ErrorCode::AccessDenied));
    // A revocation holds for the open socket.
    registry.set_capabilities("guest", &capabilities(&[])).unwrap();
    stranger.send_to(b"hello", &local).await.unwrap();
    guest.pass_over(udp.incoming, 1).await;
}

#[tokio::test]
async fn a_port_of_the_systems_choice_is_free_and_receives_from_none_but_those_sent_to() {
    // I56: whatever the guest may bind.
    let (stranger, _) = peer().await;
    for bind in ["127.0.0.1:*", "8.8.8.8:1"] {
        let set = capabilities(&[(Permission::NetworkBind, bind)]);
        let quota = with_udp(SecurityContext::new("guest", set));
        let mut guest = Guest::on_network(&quota, limits()).await;
        let port = free_port();
        for (local, needs) in [
            ("0.0.0.0:0".to_owned(), None),
            ("127.0.0.1:0".to_owned(), Some("127.0.0.1:*")),
            (format!("127.0.0.1:{port}"), Some("127.0.0.1:*")),
            (format!("0.0.0.0:{port}"), Some("0.0.0.0:*")),
            ("127.0.0.2:0".to_owned(), Some("127.0.0.2:*")),
        ] {
            let bound = guest.datagrams_at(&local, None).await;
            let may = needs.is_none_or(|needs| needs == bind);
            let expected = if may { Ok(()) } else { Err(ErrorCode::AccessDenied) };
            assert_eq!(bound.as_ref().map(|_| ()).map_err(|code| *code), expected, "{local}");
            let Ok(udp) = bound else { continue };
            if local.ends_with(":0") {
                let port = guest.udp_address(udp.socket).await.unwrap().port();
                let dropped = guest.usage().dropped_datagrams();
                stranger.send_to(b"hello", ("127.0.0.1", port)).await.unwrap();
                guest.pass_over(udp.incoming, dropped + 1).await;
            }
            guest.close_datagrams(udp).await;
        }
    }
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap().port()
}

impl Guest {
    /// Receives until so many datagrams were dropped, and nothing else.
    async fn pass_over(&mut self, incoming: wasmtime::component::ResourceAny, dropped: u64) {
        let usage = self.usage();
        while usage.dropped_datagrams() < dropped {
            assert_eq!(self.receive(incoming, 16).await, Ok(Vec::new()));
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_registry_that_only_observes_reports_and_lets_everything_pass() {
    let (peer, address) = peer().await;
    let (stranger, _) = self::peer().await;
    let registry = QuotaRegistry::builder().observe_only().build();
    let component = registry.register(connecting(&["8.8.8.8:1"])).unwrap();
    let told = Teller::default().tell("a.example", &["127.0.0.1"]);
    let quota = WasiQuota::builder(component).udp().resolver(told).build().unwrap();
    let mut guest = Guest::on_network(&quota, limits()).await;
    assert_eq!(guest.look_up("a.example").await, Ok(vec!["127.0.0.1".parse().unwrap()]));
    let udp = guest.datagrams_at("127.0.0.1:0", None).await.unwrap();
    assert_eq!(guest.send(udp.outgoing, b"out", Some(address)).await, Ok(1));
    let (_, from) = heard(&peer).await;
    for count in [1, 2] {
        stranger.send_to(b"in", from).await.unwrap();
        assert_eq!(guest.next(udp.incoming).await.map(|(data, _)| data), Ok(b"in".to_vec()));
        // The name, its address, the bind, what was sent, and each that was received.
        assert!(quota.component().denials().by_capability() >= 4 + count);
    }
}
