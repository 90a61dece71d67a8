//! The sockets and look-ups of WASI 0.2 that the [puppet](crate::puppet) calls, as text.

use crate::puppet::Part;

pub(crate) const SOCKETS: Part = Part {
    resources: &[
        ("error", "error"),
        ("poll", "pollable"),
        ("streams", "input-stream"),
        ("streams", "output-stream"),
        ("network", "network"),
        ("lookup", "resolve-address-stream"),
        ("udp", "udp-socket"),
        ("udp", "incoming-datagram-stream"),
        ("udp", "outgoing-datagram-stream"),
        ("tcp", "tcp-socket"),
    ],
    instances: &[
        ("error", "wasi:io/error", &[]),
        ("poll", "wasi:io/poll", &[]),
        ("streams", "wasi:io/streams", &["error", "pollable"]),
        ("network", "wasi:sockets/network", &[]),
        ("instance-network", "wasi:sockets/instance-network", &["network"]),
        (
            "lookup",
            "wasi:sockets/ip-name-lookup",
            &["pollable", "network", "error-code", "ip-address"],
        ),
        (
            "udp",
            "wasi:sockets/udp",
            &["pollable", "network", "error-code", "ip-socket-address", "ip-address-family"],
        ),
        (
            "udp-create",
            "wasi:sockets/udp-create-socket",
            &["error-code", "ip-address-family", "udp-socket"],
        ),
        (
            "tcp",
            "wasi:sockets/tcp",
            &[
                "pollable",
                "network",
                "error-code",
                "ip-socket-address",
                "ip-address-family",
                "input-stream",
                "output-stream",
            ],
        ),
        (
            "tcp-create",
            "wasi:sockets/tcp-create-socket",
            &["error-code", "ip-address-family", "tcp-socket"],
        ),
    ],
    calls: CALLS,
    types: TYPES,
    further: (WAITS, WAITS_EXPORTS),
};

/// Waits for a datagram, for bytes of the quota, and for the addresses of a name.
const WAITS: &str = r#"
    ;; Makes a socket that the system binds; its streams lie at 1028 and 1032.
    (func $open (local $socket i32)
      (call $create-udp-socket (i32.const 0) (i32.const 1024))
      (local.set $socket (i32.load (i32.const 1028)))
      (call $udp-start-bind (local.get $socket) (call $instance-network)
        (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
        (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
        (i32.const 1024))
      (call $udp-finish-bind (local.get $socket) (i32.const 1024))
      (call $udp-stream (local.get $socket) (i32.const 0)
        (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
        (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
        (i32.const 1024)))
    (func (export "hear")
      (call $open)
      (call $block (call $incoming-subscribe (i32.load (i32.const 1028)))))
    (func (export "say-for-ever") (param $port i32) (param $length i32)
      (local $outgoing i32) (local $pollable i32)
      (call $open)
      (local.set $outgoing (i32.load (i32.const 1032)))
      ;; A datagram of zeros to 127.0.0.1.
      (i32.store (i32.const 8192) (i32.const 16384))
      (i32.store (i32.const 8196) (local.get $length))
      (i32.store8 (i32.const 8200) (i32.const 1))
      (i32.store16 (i32.const 8208) (local.get $port))
      (i32.store (i32.const 8210) (i32.const 0x0100007f))
      (loop $more
        (local.set $pollable (call $outgoing-subscribe (local.get $outgoing)))
        (call $block (local.get $pollable))
        (call $drop-pollable (local.get $pollable))
        (call $udp-check-send (local.get $outgoing) (i32.const 1024))
        (if (i64.ne (i64.load (i32.const 1032)) (i64.const 0))
          (then (call $udp-send
            (local.get $outgoing) (i32.const 8192) (i32.const 1) (i32.const 1024))))
        (br $more)))
    (func (export "wait-for-name") (param $name i32) (param $length i32)
      (call $resolve-addresses
        (call $instance-network) (local.get $name) (local.get $length) (i32.const 1024))
      (call $block (call $lookup-subscribe (i32.load (i32.const 1028)))))"#;

const WAITS_EXPORTS: &str = r#"
    (func (export "hear") (canon lift (core func $shims "hear")))
    (func (export "say-for-ever") (param "port" u16) (param "length" u32)
      (canon lift (core func $shims "say-for-ever")))
    (func (export "wait-for-name") (param "name" string)
      (canon lift (core func $shims "wait-for-name") (memory $mem) (realloc $realloc)))"#;

const CALLS: &str = "
error | [method]error.to-debug-string | to-debug-string | self (borrow $error) | string
poll | [method]pollable.block | block | self (borrow $pollable) |
poll | [method]pollable.ready | is-ready | self (borrow $pollable) | bool
streams | [method]input-stream.read | input-read | self (borrow $input-stream), len u64 | (result (list u8) (error $stream-error))
streams | [method]input-stream.blocking-read | input-blocking-read | self (borrow $input-stream), len u64 | (result (list u8) (error $stream-error))
streams | [method]input-stream.subscribe | input-subscribe | self (borrow $input-stream) | (own $pollable)
streams | [method]output-stream.check-write | check-write | self (borrow $output-stream) | (result u64 (error $stream-error))
streams | [method]output-stream.write-zeroes | write-zeroes | self (borrow $output-stream), len u64 | (result (error $stream-error))
streams | [method]output-stream.write | output-write | self (borrow $output-stream), contents (list u8) | (result (error $stream-error))
streams | [method]output-stream.blocking-write-and-flush | blocking-write-and-flush | self (borrow $output-stream), contents (list u8) | (result (error $stream-error))
streams | [method]output-stream.flush | flush | self (borrow $output-stream) | (result (error $stream-error))
streams | [method]output-stream.blocking-flush | blocking-flush | self (borrow $output-stream) | (result (error $stream-error))
streams | [method]output-stream.subscribe | output-subscribe | self (borrow $output-stream) | (own $pollable)
streams | [method]output-stream.splice | splice | self (borrow $output-stream), src (borrow $input-stream), len u64 | (result u64 (error $stream-error))
instance-network | instance-network | instance-network |  | (own $network)
lookup | resolve-addresses | resolve-addresses | network (borrow $network), name string | (result (own $resolve-address-stream) (error $error-code))
lookup | [method]resolve-address-stream.resolve-next-address | resolve-next-address | self (borrow $resolve-address-stream) | (result (option $ip-address) (error $error-code))
lookup | [method]resolve-address-stream.subscribe | lookup-subscribe | self (borrow $resolve-address-stream) | (own $pollable)
udp-create | create-udp-socket | create-udp-socket | address-family $ip-address-family | (result (own $udp-socket) (error $error-code))
udp | [method]udp-socket.start-bind | udp-start-bind | self (borrow $udp-socket), network (borrow $network), local-address $ip-socket-address | (result (error $error-code))
udp | [method]udp-socket.finish-bind | udp-finish-bind | self (borrow $udp-socket) | (result (error $error-code))
udp | [method]udp-socket.stream | udp-stream | self (borrow $udp-socket), remote-address (option $ip-socket-address) | (result (tuple (own $incoming-datagram-stream) (own $outgoing-datagram-stream)) (error $error-code))
udp | [method]udp-socket.local-address | udp-local-address | self (borrow $udp-socket) | (result $ip-socket-address (error $error-code))
udp | [method]udp-socket.remote-address | udp-remote-address | self (borrow $udp-socket) | (result $ip-socket-address (error $error-code))
udp | [method]udp-socket.address-family | udp-address-family | self (borrow $udp-socket) | $ip-address-family
udp | [method]udp-socket.unicast-hop-limit | udp-hop-limit | self (borrow $udp-socket) | (result u8 (error $error-code))
udp | [method]udp-socket.set-unicast-hop-limit | udp-set-hop-limit | self (borrow $udp-socket), value u8 | (result (error $error-code))
udp | [method]udp-socket.receive-buffer-size | udp-receive-buffer | self (borrow $udp-socket) | (result u64 (error $error-code))
udp | [method]udp-socket.set-receive-buffer-size | udp-set-receive-buffer | self (borrow $udp-socket), value u64 | (result (error $error-code))
udp | [method]udp-socket.send-buffer-size | udp-send-buffer | self (borrow $udp-socket) | (result u64 (error $error-code))
udp | [method]udp-socket.set-send-buffer-size | udp-set-send-buffer | self (borrow $udp-socket), value u64 | (result (error $error-code))
udp | [method]udp-socket.subscribe | udp-subscribe | self (borrow $udp-socket) | (own $pollable)
udp | [method]incoming-datagram-stream.receive | udp-receive | self (borrow $incoming-datagram-stream), max-results u64 | (result (list $incoming-datagram) (error $error-code))
udp | [method]incoming-datagram-stream.subscribe | incoming-subscribe | self (borrow $incoming-datagram-stream) | (own $pollable)
udp | [method]outgoing-datagram-stream.check-send | udp-check-send | self (borrow $outgoing-datagram-stream) | (result u64 (error $error-code))
udp | [method]outgoing-datagram-stream.send | udp-send | self (borrow $outgoing-datagram-stream), datagrams (list $outgoing-datagram) | (result u64 (error $error-code))
udp | [method]outgoing-datagram-stream.subscribe | outgoing-subscribe | self (borrow $outgoing-datagram-stream) | (own $pollable)
tcp-create | create-tcp-socket | create-tcp-socket | address-family $ip-address-family | (result (own $tcp-socket) (error $error-code))
tcp | [method]tcp-socket.start-bind | tcp-start-bind | self (borrow $tcp-socket), network (borrow $network), local-address $ip-socket-address | (result (error $error-code))
tcp | [method]tcp-socket.finish-bind | tcp-finish-bind | self (borrow $tcp-socket) | (result (error $error-code))
tcp | [method]tcp-socket.start-connect | tcp-start-connect | self (borrow $tcp-socket), network (borrow $network), remote-address $ip-socket-address | (result (error $error-code))
tcp | [method]tcp-socket.finish-connect | tcp-finish-connect | self (borrow $tcp-socket) | (result (tuple (own $input-stream) (own $output-stream)) (error $error-code))
tcp | [method]tcp-socket.start-listen | tcp-start-listen | self (borrow $tcp-socket) | (result (error $error-code))
tcp | [method]tcp-socket.finish-listen | tcp-finish-listen | self (borrow $tcp-socket) | (result (error $error-code))
tcp | [method]tcp-socket.accept | tcp-accept | self (borrow $tcp-socket) | (result (tuple (own $tcp-socket) (own $input-stream) (own $output-stream)) (error $error-code))
tcp | [method]tcp-socket.local-address | tcp-local-address | self (borrow $tcp-socket) | (result $ip-socket-address (error $error-code))
tcp | [method]tcp-socket.remote-address | tcp-remote-address | self (borrow $tcp-socket) | (result $ip-socket-address (error $error-code))
tcp | [method]tcp-socket.is-listening | tcp-is-listening | self (borrow $tcp-socket) | bool
tcp | [method]tcp-socket.address-family | tcp-address-family | self (borrow $tcp-socket) | $ip-address-family
tcp | [method]tcp-socket.set-listen-backlog-size | tcp-set-backlog | self (borrow $tcp-socket), value u64 | (result (error $error-code))
tcp | [method]tcp-socket.keep-alive-enabled | tcp-keep-alive | self (borrow $tcp-socket) | (result bool (error $error-code))
tcp | [method]tcp-socket.set-keep-alive-enabled | tcp-set-keep-alive | self (borrow $tcp-socket), value bool | (result (error $error-code))
tcp | [method]tcp-socket.keep-alive-idle-time | tcp-idle-time | self (borrow $tcp-socket) | (result u64 (error $error-code))
tcp | [method]tcp-socket.set-keep-alive-idle-time | tcp-set-idle-time | self (borrow $tcp-socket), value u64 | (result (error $error-code))
tcp | [method]tcp-socket.keep-alive-interval | tcp-interval | self (borrow $tcp-socket) | (result u64 (error $error-code))
tcp | [method]tcp-socket.set-keep-alive-interval | tcp-set-interval | self (borrow $tcp-socket), value u64 | (result (error $error-code))
tcp | [method]tcp-socket.keep-alive-count | tcp-keep-alive-count | self (borrow $tcp-socket) | (result u32 (error $error-code))
tcp | [method]tcp-socket.set-keep-alive-count | tcp-set-keep-alive-count | self (borrow $tcp-socket), value u32 | (result (error $error-code))
tcp | [method]tcp-socket.hop-limit | tcp-hop-limit | self (borrow $tcp-socket) | (result u8 (error $error-code))
tcp | [method]tcp-socket.set-hop-limit | tcp-set-hop-limit | self (borrow $tcp-socket), value u8 | (result (error $error-code))
tcp | [method]tcp-socket.receive-buffer-size | tcp-receive-buffer | self (borrow $tcp-socket) | (result u64 (error $error-code))
tcp | [method]tcp-socket.set-receive-buffer-size | tcp-set-receive-buffer | self (borrow $tcp-socket), value u64 | (result (error $error-code))
tcp | [method]tcp-socket.send-buffer-size | tcp-send-buffer | self (borrow $tcp-socket) | (result u64 (error $error-code))
tcp | [method]tcp-socket.set-send-buffer-size | tcp-set-send-buffer | self (borrow $tcp-socket), value u64 | (result (error $error-code))
tcp | [method]tcp-socket.subscribe | tcp-subscribe | self (borrow $tcp-socket) | (own $pollable)
tcp | [method]tcp-socket.shutdown | tcp-shutdown | self (borrow $tcp-socket), shutdown-type $shutdown-type | (result (error $error-code))
";

const TYPES: &str = r#"
streams | stream-error | (variant (case "last-operation-failed" (own $error)) (case "closed"))
network | error-code | (enum "unknown" "access-denied" "not-supported" "invalid-argument" "out-of-memory" "timeout" "concurrency-conflict" "not-in-progress" "would-block" "invalid-state" "new-socket-limit" "address-not-bindable" "address-in-use" "remote-unreachable" "connection-refused" "connection-reset" "connection-aborted" "datagram-too-large" "name-unresolvable" "temporary-resolver-failure" "permanent-resolver-failure")
network | ip-address-family | (enum "ipv4" "ipv6")
network | ipv4-address | (tuple u8 u8 u8 u8)
network | ipv6-address | (tuple u16 u16 u16 u16 u16 u16 u16 u16)
network | ip-address | (variant (case "ipv4" $ipv4-address) (case "ipv6" $ipv6-address))
network | ipv4-socket-address | (record (field "port" u16) (field "address" $ipv4-address))
network | ipv6-socket-address | (record (field "port" u16) (field "flow-info" u32) (field "address" $ipv6-address) (field "scope-id" u32))
network | ip-socket-address | (variant (case "ipv4" $ipv4-socket-address) (case "ipv6" $ipv6-socket-address))
udp | incoming-datagram | (record (field "data" (list u8)) (field "remote-address" $ip-socket-address))
udp | outgoing-datagram | (record (field "data" (list u8)) (field "remote-address" (option $ip-socket-address)))
tcp | shutdown-type | (enum "receive" "send" "both")
"#;
