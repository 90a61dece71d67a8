//! Connections that are kept for later requests, and those that are not.

use core::time::Duration;
use std::sync::mpsc;

use limits_core::ResourceQuota;
use quota_enforce::{QuotaRegistry, SecurityContext};
use quota_wasi::{HttpOptions, WasiQuota};

use super::ask::Ask;
use super::server::{HELLO, Server};
use super::setup::{local, operator};
use crate::guest::Guest;
use crate::host::limits;

async fn get(guest: &mut Guest, server: &Server) -> Result<u16, String> {
    guest.fetch(Ask::http(server.address)).await.map(|answer| answer.status)
}

#[tokio::test]
async fn executions_of_a_component_use_one_connection_in_turn() {
    let server = Server::answering(HELLO);
    let quota = local();
    for _ in 0..3 {
        let mut guest = Guest::of_http(&quota, limits()).await;
        for _ in 0..3 {
            assert_eq!(get(&mut guest, &server).await, Ok(200));
        }
    }
    assert_eq!((server.connections(), server.requests().len()), (1, 9));
}

#[tokio::test]
async fn a_component_uses_no_connection_of_another() {
    let server = Server::answering(HELLO);
    for _ in 0..2 {
        let mut guest = Guest::of_http(&local(), limits()).await;
        assert_eq!(get(&mut guest, &server).await, Ok(200));
    }
    assert_eq!(server.connections(), 2);
}

#[test]
fn a_runtime_uses_no_connection_of_another() {
    // I73.
    let server = Server::answering(HELLO);
    let quota = local();
    for _ in 0..2 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let twice = async {
            let mut guest = Guest::of_http(&quota, limits()).await;
            assert_eq!(get(&mut guest, &server).await, Ok(200));
            assert_eq!(get(&mut guest, &server).await, Ok(200));
        };
        runtime.block_on(twice);
        // The runtime goes on to exist: its connection is open.
        core::mem::forget(runtime);
    }
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_connection_that_the_server_has_closed_is_not_used() {
    for last_words in ["", "HTTP/1.1 408 Request Timeout\r\n\r\n"] {
        let (closed, is_closed) = mpsc::channel();
        let server = Server::run(move |peer| {
            peer.request()?;
            peer.send(HELLO)?;
            peer.send(last_words)?;
            peer.stream.shutdown(std::net::Shutdown::Both)?;
            let _untold = closed.send(());
            Ok(())
        });
        let mut guest = Guest::of_http(&local(), limits()).await;
        for requests in 1..5 {
            assert_eq!(get(&mut guest, &server).await, Ok(200), "{last_words}");
            is_closed.recv().unwrap();
            assert_eq!(server.connections(), requests);
        }
    }
}

#[tokio::test]
async fn a_request_that_was_sent_is_not_sent_again() {
    let server = Server::run(|peer| {
        peer.request()?;
        peer.send(HELLO)?;
        // The second request of the connection is read, and not answered.
        peer.request()?;
        Ok(())
    });
    let mut guest = Guest::of_http(&local(), limits()).await;
    assert_eq!(get(&mut guest, &server).await, Ok(200));
    let answer = get(&mut guest, &server).await;
    assert_eq!(answer, Err("ErrorCode::HttpResponseIncomplete".to_owned()));
    assert_eq!((server.connections(), server.requests().len()), (1, 2));
}

#[tokio::test]
async fn a_connection_is_kept_after_whole_requests_and_responses_only() {
    // I73.
    let server = Server::answering(HELLO);
    let quota = local();
    let mut guest = Guest::of_http(&quota, limits()).await;
    // The response's body is not read.
    let (response, _) = guest.start(Ask::http(server.address)).await.unwrap();
    let response = guest.response(response).await.unwrap();
    guest.drop_any(response).await;
    assert_eq!(get(&mut guest, &server).await, Ok(200));
    assert_eq!(server.connections(), 2);
    // The request's body is not sent to its end.
    let early = Server::run(|peer| {
        while peer.head()?.is_some() {
            peer.send(HELLO)?;
        }
        Ok(())
    });
    let (response, body) = guest.start(Ask::http(early.address).body(b"a")).await.unwrap();
    let response = guest.response(response).await.unwrap();
    assert_eq!(guest.answer(response).await.body, b"hello");
    assert_eq!(get(&mut guest, &early).await, Ok(200));
    assert_eq!(early.connections(), 2);
    guest.drop_any(body.unwrap().0).await;
    // The server does not want it kept.
    let close =
        Server::answering("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 1\r\n\r\na");
    for _ in 0..2 {
        assert_eq!(get(&mut guest, &close).await, Ok(200));
    }
    assert_eq!(close.connections(), 2);
}

#[tokio::test]
async fn the_number_of_kept_connections_is_bounded() {
    // I74.
    let servers: Vec<_> = (0..17).map(|_| Server::answering(HELLO)).collect();
    let mut guest = Guest::of_http(&local(), limits()).await;
    for server in &servers {
        assert_eq!(get(&mut guest, server).await, Ok(200));
    }
    for server in servers.iter().rev() {
        assert_eq!(get(&mut guest, server).await, Ok(200));
    }
    let connections: Vec<_> = servers.iter().map(Server::connections).collect();
    let expected: Vec<u64> = core::iter::once(2).chain([1; 16]).collect();
    assert_eq!(connections, expected);
}

#[tokio::test]
async fn a_connection_is_kept_for_ten_seconds() {
    // I74.
    let (gone, is_gone) = mpsc::channel();
    let server = Server::run(move |peer| {
        while peer.request()?.is_some() {
            peer.send(HELLO)?;
        }
        // The test may be over.
        let _untold = gone.send(peer.number);
        Ok(())
    });
    let mut guest = Guest::of_http(&local(), limits()).await;
    let pass = |seconds| async move {
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(seconds)).await;
        tokio::time::resume();
    };
    for _ in 0..3 {
        assert_eq!(get(&mut guest, &server).await, Ok(200));
        pass(9).await;
    }
    assert_eq!(server.connections(), 1);
    pass(2).await;
    // The runtime has to run for its tasks to end.
    let gone = tokio::task::spawn_blocking(move || is_gone.recv()).await.unwrap();
    assert_eq!(gone, Ok(1));
    assert_eq!(get(&mut guest, &server).await, Ok(200));
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_revocation_binds_the_next_request_of_a_kept_connection() {
    // I73.
    let server = Server::answering(HELLO);
    let registry = QuotaRegistry::new();
    let reach = operator(&["127.0.0.1:*"]);
    let context = SecurityContext::with_quota("guest", reach, ResourceQuota::new());
    let component = registry.register(context).unwrap();
    let quota = WasiQuota::builder(component).http(HttpOptions::new()).build().unwrap();
    let mut guest = Guest::of_http(&quota, limits()).await;
    assert_eq!(get(&mut guest, &server).await, Ok(200));
    registry.set_capabilities("guest", &operator(&["192.0.2.1:80"])).unwrap();
    let refused = get(&mut guest, &server).await;
    assert!(
        matches!(
            refused.as_ref().map_err(String::as_str),
            Err("ErrorCode::HttpRequestDenied" | "ErrorCode::DestinationIpProhibited")
        ),
        "{refused:?}"
    );
    assert_eq!((server.connections(), server.requests().len()), (1, 1));
    registry.set_capabilities("guest", &operator(&["127.0.0.1:*"])).unwrap();
    assert_eq!(get(&mut guest, &server).await, Ok(200));
    assert_eq!(server.connections(), 1);
}
