//! A growth refused by a quota or the host.

use core::fmt;

use crate::execution::host_shortage::HostShortage;
use crate::quota::quota_error::QuotaError;

/// The refusal of a memory's or table's growth within the store's own limit.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum RefusedGrowth {
    /// The memory quota of the component or of a parent refused.
    Quota(QuotaError),
    /// The host had no memory or address space left.
    Host(HostShortage),
}

impl fmt::Display for RefusedGrowth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quota(refused) => fmt::Display::fmt(refused, f),
            Self::Host(shortage) => fmt::Display::fmt(shortage, f),
        }
    }
}
