//! The units that one waiter asks for.

use limits_core::{QuotaError, QuotaResource, QuotaType};

/// An amount of one resource: all of it, or as much as is left.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    quota: QuotaType,
    in_part: bool,
}

impl Request {
    pub(crate) const fn whole(quota: QuotaType) -> Self {
        Self { quota, in_part: false }
    }

    pub(crate) const fn in_part(quota: QuotaType) -> Self {
        Self { quota, in_part: true }
    }

    pub(crate) const fn is_in_part(&self) -> bool {
        self.in_part
    }

    pub(crate) const fn quota(&self) -> QuotaType {
        self.quota
    }

    /// Returns the resource, or `None` for a request of nothing.
    pub(crate) fn resource(&self) -> Option<QuotaResource> {
        self.quota.resource().filter(|_| self.quota.amount() > 0)
    }

    /// Returns the smallest amount that would be granted.
    pub(crate) const fn least(&self) -> QuotaType {
        match self.quota {
            quota if !self.in_part => quota,
            QuotaType::CpuTime(_) => QuotaType::CpuTime(1),
            quota => match quota.resource() {
                Some(resource) => QuotaType::of(resource, 1),
                None => quota,
            },
        }
    }

    /// Returns another waiter's refusal as that of this request.
    pub(crate) const fn refused_as(&self, error: QuotaError) -> QuotaError {
        error.with_request(error.used(), self.quota.amount())
    }
}
