//! Deadlines inside every wait of a TCP socket.

use core::net::SocketAddr;
use core::time::Duration;
use std::net::{TcpListener, TcpStream};

use limits_core::{Allowance, ResourceLimits, ResourceQuota, WasmError};
use quota_wasi::WasiQuota;
use rustix::net::{AddressFamily, SocketType, bind, listen, socket};

use crate::executor::failure_of;
use crate::host::limits;
use crate::loopback::{component, unlimited};
use crate::puppet::Part;
use crate::sockets::SOCKETS;

/// Guests that wait: to be connected, to read, to write in both ways, and to accept.
const WAITING: Part = Part { further: (WAITS, EXPORTS), ..SOCKETS };

const WAITS: &str = r#"
    ;; Its streams lie at 1028 and 1032.
    (func $connected (param $port i32) (local $socket i32) (local $pollable i32)
      (call $create-tcp-socket (i32.const 0) (i32.const 1024))
      (local.set $socket (i32.load (i32.const 1028)))
      (call $tcp-start-connect (local.get $socket) (call $instance-network)
        (i32.const 0) (local.get $port) (i32.const 127) (i32.const 0) (i32.const 0) (i32.const 1)
        (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
        (i32.const 1024))
      (local.set $pollable (call $tcp-subscribe (local.get $socket)))
      (call $block (local.get $pollable))
      (call $drop-pollable (local.get $pollable))
      (call $tcp-finish-connect (local.get $socket) (i32.const 1024))
      (if (i32.load8_u (i32.const 1024)) (then unreachable)))
    (func (export "read-for-ever") (param $port i32) (local $input i32)
      (call $connected (local.get $port))
      (local.set $input (i32.load (i32.const 1028)))
      (loop $more
        (call $input-blocking-read (local.get $input) (i64.const 100) (i32.const 1024))
        (br_if $more (i32.eqz (i32.load8_u (i32.const 1024))))))
    (func (export "write-for-ever") (param $port i32) (local $output i32)
      (call $connected (local.get $port))
      (local.set $output (i32.load (i32.const 1032)))
      (loop $more
        (call $blocking-write-and-flush (local.get $output)
          (i32.const 8192) (i32.const 4096) (i32.const 1024))
        (br_if $more (i32.eqz (i32.load8_u (i32.const 1024))))))
    (func (export "poll-for-ever") (param $port i32) (local $output i32) (local $pollable i32)
      (call $connected (local.get $port))
      (local.set $output (i32.load (i32.const 1032)))
      (local.set $pollable (call $output-subscribe (local.get $output)))
      (loop $more
        (call $block (local.get $pollable))
        (call $check-write (local.get $output) (i32.const 1024))
        (if (i32.load8_u (i32.const 1024)) (then return))
        (call $output-write (local.get $output)
          (i32.const 8192) (i32.wrap_i64 (i64.load (i32.const 1032))) (i32.const 1024))
        (br $more)))
    (func (export "accept-for-ever") (local $socket i32)
      (call $create-tcp-socket (i32.const 0) (i32.const 1024))
      (local.set $socket (i32.load (i32.const 1028)))
      (call $tcp-start-bind (local.get $socket) (call $instance-network)
        (i32.const 0) (i32.const 0) (i32.const 127) (i32.const 0) (i32.const 0) (i32.const 1)
        (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
        (i32.const 1024))
      (call $tcp-finish-bind (local.get $socket) (i32.const 1024))
      (call $tcp-start-listen (local.get $socket) (i32.const 1024))
      (call $tcp-finish-listen (local.get $socket) (i32.const 1024))
      (if (i32.load8_u (i32.const 1024)) (then unreachable))
      (call $block (call $tcp-subscribe (local.get $socket))))"#;

const EXPORTS: &str = r#"
    (func (export "read-for-ever") (param "port" u16)
      (canon lift (core func $shims "read-for-ever")))
    (func (export "write-for-ever") (param "port" u16)
      (canon lift (core func $shims "write-for-ever")))
    (func (export "poll-for-ever") (param "port" u16)
      (canon lift (core func $shims "poll-for-ever")))
    (func (export "accept-for-ever") (canon lift (core func $shims "accept-for-ever")))"#;

fn brief() -> ResourceLimits {
    limits().execution_timeout_ms(500).max_fuel(u64::MAX).build().unwrap()
}

fn with_tcp(quota: ResourceQuota) -> WasiQuota {
    let component = component(&quota_enforce::QuotaRegistry::new(), "guest", quota);
    WasiQuota::builder(component).tcp().build().unwrap()
}

fn used(quota: &WasiQuota) -> u64 {
    quota.component().usage().network_bandwidth_used
}

/// Runs a guest to its deadline.
async fn ends_late(quota: &WasiQuota, export: &str, peer: &TcpListener) {
    let port = peer.local_addr().unwrap().port();
    let (failure, _) = failure_of::<_, ()>(&WAITING, quota, brief(), export, (port,)).await;
    let timeout = matches!(failure.error(), WasmError::ExecutionTimeout { .. });
    assert!(timeout, "{export}: {failure}");
}

fn peer() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

/// A listener whose queue is full: the system answers no further client.
fn black_hole() -> (TcpListener, Vec<TcpStream>) {
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&socket, &"127.0.0.1:0".parse::<SocketAddr>().unwrap()).unwrap();
    listen(&socket, 0).unwrap();
    let listener = TcpListener::from(socket);
    let address = listener.local_addr().unwrap();
    let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(50));
    let clients = core::iter::from_fn(|| connect().ok()).collect();
    (listener, clients)
}

/// Reads what a guest has sent to its end, which comes once the runtime has dropped its task.
async fn sent_to(peer: TcpListener) -> u64 {
    let read = move || {
        // Without a client it would wait for ever.
        peer.set_nonblocking(true).unwrap();
        let (mut stream, _) = peer.accept().unwrap();
        std::io::copy(&mut stream, &mut std::io::sink()).unwrap()
    };
    tokio::task::spawn_blocking(read).await.unwrap()
}

#[tokio::test]
async fn a_guest_that_connects_to_a_black_hole_ends_by_its_deadline() {
    let (peer, _clients) = black_hole();
    let quota = with_tcp(unlimited());
    ends_late(&quota, "read-for-ever", &peer).await;
    assert_eq!(used(&quota), 0);
}

#[tokio::test]
async fn a_guest_that_reads_from_a_silent_peer_ends_by_its_deadline() {
    let (peer, quota) = (peer(), with_tcp(unlimited()));
    ends_late(&quota, "read-for-ever", &peer).await;
    assert_eq!((sent_to(peer).await, used(&quota)), (0, 0));
}

#[tokio::test]
async fn a_guest_whose_peer_never_reads_ends_by_its_deadline_and_its_bytes_are_counted() {
    for export in ["write-for-ever", "poll-for-ever"] {
        let (peer, quota) = (peer(), with_tcp(unlimited()));
        ends_late(&quota, export, &peer).await;
        let sent = sent_to(peer).await;
        assert!(sent > 65_536, "{sent}");
        assert_eq!(used(&quota), sent, "{export}");
    }
}

#[tokio::test]
async fn a_guest_that_waits_for_the_quota_ends_by_its_deadline_and_leaves_it_exact() {
    let hour = Duration::from_secs(3_600);
    for export in ["write-for-ever", "poll-for-ever"] {
        // An eighth of a second's share of the hour is due at once.
        let limit = Allowance::AtMost(1_000_000_000);
        let quota = ResourceQuota::new().with_network_bandwidth(limit).with_reset_period(hour);
        let (peer, quota) = (peer(), with_tcp(quota));
        ends_late(&quota, export, &peer).await;
        let sent = sent_to(peer).await;
        // 0.28 MB a second are due; a slow machine may take some seconds until the deadline.
        assert!((1..5_000_000).contains(&sent), "{sent}");
        assert_eq!(used(&quota), sent, "{export}");
    }
}

#[tokio::test]
async fn a_guest_that_waits_for_clients_ends_by_its_deadline() {
    let quota = with_tcp(unlimited());
    let (failure, _) = failure_of::<_, ()>(&WAITING, &quota, brief(), "accept-for-ever", ()).await;
    assert!(matches!(failure.error(), WasmError::ExecutionTimeout { .. }), "{failure}");
}
