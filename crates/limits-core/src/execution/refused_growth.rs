//! A memory or table that did not grow, for no reason of its store's own.

use core::fmt;

use crate::execution::host_shortage::HostShortage;
use crate::quota::quota_error::QuotaError;

/// Who refused a memory or table to grow, where the store's own limit would have let it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum RefusedGrowth {
    /// The memory quota of the component or of a parent.
    Quota(QuotaError),
    /// The host, which had no memory or address space left.
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
