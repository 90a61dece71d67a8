//! Within its quotas and capabilities, a guest of UDP meets what it meets under wasmtime-wasi.

use core::fmt::Debug;
use core::net::SocketAddr;

use limits_core::Permission;
use quota_enforce::SecurityContext;
use tokio::net::UdpSocket;
use wasmtime::component::ResourceAny;
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, IpAddressFamily, IpSocketAddress};

use super::with_udp;
use crate::guest::Guest;
use crate::host::limits;
use crate::network::{Answered, capabilities};

/// Answers, in words. The ports of the system's choice are left out.
struct Log {
    guest: Guest,
    lines: Vec<String>,
}

impl Log {
    fn note<T: Debug>(&mut self, call: &str, answer: Answered<T>) -> Option<T> {
        let text = match &answer {
            Ok(value) => format!("{value:?}"),
            Err(code) => code.name().to_owned(),
        };
        self.lines.push(format!("{call}: {text}"));
        answer.ok()
    }

    fn note_address(&mut self, call: &str, answer: Answered<IpSocketAddress>) {
        let _noted = self.note(call, answer.map(|address| SocketAddr::from(address).ip()));
    }

    async fn close(&mut self, incoming: ResourceAny, outgoing: ResourceAny) {
        self.guest.drop_any(incoming).await;
        self.guest.drop_any(outgoing).await;
        // Plain wasmtime-wasi has a task that receives; it goes a moment after its stream, and the
        // socket cannot be connected before.
        for _ in 0..4 {
            tokio::task::yield_now().await;
        }
    }

    async fn addresses(&mut self, socket: ResourceAny) {
        let local = self.guest.call("udp-local-address", (socket,)).await;
        self.note_address("local", local);
        let remote = self.guest.call("udp-remote-address", (socket,)).await;
        self.note_address("remote", remote);
    }

    async fn options(&mut self, socket: ResourceAny) {
        for hops in [0_u8, 1, 64, 255] {
            let set: Answered<()> = self.guest.call("udp-set-hop-limit", (socket, hops)).await;
            self.note("set hop limit", set);
            let limit: Answered<u8> = self.guest.call("udp-hop-limit", (socket,)).await;
            self.note("hop limit", limit);
        }
        for bytes in [0_u64, 1, 8_192, 65_536] {
            for (set, get) in [
                ("udp-set-receive-buffer", "udp-receive-buffer"),
                ("udp-set-send-buffer", "udp-send-buffer"),
            ] {
                let done: Answered<()> = self.guest.call(set, (socket, bytes)).await;
                self.note(set, done);
                let size: Answered<u64> = self.guest.call(get, (socket,)).await;
                self.note(get, size);
            }
        }
        for set in ["udp-set-receive-buffer", "udp-set-send-buffer"] {
            let done: Answered<()> = self.guest.call(set, (socket, 65_536_u64)).await;
            self.note(set, done);
        }
    }

    async fn binds(&mut self, socket: ResourceAny, own: &str) {
        let streams = self.guest.udp_streams(socket, None).await;
        self.note("streams unbound", streams.map(|_| ()));
        let done: Answered<()> = self.guest.call("udp-finish-bind", (socket,)).await;
        self.note("finish first", done);
        for local in ["93.184.216.34:0", "[2606:2800:220:1::1]:0", "[::ffff:127.0.0.1]:0", own] {
            let done = self.guest.start_udp_bind(socket, local).await;
            self.note(local, done);
        }
        self.addresses(socket).await;
        let again = self.guest.start_udp_bind(socket, own).await;
        self.note("bind while binding", again);
        let done: Answered<()> = self.guest.call("udp-finish-bind", (socket,)).await;
        self.note("finish", done);
        let done: Answered<()> = self.guest.call("udp-finish-bind", (socket,)).await;
        self.note("finish again", done);
        let again = self.guest.start_udp_bind(socket, own).await;
        self.note("bind again", again);
    }

    async fn bad_remotes(&mut self, socket: ResourceAny) {
        for remote in ["0.0.0.0:1", "127.0.0.1:0", "[::]:1", "[::1]:0", "[::ffff:127.0.0.1]:9"] {
            let streams = self.guest.udp_streams(socket, Some(remote.parse().unwrap())).await;
            self.note(remote, streams.map(|_| ()));
        }
        self.addresses(socket).await;
    }

    async fn send(&mut self, call: &str, to: ResourceAny, all: &[(&[u8], Option<SocketAddr>)]) {
        while self.guest.check_send(to).await == 0 {
            self.guest.wait_on("outgoing-subscribe", to).await;
        }
        let sent = self.guest.send_all(to, all).await;
        self.note(call, sent);
    }

    async fn receive(&mut self, call: &str, from: ResourceAny, most: u64) {
        let received = self.guest.receive(from, most).await;
        let data = |all: Vec<(Vec<u8>, SocketAddr)>| -> Vec<_> {
            all.into_iter().map(|(data, from)| (data.len(), from.ip())).collect()
        };
        self.note(call, received.map(data));
    }

    /// Datagrams of an unconnected socket, to itself and to those that it may not.
    async fn unconnected(&mut self, socket: ResourceAny) {
        let (incoming, outgoing) = self.guest.udp_streams(socket, None).await.unwrap();
        let own = self.guest.udp_address(socket).await.unwrap();
        self.send("nothing", outgoing, &[]).await;
        self.send("to none", outgoing, &[(b"x", None)]).await;
        for to in ["0.0.0.0:1", "127.0.0.1:0", "[::]:1", "[::1]:0", "[::ffff:127.0.0.1]:9"] {
            self.send(to, outgoing, &[(b"x", Some(to.parse().unwrap()))]).await;
        }
        for length in [65_507, 65_508, 65_535, 65_536, 100_000] {
            self.send("long", outgoing, &[(&vec![0; length], Some(own))]).await;
        }
        self.guest.wait_on("incoming-subscribe", incoming).await;
        self.receive("long", incoming, 16).await;
        self.receive("nothing left", incoming, 16).await;
        let both: [(&[u8], _); 3] = [(b"a", Some(own)), (b"b", None), (b"c", Some(own))];
        self.send("one of three", outgoing, &both).await;
        let three: [(&[u8], _); 3] = [(b"dd", Some(own)), (b"", Some(own)), (b"f", Some(own))];
        self.send("three", outgoing, &three).await;
        self.guest.wait_on("incoming-subscribe", incoming).await;
        self.receive("none asked for", incoming, 0).await;
        self.receive("one", incoming, 1).await;
        self.receive("all", incoming, u64::MAX).await;
        for _ in 0..2 {
            self.send("many", outgoing, &[(&[0; 10_000][..], Some(own)); 16]).await;
        }
        self.guest.wait_on("incoming-subscribe", incoming).await;
        for _ in 0..6 {
            self.receive("many", incoming, 16).await;
        }
        self.close(incoming, outgoing).await;
    }

    /// Datagrams of a connected socket.
    async fn connected(&mut self, socket: ResourceAny, peer: &UdpSocket, stranger: &UdpSocket) {
        let (to, other) = (peer.local_addr().unwrap(), stranger.local_addr().unwrap());
        let own = self.guest.udp_address(socket).await.unwrap();
        stranger.send_to(b"before", own).await.unwrap();
        let (incoming, outgoing) = self.guest.udp_streams(socket, Some(to)).await.unwrap();
        self.addresses(socket).await;
        self.send("to none", outgoing, &[(b"x", None)]).await;
        self.send("to it", outgoing, &[(b"y", Some(to))]).await;
        self.send("to another", outgoing, &[(b"z", Some(other))]).await;
        stranger.send_to(b"stranger", own).await.unwrap();
        peer.send_to(b"peer", own).await.unwrap();
        self.guest.wait_on("incoming-subscribe", incoming).await;
        self.receive("from it", incoming, 16).await;
        self.receive("from none", incoming, 16).await;
        self.close(incoming, outgoing).await;
    }

    /// A peer that is gone.
    async fn refused(&mut self, socket: ResourceAny, gone: SocketAddr) {
        let (incoming, outgoing) = self.guest.udp_streams(socket, Some(gone)).await.unwrap();
        for _ in 0..4 {
            self.send("to a closed port", outgoing, &[(b"x", None)]).await;
        }
        self.close(incoming, outgoing).await;
        let (incoming, outgoing) = self.guest.udp_streams(socket, None).await.unwrap();
        self.addresses(socket).await;
        self.close(incoming, outgoing).await;
    }
}

async fn script(guest: Guest, family: IpAddressFamily) -> Vec<String> {
    let own = match family {
        IpAddressFamily::Ipv4 => "127.0.0.1:0",
        IpAddressFamily::Ipv6 => "[::1]:0",
    };
    let mut log = Log { guest, lines: Vec::new() };
    let socket = log.guest.udp_socket(family).await;
    let Some(socket) = log.note_socket(socket) else { return log.lines };
    let of: IpAddressFamily = log.guest.call("udp-address-family", (socket,)).await;
    log.note("family", Ok::<_, ErrorCode>(of));
    log.addresses(socket).await;
    log.options(socket).await;
    log.binds(socket, own).await;
    if log.guest.udp_address(socket).await.is_err() {
        // The system has no such address.
        return log.lines;
    }
    log.addresses(socket).await;
    log.bad_remotes(socket).await;
    log.unconnected(socket).await;
    let bind = async || UdpSocket::bind(own).await.unwrap();
    log.connected(socket, &bind().await, &bind().await).await;
    let gone = bind().await.local_addr().unwrap();
    log.refused(socket, gone).await;
    log.lines
}

impl Log {
    fn note_socket(&mut self, socket: Answered<ResourceAny>) -> Option<ResourceAny> {
        let made = socket.as_ref().map(|_| ()).map_err(|code| *code);
        self.note("create", made);
        socket.ok()
    }
}

#[tokio::test]
async fn a_guest_of_datagrams_meets_what_it_meets_without_quotas() {
    let set = capabilities(&[
        (Permission::NetworkConnect, "**"),
        (Permission::NetworkConnect, "127.0.0.0/8:*"),
        (Permission::NetworkConnect, "[::1]:*"),
        (Permission::NetworkBind, "**"),
    ]);
    let quota = with_udp(SecurityContext::new("guest", set));
    for family in [IpAddressFamily::Ipv4, IpAddressFamily::Ipv6] {
        let ours = script(Guest::on_network(&quota, limits()).await, family).await;
        let plain = script(Guest::plain_on_network().await, family).await;
        assert_eq!(ours, plain);
        // Hosts without IPv6 say so early.
        assert!(family == IpAddressFamily::Ipv6 || ours.len() > 80, "{ours:#?}");
    }
}
