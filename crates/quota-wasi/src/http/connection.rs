//! Connections to servers.

use core::fmt;
use core::net::SocketAddr;
use std::io;
use std::sync::Arc;

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, SendRequest};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime::{self, Handle};
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_rustls::TlsConnector;
use wasmtime_wasi::runtime::{AbortOnDropJoinHandle, spawn};
use wasmtime_wasi_http::io::TokioIo;
use wasmtime_wasi_http::{Error, WasiBody};

use super::authority::Authority;
use super::failure;
use super::limits::{RequestLimits, Times, after};
use super::pool::Pool;
use super::progress::{Late, Progress};
use super::request_body::RequestBody;
use super::socket::{Socket, SocketLook};
use crate::sockets::options::Buffer;
use crate::store_usage::StoreUsage;
use crate::wire::Wire;
use crate::wire::metered::Metered;

/// The least buffer that hyper works with.
const LEAST_BUFFER: u64 = 8_192;

/// A connection to a server, open for as long as this value is kept.
pub(crate) struct Connection {
    sender: SendRequest<RequestBody>,
    remote: SocketAddr,
    progress: Arc<Progress>,
    look: SocketLook,
    runtime: runtime::Id,
    /// Moves the bytes, and ends with this value.
    _driver: AbortOnDropJoinHandle<()>,
}

/// A request that was not answered.
#[derive(Debug)]
pub(crate) enum Unanswered {
    /// The connection was closed before anything of the request was sent.
    Unsent(Box<Request<WasiBody>>),
    Failed(Error),
}

/// All that a connection is made with.
pub(crate) struct Opening<'a> {
    pub(crate) authority: &'a Authority,
    pub(crate) targets: &'a [SocketAddr],
    pub(crate) tls: &'a TlsConnector,
    pub(crate) wire: &'a Wire,
    pub(crate) limits: &'a RequestLimits,
    /// The bytes of the handshake are those of this execution.
    pub(crate) usage: &'a StoreUsage,
    /// When look-up and connection have to be done.
    pub(crate) connect_by: Instant,
    pub(crate) times: &'a Times,
    pub(crate) deadline: Instant,
}

impl Opening<'_> {
    /// Connects to the first address that answers.
    pub(crate) async fn open(self) -> Result<Connection, Error> {
        let (stream, remote) = self.connect().await?;
        let progress = Arc::new(Progress::default());
        progress.begin(self.usage.clone());
        let socket = Socket::new(stream, Arc::clone(&progress));
        let look = socket.look();
        let stream = Metered::new(socket, self.wire.clone());
        let (sender, driver) = if self.authority.is_tls() {
            let name = self.authority.server_name().ok_or(Error::TlsCertificateError)?;
            let by = after(Instant::now(), self.times.tls).min(self.deadline);
            match timeout_at(by, self.tls.connect(name, stream)).await {
                Ok(Ok(stream)) => drive(stream, &progress, self.limits).await?,
                Ok(Err(error)) => return Err(failure::of_tls(&error)),
                Err(_) => return Err(Error::ConnectionTimeout),
            }
        } else {
            drive(stream, &progress, self.limits).await?
        };
        let runtime = Handle::current().id();
        Ok(Connection { sender, remote, progress, look, runtime, _driver: driver })
    }

    async fn connect(&self) -> Result<(TcpStream, SocketAddr), Error> {
        let mut failed = Error::ConnectionTimeout;
        for (index, target) in self.targets.iter().enumerate() {
            // An address that does not answer leaves time for the others.
            let others = u32::try_from(self.targets.len() - index).unwrap_or(u32::MAX);
            let now = Instant::now();
            let by = now + self.connect_by.saturating_duration_since(now) / others;
            failed = match timeout_at(by, connect(*target, self.limits.socket_buffer_bytes)).await {
                Ok(Ok(stream)) => return Ok((stream, *target)),
                Ok(Err(error)) => failure::of_connect(&error),
                Err(_) => Error::ConnectionTimeout,
            };
        }
        Err(failed)
    }
}

async fn connect(target: SocketAddr, buffer_bytes: u64) -> io::Result<TcpStream> {
    let socket = if target.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    for buffer in [Buffer::Receive, Buffer::Send] {
        buffer.bound(&socket, buffer_bytes).map_err(io::Error::other)?;
    }
    socket.set_nodelay(true)?;
    socket.connect(target).await
}

/// Speaks HTTP over a stream, in a task of its own.
async fn drive(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    progress: &Arc<Progress>,
    limits: &RequestLimits,
) -> Result<(SendRequest<RequestBody>, AbortOnDropJoinHandle<()>), Error> {
    let size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
    let (sender, connection) = Builder::new()
        .max_header_size(size(limits.head_bytes))
        .max_buf_size(size(limits.head_bytes.max(LEAST_BUFFER)))
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| failure::of_hyper(&error, limits.head_bytes))?;
    let (progress, head_bytes) = (Arc::clone(progress), limits.head_bytes);
    let driver = spawn(async move {
        tokio::select! {
            ended = connection => {
                if let Err(error) = ended {
                    progress.fail(failure::of_hyper(&error, head_bytes));
                }
            }
            () = unused(&progress) => {}
        }
    });
    Ok((sender, driver))
}

/// Waits until the connection has had no request for as long as the pool keeps it.
async fn unused(progress: &Progress) {
    let mut look = after(Instant::now(), Pool::KEPT);
    loop {
        sleep_until(look).await;
        let now = Instant::now();
        // No later than the time is over of a connection that is parked now.
        look = after(progress.parked().unwrap_or(now), Pool::KEPT);
        if look <= now {
            return;
        }
    }
}

impl Connection {
    pub(crate) fn remote(&self) -> SocketAddr {
        self.remote
    }

    pub(crate) fn runtime(&self) -> runtime::Id {
        self.runtime
    }

    pub(crate) fn progress(&self) -> &Arc<Progress> {
        &self.progress
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Returns whether another request may be sent: the server has not closed the connection, nor
    /// sent anything since its last response.
    pub(crate) fn is_silent(&self) -> bool {
        !self.sender.is_closed() && self.look.is_silent()
    }

    /// Sends a request, and waits for the head of its response.
    pub(crate) async fn send(
        &mut self,
        request: Request<WasiBody>,
        usage: &StoreUsage,
        limits: &RequestLimits,
        times: &Times,
        deadline: Instant,
    ) -> Result<Response<Incoming>, Unanswered> {
        match timeout_at(deadline, self.sender.ready()).await {
            Ok(Ok(())) => {}
            Ok(Err(_closed)) => return Err(Unanswered::Unsent(Box::new(request))),
            Err(_) => return Err(Unanswered::Failed(failure::of_late(Late::Total))),
        }
        self.progress.begin(usage.clone());
        let request = request.map(|body| RequestBody::new(body, Arc::clone(&self.progress)));
        let mut response = Box::pin(self.sender.try_send_request(request));
        let response = loop {
            let (due, late) = self.progress.head_due(times, Instant::now());
            let (due, late) =
                if deadline <= due { (deadline, Some(Late::Total)) } else { (due, late) };
            if let Ok(response) = timeout_at(due, &mut response).await {
                break response;
            }
            // The wait begins anew if bytes have moved since.
            let (now_due, _) = self.progress.head_due(times, Instant::now());
            if let Some(late) = late
                && (late == Late::Total || now_due <= due)
            {
                return Err(Unanswered::Failed(failure::of_late(late)));
            }
        };
        let response = response.map_err(|mut error| match error.take_message() {
            Some(request) => Unanswered::Unsent(Box::new(request.map(RequestBody::into_unsent))),
            None => Unanswered::Failed(failure::of_hyper(error.error(), limits.head_bytes)),
        })?;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Err(Unanswered::Failed(Error::HttpUpgradeFailed));
        }
        Ok(response)
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("remote", &self.remote).finish_non_exhaustive()
    }
}
