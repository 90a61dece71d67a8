//! Bodies of requests that were not sent: a guest writes them to their ends, and then reads why.

use limits_core::ResourceQuota;

use super::ask::Ask;
use super::server::{HELLO, Server};
use super::setup::{local, requester};
use crate::guest::Guest;
use crate::host::limits;

/// Begins a request, and writes its body part by part after the failure is there.
async fn write_and_read_why(guest: &mut Guest, ask: Ask) -> String {
    let (response, body) = guest.start(ask.body(b"")).await.unwrap();
    let (body, _) = body.unwrap();
    guest.wait_on("response-subscribe", response).await;
    let stream = guest.body_stream(body).await;
    for _ in 0..64 {
        // Regression: it failed, and a guest of componentize-js ended.
        assert!(guest.write_part(stream, &[7; 4_096]).await);
    }
    guest.drop_any(stream).await;
    guest.finish(body).await;
    guest.response(response).await.unwrap_err()
}

#[tokio::test]
async fn a_guest_writes_the_body_of_a_refused_request_and_reads_why() {
    let server = Server::answering(HELLO);
    let quota = requester(&["10.0.0.0/8:*"], ResourceQuota::new()).build().unwrap();
    let mut guest = Guest::of_http(&quota, limits()).await;
    let why = write_and_read_why(&mut guest, Ask::http(server.address)).await;
    assert_eq!(why, "ErrorCode::HttpRequestDenied");
    assert_eq!((server.connections(), guest.usage().sent_bytes()), (0, 0));
}

#[tokio::test]
async fn a_guest_writes_the_body_of_a_request_that_no_server_takes() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut guest = Guest::of_http(&local(), limits()).await;
    let why = write_and_read_why(&mut guest, Ask::http(closed)).await;
    assert_eq!(why, "ErrorCode::ConnectionRefused");
}
