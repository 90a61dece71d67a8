//! TCP sockets of guests against servers and clients on the loopback.

use limits_core::{CapabilitySet, Permission};
use quota_enforce::SecurityContext;
use quota_wasi::{Service, WasiQuota};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use wasmtime_wasi::p2::bindings::sockets::network::ErrorCode;

use crate::guest::Guest;
use crate::host::limits;
use crate::loopback::{everything, registry, server, unlimited, usage, used, with_tcp};
use crate::tcp_guest::{Cut, SEND};

#[tokio::test]
async fn a_guest_connects_and_talks() {
    let (listener, address) = server().await;
    let quota = with_tcp(unlimited()).build().unwrap();
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
        guest.tcp_set("tcp-shutdown", line.socket, SEND).await.unwrap();
        assert_eq!(guest.hear_all(line).await.unwrap(), [7; 100_000]);
        guest.hang_up(line).await;
    };
    tokio::join!(echo, talk);
    let usage = usage(&guest);
    assert_eq!((usage.sent_bytes(), usage.received_bytes()), (100_000, 100_000));
    assert_eq!(used(&quota), 200_000);
}

#[tokio::test]
async fn a_guest_listens_and_accepts() {
    let quota = with_tcp(unlimited()).build().unwrap();
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
async fn a_guest_talks_to_itself_in_both_families() {
    let quota = with_tcp(unlimited()).build().unwrap();
    let mut guest = Guest::on_network(&quota, limits()).await;
    let (socket, address) = guest.listen().await.unwrap();
    let client = guest.connect(address).await.unwrap();
    let served = guest.accept(socket).await.unwrap();
    // All at once, in parts that the kernel does not take all of.
    let bytes: Vec<u8> = (0..300_000_u32).map(|at| u8::try_from(at % 251).unwrap()).collect();
    let (mut sent, mut heard) = (0, Vec::new());
    while heard.len() < bytes.len() {
        while sent < bytes.len() && guest.room(client).await.unwrap() > 0 {
            sent += guest.say_some(client, &bytes[sent..]).await.unwrap();
        }
        heard.extend(guest.hear(served, 50_000).await.unwrap());
    }
    assert_eq!(heard, bytes);
    assert_eq!(used(&quota), 600_000);
}

#[tokio::test]
async fn bytes_are_spliced_from_one_line_to_another() {
    let quota = with_tcp(unlimited()).build().unwrap();
    let mut guest = Guest::on_network(&quota, limits()).await;
    let (socket, address) = guest.listen().await.unwrap();
    let client = guest.connect(address).await.unwrap();
    let served = guest.accept(socket).await.unwrap();
    guest.say(client, b"there and back").await.unwrap();
    guest.wait_on("input-subscribe", served.input).await;
    assert_eq!(guest.splice_line(served, 100).await, Ok(14));
    assert_eq!(guest.hear(client, 100).await.unwrap(), b"there and back");
    assert_eq!(guest.splice_line(served, 100).await, Ok(0));
    // The bytes that a stream was told it may write are held for it.
    guest.hang_up(served).await;
    assert_eq!(used(&quota), 14 * 4);
}

#[tokio::test]
async fn sockets_are_refused_unless_the_host_has_switched_them_on() {
    let quota = with_tcp(unlimited()).build().unwrap();
    let off = WasiQuota::builder(quota.component().clone()).udp().build().unwrap();
    let mut guest = Guest::on_network(&off, limits()).await;
    assert_eq!(guest.tcp_socket().await.map(|_| ()), Err(ErrorCode::AccessDenied));
    assert_eq!(usage(&guest).refused_services(Service::Tcp), 1);
    assert_eq!(usage(&guest).peak_sockets(), 0);
}

#[tokio::test]
async fn capabilities_decide_and_a_revocation_holds_from_the_next_connect_on() {
    let (listener, address) = server().await;
    let (_other, elsewhere) = server().await;
    let registry = registry();
    let set = crate::network::capabilities(&[
        (Permission::NetworkConnect, &address.to_string()),
        (Permission::NetworkBind, "127.0.0.1:*"),
    ]);
    let component = registry.register(SecurityContext::new("guest", set)).unwrap();
    let quota = WasiQuota::builder(component.clone()).tcp().build().unwrap();
    let mut guest = Guest::on_network(&quota, limits()).await;
    let line = guest.connect(address).await.unwrap();
    let denied = Err(ErrorCode::AccessDenied);
    assert_eq!(guest.connect(elsewhere).await.map(|_| ()), denied);
    // It may bind there, and not listen. What the system chooses is free.
    assert_eq!(guest.listen().await.map(|_| ()), denied);
    let socket = guest.tcp_socket().await.unwrap();
    let local = "127.0.0.2:0".parse().unwrap();
    assert_eq!(guest.tcp_to("tcp-start-bind", socket, local).await, denied);
    let any = "0.0.0.0:0".parse().unwrap();
    assert_eq!(guest.tcp_to("tcp-start-bind", socket, any).await, Ok(()));
    assert_eq!(component.denials().by_capability(), 3);
    // The line that it has stays; the next one is refused.
    registry.set_capabilities("guest", &CapabilitySet::new()).unwrap();
    assert_eq!(guest.connect(address).await.map(|_| ()), denied);
    let (mut peer, _) = listener.accept().await.unwrap();
    guest.say(line, b"still here").await.unwrap();
    let mut heard = [0; 10];
    peer.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"still here");
    registry.set_capabilities("guest", &everything()).unwrap();
    assert!(guest.connect(address).await.is_ok());
}

#[tokio::test]
async fn a_peer_that_resets_ends_the_streams_only() {
    let (listener, address) = server().await;
    let quota = with_tcp(unlimited()).build().unwrap();
    let mut guest = Guest::on_network(&quota, limits()).await;
    let line = guest.connect(address).await.unwrap();
    let (peer, _) = listener.accept().await.unwrap();
    peer.set_zero_linger().unwrap();
    drop(peer);
    let reset = String::from("Connection reset by peer (os error 104)");
    assert_eq!(guest.hear(line, 10).await, Err(Cut::Failed(reset)));
    assert_eq!(guest.hear(line, 10).await, Err(Cut::Closed));
    assert_eq!(guest.say(line, b"hello?").await, Err(Cut::Closed));
    guest.hang_up(line).await;
    assert!(guest.connect(address).await.is_ok());
}
