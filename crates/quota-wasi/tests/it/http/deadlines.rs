//! Servers that keep a guest waiting, and the time that ends each wait.

use core::time::Duration;
use std::io;
use std::sync::mpsc;
use std::thread;

use limits_core::{ResourceLimitsBuilder, ResourceQuota};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::ask::Ask;
use super::server::{Peer, Server};
use super::setup::{local, requester};
use crate::guest::Guest;
use crate::host::limits;
use crate::resolver::{Teller, Told};

/// A time that is over soon, and one that is not within a test.
const SOON: u64 = 60;
const NEVER: u64 = 3_600_000;

/// Limits of which no time is over within a test.
fn patient() -> ResourceLimitsBuilder {
    limits()
        .connect_timeout_ms(NEVER)
        .tls_timeout_ms(NEVER)
        .first_byte_timeout_ms(NEVER)
        .idle_timeout_ms(NEVER)
        .request_timeout_ms(NEVER)
}

fn silent() -> Server {
    Server::run(Peer::until_gone)
}

fn one_byte_of_two() -> Server {
    Server::run(|peer| {
        peer.request()?;
        peer.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\na")?;
        peer.until_gone()
    })
}

/// The code of a request that fails, before or in its body.
async fn failure(limits: ResourceLimitsBuilder, ask: Ask) -> String {
    let mut guest = Guest::of_http(&local(), limits).await;
    match guest.fetch(ask).await {
        Ok(answer) => answer.broken.unwrap(),
        Err(code) => code,
    }
}

#[tokio::test]
async fn a_resolver_that_never_answers_is_given_up() {
    let teller = Teller::default().answer("a.example", Told::Never);
    let builder = requester(&["a.example:80"], ResourceQuota::new()).resolver(teller);
    let quota = builder.build().unwrap();
    let mut guest = Guest::of_http(&quota, patient().connect_timeout_ms(SOON)).await;
    let answer = guest.fetch(Ask::http("a.example")).await;
    assert_eq!(answer, Err("ErrorCode::DnsTimeout".to_owned()));
}

/// A listener that takes no further connection, with those that fill it.
async fn full() -> (tokio::net::TcpListener, Vec<TcpStream>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut streams = Vec::new();
    while let Ok(stream) = timeout(Duration::from_millis(300), TcpStream::connect(address)).await {
        streams.push(stream.unwrap());
    }
    (listener, streams)
}

#[tokio::test]
async fn a_server_that_takes_no_connection_is_given_up() {
    let (listener, _streams) = full().await;
    let ask = Ask::http(listener.local_addr().unwrap());
    let code = failure(patient().connect_timeout_ms(SOON), ask).await;
    assert_eq!(code, "ErrorCode::ConnectionTimeout");
}

#[tokio::test]
async fn a_connection_is_waited_for_no_longer_than_a_request_may_take() {
    let (listener, _streams) = full().await;
    let ask = Ask::http(listener.local_addr().unwrap());
    let code = failure(patient().request_timeout_ms(SOON), ask).await;
    assert_eq!(code, "ErrorCode::ConnectionTimeout");
}

#[tokio::test]
async fn an_address_that_does_not_answer_leaves_time_for_the_next() {
    let (listener, _streams) = full().await;
    let port = listener.local_addr().unwrap().port();
    let other = std::net::TcpListener::bind(("127.0.0.2", port)).unwrap();
    thread::spawn(move || {
        let (mut stream, _) = other.accept().unwrap();
        let mut part = [0; 1_024];
        let _request = io::Read::read(&mut stream, &mut part);
        io::Write::write_all(&mut stream, super::server::HELLO.as_bytes()).unwrap();
        io::Read::read(&mut stream, &mut part)
    });
    let teller = Teller::default().tell("a.example", &["127.0.0.1", "127.0.0.2"]);
    let reach = ["a.example:*", "127.0.0.0/8:*"];
    let quota = requester(&reach, ResourceQuota::new()).resolver(teller).build().unwrap();
    let mut guest = Guest::of_http(&quota, patient().connect_timeout_ms(2_000)).await;
    let answer = guest.fetch(Ask::http(format!("a.example:{port}"))).await.unwrap();
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_handshake_that_stalls_is_given_up() {
    let code = failure(patient().tls_timeout_ms(SOON), Ask::https(silent().address)).await;
    assert_eq!(code, "ErrorCode::ConnectionTimeout");
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    let code = failure(patient().first_byte_timeout_ms(SOON), Ask::http(silent().address)).await;
    assert_eq!(code, "ErrorCode::ConnectionReadTimeout");
}

#[tokio::test]
async fn answers_that_are_none_do_not_prolong_the_wait() {
    let server = Server::run(|peer| {
        peer.request()?;
        loop {
            peer.send("HTTP/1.1 102 Processing\r\n\r\n")?;
            thread::sleep(Duration::from_millis(5));
        }
    });
    let code = failure(patient().first_byte_timeout_ms(SOON), Ask::http(server.address)).await;
    assert_eq!(code, "ErrorCode::ConnectionReadTimeout");
}

#[tokio::test]
async fn a_body_that_stalls_is_given_up() {
    let code = failure(patient().idle_timeout_ms(SOON), Ask::http(one_byte_of_two().address)).await;
    assert_eq!(code, "ErrorCode::ConnectionReadTimeout");
}

#[tokio::test]
async fn a_body_that_trickles_ends_with_the_whole_request() {
    let server = Server::run(|peer| {
        peer.request()?;
        peer.send("HTTP/1.1 200 OK\r\n\r\n")?;
        loop {
            peer.send("a")?;
            thread::sleep(Duration::from_millis(5));
        }
    });
    let limits = patient().idle_timeout_ms(30_000).request_timeout_ms(300);
    assert_eq!(failure(limits, Ask::http(server.address)).await, "ErrorCode::HttpResponseTimeout");
}

#[tokio::test]
async fn a_server_that_never_reads_is_given_up() {
    let (hold, held) = mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    let server = Server::run(move |_peer| {
        let _ = held.lock().unwrap().recv();
        Ok(())
    });
    let body = vec![0; 16 << 20];
    let limits = patient().idle_timeout_ms(SOON).max_socket_buffer_bytes(65_536);
    let code = failure(limits, Ask::http(server.address).body(&body)).await;
    assert_eq!(code, "ErrorCode::ConnectionWriteTimeout");
    drop(hold);
}

#[tokio::test]
async fn a_request_waits_for_its_turn_no_longer_than_a_request_may_take() {
    let server = one_byte_of_two();
    let limits = patient().max_requests_in_flight(1).request_timeout_ms(500);
    let mut guest = Guest::of_http(&local(), limits).await;
    let (first, _) = guest.start(Ask::http(server.address)).await.unwrap();
    let _first = guest.response(first).await.unwrap();
    let answer = guest.fetch(Ask::http(server.address)).await;
    assert_eq!(answer, Err("ErrorCode::HttpResponseTimeout".to_owned()));
}

#[tokio::test]
async fn a_guest_shortens_a_wait_and_lengthens_none() {
    let short = Some(Duration::from_millis(SOON));
    let long = Some(Duration::from_secs(86_400));
    let late = "ErrorCode::ConnectionReadTimeout";
    let server = silent();
    let ask = |time| Ask { timeouts: [None, time, None], ..Ask::http(server.address) };
    assert_eq!(failure(patient(), ask(short)).await, late);
    assert_eq!(failure(patient().first_byte_timeout_ms(SOON), ask(long)).await, late);
    assert_eq!(failure(patient(), ask(Some(Duration::ZERO))).await, late);
    let server = one_byte_of_two();
    let ask = |time| Ask { timeouts: [None, None, time], ..Ask::http(server.address) };
    assert_eq!(failure(patient(), ask(short)).await, late);
    assert_eq!(failure(patient().idle_timeout_ms(SOON), ask(long)).await, late);
}

#[tokio::test]
async fn time_that_a_guest_takes_itself_is_no_stall() {
    let server = Server::run(|peer| {
        peer.head()?;
        let body = peer.chunked()?;
        peer.send(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len()))?;
        peer.send(body)?;
        peer.until_gone()
    });
    let limits = patient().idle_timeout_ms(SOON).first_byte_timeout_ms(1_000);
    let mut guest = Guest::of_http(&local(), limits).await;
    let (response, body) = guest.start(Ask::http(server.address).body(b"")).await.unwrap();
    let body = body.unwrap().0;
    let stream = guest.body_stream(body).await;
    let think = || tokio::time::sleep(Duration::from_millis(3 * SOON));
    for _ in 0..2 {
        think().await;
        assert!(guest.write_part(stream, &[7; 4_096]).await);
    }
    think().await;
    guest.drop_any(stream).await;
    guest.finish(body).await;
    let response = guest.response(response).await.unwrap();
    think().await;
    let answer = guest.answer(response).await;
    assert_eq!((answer.body.len(), answer.broken), (8_192, None));
}
