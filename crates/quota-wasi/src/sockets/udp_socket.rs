//! A UDP socket of a guest.

use core::net::SocketAddr;
use std::sync::Arc;

use wasmtime::component::Resource;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::bindings::sockets::network::{
    ErrorCode, IpAddressFamily, IpSocketAddress, Network,
};
use wasmtime_wasi::p2::{DynPollable, Pollable, SocketError, SocketResult, subscribe};

use super::bindings::{udp, udp_create_socket};
use super::datagram_socket::DatagramSocket;
use super::incoming_datagrams::IncomingDatagrams;
use super::options::{self, Buffer};
use super::outgoing_datagrams::OutgoingDatagrams;
use super::view::SocketsView;
use crate::service::Service;

/// A UDP socket of a guest.
#[derive(Debug)]
#[expect(unreachable_pub, reason = "the generated bindings name it so")]
pub struct UdpSocket {
    open: Arc<DatagramSocket>,
    /// The address that the guest has bound it to.
    bound: Option<SocketAddr>,
    /// Whether the guest has not finished to bind it.
    binding: bool,
    remote: Option<SocketAddr>,
}

#[async_trait]
impl Pollable for UdpSocket {
    /// No call of a socket waits.
    async fn ready(&mut self) {}
}

impl udp_create_socket::Host for SocketsView<'_> {
    async fn create_udp_socket(
        &mut self,
        family: IpAddressFamily,
    ) -> SocketResult<Resource<UdpSocket>> {
        if !self.store.shared().network.udp {
            self.store.usage().refuse_service(Service::Udp);
            return Err(ErrorCode::AccessDenied.into());
        }
        let network = self.store.network();
        let slot = network.sockets().take().ok_or(ErrorCode::NewSocketLimit)?;
        let most = network.buffer_bytes();
        let open = Arc::new(DatagramSocket::open(family.into(), slot, most).await?);
        let socket = UdpSocket { open, bound: None, binding: false, remote: None };
        Ok(self.table.push(socket)?)
    }
}

impl udp::Host for SocketsView<'_> {}

impl udp::HostUdpSocket for SocketsView<'_> {
    async fn start_bind(
        &mut self,
        this: Resource<UdpSocket>,
        network: Resource<Network>,
        local: IpSocketAddress,
    ) -> SocketResult<()> {
        self.table.get(&network)?;
        let socket = self.table.get_mut(&this)?;
        if socket.binding {
            return Err(ErrorCode::ConcurrencyConflict.into());
        }
        if socket.bound.is_some() {
            return Err(ErrorCode::InvalidState.into());
        }
        let local = SocketAddr::from(local);
        if !socket.open.family.has(local.ip()) {
            return Err(ErrorCode::InvalidArgument.into());
        }
        self.store.reach().bind(local)?;
        socket.open.bind(local)?;
        socket.bound = Some(local);
        socket.binding = true;
        Ok(())
    }

    async fn finish_bind(&mut self, this: Resource<UdpSocket>) -> SocketResult<()> {
        let socket = self.table.get_mut(&this)?;
        if !socket.binding {
            return Err(ErrorCode::NotInProgress.into());
        }
        socket.binding = false;
        Ok(())
    }

    async fn stream(
        &mut self,
        this: Resource<UdpSocket>,
        remote: Option<IpSocketAddress>,
    ) -> SocketResult<(Resource<IncomingDatagrams>, Resource<OutgoingDatagrams>)> {
        let is_stream = |child: &(dyn core::any::Any + Send)| {
            child.is::<IncomingDatagrams>() || child.is::<OutgoingDatagrams>()
        };
        if self.table.iter_children(&this)?.any(is_stream) {
            return Err(SocketError::trap(StreamsNotDropped));
        }
        let socket = self.table.get_mut(&this)?;
        let bound = socket.bound.ok_or(ErrorCode::InvalidState)?;
        if let Some(remote) = remote.map(SocketAddr::from) {
            if !socket.open.family.has_remote(remote) {
                return Err(ErrorCode::InvalidArgument.into());
            }
            self.store.reach().send_to(remote)?;
            let connected = socket.open.connect(remote);
            socket.remote = socket.open.remote();
            connected?;
        } else if socket.remote.is_some() {
            let disconnected = socket.open.disconnect();
            socket.remote = socket.open.remote();
            disconnected?;
        }
        let (open, remote) = (Arc::clone(&socket.open), socket.remote);
        let store = self.store.clone();
        let incoming = IncomingDatagrams::new(Arc::clone(&open), store.clone(), bound, remote);
        let outgoing = OutgoingDatagrams::new(open, store, remote);
        let incoming = self.table.push_child(incoming, &this)?;
        Ok((incoming, self.table.push_child(outgoing, &this)?))
    }

    async fn local_address(&mut self, this: Resource<UdpSocket>) -> SocketResult<IpSocketAddress> {
        let socket = self.table.get(&this)?;
        socket.bound.ok_or(ErrorCode::InvalidState)?;
        Ok(socket.open.socket.local_addr()?.into())
    }

    async fn remote_address(&mut self, this: Resource<UdpSocket>) -> SocketResult<IpSocketAddress> {
        Ok(self.table.get(&this)?.remote.ok_or(ErrorCode::InvalidState)?.into())
    }

    async fn address_family(
        &mut self,
        this: Resource<UdpSocket>,
    ) -> wasmtime::Result<IpAddressFamily> {
        Ok(self.table.get(&this)?.open.family.into())
    }

    async fn unicast_hop_limit(&mut self, this: Resource<UdpSocket>) -> SocketResult<u8> {
        let open = &self.table.get(&this)?.open;
        options::hop_limit(&open.socket, open.family)
    }

    async fn set_unicast_hop_limit(
        &mut self,
        this: Resource<UdpSocket>,
        hops: u8,
    ) -> SocketResult<()> {
        let open = &self.table.get(&this)?.open;
        options::set_hop_limit(&open.socket, open.family, hops)
    }

    async fn receive_buffer_size(&mut self, this: Resource<UdpSocket>) -> SocketResult<u64> {
        Buffer::Receive.size(&self.table.get(&this)?.open.socket)
    }

    async fn set_receive_buffer_size(
        &mut self,
        this: Resource<UdpSocket>,
        bytes: u64,
    ) -> SocketResult<()> {
        let most = self.store.network().buffer_bytes();
        Buffer::Receive.set_size(&self.table.get(&this)?.open.socket, bytes, most)
    }

    async fn send_buffer_size(&mut self, this: Resource<UdpSocket>) -> SocketResult<u64> {
        Buffer::Send.size(&self.table.get(&this)?.open.socket)
    }

    async fn set_send_buffer_size(
        &mut self,
        this: Resource<UdpSocket>,
        bytes: u64,
    ) -> SocketResult<()> {
        let most = self.store.network().buffer_bytes();
        Buffer::Send.set_size(&self.table.get(&this)?.open.socket, bytes, most)
    }

    async fn subscribe(
        &mut self,
        this: Resource<UdpSocket>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        subscribe(self.table, this)
    }

    async fn drop(&mut self, this: Resource<UdpSocket>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

/// A guest that asks for streams of a socket has others of it.
#[derive(Debug, thiserror::Error)]
#[error("UDP streams not dropped yet")]
struct StreamsNotDropped;
