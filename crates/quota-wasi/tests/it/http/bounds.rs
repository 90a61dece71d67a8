//! Bounds on requests and responses, each of which a guest hits.

use super::ask::Ask;
use super::server::{HELLO, Server};
use super::setup::local;
use crate::guest::Guest;
use crate::host::limits;

fn code(code: &str) -> Result<super::ask::Answer, String> {
    Err(format!("ErrorCode::{code}"))
}

#[tokio::test]
async fn an_execution_makes_as_many_requests_as_it_may() {
    // I71.
    let server = Server::answering(HELLO);
    let quota = local();
    let mut guest = Guest::of_http(&quota, limits().max_requests(2)).await;
    for _ in 0..2 {
        assert_eq!(guest.fetch(Ask::http(server.address)).await.unwrap().status, 200);
    }
    let refused = guest.fetch(Ask::http(server.address)).await;
    assert_eq!(refused, code("InternalError(Some(\"limit of 2 HTTP requests exceeded\"))"));
    let usage = guest.usage();
    assert_eq!((usage.requests(), usage.refused_requests()), (2, 1));
    assert_eq!(server.requests().len(), 2);
    // The next execution has its own.
    let mut guest = Guest::of_http(&quota, limits().max_requests(1)).await;
    assert_eq!(guest.fetch(Ask::http(server.address)).await.unwrap().status, 200);
}

#[tokio::test]
async fn requests_in_flight_are_bounded_and_the_others_wait_their_turn() {
    // I72.
    let server = Server::answering(HELLO);
    let mut guest = Guest::of_http(&local(), limits().max_requests_in_flight(1)).await;
    let (first, _) = guest.start(Ask::http(server.address).path("/1")).await.unwrap();
    let first = guest.response(first).await.unwrap();
    let body = guest.open_body(first).await;
    let mut others = Vec::new();
    for path in ["/2", "/3", "/4"] {
        others.push(guest.start(Ask::http(server.address).path(path)).await.unwrap().0);
    }
    // They would be sent by now.
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(server.requests().len(), 1);
    // The end of a response makes room, and so does its drop.
    assert_eq!(guest.read_body(&body).await, (b"hello".to_vec(), None));
    guest.close_body(body).await;
    let mut responses = Vec::new();
    for other in others {
        let response = guest.response(other).await.unwrap();
        guest.drop_any(response).await;
        responses.push(server.requests().len());
    }
    assert_eq!(responses, [2, 3, 4]);
    let paths: Vec<_> = server.requests().iter().map(|it| it[4..6].to_owned()).collect();
    assert_eq!(paths, ["/1", "/2", "/3", "/4"]);
    let mut guest = Guest::of_http(&local(), limits().max_requests_in_flight(0)).await;
    let refused = guest.fetch(Ask::http(server.address)).await;
    assert_eq!(refused, code("InternalError(Some(\"limit of 0 HTTP requests in flight\"))"));
}

/// A head of as many bytes, with a body of none.
fn head(bytes: usize) -> String {
    let (start, end) = ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx: ", "\r\n\r\n");
    format!("{start}{}{end}", "a".repeat(bytes - start.len() - end.len()))
}

#[tokio::test]
async fn the_bytes_of_a_head_are_bounded() {
    for most in [200_usize, 20_000] {
        let limit = || limits().max_response_head_bytes(u64::try_from(most).unwrap());
        let fits = Server::answering(head(most));
        let mut guest = Guest::of_http(&local(), limit()).await;
        assert_eq!(guest.fetch(Ask::http(fits.address)).await.unwrap().status, 200);
        let large = Server::answering(head(most + 1));
        let refused = guest.fetch(Ask::http(large.address)).await;
        assert_eq!(refused, code(&format!("HttpResponseHeaderSectionSize(Some({most}))")));
    }
}

#[tokio::test]
async fn a_head_without_end_is_refused() {
    let lines = Server::run(|peer| {
        peer.request()?;
        peer.send("HTTP/1.1 200 OK\r\n")?;
        loop {
            peer.send("x: y\r\n")?;
        }
    });
    let line = Server::run(|peer| {
        peer.request()?;
        peer.send("HTTP/1.1 200 OK\r\nx: ")?;
        loop {
            peer.send("yyyyyyyy")?;
        }
    });
    let many = Server::answering(format!(
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n{}\r\n",
        "x: y\r\n".repeat(100)
    ));
    let mut guest = Guest::of_http(&local(), limits().max_response_head_bytes(30_000)).await;
    for server in [lines, line, many] {
        let refused = guest.fetch(Ask::http(server.address)).await;
        assert_eq!(refused, code("HttpResponseHeaderSectionSize(Some(30000))"));
    }
}

#[tokio::test]
async fn the_bytes_of_a_body_are_bounded() {
    let told = |bytes: usize| {
        let body = "a".repeat(bytes);
        Server::answering(format!("HTTP/1.1 200 OK\r\ncontent-length: {bytes}\r\n\r\n{body}"))
    };
    let limit = || limits().max_response_bytes(100_000);
    let mut guest = Guest::of_http(&local(), limit()).await;
    let answer = guest.fetch(Ask::http(told(100_000).address)).await.unwrap();
    assert_eq!((answer.body.len(), answer.broken), (100_000, None));
    // One that tells its length is refused before it is read.
    let answer = guest.fetch(Ask::http(told(100_001).address)).await;
    assert_eq!(answer, code("HttpResponseBodySize(Some(100001))"));
    let endless = Server::run(|peer| {
        peer.request()?;
        peer.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")?;
        loop {
            peer.send("8\r\nabcdefgh\r\n")?;
        }
    });
    let answer = guest.fetch(Ask::http(endless.address)).await.unwrap();
    assert!(answer.body.len() <= 100_000);
    assert_eq!(answer.broken.as_deref(), Some("ErrorCode::HttpResponseBodySize(Some(100000))"));
}

#[tokio::test]
async fn the_bytes_of_trailers_are_bounded() {
    let trailers = |bytes: usize| {
        Server::answering(format!(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\nx: {}\r\n\r\n",
            "y".repeat(bytes)
        ))
    };
    let limit = || limits().max_response_head_bytes(1_000);
    let mut guest = Guest::of_http(&local(), limit()).await;
    let answer = guest.fetch(Ask::http(trailers(900).address)).await.unwrap();
    assert_eq!((answer.body.len(), answer.broken), (1, None));
    for bytes in [1_100, 100_000] {
        let answer = guest.fetch(Ask::http(trailers(bytes).address)).await.unwrap();
        let broken = answer.broken.unwrap();
        assert!(
            matches!(
                broken.as_str(),
                "ErrorCode::HttpResponseTrailerSectionSize(Some(1000))"
                    | "ErrorCode::HttpProtocolError"
            ),
            "{bytes}: {broken}"
        );
    }
}

#[tokio::test]
async fn the_fields_of_a_guest_are_bounded() {
    let mut guest = Guest::of_http(&local(), limits()).await;
    let fields: wasmtime::component::ResourceAny = guest.call("new-fields", ()).await;
    let long = vec![b'a'; 17 * 1_024];
    let params = (fields, "x", long.as_slice());
    let appended: Result<
        Result<(), wasmtime_wasi_http::p2::bindings::http::types::HeaderError>,
        wasmtime::Error,
    > = guest.try_call("append", params).await;
    assert!(appended.is_err());
}

#[tokio::test]
async fn a_write_to_a_body_takes_a_chunk() {
    let server = Server::answering(HELLO);
    let mut guest = Guest::of_http(&local(), limits()).await;
    let (_, body) = guest.start(Ask::http(server.address).body(b"x")).await.unwrap();
    let (body, _) = body.unwrap();
    assert_eq!(guest.body_room(body).await, 16 * 1_024);
}
