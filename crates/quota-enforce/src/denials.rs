//! The number of a component's denials.

use limits_core::QuotaResource;
use serde::ser::{Serialize, SerializeMap as _, Serializer};

/// The number of a component's denials, by capability and by quota.
///
/// Serialised, it is a map from `capability` and the [keys](QuotaResource::key) of all resources to
/// their counts, those of zero as well:
///
/// ```
/// use limits_core::{CapabilitySet, Permission};
/// use quota_enforce::{QuotaRegistry, SecurityContext};
///
/// let registry = QuotaRegistry::new();
/// let shop = registry.register(SecurityContext::new("shop", CapabilitySet::new()))?;
/// assert!(shop.check(Permission::FilesystemRead, "/etc/passwd").is_err());
/// assert_eq!(
///     serde_json::to_string(&shop.denials())?,
///     "{\"capability\":1,\"storage\":0,\"storage_entries\":0,\"message_rate\":0,\
///      \"network_bandwidth\":0,\"cpu_time\":0,\"memory\":0}"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Denials {
    capability: u64,
    quota: [u64; QuotaResource::ALL.len()],
    by_parent: [u64; QuotaResource::ALL.len()],
}

impl Denials {
    pub(crate) const fn new(
        capability: u64,
        quota: [u64; QuotaResource::ALL.len()],
        by_parent: [u64; QuotaResource::ALL.len()],
    ) -> Self {
        Self { capability, quota, by_parent }
    }

    /// Returns the number of requests that no pattern allowed.
    #[must_use]
    pub const fn by_capability(&self) -> u64 {
        self.capability
    }

    /// Returns the number of requests that one quota refused.
    #[must_use]
    pub fn by_quota(&self, resource: QuotaResource) -> u64 {
        self.quota.get(resource.index()).copied().unwrap_or_default()
    }

    /// Returns how many of the denials of one quota came from a parent, such as the registry's
    /// [`host`](crate::QuotaRegistryBuilder::host) quota, and not from the component's own.
    #[must_use]
    pub fn by_parent(&self, resource: QuotaResource) -> u64 {
        self.by_parent.get(resource.index()).copied().unwrap_or_default()
    }

    /// Returns the number of all denials.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.quota.iter().fold(self.capability, |sum, count| sum.saturating_add(*count))
    }
}

impl Serialize for Denials {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.quota.len().saturating_add(1)))?;
        map.serialize_entry("capability", &self.capability)?;
        for &resource in QuotaResource::ALL {
            map.serialize_entry(resource.key(), &self.by_quota(resource))?;
        }
        map.end()
    }
}
