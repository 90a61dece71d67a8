//! The bounds of sockets.

use wasmtime::component::ResourceAny;
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, IpAddressFamily, IpSocketAddress};
use wasmtime_wasi::p2::bindings::sockets::udp::OutgoingDatagram;

use super::with_udp;
use crate::guest::Guest;
use crate::host::limits;
use crate::network::{Answered, connecting};

#[tokio::test]
async fn sockets_are_bounded_until_their_last_handle_is_dropped() {
    let quota = with_udp(connecting(&["127.0.0.0/8:*"]));
    let mut guest = Guest::on_network(&quota, limits().max_sockets(2)).await;
    let usage = guest.usage();
    let full = Err(ErrorCode::NewSocketLimit);
    let one = guest.datagrams().await;
    let other = guest.udp_socket(IpAddressFamily::Ipv4).await.unwrap();
    for family in [IpAddressFamily::Ipv4, IpAddressFamily::Ipv6] {
        assert_eq!(guest.udp_socket(family).await.map(|_| ()), full);
    }
    guest.drop_any(one.incoming).await;
    guest.drop_any(one.outgoing).await;
    assert_eq!(guest.udp_socket(IpAddressFamily::Ipv4).await.map(|_| ()), full);
    guest.drop_any(one.socket).await;
    let third = guest.udp_socket(IpAddressFamily::Ipv4).await.unwrap();
    guest.drop_any(other).await;
    guest.drop_any(third).await;
    assert_eq!((usage.peak_sockets(), usage.refused_sockets()), (2, 3));
}

#[tokio::test]
async fn buffers_are_no_larger_than_their_bound() {
    const MOST: u64 = 16_384;
    let quota = with_udp(connecting(&[]));
    let mut guest = Guest::on_network(&quota, limits().max_socket_buffer_bytes(MOST)).await;
    let socket = guest.udp_socket(IpAddressFamily::Ipv4).await.unwrap();
    for (get, set) in [
        ("udp-receive-buffer", "udp-set-receive-buffer"),
        ("udp-send-buffer", "udp-set-send-buffer"),
    ] {
        let size: Answered<u64> = guest.call(get, (socket,)).await;
        assert!(size.unwrap() <= MOST);
        let set_to: Answered<()> = guest.call(set, (socket, u64::MAX)).await;
        assert_eq!(set_to, Ok(()));
        let size: Answered<u64> = guest.call(get, (socket,)).await;
        assert_eq!(size, Ok(MOST));
    }
}

#[tokio::test]
async fn a_guest_that_sends_more_than_it_was_told_to_traps() {
    let quota = with_udp(connecting(&["**"]));
    let mut guest = Guest::on_network(&quota, limits()).await;
    let udp = guest.datagrams().await;
    let datagram = OutgoingDatagram { data: Vec::new(), remote_address: None };
    let params = (udp.outgoing, vec![datagram]);
    let ended = guest.try_call::<_, Answered<u64>>("udp-send", params).await;
    let text = ended.unwrap_err().root_cause().to_string();
    assert_eq!(text, "unpermitted: argument exceeds permitted size");
}

#[tokio::test]
async fn a_guest_that_asks_for_streams_twice_traps() {
    let quota = with_udp(connecting(&["**"]));
    let mut guest = Guest::on_network(&quota, limits()).await;
    let udp = guest.datagrams().await;
    let params = (udp.socket, None::<IpSocketAddress>);
    let ended =
        guest.try_call::<_, Answered<(ResourceAny, ResourceAny)>>("udp-stream", params).await;
    let text = ended.unwrap_err().root_cause().to_string();
    assert_eq!(text, "UDP streams not dropped yet");
}
