//! The limits of TCP sockets, each met by a guest.

use core::time::Duration;
use std::net::TcpStream as Blocking;

use limits_core::ResourceLimitsBuilder;
use rustix::net::sockopt;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::Instant;
use wasmtime_wasi::p2::bindings::sockets::network::ErrorCode;

use crate::guest::Guest;
use crate::host::limits;
use crate::loopback::{server, unlimited, usage, with_tcp};

async fn guest(limits: ResourceLimitsBuilder) -> Guest {
    Guest::on_network(&with_tcp(unlimited()).build().unwrap(), limits).await
}

/// A listener whose queue is full: the system answers no further client.
async fn black_hole() -> (TcpListener, Vec<TcpStream>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut clients = Vec::new();
    loop {
        let connect = TcpStream::connect(address);
        match tokio::time::timeout(Duration::from_millis(50), connect).await {
            Ok(client) => clients.push(client.unwrap()),
            Err(_) => return (listener, clients),
        }
    }
}

#[tokio::test]
async fn sockets_are_counted_until_they_and_their_streams_are_gone() {
    // I50.
    let (_listener, address) = server().await;
    let mut guest = guest(limits().max_sockets(2)).await;
    let first = guest.connect(address).await.unwrap();
    let second = guest.tcp_socket().await.unwrap();
    let none_left = Err(ErrorCode::NewSocketLimit);
    assert_eq!(guest.tcp_socket().await.map(|_| ()), none_left);
    guest.drop_any(second).await;
    let second = guest.tcp_socket().await.unwrap();
    // The streams of a socket come before it, and the last gives its slot back.
    guest.drop_any(first.input).await;
    guest.drop_any(first.output).await;
    assert_eq!(guest.tcp_socket().await.map(|_| ()), none_left);
    guest.drop_any(first.socket).await;
    let third = guest.tcp_socket().await.unwrap();
    assert_eq!((usage(&guest).peak_sockets(), usage(&guest).refused_sockets()), (2, 2));
    // A connect that fails gives it back as well.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let refused = guest.connect_on(second, closed).await.map(|_| ());
    assert_eq!(refused, Err(ErrorCode::ConnectionRefused));
    assert!(guest.tcp_socket().await.is_ok());
    let _ = third;
}

#[tokio::test]
async fn datagram_sockets_and_streams_share_one_number() {
    use wasmtime_wasi::p2::bindings::sockets::network::IpAddressFamily;
    let quota = with_tcp(unlimited()).udp().build().unwrap();
    let mut guest = Guest::on_network(&quota, limits().max_sockets(2)).await;
    let tcp = guest.tcp_socket().await.unwrap();
    guest.udp_socket(IpAddressFamily::Ipv4).await.unwrap();
    let none_left = Err(ErrorCode::NewSocketLimit);
    assert_eq!(guest.tcp_socket().await.map(|_| ()), none_left);
    assert_eq!(guest.udp_socket(IpAddressFamily::Ipv4).await.map(|_| ()), none_left);
    guest.drop_any(tcp).await;
    assert!(guest.udp_socket(IpAddressFamily::Ipv4).await.is_ok());
}

#[tokio::test]
async fn a_guest_that_opens_sockets_for_ever_holds_as_many_as_it_may() {
    let mut guest = guest(limits().max_sockets(5)).await;
    let mut sockets = Vec::new();
    for _ in 0..1_000 {
        match guest.tcp_socket().await {
            Ok(socket) => sockets.push(socket),
            Err(code) => assert_eq!(code, ErrorCode::NewSocketLimit),
        }
    }
    assert_eq!(sockets.len(), 5);
    assert_eq!((usage(&guest).peak_sockets(), usage(&guest).refused_sockets()), (5, 995));
}

#[tokio::test]
async fn a_connection_that_may_not_be_accepted_waits_for_a_slot() {
    let mut guest = guest(limits().max_sockets(2)).await;
    let (socket, address) = guest.listen().await.unwrap();
    let mut clients = [TcpStream::connect(address).await.unwrap(), {
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"second").await.unwrap();
        client
    }];
    let first = guest.accept(socket).await.unwrap();
    assert_eq!(guest.accept(socket).await.map(|_| ()), Err(ErrorCode::NewSocketLimit));
    guest.hang_up(first).await;
    let second = guest.accept(socket).await.unwrap();
    assert_eq!(guest.hear(second, 10).await.unwrap(), b"second");
    assert_eq!(clients[0].read(&mut [0]).await.unwrap(), 0);
    // Without a connection that waits, nothing is refused.
    let refused = usage(&guest).refused_sockets();
    assert_eq!(guest.try_accept(socket).await.map(|_| ()), Err(ErrorCode::WouldBlock));
    assert_eq!(usage(&guest).refused_sockets(), refused);
}

#[tokio::test]
async fn a_store_that_is_dropped_closes_its_sockets() {
    let (listener, address) = server().await;
    let mut guest = guest(limits()).await;
    let _line = guest.connect(address).await.unwrap();
    let (mut peer, _) = listener.accept().await.unwrap();
    drop(guest);
    assert_eq!(peer.read(&mut [0]).await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_connect_without_an_answer_times_out() {
    let (listener, _clients) = black_hole().await;
    let mut guest = guest(limits().connect_timeout_ms(1_500)).await;
    let begin = Instant::now();
    let connected = guest.connect(listener.local_addr().unwrap()).await;
    assert_eq!(connected.map(|_| ()), Err(ErrorCode::Timeout));
    assert_eq!(begin.elapsed().as_millis() / 10, 150);
    // Its socket is closed, and the guest goes on.
    let (_listener, address) = server().await;
    assert!(guest.connect(address).await.is_ok());
}

#[tokio::test]
async fn the_kernels_buffers_are_bounded_and_guests_only_lower_them() {
    const MOST: u64 = 100_000;
    let mut guest = guest(limits().max_socket_buffer_bytes(MOST)).await;
    let (socket, address) = guest.listen().await.unwrap();
    let client = guest.connect(address).await.unwrap();
    let served = guest.accept(socket).await.unwrap();
    for of in [socket, client.socket, served.socket] {
        for buffer in ["receive", "send"] {
            let (get, set) = (format!("tcp-{buffer}-buffer"), format!("tcp-set-{buffer}-buffer"));
            assert_eq!(guest.tcp_get::<u64>(&get, of).await, Ok(MOST), "{buffer}");
            guest.tcp_set(&set, of, u64::MAX).await.unwrap();
            assert_eq!(guest.tcp_get::<u64>(&get, of).await, Ok(MOST), "{buffer}");
            guest.tcp_set(&set, of, 50_000_u64).await.unwrap();
            assert_eq!(guest.tcp_get::<u64>(&get, of).await, Ok(50_000), "{buffer}");
        }
    }
}

#[tokio::test]
async fn a_guest_that_never_reads_costs_its_host_the_bounded_buffers() {
    let (listener, address) = server().await;
    let mut guest = guest(limits().max_socket_buffer_bytes(32_768)).await;
    let _line = guest.connect(address).await.unwrap();
    let (peer, _) = listener.accept().await.unwrap();
    sockopt::set_socket_send_buffer_size(&peer, 16_384).unwrap();
    let mut sent = 0;
    while let Ok(bytes) = peer.try_write(&[0; 4_096]) {
        sent += bytes;
    }
    assert!((16_384..400_000).contains(&sent), "{sent}");
}

#[tokio::test]
async fn a_backlog_is_at_most_128() {
    let mut guest = guest(limits()).await;
    let (socket, address) = guest.listen().await.unwrap();
    guest.tcp_set("tcp-set-backlog", socket, 1_000_000_u64).await.unwrap();
    // The system lets one more wait than it was told.
    let mut clients = Vec::new();
    for _ in 0..129 {
        clients.push(Blocking::connect_timeout(&address, Duration::from_secs(5)).unwrap());
    }
    let late = Blocking::connect_timeout(&address, Duration::from_millis(20));
    assert!(late.is_err());
    assert!(guest.accept(socket).await.is_ok());
}
