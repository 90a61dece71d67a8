//! How often a component was denied something.

use limits_core::QuotaResource;

/// How often a component was denied something.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Denials {
    capability: u64,
    quota: [u64; QuotaResource::ALL.len()],
}

impl Denials {
    pub(crate) const fn new(capability: u64, quota: [u64; QuotaResource::ALL.len()]) -> Self {
        Self { capability, quota }
    }

    /// Returns how often no pattern allowed what it wanted.
    #[must_use]
    pub const fn by_capability(&self) -> u64 {
        self.capability
    }

    /// Returns how often one quota had not enough left.
    #[must_use]
    pub fn by_quota(&self, resource: QuotaResource) -> u64 {
        self.quota.get(resource.index()).copied().unwrap_or_default()
    }

    /// Returns how often it was denied something altogether.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.quota.iter().fold(self.capability, |sum, count| sum.saturating_add(*count))
    }
}
