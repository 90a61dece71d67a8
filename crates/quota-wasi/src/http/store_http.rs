//! The HTTP requests of one execution.

use core::pin::Pin;
use core::sync::atomic::{AtomicU64, Ordering};
use core::task::{Context, Poll, Waker};
use std::sync::Arc;

use limits_core::ResourceLimits;
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::limits::RequestLimits;
use crate::store_usage::StoreUsage;

/// The HTTP requests of one execution.
///
/// # Invariants
///
/// - I71: an execution makes at most `max_requests` requests.
/// - I72: at most `max_requests_in_flight` of them are between their call's start and the end of
///   their response, or its drop; the others wait in the order of their calls.
#[derive(Debug)]
pub(crate) struct StoreHttp {
    limits: RequestLimits,
    left: AtomicU64,
    places: Arc<Semaphore>,
    usage: StoreUsage,
}

/// A refused request. Its text is for the guest.
#[derive(Debug, Error, Eq, PartialEq)]
pub(crate) enum RefusedRequest {
    #[error("limit of {most} HTTP requests exceeded")]
    TooMany { most: u64 },
    #[error("limit of 0 HTTP requests in flight")]
    NoneInFlight,
}

/// A place among the requests in flight, or the wait for one.
pub(crate) enum PlaceWait {
    Taken(Option<OwnedSemaphorePermit>),
    Waiting(Pin<Box<dyn Future<Output = Option<OwnedSemaphorePermit>> + Send>>),
}

impl StoreHttp {
    pub(crate) fn new(limits: &ResourceLimits, usage: &StoreUsage) -> Self {
        let limits = RequestLimits::new(limits);
        let places = usize::try_from(limits.in_flight).unwrap_or(usize::MAX);
        Self {
            left: AtomicU64::new(limits.requests),
            places: Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS))),
            limits,
            usage: usage.clone(),
        }
    }

    pub(crate) fn limits(&self) -> RequestLimits {
        self.limits
    }

    /// Counts a request, and takes a place for it or queues up.
    pub(crate) fn begin(&self) -> Result<PlaceWait, RefusedRequest> {
        if self.limits.in_flight == 0 {
            self.usage.refused_request();
            return Err(RefusedRequest::NoneInFlight);
        }
        let less = |left: u64| left.checked_sub(1);
        // One counter: no other memory depends on it.
        if self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_err() {
            self.usage.refused_request();
            return Err(RefusedRequest::TooMany { most: self.limits.requests });
        }
        self.usage.began_request();
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return Ok(PlaceWait::Taken(Some(place)));
        }
        let places = Arc::clone(&self.places);
        let mut wait: Pin<Box<dyn Future<Output = _> + Send>> =
            Box::pin(async move { places.acquire_owned().await.ok() });
        // The first poll queues up, so that the order is that of the calls, not of the tasks.
        Ok(match wait.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(place) => PlaceWait::Taken(place),
            Poll::Pending => PlaceWait::Waiting(wait),
        })
    }
}

impl PlaceWait {
    /// Waits for the place. `None` never, since places are never closed.
    pub(crate) async fn place(self) -> Option<OwnedSemaphorePermit> {
        match self {
            Self::Taken(place) => place,
            Self::Waiting(wait) => wait.await,
        }
    }
}
