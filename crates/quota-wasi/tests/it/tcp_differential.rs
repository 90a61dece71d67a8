//! The same calls under this crate and under plain wasmtime-wasi, with the same answers.

use core::fmt::Debug;
use core::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use wasmtime::component::ResourceAny;
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, IpAddressFamily};
use wasmtime_wasi::p2::bindings::sockets::tcp::ShutdownType;

use crate::guest::Guest;
use crate::host::limits;
use crate::loopback::{server, unlimited, with_tcp};
use crate::network::Answered;
use crate::tcp_guest::{Cut, Line};

/// The answers that a guest got, in order.
#[derive(Default)]
struct Log(Vec<String>);

impl Log {
    fn note(&mut self, call: &str, answer: impl Debug) {
        self.0.push(format!("{call}: {answer:?}"));
    }

    fn code<T: Debug>(&mut self, call: &str, answer: Answered<T>) {
        self.note(call, answer.map_err(|code: ErrorCode| code.name()));
    }

    /// Texts of streams' errors differ: wasmtime-wasi's are codes, these are the system's.
    fn cut<T: Debug>(&mut self, call: &str, answer: Result<T, Cut>) {
        let answer = answer.map_err(|cut| match cut {
            Cut::Closed => "closed",
            Cut::Failed(_) => "failed",
        });
        self.note(call, answer);
    }
}

fn at(address: &str) -> SocketAddr {
    address.parse().unwrap()
}

/// Runs a script under both, and compares what the guests were told.
macro_rules! same {
    ($script:ident) => {
        let quota = with_tcp(unlimited()).build().unwrap();
        let (mut ours, mut plain) = (Log::default(), Log::default());
        $script(&mut Guest::on_network(&quota, limits()).await, &mut ours).await;
        $script(&mut Guest::plain_on_network().await, &mut plain).await;
        assert!(!plain.0.is_empty());
        for (ours, plain) in ours.0.iter().zip(&plain.0) {
            assert_eq!(ours, plain);
        }
        assert_eq!(ours.0.len(), plain.0.len());
    };
}

async fn questions(guest: &mut Guest, log: &mut Log, socket: ResourceAny) {
    for call in ["tcp-finish-bind", "tcp-finish-listen"] {
        let answer = guest.tcp_do(call, socket).await;
        log.code(call, answer);
    }
    let call = "tcp-finish-connect";
    let answer = guest.tcp_get::<(ResourceAny, ResourceAny)>(call, socket).await;
    log.code(call, answer.map(|_| ()));
    let answer = guest.try_accept(socket).await;
    log.code("accept", answer.map(|_| ()));
    for call in ["tcp-local-address", "tcp-remote-address"] {
        let answer = guest.tcp_address(call, socket).await;
        log.code(call, answer.map(|address| address.ip()));
    }
    let answer: bool = guest.call("tcp-is-listening", (socket,)).await;
    log.note("is listening", answer);
    let answer: IpAddressFamily = guest.call("tcp-address-family", (socket,)).await;
    log.note("family", answer);
}

async fn options(guest: &mut Guest, log: &mut Log, socket: ResourceAny) {
    let answer = guest.tcp_get::<bool>("tcp-keep-alive", socket).await;
    log.code("keep alive", answer);
    let answer = guest.tcp_set("tcp-set-keep-alive", socket, true).await;
    log.code("set keep alive", answer);
    let answer = guest.tcp_get::<bool>("tcp-keep-alive", socket).await;
    log.code("keep alive", answer);
    for name in ["idle-time", "interval"] {
        let (get, set) = (format!("tcp-{name}"), format!("tcp-set-{name}"));
        let answer = guest.tcp_get::<u64>(&get, socket).await;
        log.code(&get, answer);
        for value in [0_u64, 1, 1_500_000_000, 60_000_000_000, u64::MAX] {
            let answer = guest.tcp_set(&set, socket, value).await;
            log.code(&set, answer);
            let answer = guest.tcp_get::<u64>(&get, socket).await;
            log.code(&get, answer);
        }
    }
    for value in [0, 1, 100, u32::MAX] {
        let answer = guest.tcp_set("tcp-set-keep-alive-count", socket, value).await;
        log.code("set count", answer);
        let answer = guest.tcp_get::<u32>("tcp-keep-alive-count", socket).await;
        log.code("count", answer);
    }
    for value in [0, 1, 42, u8::MAX] {
        let answer = guest.tcp_set("tcp-set-hop-limit", socket, value).await;
        log.code("set hops", answer);
        let answer = guest.tcp_get::<u8>("tcp-hop-limit", socket).await;
        log.code("hops", answer);
    }
    for value in [0_u64, 1, u64::MAX] {
        let answer = guest.tcp_set("tcp-set-backlog", socket, value).await;
        log.code("backlog", answer);
    }
    for buffer in ["receive", "send"] {
        let (get, set) = (format!("tcp-{buffer}-buffer"), format!("tcp-set-{buffer}-buffer"));
        // Their sizes before are this crate's own.
        let answer = guest.tcp_set(&set, socket, 0_u64).await;
        log.code(&set, answer);
        for value in [1_u64, 40_000] {
            let answer = guest.tcp_set(&set, socket, value).await;
            log.code(&set, answer);
            let answer = guest.tcp_get::<u64>(&get, socket).await;
            log.code(&get, answer);
        }
    }
}

async fn shut(guest: &mut Guest, log: &mut Log, socket: ResourceAny, how: ShutdownType) {
    let answer = guest.tcp_set("tcp-shutdown", socket, how).await;
    log.code("shutdown", answer);
}

async fn states(guest: &mut Guest, log: &mut Log) {
    for (family, strange) in [
        (
            IpAddressFamily::Ipv4,
            ["[::1]:0", "224.0.0.1:80", "255.255.255.255:80", "0.0.0.0:80", "127.0.0.1:0"],
        ),
        (
            IpAddressFamily::Ipv6,
            ["127.0.0.1:80", "[ff02::1]:80", "[::ffff:127.0.0.1]:80", "[::]:80", "[::127.0.0.1]:1"],
        ),
    ] {
        let local = if family == IpAddressFamily::Ipv4 { "127.0.0.1:0" } else { "[::1]:0" };
        let socket = guest.tcp_socket_of(family).await.unwrap();
        questions(guest, log, socket).await;
        options(guest, log, socket).await;
        shut(guest, log, socket, ShutdownType::Both).await;
        for call in ["tcp-start-listen", "tcp-finish-listen"] {
            let answer = guest.tcp_do(call, socket).await;
            log.code(call, answer);
        }
        for address in strange {
            let answer = guest.tcp_to("tcp-start-connect", socket, at(address)).await;
            log.code("connect", answer);
        }
        for address in &strange[..3] {
            let answer = guest.tcp_to("tcp-start-bind", socket, at(address)).await;
            log.code("bind", answer);
        }
        for call in ["tcp-start-bind", "tcp-start-bind", "tcp-start-connect"] {
            let answer = guest.tcp_to(call, socket, at(local)).await;
            log.code(call, answer);
        }
        questions(guest, log, socket).await;
        let answer = guest.tcp_to("tcp-start-bind", socket, at(local)).await;
        log.code("bind again", answer);
        for call in ["tcp-start-listen", "tcp-start-listen"] {
            let answer = guest.tcp_do(call, socket).await;
            log.code(call, answer);
        }
        questions(guest, log, socket).await;
        options(guest, log, socket).await;
        questions(guest, log, socket).await;
        let here = guest.tcp_address("tcp-local-address", socket).await.unwrap();
        for call in ["tcp-start-bind", "tcp-start-connect"] {
            let answer = guest.tcp_to(call, socket, here).await;
            log.code(call, answer);
        }
        shut(guest, log, socket, ShutdownType::Both).await;
        // Another one cannot have the place.
        let other = guest.tcp_socket_of(family).await.unwrap();
        let answer = guest.tcp_to("tcp-start-bind", other, here).await;
        log.code("bind to a place in use", answer);
        // An accepted socket has the options of the one that listens.
        let client = guest.connect_on(other, here).await.unwrap();
        let served = guest.accept(socket).await.unwrap();
        options(guest, log, served.socket).await;
        questions(guest, log, served.socket).await;
        questions(guest, log, client.socket).await;
        let answer = guest.tcp_do("tcp-start-listen", client.socket).await;
        log.code("listen", answer);
        for call in ["tcp-start-bind", "tcp-start-connect"] {
            let answer = guest.tcp_to(call, client.socket, here).await;
            log.code(call, answer);
        }
        options(guest, log, client.socket).await;
    }
}

#[tokio::test]
async fn states_and_options_are_those_of_wasmtime_wasi() {
    same!(states);
}

async fn orphans(guest: &mut Guest, log: &mut Log) {
    let (_listener, address) = server().await;
    let line = guest.connect(address).await.unwrap();
    let dropped = line.socket.resource_drop_async(&mut guest.store).await;
    log.note("drop before its streams", dropped.is_ok());
}

#[tokio::test]
async fn a_socket_is_dropped_after_its_streams_as_in_wasmtime_wasi() {
    same!(orphans);
}

async fn failures(guest: &mut Guest, log: &mut Log) {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let socket = guest.tcp_socket().await.unwrap();
    let answer = guest.connect_on(socket, closed).await;
    log.code("connect", answer.map(|_| ()));
    questions(guest, log, socket).await;
    options(guest, log, socket).await;
    shut(guest, log, socket, ShutdownType::Send).await;
    for call in ["tcp-start-bind", "tcp-start-connect"] {
        let answer = guest.tcp_to(call, socket, closed).await;
        log.code(call, answer);
    }
    let answer = guest.tcp_do("tcp-start-listen", socket).await;
    log.code("listen", answer);
    // No interface has this address.
    let socket = guest.tcp_socket().await.unwrap();
    let answer = guest.tcp_to("tcp-start-bind", socket, at("203.0.113.1:0")).await;
    log.code("bind", answer);
}

#[tokio::test]
async fn failures_of_connects_and_binds_are_those_of_wasmtime_wasi() {
    use limits_core::Permission;
    // Capabilities would refuse the address that no interface has.
    let set = crate::network::capabilities(&[
        (Permission::NetworkConnect, "127.0.0.1:*"),
        (Permission::NetworkBind, "**"),
        (Permission::NetworkListen, "**"),
    ]);
    let context = quota_enforce::SecurityContext::new("guest", set);
    let component = crate::loopback::registry().register(context).unwrap();
    let quota = quota_wasi::WasiQuota::builder(component).tcp().build().unwrap();
    let (mut ours, mut plain) = (Log::default(), Log::default());
    failures(&mut Guest::on_network(&quota, limits()).await, &mut ours).await;
    failures(&mut Guest::plain_on_network().await, &mut plain).await;
    assert_eq!(ours.0, plain.0);
}

/// A line to a server that answers as the first byte tells it to.
async fn served(guest: &mut Guest, wish: u8) -> Line {
    let (listener, address) = server().await;
    tokio::spawn(serve(listener));
    let line = guest.connect(address).await.unwrap();
    guest.say(line, &[wish]).await.unwrap();
    line
}

async fn serve(listener: TcpListener) {
    let (mut peer, _) = listener.accept().await.unwrap();
    let mut wish = [0];
    peer.read_exact(&mut wish).await.unwrap();
    match wish[0] {
        b'e' => {
            let mut all = Vec::new();
            peer.read_to_end(&mut all).await.unwrap();
            peer.write_all(&all).await.unwrap();
        }
        b'c' => {}
        b'r' => peer.set_zero_linger().unwrap(),
        b'h' => peer.write_all(b"hello").await.unwrap(),
        other => panic!("no such wish: {other}"),
    }
}

async fn streams(guest: &mut Guest, log: &mut Log) {
    // An echo, after the shutdown of what is sent.
    let line = served(guest, b'e').await;
    for call in ["check-write", "check-write"] {
        let answer = guest.room(line).await;
        log.cut(call, answer.map(|room| room > 0));
    }
    let answer = guest.say_now(line, b"abc").await;
    log.cut("write", answer);
    let answer = guest.say(line, b"").await;
    log.cut("write nothing", answer);
    let answer = guest.say(line, b"def").await;
    log.cut("write", answer);
    let answer = guest.flush_sent(line).await;
    log.cut("flush", answer);
    let answer = guest.hear_now(line, 100).await;
    log.cut("read", answer);
    let answer = guest.hear_now(line, 0).await;
    log.cut("read nothing", answer);
    shut(guest, log, line.socket, ShutdownType::Send).await;
    for call in ["check-write", "check-write"] {
        let answer = guest.room(line).await;
        log.cut(call, answer.map(|_| ()));
    }
    let answer = guest.say(line, b"late").await;
    log.cut("write", answer);
    let answer = guest.flush_sent(line).await;
    log.cut("flush", answer);
    guest.wait_on("output-subscribe", line.output).await;
    let answer = guest.hear_all(line).await;
    log.cut("echo", answer);
    for call in ["read", "read"] {
        let answer = guest.hear(line, 1).await;
        log.cut(call, answer);
    }
    guest.wait_on("input-subscribe", line.input).await;
    guest.hang_up(line).await;
    // The receiving side is shut down.
    let line = served(guest, b'h').await;
    shut(guest, log, line.socket, ShutdownType::Receive).await;
    let answer = guest.hear(line, 1).await;
    log.cut("read", answer);
    guest.wait_on("input-subscribe", line.input).await;
    let answer = guest.say(line, b"x").await;
    log.cut("write", answer);
    shut(guest, log, line.socket, ShutdownType::Both).await;
    shut(guest, log, line.socket, ShutdownType::Both).await;
    // A peer that closes, and one that resets.
    for wish in [b'c', b'r'] {
        let line = served(guest, wish).await;
        for call in ["read", "read"] {
            let answer = guest.hear(line, 1).await;
            log.cut(call, answer);
        }
        let mut answers = Vec::new();
        while answers.len() < 2 {
            let answer = guest.say(line, b"x").await;
            if answer.is_err() {
                answers.push(answer);
            }
        }
        for answer in answers {
            log.cut("write", answer);
        }
        guest.hang_up(line).await;
    }
    // Parts of what is there.
    let line = served(guest, b'h').await;
    for most in [2, 2, 0, 2, 2] {
        let answer = guest.hear(line, most).await;
        log.cut("read", answer);
    }
    // More than is permitted.
    let room = usize::try_from(guest.room(line).await.unwrap_or(0)).unwrap();
    let written = guest
        .try_call::<_, Result<(), wasmtime_wasi::p2::bindings::io::streams::StreamError>>(
            "output-write",
            (line.output, vec![0_u8; room + 1]),
        )
        .await;
    log.note("write too much", written.is_err());
}

#[tokio::test]
async fn streams_are_those_of_wasmtime_wasi() {
    same!(streams);
}
