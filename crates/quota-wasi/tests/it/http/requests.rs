//! Requests and their answers, where nothing stands in the way.

use limits_core::{CapabilitySet, Permission, ResourceQuota};
use quota_enforce::{ComponentHandle, QuotaRegistry, SecurityContext};
use quota_wasi::{HttpOptions, Service, WasiQuota};
use wasmtime_wasi_http::p2::bindings::http::types::{Method, Scheme};

use super::ask::Ask;
use super::server::Server;
use crate::guest::Guest;
use crate::host::limits;

const HELLO: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nx-of: server\r\n\r\nhello";

/// A component that may connect to what the operator's patterns match.
pub(crate) fn component(connect: &[&str], quota: ResourceQuota) -> ComponentHandle {
    let mut set = CapabilitySet::new();
    for pattern in connect {
        set.grant(Permission::NetworkConnect, pattern).unwrap();
    }
    let context = SecurityContext::with_quota("guest", set.by_operator(), quota);
    QuotaRegistry::new().register(context).unwrap()
}

/// A component that may make requests to the host itself.
pub(crate) fn local() -> WasiQuota {
    let component = component(&["127.0.0.1:*", "[::1]:*"], ResourceQuota::new());
    WasiQuota::builder(component).http(HttpOptions::new()).build().unwrap()
}

#[tokio::test]
async fn a_request_has_an_answer() {
    let server = Server::answering(HELLO);
    let mut guest = Guest::of_http(&local(), limits()).await;
    let ask = Ask::http(server.address).path("/a?b=c").header("x-of", "guest");
    let answer = guest.fetch(ask).await.unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (200, b"hello".as_slice()));
    assert_eq!((answer.header("x-of"), answer.broken.clone()), (Some("server"), None));
    let expected =
        format!("GET /a?b=c HTTP/1.1\r\nhost: {}\r\nx-of: guest\r\n\r\n", server.address);
    assert_eq!(server.requests(), [expected]);
    assert_eq!(guest.usage().requests(), 1);
}

#[tokio::test]
async fn a_body_is_sent_with_its_length_or_in_pieces() {
    let server = Server::run(|peer| {
        while let Some(head) = peer.head()? {
            let body = if head.contains("transfer-encoding: chunked") {
                peer.chunked()?
            } else {
                let mut body = Vec::new();
                while body.len() < 100_000 {
                    peer.more()?;
                    body.extend(peer.taken());
                }
                body
            };
            let length = body.len();
            peer.send(format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n"))?;
            peer.send(body)?;
        }
        Ok(())
    });
    let body: Vec<u8> = (0..100_000_u32).map(|at| at.to_le_bytes()[0]).collect();
    let mut guest = Guest::of_http(&local(), limits()).await;
    let in_pieces = Ask::http(server.address).body(&body);
    for ask in [in_pieces.clone(), in_pieces.header("content-length", "100000")] {
        let answer = guest.fetch(ask).await.unwrap();
        assert_eq!((answer.status, answer.body == body, answer.broken), (200, true, None));
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_host_that_has_not_switched_http_on_refuses_it() {
    let server = Server::answering(HELLO);
    let component = component(&["127.0.0.1:*"], ResourceQuota::new());
    let quota = WasiQuota::builder(component).tcp().build().unwrap();
    let mut guest = Guest::of_http(&quota, limits()).await;
    let answer = guest.fetch(Ask::http(server.address)).await;
    assert_eq!(answer, Err("ErrorCode::HttpRequestDenied".to_owned()));
    assert_eq!(guest.usage().refused_services(Service::Http), 1);
    assert_eq!((server.connections(), guest.usage().requests()), (0, 0));
}

#[tokio::test]
async fn methods_that_are_no_requests_are_refused() {
    let server = Server::answering(HELLO);
    let mut guest = Guest::of_http(&local(), limits()).await;
    for method in [Method::Connect, Method::Other("CONNECT".to_owned())] {
        let answer = guest.fetch(Ask::http(server.address).method(method)).await;
        assert_eq!(answer, Err("ErrorCode::HttpRequestMethodInvalid".to_owned()));
    }
    let ftp = Some(Scheme::Other("ftp".to_owned()));
    let answer = guest.fetch(Ask { scheme: ftp, ..Ask::http(server.address) }).await;
    assert_eq!(answer, Err("ErrorCode::HttpProtocolError".to_owned()));
    assert_eq!(server.connections(), 0);
}
