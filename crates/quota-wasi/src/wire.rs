//! Bytes of a component on the wire: metered where they leave the host and where they come in.
//!
//! Permits are paced, so that the bytes of a window go through its whole length and waiting streams
//! are served in turn; see [`ComponentHandle::reserve_paced_wait`].
//!
//! - I40: a byte passes with a permit of the window that goes on, so the bytes of a window are at
//!   most its limit. A stream whose permits were three times in a row too old when it was polled
//!   uses the last one, lest it never goes on: windows are then shorter than the host's delays.
//! - I41: while bytes of a throttled component wait for the quota, no byte is lost and no wait
//!   gives up: it ends with bytes, or with a refusal that no time ends.
//! - I42: a direction of a [`Metered`](metered::Metered) stream that waits for its peer holds no
//!   bytes, and one that waits for the quota reads none.
//! - I43: bytes of a permit that were not used go back to their own window, and to none if that is
//!   over.

#[cfg(any(feature = "http", test))]
pub(crate) mod metered;
pub(crate) mod permit;
#[cfg(test)]
mod tests;
pub(crate) mod wire_error;

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

use limits_core::{QuotaResource, QuotaType, RatePolicy, Retry};
use quota_enforce::{ComponentHandle, EnforceError};
use tokio::time::Instant;

use self::permit::Permit;
use self::wire_error::WireError;
use crate::coming_lease::{arrived, is_coming};

const NETWORK: QuotaResource = QuotaResource::NetworkBandwidth;

/// The waits after which a permit is used though its window is over.
const TRIES: u32 = 3;

/// The most bytes of one permit: those of one read or write without quotas. With fewer, a copy took
/// 1.4 times as long. Streams that wait are granted less.
const CHUNK: u64 = 64 * 1024;

/// A wait without an end of its own: 30 years, which timers can count.
const LONG: Duration = Duration::from_secs(30 * 365 * 86_400);

/// The bandwidth of one component, both directions together. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Wire(Arc<Inner>);

struct Inner {
    component: ComponentHandle,
    policy: RatePolicy,
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
    /// Meters a component; beyond its quota it waits or is refused.
    pub(crate) fn new(component: ComponentHandle, policy: RatePolicy) -> Self {
        Self(Arc::new(Inner { component, policy }))
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
        let (least, most) = amounts(wanted, parts);
        if self.0.policy == RatePolicy::Deny {
            arrived(&self.0.component, QuotaType::NetworkBandwidth(least)).await;
            return self.take_or_deny(most, parts);
        }
        let deadline = Instant::now() + LONG;
        let mut tries = 0_u32;
        loop {
            let component = &self.0.component;
            let grant = component.reserve_paced_wait(NETWORK, least, most, deadline).await?;
            let permit = Permit::new(grant);
            tries = tries.saturating_add(1);
            if permit.is_current() {
                return Ok(permit);
            }
            if tries >= TRIES {
                return Ok(permit.lasting());
            }
        }
    }

    /// Takes as [`take`](Self::take) does, without waiting; `None` if not now.
    ///
    /// # Errors
    ///
    /// As [`take`](Self::take).
    pub(crate) fn try_take(&self, wanted: u64, parts: Parts) -> Result<Option<Permit>, WireError> {
        let component = &self.0.component;
        let (least, most) = amounts(wanted, parts);
        if self.0.policy == RatePolicy::Deny {
            if is_coming(component, QuotaType::NetworkBandwidth(least)) {
                return Ok(None);
            }
            return self.take_or_deny(most, parts).map(Some);
        }
        match component.reserve_paced(NETWORK, least, most) {
            Ok(grant) => Ok(Some(Permit::new(grant))),
            Err(EnforceError::Quota(error)) if error.retry() != Retry::Never => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn take_or_deny(&self, most: u64, parts: Parts) -> Result<Permit, WireError> {
        let quota = QuotaType::NetworkBandwidth(most);
        let grant = match parts {
            Parts::Any => self.0.component.reserve_up_to(quota)?,
            Parts::Whole => self.0.component.reserve(quota)?,
        };
        Ok(Permit::new(grant))
    }

    /// Counts bytes that came without a permit.
    pub(crate) fn charge(&self, bytes: u64) {
        self.0.component.charge(QuotaType::NetworkBandwidth(bytes));
    }
}

/// Returns the least and the most bytes of a permit.
fn amounts(wanted: u64, parts: Parts) -> (u64, u64) {
    match parts {
        Parts::Any => (wanted.min(1), wanted.min(CHUNK)),
        Parts::Whole => (wanted, wanted),
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire")
            .field("component", &self.0.component.id())
            .field("policy", &self.0.policy)
            .finish_non_exhaustive()
    }
}
