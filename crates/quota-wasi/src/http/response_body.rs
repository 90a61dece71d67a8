//! The body of a response on its way to a guest.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::sync::Weak;

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep, sleep_until};
use wasmtime_wasi_http::Error;

use super::authority::Authority;
use super::connection::Connection;
use super::failure;
use super::limits::{RequestLimits, Times, after};
use super::pool::Pool;
use super::progress::Late;

/// The body of a response within its limits. It has the connection until it is over.
pub(crate) struct ResponseBody {
    incoming: Incoming,
    lease: Option<Lease>,
    left: u64,
    limits: RequestLimits,
    idle: core::time::Duration,
    deadline: Instant,
    wait: Option<Wait>,
}

/// A connection with its place among the requests in flight.
pub(crate) struct Lease {
    pub(crate) connection: Connection,
    pub(crate) authority: Authority,
    pub(crate) pool: Weak<Pool>,
    pub(crate) _place: OwnedSemaphorePermit,
}

/// A wait for the next part.
struct Wait {
    began: Instant,
    timer: Pin<Box<Sleep>>,
}

impl ResponseBody {
    pub(crate) fn new(
        incoming: Incoming,
        lease: Lease,
        limits: RequestLimits,
        times: &Times,
        deadline: Instant,
    ) -> Self {
        let mut body = Self {
            incoming,
            lease: Some(lease),
            left: limits.body_bytes,
            limits,
            idle: times.idle,
            deadline,
            wait: None,
        };
        if body.incoming.is_end_stream() {
            body.end();
        }
        body
    }

    /// Gives the connection back, since the body is over.
    fn end(&mut self) {
        if let Some(lease) = self.lease.take() {
            lease.give_back();
        }
    }

    /// Ends the body, and closes the connection.
    fn fail(&mut self, error: Error) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.lease = None;
        Poll::Ready(Some(Err(error)))
    }

    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<Late> {
        let moved = self.lease.as_ref().and_then(|lease| lease.connection.progress().moved());
        let (idle, deadline) = (self.idle, self.deadline);
        let wait = self.wait.get_or_insert_with(|| {
            let began = Instant::now();
            Wait { began, timer: Box::pin(sleep_until(after(began, idle).min(deadline))) }
        });
        loop {
            ready!(wait.timer.as_mut().poll(cx));
            let now = Instant::now();
            if deadline <= now {
                return Poll::Ready(Late::Total);
            }
            let due = after(moved.map_or(wait.began, |moved| moved.max(wait.began)), idle);
            if due <= now {
                return Poll::Ready(Late::Read);
            }
            wait.timer.as_mut().reset(due.min(deadline));
        }
    }

    fn trailers_fit(&self, trailers: &HeaderMap) -> bool {
        let bytes: usize = trailers
            .iter()
            .map(|(name, value)| name.as_str().len().saturating_add(value.len()).saturating_add(4))
            .fold(0, usize::saturating_add);
        u64::try_from(bytes).is_ok_and(|bytes| bytes <= self.limits.head_bytes)
    }
}

impl Lease {
    /// Keeps the connection for later requests, if the whole request was sent as well.
    fn give_back(self) {
        if self.connection.progress().is_sent()
            && !self.connection.is_closed()
            && let Some(pool) = self.pool.upgrade()
        {
            pool.put(self.authority, self.connection);
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        if Instant::now() >= this.deadline && this.lease.is_some() {
            return this.fail(failure::of_late(Late::Total));
        }
        let frame = match Pin::new(&mut this.incoming).poll_frame(cx) {
            Poll::Ready(frame) => frame,
            Poll::Pending => {
                let late = ready!(this.poll_late(cx));
                return this.fail(failure::of_late(late));
            }
        };
        this.wait = None;
        let frame = match frame {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => {
                let error = failure::of_hyper(&error, this.limits.head_bytes);
                return this.fail(error);
            }
            None => {
                this.end();
                return Poll::Ready(None);
            }
        };
        if let Some(data) = frame.data_ref() {
            let bytes = u64::try_from(data.len()).unwrap_or(u64::MAX);
            let Some(left) = this.left.checked_sub(bytes) else {
                return this.fail(Error::HttpResponseBodySize(Some(this.limits.body_bytes)));
            };
            this.left = left;
        } else if let Some(trailers) = frame.trailers_ref() {
            if !this.trailers_fit(trailers) {
                let most = u32::try_from(this.limits.head_bytes).unwrap_or(u32::MAX);
                return this.fail(Error::HttpResponseTrailerSectionSize(Some(most)));
            }
            // Nothing comes after them, and wasmtime-wasi-http does not look.
            this.end();
        }
        if this.incoming.is_end_stream() {
            this.end();
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
