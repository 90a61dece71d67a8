//! Bytes of a component on the wire: metered where they leave the host and where they come in.

pub(crate) mod metered;
pub(crate) mod permit;
pub(crate) mod wire_error;

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

use limits_core::{QuotaResource, QuotaType, Retry};
use quota_enforce::{ComponentHandle, EnforceError};
use tokio::time::Instant;

use self::permit::Permit;
use self::wire_error::WireError;

/// The most bytes of one permit.
const CHUNK: u64 = 16 * 1024;

/// A wait without an end of its own: 30 years, which timers can count.
const LONG: Duration = Duration::from_secs(30 * 365 * 86_400);

/// The bandwidth of one component, both directions together. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Wire(Arc<Inner>);

struct Inner {
    component: ComponentHandle,
    throttles: bool,
}

/// The parts in which bytes may go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Parts {
    /// As few as one byte at a time.
    Any,
    /// All of them or none.
    Whole,
}

impl Wire {
    /// Meters a component; beyond its quota it waits (`throttles`) or is refused.
    pub(crate) fn new(component: ComponentHandle, throttles: bool) -> Self {
        Self(Arc::new(Inner { component, throttles }))
    }

    /// Takes up to `wanted` bytes, at least one of [`Parts::Any`], all of [`Parts::Whole`].
    /// Throttled, it waits, for ever if need be: the execution's deadline ends it.
    ///
    /// # Errors
    ///
    /// A quota that refuses for ever, or, where it denies, now.
    pub(crate) async fn take(&self, wanted: u64, parts: Parts) -> Result<Permit, WireError> {
        if let Some(permit) = self.try_take(wanted, parts)? {
            return Ok(permit);
        }
        let quota = QuotaType::NetworkBandwidth(self.most(wanted, parts));
        let deadline = Instant::now() + LONG;
        let component = &self.0.component;
        let grant = match parts {
            Parts::Any => component.reserve_up_to_wait(quota, deadline).await?,
            Parts::Whole => component.reserve_wait(quota, deadline).await?,
        };
        Ok(Permit::new(grant))
    }

    /// Takes as [`take`](Self::take) does, without waiting; `None` if not now.
    ///
    /// # Errors
    ///
    /// As [`take`](Self::take).
    pub(crate) fn try_take(&self, wanted: u64, parts: Parts) -> Result<Option<Permit>, WireError> {
        let quota = QuotaType::NetworkBandwidth(self.most(wanted, parts));
        let taken = match parts {
            Parts::Any => self.0.component.reserve_up_to(quota),
            Parts::Whole => self.0.component.reserve(quota),
        };
        match taken {
            Ok(grant) => Ok(Some(Permit::new(grant))),
            Err(EnforceError::Quota(error))
                if self.0.throttles && error.retry() != Retry::Never =>
            {
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Returns the most bytes of one permit of [`Parts::Any`], so that many streams share a window.
    pub(crate) fn chunk(&self) -> u64 {
        CHUNK
    }

    /// Counts bytes that came without a permit.
    pub(crate) fn charge(&self, bytes: u64) {
        self.0.component.charge(QuotaType::NetworkBandwidth(bytes));
    }

    fn most(&self, wanted: u64, parts: Parts) -> u64 {
        match parts {
            Parts::Any => wanted.min(self.chunk()),
            Parts::Whole => wanted,
        }
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire")
            .field("component", &self.0.component.id())
            .field("resource", &QuotaResource::NetworkBandwidth)
            .field("throttles", &self.0.throttles)
            .finish_non_exhaustive()
    }
}
