//! TCP sockets of guests against servers and clients on the loopback.

use std::net::SocketAddr;

use limits_core::{CapabilitySet, Permission, ResourceQuota};
use quota_enforce::{QuotaRegistry, SecurityContext};
use quota_wasi::{Service, WasiQuota, WasiQuotaBuilder};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use wasmtime_wasi::p2::bindings::sockets::network::ErrorCode;

use crate::guest::Guest;
use crate::host::limits;
use crate::tcp_guest::Cut;

/// A component that may do everything on the loopback.
fn on_loopback(quota: ResourceQuota) -> WasiQuotaBuilder {
    let mut set = CapabilitySet::new();
    for permission in
        [Permission::NetworkConnect, Permission::NetworkBind, Permission::NetworkListen]
    {
        set.grant(permission, "127.0.0.1:*").unwrap();
    }
    let context = SecurityContext::with_quota("guest", set.by_operator(), quota);
    WasiQuota::builder(QuotaRegistry::new().register(context).unwrap()).tcp()
}

async fn server() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

#[tokio::test]
async fn a_guest_connects_and_talks() {
    let (listener, address) = server().await;
    let quota = on_loopback(ResourceQuota::new()).build().unwrap();
    let mut guest = Guest::on_network(&quota, limits()).await;
    let echo = async {
        let (mut peer, _) = listener.accept().await.unwrap();
        let mut all = Vec::new();
        peer.read_to_end(&mut all).await.unwrap();
        peer.write_all(&all).await.unwrap();
    };
    let talk = async {
        let line = guest.connect(address).await.unwrap();
        guest.say(line, &[7; 100_000]).await.unwrap();
        guest.tcp_set("tcp-shutdown", line.socket, crate::tcp_guest::SEND).await.unwrap();
        assert_eq!(guest.hear_all(line).await.unwrap(), [7; 100_000]);
        guest.hang_up(line).await;
    };
    tokio::join!(echo, talk);
    let usage = guest.store.data().quota.as_ref().unwrap().usage();
    assert_eq!((usage.sent_bytes(), usage.received_bytes()), (100_000, 100_000));
    assert_eq!(quota.component().usage().network_bandwidth_used, 200_000);
}

#[tokio::test]
async fn a_guest_listens_and_accepts() {
    let quota = on_loopback(ResourceQuota::new()).build().unwrap();
    let mut guest = Guest::on_network(&quota, limits()).await;
    let (socket, address) = guest.listen().await.unwrap();
    assert_eq!(guest.try_accept(socket).await.map(|_| ()), Err(ErrorCode::WouldBlock));
    let client = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"hello").await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        answer
    };
    let serve = async {
        let line = guest.accept(socket).await.unwrap();
        assert_eq!(guest.hear(line, 100).await.unwrap(), b"hello");
        guest.say(line, b"goodbye").await.unwrap();
        guest.hang_up(line).await;
    };
    let (answer, ()) = tokio::join!(client, serve);
    assert_eq!(answer, b"goodbye");
}

#[tokio::test]
async fn sockets_are_refused_unless_the_host_has_switched_them_on() {
    let quota = on_loopback(ResourceQuota::new()).build().unwrap();
    let off = WasiQuota::builder(quota.component().clone()).udp().build().unwrap();
    let mut guest = Guest::on_network(&off, limits()).await;
    assert_eq!(guest.tcp_socket().await.map(|_| ()), Err(ErrorCode::AccessDenied));
    let usage = guest.store.data().quota.as_ref().unwrap().usage();
    assert_eq!(usage.refused_services(Service::Tcp), 1);
    assert_eq!(usage.peak_sockets(), 0);
    let _ = Cut::Closed;
}
