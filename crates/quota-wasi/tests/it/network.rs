//! The calls of a guest of sockets, whose resources are this crate's or wasmtime-wasi's.

use core::net::{IpAddr, SocketAddr};

use limits_core::{CapabilitySet, Permission};
use quota_enforce::SecurityContext;
use wasmtime::component::ResourceAny;
use wasmtime_wasi::p2::bindings::sockets::network::{
    ErrorCode, IpAddress, IpAddressFamily, IpSocketAddress,
};
use wasmtime_wasi::p2::bindings::sockets::udp::{IncomingDatagram, OutgoingDatagram};

use crate::guest::Guest;
use crate::loopback::unlimited;

/// An answer of WASI's sockets.
pub(crate) type Answered<T> = Result<T, ErrorCode>;

impl Guest {
    /// The network, which stands for all.
    pub(crate) async fn network(&mut self) -> ResourceAny {
        self.call("instance-network", ()).await
    }

    pub(crate) async fn drop_any(&mut self, resource: ResourceAny) {
        resource.resource_drop_async(&mut self.store).await.unwrap();
    }

    /// Starts to look a name up.
    pub(crate) async fn start_lookup(&mut self, name: &str) -> Answered<ResourceAny> {
        let network = self.network().await;
        let started = self.call("resolve-addresses", (network, name)).await;
        self.drop_any(network).await;
        started
    }

    pub(crate) async fn next_address(&mut self, lookup: ResourceAny) -> Answered<Option<IpAddr>> {
        let next: Answered<Option<IpAddress>> = self.call("resolve-next-address", (lookup,)).await;
        Ok(next?.map(|address| match address {
            IpAddress::Ipv4((a, b, c, d)) => [a, b, c, d].into(),
            IpAddress::Ipv6((a, b, c, d, e, f, g, h)) => [a, b, c, d, e, f, g, h].into(),
        }))
    }

    /// Waits until a resource is ready, by the export that makes its pollable.
    pub(crate) async fn wait_on(&mut self, subscribe: &str, resource: ResourceAny) {
        let pollable: ResourceAny = self.call(subscribe, (resource,)).await;
        let block = self.instance.get_typed_func::<(ResourceAny,), ()>(&mut self.store, "block");
        block.unwrap().call_async(&mut self.store, (pollable,)).await.unwrap();
        self.drop_any(pollable).await;
    }

    /// Looks a name up, as programs do.
    pub(crate) async fn look_up(&mut self, name: &str) -> Answered<Vec<IpAddr>> {
        let lookup = self.start_lookup(name).await?;
        let addresses = self.addresses(lookup).await;
        self.drop_any(lookup).await;
        addresses
    }

    async fn addresses(&mut self, lookup: ResourceAny) -> Answered<Vec<IpAddr>> {
        let mut addresses = Vec::new();
        loop {
            match self.next_address(lookup).await {
                Ok(Some(address)) => addresses.push(address),
                Ok(None) => return Ok(addresses),
                Err(ErrorCode::WouldBlock) => self.wait_on("lookup-subscribe", lookup).await,
                Err(code) => return Err(code),
            }
        }
    }

    pub(crate) async fn udp_socket(&mut self, family: IpAddressFamily) -> Answered<ResourceAny> {
        self.call("create-udp-socket", (family,)).await
    }

    pub(crate) async fn start_udp_bind(
        &mut self,
        socket: ResourceAny,
        local: &str,
    ) -> Answered<()> {
        let network = self.network().await;
        let started = self.call("udp-start-bind", (socket, network, at(local))).await;
        self.drop_any(network).await;
        started
    }

    pub(crate) async fn bind_udp(&mut self, socket: ResourceAny, local: &str) -> Answered<()> {
        self.start_udp_bind(socket, local).await?;
        self.call("udp-finish-bind", (socket,)).await
    }

    pub(crate) async fn udp_streams(
        &mut self,
        socket: ResourceAny,
        remote: Option<SocketAddr>,
    ) -> Answered<(ResourceAny, ResourceAny)> {
        self.call("udp-stream", (socket, remote.map(IpSocketAddress::from))).await
    }

    /// An IPv4 socket that the system has bound, and its streams.
    pub(crate) async fn datagrams(&mut self) -> Datagrams {
        self.datagrams_at("0.0.0.0:0", None).await.unwrap()
    }

    /// The same, bound and connected as the test wants.
    pub(crate) async fn datagrams_at(
        &mut self,
        local: &str,
        remote: Option<SocketAddr>,
    ) -> Answered<Datagrams> {
        let socket = self.udp_socket(IpAddressFamily::Ipv4).await?;
        let bound = self.bind_udp(socket, local).await;
        let streams = match bound {
            Ok(()) => self.udp_streams(socket, remote).await,
            Err(code) => Err(code),
        };
        if streams.is_err() {
            self.drop_any(socket).await;
        }
        streams.map(|(incoming, outgoing)| Datagrams { socket, incoming, outgoing })
    }

    pub(crate) async fn udp_address(&mut self, socket: ResourceAny) -> Answered<SocketAddr> {
        let local: Answered<IpSocketAddress> = self.call("udp-local-address", (socket,)).await;
        local.map(SocketAddr::from)
    }

    pub(crate) async fn check_send(&mut self, outgoing: ResourceAny) -> u64 {
        let permitted: Answered<u64> = self.call("udp-check-send", (outgoing,)).await;
        permitted.unwrap()
    }

    /// Sends datagrams that `check_send` has permitted.
    pub(crate) async fn send_all(
        &mut self,
        outgoing: ResourceAny,
        datagrams: &[(&[u8], Option<SocketAddr>)],
    ) -> Answered<u64> {
        let datagrams: Vec<_> = datagrams.iter().map(outgoing_datagram).collect();
        self.call("udp-send", (outgoing, datagrams)).await
    }

    /// Sends a datagram as programs do: waits until one may be sent.
    pub(crate) async fn send(
        &mut self,
        outgoing: ResourceAny,
        data: &[u8],
        to: Option<SocketAddr>,
    ) -> Answered<u64> {
        while self.check_send(outgoing).await == 0 {
            self.wait_on("outgoing-subscribe", outgoing).await;
        }
        self.send_all(outgoing, &[(data, to)]).await
    }

    /// Receives what is there.
    pub(crate) async fn receive(
        &mut self,
        incoming: ResourceAny,
        most: u64,
    ) -> Answered<Vec<(Vec<u8>, SocketAddr)>> {
        let received: Answered<Vec<IncomingDatagram>> =
            self.call("udp-receive", (incoming, most)).await;
        let pair = |it: IncomingDatagram| (it.data, SocketAddr::from(it.remote_address));
        received.map(|datagrams| datagrams.into_iter().map(pair).collect())
    }

    /// Receives one datagram as programs do.
    pub(crate) async fn next(&mut self, incoming: ResourceAny) -> Answered<(Vec<u8>, SocketAddr)> {
        loop {
            if let Some(datagram) = self.receive(incoming, 1).await?.pop() {
                return Ok(datagram);
            }
            self.wait_on("incoming-subscribe", incoming).await;
        }
    }

    pub(crate) async fn close_datagrams(&mut self, datagrams: Datagrams) {
        self.drop_any(datagrams.incoming).await;
        self.drop_any(datagrams.outgoing).await;
        self.drop_any(datagrams.socket).await;
    }
}

/// A UDP socket with its streams.
#[derive(Clone, Copy)]
pub(crate) struct Datagrams {
    pub(crate) socket: ResourceAny,
    pub(crate) incoming: ResourceAny,
    pub(crate) outgoing: ResourceAny,
}

fn at(address: &str) -> IpSocketAddress {
    address.parse::<SocketAddr>().unwrap().into()
}

fn outgoing_datagram((data, to): &(&[u8], Option<SocketAddr>)) -> OutgoingDatagram {
    OutgoingDatagram { data: data.to_vec(), remote_address: to.map(IpSocketAddress::from) }
}

/// Capabilities of the network, by the operator.
pub(crate) fn capabilities(patterns: &[(Permission, &str)]) -> CapabilitySet {
    let mut set = CapabilitySet::new();
    for (permission, pattern) in patterns {
        set.grant(*permission, pattern).unwrap();
    }
    set.by_operator()
}

/// A component `guest` that may connect and send to what the patterns match.
pub(crate) fn connecting(patterns: &[&str]) -> SecurityContext {
    let patterns: Vec<_> = patterns.iter().map(|it| (Permission::NetworkConnect, *it)).collect();
    SecurityContext::with_quota("guest", capabilities(&patterns), unlimited())
}
