//! The datagrams that a socket receives.

use core::fmt;
use core::future::poll_fn;
use core::net::SocketAddr;
use core::task::{Context, Poll, Waker, ready};
use std::sync::Arc;

use wasmtime::component::Resource;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::{DynPollable, Pollable, SocketError, SocketResult, subscribe};

use super::bindings::udp::{HostIncomingDatagramStream, IncomingDatagram};
use super::datagram_socket::DatagramSocket;
use super::toll::{Toll, cost};
use super::view::SocketsView;
use crate::store_quota::StoreQuota;

/// The most datagrams of one call.
pub(super) const MOST_DATAGRAMS: u64 = 16;

/// The bytes after which a call returns no further datagram.
const MOST_BYTES: usize = 65_536;

/// The longest datagram.
pub(super) const LONGEST: usize = 65_535;

/// The datagrams that a socket receives.
///
/// # Invariants
///
/// - I55: a datagram is taken from the kernel once its bytes have been taken from the quota. It is
///   read first, so that they are known, and stays in the kernel's buffer while the quota has not
///   as many; what does not fit there, the kernel drops. Where the quota denies, or no window has
///   room for it, it is dropped.
/// - I56: the guest gets datagrams of senders only that it may send to, or of all that send to an
///   address and port that it may bind. Others are dropped, and cost nothing.
#[expect(unreachable_pub, reason = "the generated bindings name it so")]
pub struct IncomingDatagrams {
    open: Arc<DatagramSocket>,
    store: StoreQuota,
    bound: SocketAddr,
    remote: Option<SocketAddr>,
    toll: Toll,
    /// The next datagram, as it was read last.
    buffer: Box<[u8]>,
    /// An error that came after datagrams, or while the guest waited.
    failed: Option<SocketError>,
    /// Whether a refused sender was reported: the others of the socket are not.
    has_reported: bool,
}

/// The next datagram, whose bytes are held.
struct Next {
    length: usize,
    from: SocketAddr,
}

impl IncomingDatagrams {
    pub(super) fn new(
        open: Arc<DatagramSocket>,
        store: StoreQuota,
        bound: SocketAddr,
        remote: Option<SocketAddr>,
    ) -> Self {
        let toll = Toll::new(store.shared().network.wire.clone());
        let buffer = Box::default();
        Self { open, store, bound, remote, toll, buffer, failed: None, has_reported: false }
    }

    /// Waits for a datagram that the guest may have, and for its bytes.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<SocketResult<Next>> {
        if let Some(error) = self.failed.take() {
            return Poll::Ready(Err(error));
        }
        if self.buffer.is_empty() {
            self.buffer = vec![0; LONGEST].into();
        }
        loop {
            let (length, from) = ready!(self.open.poll_peek(&mut self.buffer, cx))?;
            if !self.is_heard(from) {
                self.drop_one();
                continue;
            }
            match ready!(self.toll.poll(cost(length), cx)) {
                Ok(()) => return Poll::Ready(Ok(Next { length, from })),
                Err(error) if error.is_of_quota() => self.drop_one(),
                Err(error) => return Poll::Ready(Err(SocketError::trap(error))),
            }
        }
    }

    fn is_heard(&mut self, from: SocketAddr) -> bool {
        // A datagram may have come before its socket was connected.
        if self.remote.is_some_and(|remote| remote != from) {
            return false;
        }
        let reach = self.store.reach();
        if reach.hears(from) || reach.hears_all(self.bound) {
            return true;
        }
        // The refusal of the first sender is reported; a registry that only observes allows all.
        if !self.has_reported {
            let asked = reach.send_to(from);
            self.has_reported = asked.is_err();
            return asked.is_ok();
        }
        false
    }

    fn drop_one(&self) {
        self.open.take_out();
        self.store.usage().dropped_datagram();
    }

    /// Takes the next datagram out.
    fn take(&mut self, next: &Next) -> IncomingDatagram {
        let bytes = cost(next.length);
        self.open.take_out();
        self.toll.settle(bytes);
        self.store.usage().received(bytes);
        let data = self.buffer.get(..next.length).unwrap_or_default().to_vec();
        IncomingDatagram { data, remote_address: next.from.into() }
    }

    fn receive(&mut self, most: u64) -> SocketResult<Vec<IncomingDatagram>> {
        let most = usize::try_from(most.min(MOST_DATAGRAMS)).unwrap_or_default();
        let (mut datagrams, mut sum) = (Vec::new(), 0);
        while datagrams.len() < most && sum < MOST_BYTES {
            match self.poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Pending => break,
                Poll::Ready(Ok(next)) => {
                    sum += 1 + next.length;
                    datagrams.push(self.take(&next));
                }
                Poll::Ready(Err(error)) if datagrams.is_empty() => return Err(error),
                Poll::Ready(Err(error)) => {
                    self.failed = Some(error);
                    break;
                }
            }
        }
        Ok(datagrams)
    }
}

#[async_trait]
impl Pollable for IncomingDatagrams {
    async fn ready(&mut self) {
        if let Err(error) = poll_fn(|cx| self.poll(cx)).await {
            self.failed = Some(error);
        }
    }
}

impl HostIncomingDatagramStream for SocketsView<'_> {
    async fn receive(
        &mut self,
        this: Resource<IncomingDatagrams>,
        most: u64,
    ) -> SocketResult<Vec<IncomingDatagram>> {
        self.table.get_mut(&this)?.receive(most)
    }

    async fn subscribe(
        &mut self,
        this: Resource<IncomingDatagrams>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        subscribe(self.table, this)
    }

    async fn drop(&mut self, this: Resource<IncomingDatagrams>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl fmt::Debug for IncomingDatagrams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IncomingDatagrams")
            .field("bound", &self.bound)
            .field("remote", &self.remote)
            .field("toll", &self.toll)
            .finish_non_exhaustive()
    }
}
