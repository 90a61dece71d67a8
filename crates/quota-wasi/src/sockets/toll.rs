//! The bytes that one datagram costs.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker, ready};

use limits_core::Retry;
use quota_enforce::EnforceError;
use wasmtime_wasi::p2::SocketError;
use wasmtime_wasi::p2::bindings::sockets::network::ErrorCode;

use crate::wire::permit::Permit;
use crate::wire::wire_error::WireError;
use crate::wire::{Parts, Wire};

/// The bytes of the heads of a datagram, of IPv4 and UDP.
const HEADS: u64 = 28;

/// Returns the bytes of a datagram on the wire.
pub(super) fn cost(payload: usize) -> u64 {
    u64::try_from(payload).unwrap_or(u64::MAX).saturating_add(HEADS)
}

type Wait = Pin<Box<dyn Future<Output = Result<Permit, WireError>> + Send>>;

/// The bytes of one datagram, or the wait for them. All are handed back on drop.
///
/// The wait stays when the guest looks elsewhere, so that its stream keeps its place among those
/// that wait for the quota.
pub(super) struct Toll {
    wire: Wire,
    permit: Option<Permit>,
    wait: Option<(u64, Wait)>,
}

impl Toll {
    pub(super) fn new(wire: Wire) -> Self {
        Self { wire, permit: None, wait: None }
    }

    /// Waits until at least `bytes` of the window that goes on are held.
    pub(super) fn poll(&mut self, bytes: u64, cx: &mut Context<'_>) -> Poll<Result<(), WireError>> {
        loop {
            self.permit.take_if(|permit| permit.bytes() < bytes || !permit.is_current());
            if self.permit.is_some() {
                return Poll::Ready(Ok(()));
            }
            self.wait.take_if(|(wanted, _)| *wanted != bytes);
            if let Some((_, wait)) = &mut self.wait {
                let permit = ready!(wait.as_mut().poll(cx));
                self.wait = None;
                // Used even if its window is over: the wire has tried often enough.
                self.permit = Some(permit?);
                return Poll::Ready(Ok(()));
            } else if let Some(permit) = self.wire.try_take(bytes, Parts::Whole)? {
                self.permit = Some(permit);
                return Poll::Ready(Ok(()));
            } else {
                let wire = self.wire.clone();
                let wait = async move { wire.take(bytes, Parts::Whole).await };
                self.wait = Some((bytes, Box::pin(wait)));
            }
        }
    }

    /// Tells whether at least `bytes` are held, without waiting for them.
    pub(super) fn now(&mut self, bytes: u64) -> Result<bool, WireError> {
        match self.poll(bytes, &mut Context::from_waker(Waker::noop())) {
            Poll::Ready(held) => held.map(|()| true),
            Poll::Pending => Ok(false),
        }
    }

    /// Keeps the bytes of a datagram that has passed, and hands back the rest.
    pub(super) fn settle(&mut self, bytes: u64) {
        match self.permit.take() {
            Some(permit) => permit.settle(bytes),
            None => self.wire.charge(bytes),
        }
    }

    /// Hands back what is held.
    pub(super) fn release(&mut self) {
        self.permit = None;
    }
}

impl fmt::Debug for Toll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Toll")
            .field("permit", &self.permit)
            .field("waits_for", &self.wait.as_ref().map(|(bytes, _)| bytes))
            .finish_non_exhaustive()
    }
}

/// Returns a refusal as the guest reads it: a datagram that no window has room for is too large,
/// and one that is denied now would have to wait. Every other error is the host's.
pub(super) fn refused(error: WireError) -> SocketError {
    match error.cause() {
        EnforceError::Quota(quota) if quota.retry() == Retry::Never => {
            ErrorCode::DatagramTooLarge.into()
        }
        EnforceError::Quota(_) => ErrorCode::WouldBlock.into(),
        _ => SocketError::trap(error),
    }
}
