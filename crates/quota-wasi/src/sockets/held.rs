//! Bytes that one direction of a stream may move.

use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, Waker, ready};

use crate::wire::permit::Permit;
use crate::wire::wire_error::WireError;
use crate::wire::{Parts, Wire};

type Wait = Pin<Box<dyn Future<Output = Result<Permit, WireError>> + Send>>;

/// Bytes that one direction of a stream may move, and its wait for more.
///
/// The wait is kept when the guest looks elsewhere, so that a stream does not lose its place among
/// those that wait for the quota. All is handed back on drop.
pub(crate) struct Held {
    wire: Wire,
    permit: Option<Permit>,
    wait: Option<Wait>,
}

impl Held {
    pub(crate) fn new(wire: Wire) -> Self {
        Self { wire, permit: None, wait: None }
    }

    /// Waits until bytes of the window that goes on are held: up to `wanted`, at least one. Returns
    /// their number.
    pub(crate) fn poll(
        &mut self,
        wanted: usize,
        cx: &mut Context<'_>,
    ) -> Poll<Result<usize, WireError>> {
        if let Some(bytes) = self.current() {
            return Poll::Ready(Ok(bytes));
        }
        if self.wait.is_none() {
            self.permit = self.wire.try_take(as_bytes(wanted), Parts::Any)?;
            if self.permit.is_some() {
                return Poll::Ready(Ok(self.held()));
            }
        }
        let wire = &self.wire;
        let wait = self.wait.get_or_insert_with(|| {
            let (wire, wanted) = (wire.clone(), as_bytes(wanted));
            Box::pin(async move { wire.take(wanted, Parts::Any).await })
        });
        let permit = ready!(wait.as_mut().poll(cx));
        self.wait = None;
        // Not asked whether its window goes on: the wire has, as often as is of use.
        self.permit = Some(permit?);
        Poll::Ready(Ok(self.held()))
    }

    /// Returns the bytes that are held without waiting, none if there are none now.
    pub(crate) fn now(&mut self, wanted: usize) -> Result<usize, WireError> {
        match self.poll(wanted, &mut Context::from_waker(Waker::noop())) {
            Poll::Ready(bytes) => bytes,
            Poll::Pending => Ok(0),
        }
    }

    /// Makes sure that all of `bytes` are held, which were before. Returns false if the window has
    /// ended in which they were, and the next one has not as many now.
    pub(crate) fn renew(&mut self, bytes: usize) -> Result<bool, WireError> {
        if self.current().is_some_and(|held| held >= bytes) {
            return Ok(true);
        }
        self.permit = self.wire.try_take(as_bytes(bytes), Parts::Whole)?;
        Ok(self.permit.is_some())
    }

    /// Takes out what is held.
    pub(crate) fn take(&mut self) -> Option<Permit> {
        self.permit.take()
    }

    /// Hands all back.
    pub(crate) fn release(&mut self) {
        self.permit = None;
        self.wait = None;
    }

    /// Counts bytes that have moved, and hands the rest of those that were held back.
    pub(crate) fn settle(&mut self, moved: usize) {
        let held = self.held();
        if let Some(permit) = self.permit.take() {
            permit.settle(as_bytes(moved.min(held)));
        }
        // An allocator may give a buffer more room than was asked for.
        if let Some(more @ 1..) = moved.checked_sub(held) {
            self.wire.charge(as_bytes(more));
        }
    }

    pub(crate) fn wire(&self) -> &Wire {
        &self.wire
    }

    /// Returns the bytes that are held in the window that goes on; those of another one go back.
    fn current(&mut self) -> Option<usize> {
        self.permit.take_if(|permit| !permit.is_current());
        self.permit.is_some().then(|| self.held())
    }

    fn held(&self) -> usize {
        let bytes = self.permit.as_ref().map_or(0, Permit::bytes);
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }
}

pub(crate) fn as_bytes(size: usize) -> u64 {
    u64::try_from(size).unwrap_or(u64::MAX)
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held")
            .field("permit", &self.permit)
            .field("waits", &self.wait.is_some())
            .finish_non_exhaustive()
    }
}
