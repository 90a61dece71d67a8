//! The bytes of requests in the bill of the component.

use core::time::Duration;
use std::time::Instant;

use limits_core::{RatePolicy, ResourceQuota};
use quota_wasi::WasiQuota;

use super::ask::Ask;
use super::server::{HELLO, Server};
use super::setup::requester;
use crate::guest::Guest;
use crate::host::limits;

/// A quota of one long window.
fn bytes(bytes: u64) -> ResourceQuota {
    ResourceQuota::new().with_network_bandwidth(bytes).with_reset_period(Duration::from_secs(3_600))
}

fn used(quota: &WasiQuota) -> u64 {
    quota.component().usage().network_bandwidth_used
}

#[tokio::test]
async fn the_bill_is_what_the_server_saw_on_its_socket() {
    let server = Server::answering(format!(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n186a0\r\n{}\r\n0\r\n\r\n",
        "a".repeat(100_000)
    ));
    let quota = requester(&["127.0.0.1:*"], bytes(1 << 40)).build().unwrap();
    let mut guest = Guest::of_http(&quota, limits()).await;
    let ask = || Ask::http(server.address).header("content-length", "50000").body(&[7; 50_000]);
    for _ in 0..2 {
        let answer = guest.fetch(ask()).await.unwrap();
        assert_eq!((answer.body.len(), answer.broken), (100_000, None));
    }
    let (sent, received) = server.bytes();
    let usage = guest.usage();
    assert_eq!((usage.sent_bytes(), usage.received_bytes()), (sent, received));
    assert_eq!(used(&quota), sent + received);
    assert!(sent > 100_000 && received > 200_000);
    // An execution that is dropped leaves nothing taken.
    drop(guest);
    assert_eq!(used(&quota), sent + received);
}

#[tokio::test]
async fn a_quota_that_denies_ends_a_response_with_its_numbers() {
    let server = Server::answering(format!(
        "HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n{}",
        "a".repeat(100_000)
    ));
    let builder = requester(&["127.0.0.1:*"], bytes(50_000)).network_policy(RatePolicy::Deny);
    let quota = builder.build().unwrap();
    let mut guest = Guest::of_http(&quota, limits()).await;
    let text = match guest.fetch(Ask::http(server.address)).await {
        Ok(answer) => answer.broken.unwrap(),
        Err(text) => text,
    };
    assert!(text.starts_with("ErrorCode::InternalError(Some("), "{text}");
    assert!(text.contains("50000") && text.contains("network bandwidth"), "{text}");
    assert!(used(&quota) <= 50_000);
    let next = guest.fetch(Ask::http(server.address)).await.unwrap_err();
    assert!(next.contains("50000"), "{next}");
}

#[tokio::test]
async fn a_quota_of_nothing_lets_nothing_pass() {
    let server = Server::answering(HELLO);
    let quota = requester(&["127.0.0.1:*"], bytes(0)).build().unwrap();
    let mut guest = Guest::of_http(&quota, limits()).await;
    let text = guest.fetch(Ask::http(server.address)).await.unwrap_err();
    assert!(text.starts_with("ErrorCode::InternalError(Some("), "{text}");
    assert_eq!((server.bytes(), used(&quota)), ((0, 0), 0));
}

#[tokio::test]
async fn a_throttled_response_loses_nothing() {
    let server = Server::answering(format!(
        "HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n{}",
        "a".repeat(100_000)
    ));
    let rate = ResourceQuota::new()
        .with_network_bandwidth(40_000_u64)
        .with_reset_period(Duration::from_millis(500));
    let quota = requester(&["127.0.0.1:*"], rate).build().unwrap();
    let mut guest = Guest::of_http(&quota, limits().idle_timeout_ms(1_000)).await;
    let start = Instant::now();
    let answer = guest.fetch(Ask::http(server.address)).await.unwrap();
    assert_eq!((answer.body.len(), answer.broken), (100_000, None));
    // More than two windows' bytes take more than one window.
    assert!(start.elapsed() >= Duration::from_millis(500), "{:?}", start.elapsed());
}
