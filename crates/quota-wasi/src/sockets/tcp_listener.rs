//! A TCP socket that listens.

use core::net::SocketAddr;
use std::io;
use std::net::TcpListener;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, BorrowedFd};
use rustix::io::Errno;
use rustix::net::{SocketFlags, accept_with};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::net::TcpStream;

use crate::slots::Slot;

/// A TCP socket that listens.
///
/// It is readable while a connection waits in the kernel, which stays there until a guest accepts
/// it: one that may have no more sockets can be told so, and loses no connection.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: AsyncFd<TcpListener>,
    /// Dropped after the socket.
    _slot: Slot,
}

impl Listener {
    #[expect(
        deprecated,
        reason = "unsound for types that lie about their descriptor, not for this"
    )]
    pub(crate) fn new(socket: TcpListener, slot: Slot) -> io::Result<Self> {
        Ok(Self { socket: AsyncFd::with_interest(socket, Interest::READABLE)?, _slot: slot })
    }

    pub(crate) fn local_address(&self) -> io::Result<SocketAddr> {
        self.socket.get_ref().local_addr()
    }

    /// Waits until a connection waits.
    pub(crate) async fn ready(&self) {
        // An error is met by the accept that follows.
        while let Ok(mut guard) = self.socket.readable().await {
            if self.has_connection() {
                return;
            }
            guard.clear_ready();
        }
    }

    pub(crate) fn has_connection(&self) -> bool {
        let mut polled = [PollFd::new(self.socket.get_ref(), PollFlags::IN)];
        !matches!(poll(&mut polled, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })), Ok(0))
    }

    /// Accepts the connection that waits longest.
    ///
    /// # Errors
    ///
    /// `EWOULDBLOCK` if none waits.
    pub(crate) fn accept(&self) -> io::Result<TcpStream> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let accepted = accept_with(self.socket.get_ref(), flags).map_err(normal)?;
        TcpStream::from_std(accepted.into())
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Linux reports errors that the new connection already has; other systems call it aborted.
fn normal(errno: Errno) -> Errno {
    match errno {
        Errno::CONNRESET
        | Errno::NETRESET
        | Errno::HOSTUNREACH
        | Errno::HOSTDOWN
        | Errno::NETDOWN
        | Errno::NETUNREACH
        | Errno::PROTO
        | Errno::NOPROTOOPT
        | Errno::NONET
        | Errno::OPNOTSUPP => Errno::CONNABORTED,
        other => other,
    }
}
