//! The interfaces of `wasi:sockets`, over this crate's own resources. `network` and
//! `instance-network` stay those of `wasmtime-wasi`, and so do `wasi:io` and `wasi:clocks`.

mod generated {
    wasmtime::component::bindgen!({
        path: "wit",
        world: "sockets",
        imports: {
            // They never wait.
            "wasi:sockets/tcp": trappable,
            "wasi:sockets/tcp-create-socket": trappable,
            default: async | trappable,
        },
        trappable_error_type: {
            "wasi:sockets/network.error-code" => wasmtime_wasi::p2::SocketError,
        },
        with: {
            "wasi:io": wasmtime_wasi::p2::bindings::io,
            "wasi:clocks": wasmtime_wasi::p2::bindings::clocks,
            "wasi:sockets/network": wasmtime_wasi::p2::bindings::sockets::network,
            "wasi:sockets/tcp.tcp-socket": crate::sockets::tcp_socket::TcpSocket,
            "wasi:sockets/udp.udp-socket": crate::sockets::udp_socket::UdpSocket,
            "wasi:sockets/udp.incoming-datagram-stream": crate::sockets::incoming_datagrams::IncomingDatagrams,
            "wasi:sockets/udp.outgoing-datagram-stream": crate::sockets::outgoing_datagrams::OutgoingDatagrams,
            "wasi:sockets/ip-name-lookup.resolve-address-stream": crate::sockets::resolution::Resolution,
        },
        require_store_data_send: true,
    });
}

pub(crate) use self::generated::wasi::sockets::*;
