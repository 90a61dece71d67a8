//! Requests and their answers, where nothing stands in the way.

use limits_core::ResourceQuota;
use quota_wasi::{Service, WasiQuota};
use wasmtime_wasi_http::p2::bindings::http::types::{Method, Scheme};

use super::ask::Ask;
use super::server::{HELLO, Server};
use super::setup::{component, local};
use crate::guest::Guest;
use crate::host::limits;

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

/// GHSA-f8mm-ggr3-89wh: over HTTP/2, which this client does not speak, each took host memory.
#[tokio::test]
async fn empty_writes_to_a_body_neither_pile_up_nor_end_it() {
    let server = Server::run(|peer| {
        while peer.head()?.is_some() {
            let body = peer.chunked()?;
            peer.send(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len()))?;
            peer.send(body)?;
        }
        Ok(())
    });
    let mut guest = Guest::of_http(&local(), limits()).await;
    let (response, body) = guest.start(Ask::http(server.address).body(b"x")).await.unwrap();
    let (body, _) = body.unwrap();
    let stream = guest.body_stream(body).await;
    for _ in 0..1_000 {
        assert!(guest.write_part(stream, b"").await);
    }
    assert!(guest.write_part(stream, b"text").await);
    guest.drop_any(stream).await;
    guest.finish(body).await;
    let response = guest.response(response).await.unwrap();
    assert_eq!(guest.answer(response).await.body, b"text");
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

#[tokio::test]
async fn an_answer_without_a_body_has_none() {
    let server = Server::run(|peer| {
        while let Some((head, _)) = peer.request()? {
            let status = if head.starts_with("HEAD") { "200 OK" } else { "204 No Content" };
            let length = if head.starts_with("HEAD") { "content-length: 99999\r\n" } else { "" };
            peer.send(format!("HTTP/1.1 {status}\r\n{length}\r\n"))?;
        }
        Ok(())
    });
    let mut guest = Guest::of_http(&local(), limits().max_response_bytes(10)).await;
    let head = guest.fetch(Ask::http(server.address).method(Method::Head)).await.unwrap();
    assert_eq!((head.status, head.header("content-length")), (200, Some("99999")));
    let got = guest.fetch(Ask::http(server.address)).await.unwrap();
    assert_eq!((head.body.len(), got.status, got.body.len()), (0, 204, 0));
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn pieces_and_trailers_reach_the_guest() {
    let server = Server::answering(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n\
         3\r\nabc\r\n2\r\nde\r\n0\r\nx-sum: 5\r\n\r\n",
    );
    let mut guest = Guest::of_http(&local(), limits()).await;
    for _ in 0..2 {
        let (response, _) = guest.start(Ask::http(server.address)).await.unwrap();
        let response = guest.response(response).await.unwrap();
        let body = guest.open_body(response).await;
        guest.drop_any(response).await;
        assert_eq!(guest.read_body(&body).await, (b"abcde".to_vec(), None));
        let trailers = guest.trailers(body).await.unwrap();
        assert_eq!(trailers, Some(vec![("x-sum".to_owned(), "5".to_owned())]));
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_request_without_a_path_is_one_of_the_root() {
    let server = Server::answering(HELLO);
    let mut guest = Guest::of_http(&local(), limits()).await;
    for path in [None, Some("?a=b".to_owned())] {
        let answer = guest.fetch(Ask { path, ..Ask::http(server.address) }).await.unwrap();
        assert_eq!(answer.status, 200);
    }
    let lines: Vec<_> = server.requests().iter().map(|it| it[..12].to_owned()).collect();
    assert_eq!(lines, ["GET / HTTP/1", "GET /?a=b HT"]);
}

#[tokio::test]
async fn fields_that_frame_a_message_are_not_the_guests() {
    let server = Server::answering(HELLO);
    let mut guest = Guest::of_http(&local(), limits()).await;
    for name in [
        "Host",
        "connection",
        "keep-alive",
        "transfer-encoding",
        "upgrade",
        "proxy-connection",
        "proxy-authorization",
        "http2-settings",
    ] {
        let answer = guest.fetch(Ask::http(server.address).header(name, "x")).await;
        assert_eq!(answer, Err(format!("{name}: HeaderError::Forbidden")));
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_switch_of_protocols_is_refused() {
    let server = Server::answering("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n");
    let mut guest = Guest::of_http(&local(), limits()).await;
    let answer = guest.fetch(Ask::http(server.address)).await;
    assert!(
        matches!(
            answer.as_ref().map_err(String::as_str),
            Err("ErrorCode::HttpUpgradeFailed" | "ErrorCode::HttpProtocolError")
        ),
        "{answer:?}"
    );
}

#[tokio::test]
async fn a_response_that_is_broken_off_has_a_code() {
    let short = Server::run(|peer| {
        peer.request()?;
        peer.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello")
    });
    let no_head = Server::run(|peer| {
        peer.request()?;
        peer.send("HTTP/1.1 200")
    });
    let no_http = Server::run(|peer| {
        peer.request()?;
        peer.send("SSH-2.0-x\r\n\r\n")
    });
    let mut guest = Guest::of_http(&local(), limits()).await;
    let answer = guest.fetch(Ask::http(short.address)).await.unwrap();
    assert_eq!(answer.body, b"hello");
    assert_eq!(answer.broken.as_deref(), Some("ErrorCode::HttpResponseIncomplete"));
    let answer = guest.fetch(Ask::http(no_head.address)).await;
    assert_eq!(answer, Err("ErrorCode::HttpResponseIncomplete".to_owned()));
    let answer = guest.fetch(Ask::http(no_http.address)).await;
    assert_eq!(answer, Err("ErrorCode::HttpProtocolError".to_owned()));
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let answer = guest.fetch(Ask::http(closed)).await;
    assert_eq!(answer, Err("ErrorCode::ConnectionRefused".to_owned()));
}
