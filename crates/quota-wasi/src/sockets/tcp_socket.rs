//! A TCP socket of a guest.

use core::fmt;
use core::future::poll_fn;
use core::mem;
use core::net::{IpAddr, SocketAddr};
use core::pin::Pin;
use core::task::{Context, Poll, Waker, ready};
use core::time::Duration;
use std::net::Shutdown;
use std::sync::Arc;

use rustix::fd::{AsFd as _, BorrowedFd};
use rustix::io::Errno;
use rustix::net::sockopt;
use tokio::net::{TcpSocket as SystemSocket, TcpStream};
use tokio::time::timeout;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::bindings::sockets::network::ErrorCode;
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, Pollable, SocketResult};

use super::connection::Connection;
use super::family::Family;
use super::options::Buffer;
use super::tcp_input::TcpInput;
use super::tcp_listener::Listener;
use super::tcp_options::{DEFAULT_BACKLOG, backlog};
use super::tcp_output::TcpOutput;
use crate::reach::Reach;
use crate::slots::Slot;
use crate::store_usage::StoreUsage;
use crate::wire::Wire;

/// A TCP socket of a guest, with the states and errors that `wasi:sockets/tcp` has for it.
#[derive(Debug)]
#[expect(unreachable_pub, reason = "the generated bindings name it so")]
pub struct TcpSocket {
    family: Family,
    state: State,
    /// The operation that the guest has started and not finished.
    started: Option<Started>,
    backlog: u32,
    metering: Metering,
}

/// The counters of the bytes of an execution's sockets.
#[derive(Clone, Debug)]
pub(crate) struct Metering {
    pub(crate) wire: Wire,
    pub(crate) usage: StoreUsage,
}

/// An operation between its start and its finish.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Started {
    Bind,
    Connect,
    Listen,
}

enum State {
    /// Neither connected nor listening.
    New(SystemSocket, Slot),
    Connecting(Connecting, Slot),
    Connected(Arc<Connection>),
    Listening(Listener),
    /// Its connect has failed.
    Failed(ErrorCode),
}

type Connecting = Pin<Box<dyn Future<Output = Result<TcpStream, ErrorCode>> + Send>>;

/// A connection that was accepted, and the streams of its bytes.
pub(crate) struct Accepted {
    pub(crate) socket: TcpSocket,
    pub(crate) streams: (DynInputStream, DynOutputStream),
}

impl TcpSocket {
    /// Makes a socket with buffers of at most `buffer_bytes` in the kernel.
    pub(crate) fn new(
        family: Family,
        slot: Slot,
        buffer_bytes: u64,
        metering: Metering,
    ) -> SocketResult<Self> {
        let socket = match family {
            Family::V4 => SystemSocket::new_v4()?,
            Family::V6 => SystemSocket::new_v6()?,
        };
        if family == Family::V6 {
            sockopt::set_ipv6_v6only(&socket, true)?;
        }
        // Set even where it is less: the kernel makes the buffers of a socket larger on its own
        // until they are.
        Buffer::Receive.set_size(&socket, buffer_bytes, buffer_bytes)?;
        Buffer::Send.set_size(&socket, buffer_bytes, buffer_bytes)?;
        let state = State::New(socket, slot);
        Ok(Self { family, state, started: None, backlog: DEFAULT_BACKLOG, metering })
    }

    pub(crate) fn family(&self) -> Family {
        self.family
    }

    pub(crate) fn is_listening(&self) -> bool {
        matches!(self.state, State::Listening(_))
    }

    pub(crate) fn start_bind(&mut self, local: SocketAddr, reach: Reach<'_>) -> SocketResult<()> {
        self.ask_idle()?;
        if self.is_bound() {
            return Err(ErrorCode::InvalidState.into());
        }
        let State::New(socket, _) = &self.state else {
            return Err(ErrorCode::InvalidState.into());
        };
        if !is_unicast(local) || !self.family.has(local.ip()) {
            return Err(ErrorCode::InvalidArgument.into());
        }
        reach.bind(local)?;
        // A port that connections have just left is free for the next server.
        sockopt::set_socket_reuseaddr(socket, true)?;
        socket.bind(local).map_err(|error| match Errno::from_io_error(&error) {
            Some(Errno::AFNOSUPPORT) => ErrorCode::InvalidArgument,
            _ => error.into(),
        })?;
        self.started = Some(Started::Bind);
        Ok(())
    }

    pub(crate) fn start_connect(
        &mut self,
        remote: SocketAddr,
        reach: Reach<'_>,
        most: Duration,
    ) -> SocketResult<()> {
        self.ask_idle()?;
        if !matches!(self.state, State::New(..)) {
            return Err(ErrorCode::InvalidState.into());
        }
        if !is_unicast(remote) || !self.family.has_remote(remote) {
            return Err(ErrorCode::InvalidArgument.into());
        }
        let refused = match reach.connect(remote) {
            Err(denied) if !denied.is_of_guest() => return Err(denied.into()),
            decided => decided.is_err(),
        };
        let failed = State::Failed(ErrorCode::AccessDenied);
        let State::New(socket, slot) = mem::replace(&mut self.state, failed) else {
            return Err(ErrorCode::InvalidState.into());
        };
        // A refusal is heard as the peer's would be, when the guest finishes.
        if !refused {
            let connect = async move {
                match timeout(most, socket.connect(remote)).await {
                    Ok(connected) => Ok(connected?),
                    Err(_) => Err(ErrorCode::Timeout),
                }
            };
            self.state = State::Connecting(Box::pin(connect), slot);
            // It begins now: a guest that finishes later would connect after a revocation.
            let _begun = self.poll_connected(&mut Context::from_waker(Waker::noop()));
        }
        self.started = Some(Started::Connect);
        Ok(())
    }

    pub(crate) fn start_listen(&mut self, reach: Reach<'_>) -> SocketResult<()> {
        self.ask_idle()?;
        let State::New(socket, _) = &self.state else {
            return Err(ErrorCode::InvalidState.into());
        };
        let local = socket.local_addr()?;
        if local == self.family.unspecified() {
            return Err(ErrorCode::InvalidState.into());
        }
        reach.listen(local)?;
        let failed = State::Failed(ErrorCode::Unknown);
        let State::New(socket, slot) = mem::replace(&mut self.state, failed) else {
            return Err(ErrorCode::InvalidState.into());
        };
        let listener = socket.listen(self.backlog)?.into_std()?;
        self.state = State::Listening(Listener::new(listener, slot)?);
        self.started = Some(Started::Listen);
        Ok(())
    }

    /// Finishes an operation that is over as soon as it has started.
    pub(crate) fn finish(&mut self, started: Started) -> SocketResult<()> {
        if self.started != Some(started) {
            return Err(ErrorCode::NotInProgress.into());
        }
        self.started = None;
        Ok(())
    }

    pub(crate) fn finish_connect(&mut self) -> SocketResult<(DynInputStream, DynOutputStream)> {
        if self.started != Some(Started::Connect) {
            return Err(ErrorCode::NotInProgress.into());
        }
        if self.poll_connected(&mut Context::from_waker(Waker::noop())).is_pending() {
            return Err(ErrorCode::WouldBlock.into());
        }
        self.started = None;
        Ok(streams(self.connection()?, &self.metering.wire))
    }

    /// Reports whether a connection waits to be accepted.
    pub(crate) fn has_connection(&self) -> SocketResult<bool> {
        Ok(self.listener()?.has_connection())
    }

    /// Accepts a connection; `slot` is for it.
    pub(crate) fn accept(&self, slot: Slot) -> SocketResult<Accepted> {
        let stream = self.listener()?.accept()?;
        let metering = self.metering.clone();
        let connection = Arc::new(Connection::new(stream, slot, metering.usage.clone()));
        let streams = streams(&connection, &metering.wire);
        let socket = Self {
            family: self.family,
            state: State::Connected(connection),
            started: None,
            backlog: DEFAULT_BACKLOG,
            metering,
        };
        Ok(Accepted { socket, streams })
    }

    pub(crate) fn shut_down(&self, how: Shutdown) -> SocketResult<()> {
        match &self.state {
            State::Connected(connection) if self.started.is_none() => {
                connection.shut_down(how);
                Ok(())
            }
            _ => Err(ErrorCode::InvalidState.into()),
        }
    }

    pub(crate) fn local_address(&self) -> SocketResult<SocketAddr> {
        match &self.state {
            State::New(socket, _) => match socket.local_addr()? {
                local if local == self.family.unspecified() => Err(ErrorCode::InvalidState.into()),
                local => Ok(local),
            },
            State::Connecting(..) => Err(ErrorCode::InvalidState.into()),
            State::Connected(connection) => Ok(connection.stream().local_addr()?),
            State::Listening(listener) => Ok(listener.local_address()?),
            State::Failed(code) => Err((*code).into()),
        }
    }

    pub(crate) fn remote_address(&self) -> SocketResult<SocketAddr> {
        Ok(self.connection()?.stream().peer_addr()?)
    }

    pub(crate) fn set_backlog(&mut self, wanted: u64) -> SocketResult<()> {
        let wanted = backlog(wanted)?;
        match &self.state {
            State::New(..) => {}
            State::Listening(listener) => {
                let most = i32::try_from(wanted).unwrap_or(i32::MAX);
                rustix::net::listen(listener, most).map_err(|_errno| ErrorCode::NotSupported)?;
            }
            State::Failed(code) => return Err((*code).into()),
            State::Connecting(..) | State::Connected(_) => {
                return Err(ErrorCode::InvalidState.into());
            }
        }
        self.backlog = wanted;
        Ok(())
    }

    /// Returns the system's socket, for its options.
    pub(crate) fn system(&self) -> SocketResult<BorrowedFd<'_>> {
        match &self.state {
            State::New(socket, _) => Ok(socket.as_fd()),
            State::Connecting(..) => Err(ErrorCode::InvalidState.into()),
            State::Connected(connection) => Ok(connection.stream().as_fd()),
            State::Listening(listener) => Ok(listener.as_fd()),
            State::Failed(code) => Err((*code).into()),
        }
    }

    fn poll_connected(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let State::Connecting(connecting, _) = &mut self.state else { return Poll::Ready(()) };
        let connected = ready!(connecting.as_mut().poll(cx));
        let failed = State::Failed(ErrorCode::Unknown);
        let State::Connecting(_, slot) = mem::replace(&mut self.state, failed) else {
            return Poll::Ready(());
        };
        self.state = match connected {
            Ok(stream) => {
                let usage = self.metering.usage.clone();
                State::Connected(Arc::new(Connection::new(stream, slot, usage)))
            }
            Err(code) => State::Failed(code),
        };
        Poll::Ready(())
    }

    fn listener(&self) -> SocketResult<&Listener> {
        match &self.state {
            State::Listening(listener) => Ok(listener),
            _ => Err(ErrorCode::InvalidState.into()),
        }
    }

    fn connection(&self) -> SocketResult<&Arc<Connection>> {
        match &self.state {
            State::Connected(connection) => Ok(connection),
            State::Failed(code) => Err((*code).into()),
            _ => Err(ErrorCode::InvalidState.into()),
        }
    }

    fn ask_idle(&self) -> SocketResult<()> {
        match self.started {
            Some(_) => Err(ErrorCode::ConcurrencyConflict.into()),
            None => Ok(()),
        }
    }

    fn is_bound(&self) -> bool {
        match &self.state {
            State::New(socket, _) => {
                socket.local_addr().is_ok_and(|local| local != self.family.unspecified())
            }
            _ => true,
        }
    }
}

fn streams(connection: &Arc<Connection>, wire: &Wire) -> (DynInputStream, DynOutputStream) {
    let input = TcpInput::new(Arc::clone(connection), wire.clone());
    let output = TcpOutput::new(Arc::clone(connection), wire.clone());
    (Box::new(input), Box::new(output))
}

/// Returns whether an address is that of one host.
fn is_unicast(address: SocketAddr) -> bool {
    match address.ip() {
        IpAddr::V4(address) => !address.is_multicast() && !address.is_broadcast(),
        IpAddr::V6(address) => !address.is_multicast(),
    }
}

#[async_trait]
impl Pollable for TcpSocket {
    async fn ready(&mut self) {
        match (self.started, &self.state) {
            (Some(Started::Connect), _) => poll_fn(|cx| self.poll_connected(cx)).await,
            (None, State::Listening(listener)) => listener.ready().await,
            _ => {}
        }
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::New(..) => "New",
            Self::Connecting(..) => "Connecting",
            Self::Connected(_) => "Connected",
            Self::Listening(_) => "Listening",
            Self::Failed(_) => "Failed",
        })
    }
}
