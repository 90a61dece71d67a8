//! The units that one waiter asks for.

use limits_core::{QuotaError, QuotaResource, QuotaType};

/// An amount of one resource, and the smallest part of it that is granted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    quota: QuotaType,
    form: Form,
}

/// The parts that a waiter is content with.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form {
    /// All of it.
    Whole,
    /// As much as is left.
    InPart,
    /// As much as is due, in the resource's unit and no less than this.
    Paced { least: u64 },
}

impl Request {
    pub(crate) const fn whole(quota: QuotaType) -> Self {
        Self { quota, form: Form::Whole }
    }

    pub(crate) const fn in_part(quota: QuotaType) -> Self {
        Self { quota, form: Form::InPart }
    }

    /// Asks for at least one unit, unless for none.
    pub(crate) fn paced(resource: QuotaResource, least: u64, most: u64) -> Self {
        let least = least.max(1).min(most);
        Self { quota: QuotaType::of(resource, most), form: Form::Paced { least } }
    }

    pub(crate) const fn form(&self) -> Form {
        self.form
    }

    pub(crate) const fn is_paced(&self) -> bool {
        matches!(self.form, Form::Paced { .. })
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
        let (Some(resource), form) = (self.quota.resource(), self.form) else { return self.quota };
        match (form, self.quota) {
            (Form::Whole, quota) => quota,
            (Form::Paced { least }, _) => QuotaType::of(resource, least),
            (Form::InPart, QuotaType::CpuTime(_)) => QuotaType::CpuTime(1),
            (Form::InPart, _) => QuotaType::of(resource, 1),
        }
    }

    /// Returns another waiter's refusal as that of this request.
    pub(crate) const fn refused_as(&self, error: QuotaError) -> QuotaError {
        error.with_request(error.used(), self.quota.amount())
    }
}
