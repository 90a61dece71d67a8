//! `wasi:sockets/tcp` and `wasi:sockets/tcp-create-socket`.

use core::net::SocketAddr;
use std::net::Shutdown;

use rustix::fd::BorrowedFd;
use rustix::net::sockopt;
use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::sockets::network::{
    ErrorCode, IpAddressFamily, IpSocketAddress, Network,
};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, DynPollable, SocketResult, subscribe};

use super::bindings::tcp::{self, ShutdownType};
use super::bindings::tcp_create_socket;
use super::options::{self, Buffer};
use super::tcp_options::{KeepAlive, not_zero, set_keep_alive_count};
use super::tcp_socket::{Accepted, Metering, Started, TcpSocket};
use super::view::SocketsView;
use crate::service::Service;

type Socket = Resource<TcpSocket>;
type Streams = (Resource<DynInputStream>, Resource<DynOutputStream>);

impl SocketsView<'_> {
    fn tcp(&self, socket: &Socket) -> SocketResult<&TcpSocket> {
        Ok(self.table.get(socket)?)
    }

    fn system(&self, socket: &Socket) -> SocketResult<BorrowedFd<'_>> {
        self.tcp(socket)?.system()
    }

    fn tcp_mut(&mut self, socket: &Socket) -> SocketResult<&mut TcpSocket> {
        Ok(self.table.get_mut(socket)?)
    }

    fn push_streams(
        &mut self,
        (input, output): (DynInputStream, DynOutputStream),
        socket: &Socket,
    ) -> SocketResult<Streams> {
        let input = self.table.push_child(input, socket)?;
        let output = self.table.push_child(output, socket)?;
        Ok((input, output))
    }
}

impl tcp_create_socket::Host for SocketsView<'_> {
    fn create_tcp_socket(&mut self, family: IpAddressFamily) -> SocketResult<Socket> {
        let shared = self.store.shared();
        if !shared.network.tcp {
            self.store.usage().refuse_service(Service::Tcp);
            return Err(ErrorCode::AccessDenied.into());
        }
        let network = self.store.network();
        let slot = network.sockets().take().ok_or(ErrorCode::NewSocketLimit)?;
        let metering = Metering { wire: shared.network.wire.clone(), usage: self.store.usage() };
        let socket = TcpSocket::new(family.into(), slot, network.buffer_bytes(), metering)?;
        Ok(self.table.push(socket)?)
    }
}

impl tcp::Host for SocketsView<'_> {}

impl tcp::HostTcpSocket for SocketsView<'_> {
    fn start_bind(
        &mut self,
        socket: Socket,
        network: Resource<Network>,
        local: IpSocketAddress,
    ) -> SocketResult<()> {
        self.table.get(&network)?;
        self.table.get_mut(&socket)?.start_bind(local.into(), self.store.reach())
    }

    fn finish_bind(&mut self, socket: Socket) -> SocketResult<()> {
        self.tcp_mut(&socket)?.finish(Started::Bind)
    }

    fn start_connect(
        &mut self,
        socket: Socket,
        network: Resource<Network>,
        remote: IpSocketAddress,
    ) -> SocketResult<()> {
        self.table.get(&network)?;
        let most = self.store.network().connect_timeout();
        let remote = SocketAddr::from(remote);
        self.table.get_mut(&socket)?.start_connect(remote, self.store.reach(), most)
    }

    fn finish_connect(&mut self, socket: Socket) -> SocketResult<Streams> {
        let streams = self.tcp_mut(&socket)?.finish_connect()?;
        self.push_streams(streams, &socket)
    }

    fn start_listen(&mut self, socket: Socket) -> SocketResult<()> {
        self.table.get_mut(&socket)?.start_listen(self.store.reach())
    }

    fn finish_listen(&mut self, socket: Socket) -> SocketResult<()> {
        self.tcp_mut(&socket)?.finish(Started::Listen)
    }

    fn accept(
        &mut self,
        socket: Socket,
    ) -> SocketResult<(Socket, Resource<DynInputStream>, Resource<DynOutputStream>)> {
        if !self.tcp(&socket)?.has_connection()? {
            return Err(ErrorCode::WouldBlock.into());
        }
        let slot = self.store.network().sockets().take().ok_or(ErrorCode::NewSocketLimit)?;
        let Accepted { socket, streams } = self.tcp(&socket)?.accept(slot)?;
        let socket = self.table.push(socket)?;
        let (input, output) = self.push_streams(streams, &socket)?;
        Ok((socket, input, output))
    }

    fn local_address(&mut self, socket: Socket) -> SocketResult<IpSocketAddress> {
        Ok(self.tcp(&socket)?.local_address()?.into())
    }

    fn remote_address(&mut self, socket: Socket) -> SocketResult<IpSocketAddress> {
        Ok(self.tcp(&socket)?.remote_address()?.into())
    }

    fn is_listening(&mut self, socket: Socket) -> wasmtime::Result<bool> {
        Ok(self.table.get(&socket)?.is_listening())
    }

    fn address_family(&mut self, socket: Socket) -> wasmtime::Result<IpAddressFamily> {
        Ok(self.table.get(&socket)?.family().into())
    }

    fn set_listen_backlog_size(&mut self, socket: Socket, connections: u64) -> SocketResult<()> {
        self.tcp_mut(&socket)?.set_backlog(connections)
    }

    fn keep_alive_enabled(&mut self, socket: Socket) -> SocketResult<bool> {
        Ok(sockopt::socket_keepalive(self.system(&socket)?)?)
    }

    fn set_keep_alive_enabled(&mut self, socket: Socket, enabled: bool) -> SocketResult<()> {
        Ok(sockopt::set_socket_keepalive(self.system(&socket)?, enabled)?)
    }

    fn keep_alive_idle_time(&mut self, socket: Socket) -> SocketResult<u64> {
        KeepAlive::Idle.nanos(self.system(&socket)?)
    }

    fn set_keep_alive_idle_time(&mut self, socket: Socket, nanos: u64) -> SocketResult<()> {
        not_zero(nanos)?;
        KeepAlive::Idle.set(self.system(&socket)?, nanos)
    }

    fn keep_alive_interval(&mut self, socket: Socket) -> SocketResult<u64> {
        KeepAlive::Interval.nanos(self.system(&socket)?)
    }

    fn set_keep_alive_interval(&mut self, socket: Socket, nanos: u64) -> SocketResult<()> {
        not_zero(nanos)?;
        KeepAlive::Interval.set(self.system(&socket)?, nanos)
    }

    fn keep_alive_count(&mut self, socket: Socket) -> SocketResult<u32> {
        Ok(sockopt::tcp_keepcnt(self.system(&socket)?)?)
    }

    fn set_keep_alive_count(&mut self, socket: Socket, probes: u32) -> SocketResult<()> {
        not_zero(probes)?;
        set_keep_alive_count(self.system(&socket)?, probes)
    }

    fn hop_limit(&mut self, socket: Socket) -> SocketResult<u8> {
        options::hop_limit(self.system(&socket)?, self.tcp(&socket)?.family())
    }

    fn set_hop_limit(&mut self, socket: Socket, hops: u8) -> SocketResult<()> {
        options::set_hop_limit(self.system(&socket)?, self.tcp(&socket)?.family(), hops)
    }

    fn receive_buffer_size(&mut self, socket: Socket) -> SocketResult<u64> {
        Buffer::Receive.size(self.system(&socket)?)
    }

    fn set_receive_buffer_size(&mut self, socket: Socket, bytes: u64) -> SocketResult<()> {
        let most = self.store.network().buffer_bytes();
        Buffer::Receive.set_size(self.system(&socket)?, bytes, most)
    }

    fn send_buffer_size(&mut self, socket: Socket) -> SocketResult<u64> {
        Buffer::Send.size(self.system(&socket)?)
    }

    fn set_send_buffer_size(&mut self, socket: Socket, bytes: u64) -> SocketResult<()> {
        let most = self.store.network().buffer_bytes();
        Buffer::Send.set_size(self.system(&socket)?, bytes, most)
    }

    fn subscribe(&mut self, socket: Socket) -> wasmtime::Result<Resource<DynPollable>> {
        subscribe(self.table, socket)
    }

    fn shutdown(&mut self, socket: Socket, how: ShutdownType) -> SocketResult<()> {
        self.tcp(&socket)?.shut_down(match how {
            ShutdownType::Receive => Shutdown::Read,
            ShutdownType::Send => Shutdown::Write,
            ShutdownType::Both => Shutdown::Both,
        })
    }

    fn drop(&mut self, socket: Socket) -> wasmtime::Result<()> {
        self.table.delete(socket)?;
        Ok(())
    }
}
