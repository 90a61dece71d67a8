//! The datagrams that a socket sends.

use core::future::poll_fn;
use core::net::SocketAddr;
use core::task::{Context, Poll, Waker, ready};
use std::io;
use std::sync::Arc;

use wasmtime::component::Resource;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::bindings::sockets::network::ErrorCode;
use wasmtime_wasi::p2::{DynPollable, Pollable, SocketError, SocketResult, subscribe};

use super::bindings::udp::{HostOutgoingDatagramStream, OutgoingDatagram};
use super::datagram_socket::DatagramSocket;
use super::incoming_datagrams::{LONGEST, MOST_DATAGRAMS};
use super::toll::{Toll, cost, refused};
use super::view::SocketsView;
use crate::store_quota::StoreQuota;

/// The payload that a guest is expected to send first: as much as Ethernet has room for.
const USUAL: usize = 1_500;

/// The datagrams that a socket sends.
///
/// # Invariants
///
/// - I57: a datagram is given to the kernel once its bytes have been taken from the quota, and once
///   its address has been decided on. A stream is ready when the bytes of a datagram as long as the
///   last one are held; for those of a longer one, a guest waits in its call.
#[derive(Debug)]
#[expect(unreachable_pub, reason = "the generated bindings name it so")]
pub struct OutgoingDatagrams {
    open: Arc<DatagramSocket>,
    store: StoreQuota,
    remote: Option<SocketAddr>,
    toll: Toll,
    /// The payload of the last datagram, in bytes.
    last: usize,
    /// The datagrams that the last `check-send` has permitted.
    permitted: u64,
}

/// The end of an attempt to send a datagram.
enum Sent {
    Whole,
    /// It would have had to wait.
    NotNow,
}

impl OutgoingDatagrams {
    pub(super) fn new(
        open: Arc<DatagramSocket>,
        store: StoreQuota,
        remote: Option<SocketAddr>,
    ) -> Self {
        let toll = Toll::new(store.shared().network.wire.clone());
        Self { open, store, remote, toll, last: USUAL, permitted: 0 }
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // A failure is that of the call that sends.
        let _sendable = ready!(self.open.socket.poll_send_ready(cx));
        let _held = ready!(self.toll.poll(cost(self.last), cx));
        Poll::Ready(())
    }

    fn check_send(&mut self) -> u64 {
        let ready = self.poll_ready(&mut Context::from_waker(Waker::noop()));
        self.permitted = if ready.is_ready() { MOST_DATAGRAMS } else { 0 };
        self.permitted
    }

    async fn send(&mut self, datagrams: Vec<OutgoingDatagram>) -> SocketResult<u64> {
        if datagrams.is_empty() {
            return Ok(0);
        }
        if u64::try_from(datagrams.len()).unwrap_or(u64::MAX) > self.permitted {
            return Err(SocketError::trap(NotPermitted));
        }
        self.permitted = 0;
        let mut count = 0;
        for OutgoingDatagram { data, remote_address } in datagrams {
            let remote = remote_address.map(SocketAddr::from);
            match self.send_one(&data, remote, count == 0).await {
                Ok(Sent::Whole) => count += 1,
                Ok(Sent::NotNow) => break,
                // Those that were sent are told of; the next call finds the same error.
                Err(_) if count > 0 => break,
                Err(error) => return Err(error),
            }
        }
        Ok(count)
    }

    async fn send_one(
        &mut self,
        data: &[u8],
        remote: Option<SocketAddr>,
        waits: bool,
    ) -> SocketResult<Sent> {
        if data.len() > LONGEST {
            return Err(ErrorCode::DatagramTooLarge.into());
        }
        let to = self.receiver(remote)?;
        self.last = data.len();
        let (bytes, mut has_waited) = (cost(data.len()), false);
        loop {
            // Before and after a wait, in which capabilities may change.
            self.store.reach().send_to(to)?;
            if !has_waited && !self.toll.now(bytes).map_err(refused)? {
                if !waits {
                    return Ok(Sent::NotNow);
                }
                poll_fn(|cx| self.toll.poll(bytes, cx)).await.map_err(refused)?;
                has_waited = true;
                continue;
            }
            has_waited = false;
            let sent = match self.remote {
                Some(_) => self.open.socket.try_send(data),
                None => self.open.socket.try_send_to(data, to),
            };
            match sent {
                Ok(_) => {
                    self.toll.settle(bytes);
                    self.store.usage().sent(bytes);
                    return Ok(Sent::Whole);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.toll.release();
                    if !waits {
                        return Ok(Sent::NotNow);
                    }
                    self.open.socket.writable().await?;
                }
                Err(error) => {
                    self.toll.release();
                    return Err(error.into());
                }
            }
        }
    }

    /// Returns the address that a datagram goes to: that of the socket, if it is connected.
    fn receiver(&self, remote: Option<SocketAddr>) -> SocketResult<SocketAddr> {
        let to = remote.or(self.remote).ok_or(ErrorCode::InvalidArgument)?;
        let is_another = self.remote.is_some_and(|remote| remote != to);
        if is_another || !self.open.family.has_remote(to) {
            return Err(ErrorCode::InvalidArgument.into());
        }
        Ok(to)
    }
}

#[async_trait]
impl Pollable for OutgoingDatagrams {
    async fn ready(&mut self) {
        poll_fn(|cx| self.poll_ready(cx)).await;
    }
}

impl HostOutgoingDatagramStream for SocketsView<'_> {
    async fn check_send(&mut self, this: Resource<OutgoingDatagrams>) -> SocketResult<u64> {
        Ok(self.table.get_mut(&this)?.check_send())
    }

    async fn send(
        &mut self,
        this: Resource<OutgoingDatagrams>,
        datagrams: Vec<OutgoingDatagram>,
    ) -> SocketResult<u64> {
        self.table.get_mut(&this)?.send(datagrams).await
    }

    async fn subscribe(
        &mut self,
        this: Resource<OutgoingDatagrams>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        subscribe(self.table, this)
    }

    async fn drop(&mut self, this: Resource<OutgoingDatagrams>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

/// A guest sends more datagrams than it was told to.
#[derive(Debug, thiserror::Error)]
#[error("unpermitted: argument exceeds permitted size")]
struct NotPermitted;
