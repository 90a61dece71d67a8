//! Bytes that may pass the wire.

use limits_core::{QuotaResource, QuotaType};
use quota_enforce::Grant;

/// Bytes that may pass the wire: handed back on drop, into the window that they were taken from.
#[derive(Debug)]
#[must_use = "a permit that is dropped hands its bytes back"]
pub(crate) struct Permit {
    grant: Grant,
    /// Whether it may be used in a later window than its own.
    lasts: bool,
}

impl Permit {
    pub(crate) fn new(grant: Grant) -> Self {
        Self { grant, lasts: false }
    }

    /// Makes a permit that is used even if its window is over.
    pub(super) fn lasting(self) -> Self {
        Self { lasts: true, ..self }
    }

    /// Returns how many bytes may pass.
    pub(crate) fn bytes(&self) -> u64 {
        self.grant.amount(QuotaResource::NetworkBandwidth)
    }

    /// Reports whether the window goes on that the bytes were taken from. If not, the caller takes
    /// new ones before it moves any.
    pub(crate) fn is_current(&self) -> bool {
        self.lasts || self.grant.is_current()
    }

    /// Keeps what has passed, and hands back the rest.
    pub(crate) fn settle(self, used: u64) {
        self.grant.commit_actual(QuotaType::NetworkBandwidth(used));
    }
}
