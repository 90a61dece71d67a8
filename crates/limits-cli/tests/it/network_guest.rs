//! A guest with a function for each way to the network, for `--invoke`.

use std::sync::LazyLock;

use crate::guests::against;

/// Exports `tcp`, `udp` and `look-up`.
///
/// Each returns 0 if it went well, or else 100 times the number of the step that failed and the
/// code of the error: 1 is `access-denied`.
pub(crate) static NETWORK_GUEST: LazyLock<Vec<u8>> = LazyLock::new(|| against(WIT, MODULE));

const WIT: &str = "
package test:guest;

world guest {
    import wasi:sockets/instance-network@0.2.0;
    import wasi:sockets/tcp-create-socket@0.2.0;
    import wasi:sockets/udp-create-socket@0.2.0;
    import wasi:sockets/ip-name-lookup@0.2.0;
    /// Sends four bytes to a port of 127.0.0.1, and waits for the same four.
    export tcp: func(port: u16) -> u32;
    /// The same in a datagram.
    export udp: func(port: u16) -> u32;
    /// Looks a name up, and returns 0 if it has an address.
    export look-up: func(name: string) -> u32;
    /// Looks a name up, and connects to its address by TCP.
    export reach: func(name: string, port: u16) -> u32;
    /// Connects to a port of 127.0.0.1, and waits for bytes for ever.
    export wait: func(port: u16) -> u32;
}

package wasi:io@0.2.0 {
    interface poll { resource pollable { block: func(); } }
    interface error { resource error; }
    interface streams {
        use poll.{pollable};
        use error.{error};
        variant stream-error { last-operation-failed(error), closed }
        resource input-stream {
            blocking-read: func(len: u64) -> result<list<u8>, stream-error>;
        }
        resource output-stream {
            blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>;
        }
    }
}

package wasi:sockets@0.2.0 {
    interface network {
        resource network;
        enum error-code {
            unknown, access-denied, not-supported, invalid-argument, out-of-memory,
            timeout, concurrency-conflict, not-in-progress, would-block, invalid-state,
            new-socket-limit, address-not-bindable, address-in-use, remote-unreachable,
            connection-refused, connection-reset, connection-aborted, datagram-too-large,
            name-unresolvable, temporary-resolver-failure, permanent-resolver-failure,
        }
        enum ip-address-family { ipv4, ipv6 }
        type ipv4-address = tuple<u8, u8, u8, u8>;
        type ipv6-address = tuple<u16, u16, u16, u16, u16, u16, u16, u16>;
        variant ip-address { ipv4(ipv4-address), ipv6(ipv6-address) }
        record ipv4-socket-address { port: u16, address: ipv4-address }
        record ipv6-socket-address {
            port: u16, flow-info: u32, address: ipv6-address, scope-id: u32,
        }
        variant ip-socket-address { ipv4(ipv4-socket-address), ipv6(ipv6-socket-address) }
    }
    interface instance-network {
        use network.{network};
        instance-network: func() -> network;
    }
    interface tcp {
        use wasi:io/poll@0.2.0.{pollable};
        use wasi:io/streams@0.2.0.{input-stream, output-stream};
        use network.{network, error-code, ip-socket-address};
        resource tcp-socket {
            start-connect: func(network: borrow<network>, remote-address: ip-socket-address)
                -> result<_, error-code>;
            finish-connect: func() -> result<tuple<input-stream, output-stream>, error-code>;
            subscribe: func() -> pollable;
        }
    }
    interface udp {
        use wasi:io/poll@0.2.0.{pollable};
        use network.{network, error-code, ip-socket-address};
        record incoming-datagram { data: list<u8>, remote-address: ip-socket-address }
        record outgoing-datagram { data: list<u8>, remote-address: option<ip-socket-address> }
        resource udp-socket {
            start-bind: func(network: borrow<network>, local-address: ip-socket-address)
                -> result<_, error-code>;
            finish-bind: func() -> result<_, error-code>;
            %stream: func(remote-address: option<ip-socket-address>)
                -> result<tuple<incoming-datagram-stream, outgoing-datagram-stream>, error-code>;
        }
        resource incoming-datagram-stream {
            receive: func(max-results: u64) -> result<list<incoming-datagram>, error-code>;
            subscribe: func() -> pollable;
        }
        resource outgoing-datagram-stream {
            check-send: func() -> result<u64, error-code>;
            send: func(datagrams: list<outgoing-datagram>) -> result<u64, error-code>;
        }
    }
    interface tcp-create-socket {
        use network.{error-code, ip-address-family};
        use tcp.{tcp-socket};
        create-tcp-socket: func(family: ip-address-family) -> result<tcp-socket, error-code>;
    }
    interface udp-create-socket {
        use network.{error-code, ip-address-family};
        use udp.{udp-socket};
        create-udp-socket: func(family: ip-address-family) -> result<udp-socket, error-code>;
    }
    interface ip-name-lookup {
        use wasi:io/poll@0.2.0.{pollable};
        use network.{network, error-code, ip-address};
        resource resolve-address-stream {
            resolve-next-address: func() -> result<option<ip-address>, error-code>;
            subscribe: func() -> pollable;
        }
        resolve-addresses: func(network: borrow<network>, name: string)
            -> result<resolve-address-stream, error-code>;
    }
}
";

/// Results of calls lie at 0, four bytes to send at 64, a datagram at 96, a name from 1024 on.
const MODULE: &str = r#"(module
    (import "wasi:io/poll@0.2.0" "[method]pollable.block" (func $block (param i32)))
    (import "wasi:io/streams@0.2.0" "[method]input-stream.blocking-read"
        (func $read (param i32 i64 i32)))
    (import "wasi:io/streams@0.2.0" "[method]output-stream.blocking-write-and-flush"
        (func $write (param i32 i32 i32 i32)))
    (import "wasi:sockets/instance-network@0.2.0" "instance-network"
        (func $network (result i32)))
    (import "wasi:sockets/tcp-create-socket@0.2.0" "create-tcp-socket"
        (func $tcp_socket (param i32 i32)))
    (import "wasi:sockets/tcp@0.2.0" "[method]tcp-socket.start-connect"
        (func $connect
            (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
    (import "wasi:sockets/tcp@0.2.0" "[method]tcp-socket.finish-connect"
        (func $connected (param i32 i32)))
    (import "wasi:sockets/tcp@0.2.0" "[method]tcp-socket.subscribe"
        (func $tcp_ready (param i32) (result i32)))
    (import "wasi:sockets/udp-create-socket@0.2.0" "create-udp-socket"
        (func $udp_socket (param i32 i32)))
    (import "wasi:sockets/udp@0.2.0" "[method]udp-socket.start-bind"
        (func $bind
            (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
    (import "wasi:sockets/udp@0.2.0" "[method]udp-socket.finish-bind"
        (func $bound (param i32 i32)))
    (import "wasi:sockets/udp@0.2.0" "[method]udp-socket.stream"
        (func $datagrams
            (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
    (import "wasi:sockets/udp@0.2.0" "[method]outgoing-datagram-stream.check-send"
        (func $may_send (param i32 i32)))
    (import "wasi:sockets/udp@0.2.0" "[method]outgoing-datagram-stream.send"
        (func $send (param i32 i32 i32 i32)))
    (import "wasi:sockets/udp@0.2.0" "[method]incoming-datagram-stream.subscribe"
        (func $incoming (param i32) (result i32)))
    (import "wasi:sockets/udp@0.2.0" "[method]incoming-datagram-stream.receive"
        (func $receive (param i32 i64 i32)))
    (import "wasi:sockets/ip-name-lookup@0.2.0" "resolve-addresses"
        (func $look_up (param i32 i32 i32 i32)))
    (import "wasi:sockets/ip-name-lookup@0.2.0"
        "[method]resolve-address-stream.resolve-next-address" (func $next (param i32 i32)))
    (import "wasi:sockets/ip-name-lookup@0.2.0"
        "[method]resolve-address-stream.subscribe" (func $found (param i32) (result i32)))
    (memory (export "memory") 2)
    (global $free (mut i32) (i32.const 1024))
    (data (i32.const 64) "ping")
    ;; One datagram: its data, and no address.
    (data (i32.const 96) "\40\00\00\00\04\00\00\00\00\00\00\00")

    (func (export "cabi_realloc") (param i32 i32 i32) (param $size i32) (result i32)
        (local $at i32)
        (local.set $at (global.get $free))
        (global.set $free (i32.and
            (i32.add (i32.add (local.get $at) (local.get $size)) (i32.const 7)) (i32.const -8)))
        (local.get $at))
    ;; Whether the last result is an error, whose code lies at `at`.
    (func $failed (result i32) (i32.load8_u (i32.const 0)))
    (func $error (param $step i32) (param $at i32) (result i32)
        (i32.add (i32.mul (local.get $step) (i32.const 100)) (i32.load8_u (local.get $at))))
    ;; Connects by TCP. The streams lie at 4 and 8, or the result is the error.
    (func $open (param $network i32) (param $port i32)
        (param $a i32) (param $b i32) (param $c i32) (param $d i32) (result i32)
        (local $socket i32)
        (call $tcp_socket (i32.const 0) (i32.const 0))
        (if (call $failed) (then (return (call $error (i32.const 1) (i32.const 4)))))
        (local.set $socket (i32.load (i32.const 4)))
        (call $connect (local.get $socket) (local.get $network)
            (i32.const 0) (local.get $port)
            (local.get $a) (local.get $b) (local.get $c) (local.get $d)
            (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
            (i32.const 0))
        (if (call $failed) (then (return (call $error (i32.const 2) (i32.const 1)))))
        (call $block (call $tcp_ready (local.get $socket)))
        (call $connected (local.get $socket) (i32.const 0))
        (if (call $failed) (then (return (call $error (i32.const 3) (i32.const 4)))))
        (i32.const 0))
    (func (export "tcp") (param $port i32) (result i32)
        (local $input i32) (local $got i32) (local $failure i32)
        (local.set $failure (call $open (call $network) (local.get $port)
            (i32.const 127) (i32.const 0) (i32.const 0) (i32.const 1)))
        (if (local.get $failure) (then (return (local.get $failure))))
        (local.set $input (i32.load (i32.const 4)))
        (call $write (i32.load (i32.const 8)) (i32.const 64) (i32.const 4) (i32.const 0))
        (if (call $failed) (then (return (call $error (i32.const 4) (i32.const 4)))))
        (loop $more
            (call $read (local.get $input) (i64.const 4) (i32.const 0))
            (if (call $failed) (then (return (call $error (i32.const 5) (i32.const 4)))))
            (local.set $got (i32.add (local.get $got) (i32.load (i32.const 8))))
            (br_if $more (i32.lt_u (local.get $got) (i32.const 4))))
        (i32.const 0))
    (func (export "wait") (param $port i32) (result i32)
        (local $failure i32)
        (local.set $failure (call $open (call $network) (local.get $port)
            (i32.const 127) (i32.const 0) (i32.const 0) (i32.const 1)))
        (if (local.get $failure) (then (return (local.get $failure))))
        (call $read (i32.load (i32.const 4)) (i64.const 4) (i32.const 0))
        (i32.const 0))
    (func (export "udp") (param $port i32) (result i32)
        (local $socket i32) (local $input i32) (local $output i32)
        (call $udp_socket (i32.const 0) (i32.const 0))
        (if (call $failed) (then (return (call $error (i32.const 1) (i32.const 4)))))
        (local.set $socket (i32.load (i32.const 4)))
        (call $bind (local.get $socket) (call $network)
            (i32.const 0) (i32.const 0)
            (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
            (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
            (i32.const 0))
        (if (call $failed) (then (return (call $error (i32.const 2) (i32.const 1)))))
        (call $bound (local.get $socket) (i32.const 0))
        (if (call $failed) (then (return (call $error (i32.const 3) (i32.const 1)))))
        (call $datagrams (local.get $socket)
            (i32.const 1) (i32.const 0) (local.get $port)
            (i32.const 127) (i32.const 0) (i32.const 0) (i32.const 1)
            (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
            (i32.const 0))
        (if (call $failed) (then (return (call $error (i32.const 4) (i32.const 4)))))
        (local.set $input (i32.load (i32.const 4)))
        (local.set $output (i32.load (i32.const 8)))
        (call $may_send (local.get $output) (i32.const 0))
        (if (call $failed) (then (return (call $error (i32.const 5) (i32.const 8)))))
        (call $send (local.get $output) (i32.const 96) (i32.const 1) (i32.const 0))
        (if (call $failed) (then (return (call $error (i32.const 6) (i32.const 8)))))
        (loop $more
            (call $block (call $incoming (local.get $input)))
            (call $receive (local.get $input) (i64.const 1) (i32.const 0))
            (if (call $failed) (then (return (call $error (i32.const 7) (i32.const 4)))))
            (br_if $more (i32.eqz (i32.load (i32.const 8)))))
        ;; The length of the datagram.
        (i32.sub (i32.load offset=4 (i32.load (i32.const 4))) (i32.const 4)))
    ;; Looks a name up. Its first address lies at 32, or the result is the error.
    (func $address (param $network i32) (param $name i32) (param $length i32) (result i32)
        (local $found i32)
        (call $look_up (local.get $network) (local.get $name) (local.get $length) (i32.const 32))
        (if (i32.load8_u (i32.const 32))
            (then (return (call $error (i32.const 8) (i32.const 36)))))
        (local.set $found (i32.load (i32.const 36)))
        (call $block (call $found (local.get $found)))
        (call $next (local.get $found) (i32.const 32))
        (if (i32.load8_u (i32.const 32))
            (then (return (call $error (i32.const 9) (i32.const 34)))))
        (i32.eqz (i32.load8_u (i32.const 34))))
    (func (export "look-up") (param $name i32) (param $length i32) (result i32)
        (call $address (call $network) (local.get $name) (local.get $length)))
    (func (export "reach") (param $name i32) (param $length i32) (param $port i32) (result i32)
        (local $network i32) (local $failure i32)
        (local.set $network (call $network))
        (local.set $failure
            (call $address (local.get $network) (local.get $name) (local.get $length)))
        (if (local.get $failure) (then (return (local.get $failure))))
        ;; An IPv4 address, as those of localhost are asked for here.
        (call $open (local.get $network) (local.get $port)
            (i32.load8_u (i32.const 38)) (i32.load8_u (i32.const 39))
            (i32.load8_u (i32.const 40)) (i32.load8_u (i32.const 41)))))"#;
