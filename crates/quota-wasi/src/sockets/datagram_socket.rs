//! An open UDP socket.

use core::net::SocketAddr;
use core::task::{Context, Poll};
use std::io;

use rustix::io::Errno;
use rustix::net::{SocketFlags, SocketType, sockopt};
use wasmtime_wasi::runtime::with_ambient_tokio_runtime;

use super::family::Family;
use super::options::Buffer;
use crate::slots::Slot;
use wasmtime_wasi::p2::SocketResult;

/// An open UDP socket, which a guest's socket and its two streams share. The last of them closes it
/// and hands its slot back.
#[derive(Debug)]
pub(super) struct DatagramSocket {
    pub(super) socket: tokio::net::UdpSocket,
    pub(super) family: Family,
    /// Dropped after the socket.
    _slot: Slot,
}

impl DatagramSocket {
    /// Opens a socket. `most` are the bytes of each of the kernel's two buffers.
    pub(super) async fn open(family: Family, slot: Slot, most: u64) -> SocketResult<Self> {
        let socket = with_ambient_tokio_runtime(|| open(family))?;
        Buffer::Receive.bound(&socket, most)?;
        Buffer::Send.bound(&socket, most)?;
        // A socket of the system may be written to at once, which programs know; the runtime hears
        // of it a moment later.
        socket.writable().await?;
        Ok(Self { socket, family, _slot: slot })
    }

    pub(super) fn bind(&self, local: SocketAddr) -> Result<(), Errno> {
        rustix::net::bind(&self.socket, &local).map_err(of_argument)
    }

    /// Sets the remote address.
    pub(super) fn connect(&self, remote: SocketAddr) -> Result<(), Errno> {
        let connected = match rustix::net::connect(&self.socket, &remote) {
            // Linux keeps the interface that the last remote address was reached by.
            Err(Errno::INVAL) if cfg!(target_os = "linux") => {
                let _not_connected = self.disconnect();
                rustix::net::connect(&self.socket, &remote)
            }
            connected => connected,
        };
        connected.map_err(of_argument)
    }

    pub(super) fn disconnect(&self) -> Result<(), Errno> {
        match rustix::net::connect_unspec(&self.socket) {
            // Some systems end the association, and report an error nevertheless.
            Err(Errno::INVAL | Errno::AFNOSUPPORT) if cfg!(target_vendor = "apple") => Ok(()),
            disconnected => disconnected,
        }
    }

    /// Returns the remote address that the system knows.
    pub(super) fn remote(&self) -> Option<SocketAddr> {
        let remote = self.socket.peer_addr().ok()?;
        (remote != self.family.unspecified()).then_some(remote)
    }

    /// Waits for a datagram, and reads it without taking it out. Returns its length and its sender.
    pub(super) fn poll_peek(
        &self,
        buffer: &mut [u8],
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<(usize, SocketAddr)>> {
        loop {
            core::task::ready!(self.socket.poll_recv_ready(cx))?;
            match self.socket.try_peek_from(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                peeked => return Poll::Ready(peeked),
            }
        }
    }

    /// Takes out the datagram that was read.
    pub(super) fn take_out(&self) {
        // The rest of it is lost with the first byte.
        let _taken = self.socket.try_recv_from(&mut [0]);
    }
}

fn open(family: Family) -> io::Result<tokio::net::UdpSocket> {
    let flags = if cfg!(target_vendor = "apple") {
        SocketFlags::empty()
    } else {
        SocketFlags::CLOEXEC | SocketFlags::NONBLOCK
    };
    let kind = SocketType::DGRAM;
    let socket = rustix::net::socket_with(family.of_system(), kind, flags, None)?;
    if family == Family::V6 {
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    let socket = std::net::UdpSocket::from(socket);
    socket.set_nonblocking(true)?;
    tokio::net::UdpSocket::from_std(socket)
}

/// An address of another family is a wrong argument.
fn of_argument(errno: Errno) -> Errno {
    if errno == Errno::AFNOSUPPORT { Errno::INVAL } else { errno }
}
