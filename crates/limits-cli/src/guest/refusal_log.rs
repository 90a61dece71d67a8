//! The permissions that a component was refused.

use core::net::IpAddr;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use limits_core::{Denial, Extent, Permission, SpecialAddress};
use quota_enforce::{AuditEvent, AuditKind, AuditSink};

/// Bytes that are kept of a resource, which the guest writes. No pattern matches a longer one.
const MOST_OF_A_RESOURCE: usize = 4_096;

/// Counts the refusals of each permission, and keeps the last one.
#[derive(Debug, Default)]
pub(crate) struct RefusalLog(Mutex<BTreeMap<Permission, Refused>>);

/// The refusals of one permission.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Refused {
    pub(crate) count: u64,
    /// The resource of the last one, and those that the question was about.
    pub(crate) resource: String,
    pub(crate) extent: Extent,
    /// The table of the policy that refused it; none if the component's own file did.
    pub(crate) by: Option<String>,
    /// The special address in the way, which an address or CIDR of the policy has to cover.
    pub(crate) special: Option<(IpAddr, SpecialAddress)>,
}

impl RefusalLog {
    /// Returns the refusals of each permission that was refused.
    pub(crate) fn refused(&self) -> BTreeMap<Permission, Refused> {
        self.locked().clone()
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<Permission, Refused>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AuditSink for RefusalLog {
    fn record(&self, event: &AuditEvent<'_>) {
        let AuditKind::CapabilityDenied(decision) = &event.kind else { return };
        let resource = decision.resource();
        let end = resource.floor_char_boundary(MOST_OF_A_RESOURCE);
        let mut refused = self.locked();
        let row = refused.entry(decision.permission()).or_default();
        row.count = row.count.saturating_add(1);
        // A guest can be refused in a loop: the buffers stay.
        row.resource.clear();
        row.resource.push_str(resource.get(..end).unwrap_or_default());
        row.extent = decision.extent();
        if row.by.as_deref() != decision.denied_by() {
            row.by = decision.denied_by().map(String::from);
        }
        row.special = match decision.denial() {
            Some(Denial::Special { address, purpose }) => Some((address, purpose)),
            _ => None,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST_OF_A_RESOURCE, RefusalLog, Refused};
    use limits_core::{CapabilitySet, Extent, Permission, SpecialAddress};
    use quota_enforce::{QuotaRegistry, SecurityContext};
    use std::sync::Arc;

    #[test]
    fn the_refusals_of_each_permission_are_counted_and_the_last_is_kept() {
        let (read, write) = (Permission::FilesystemRead, Permission::FilesystemWrite);
        let ceiling = CapabilitySet::builder().grant(read, "/app/*").build().unwrap();
        let asked = CapabilitySet::builder().grant(read, "/**").build().unwrap();
        let asked = asked.restricted_by("policy.toml [ceiling]", &ceiling);
        let log = Arc::new(RefusalLog::default());
        let registry = QuotaRegistry::builder().audit(Arc::<RefusalLog>::clone(&log)).build();
        let component = registry.register(SecurityContext::new("a", asked)).unwrap();
        component.check(read, "/app/data").unwrap();
        assert_eq!(log.refused().len(), 0);
        component.check(read, "relative").unwrap_err();
        component.check(read, "/etc/passwd").unwrap_err();
        component.check_below(write, "/app").unwrap_err();
        component.check(Permission::NetworkConnect, &"é".repeat(4_000)).unwrap_err();
        let refused = log.refused();
        let row = |count, resource: &str, extent, by: Option<&str>| Refused {
            count,
            resource: String::from(resource),
            extent,
            by: by.map(String::from),
            special: None,
        };
        let ceiling = Some("policy.toml [ceiling]");
        assert_eq!(refused[&read], row(2, "/etc/passwd", Extent::Itself, ceiling));
        assert_eq!(refused[&write], row(1, "/app", Extent::Below, None));
        assert_eq!(refused[&Permission::NetworkConnect].resource.len(), MOST_OF_A_RESOURCE);
    }

    #[test]
    fn a_special_address_is_kept_until_another_refusal() {
        let connect = Permission::NetworkConnect;
        let asked = CapabilitySet::builder().grant(connect, "**:80").build().unwrap();
        let log = Arc::new(RefusalLog::default());
        let registry = QuotaRegistry::builder().audit(Arc::<RefusalLog>::clone(&log)).build();
        let component = registry.register(SecurityContext::new("a", asked)).unwrap();
        component.check(connect, "127.0.0.1:80").unwrap_err();
        let special = Some(("127.0.0.1".parse().unwrap(), SpecialAddress::Loopback));
        assert_eq!(log.refused()[&connect].special, special);
        component.check(connect, "a.example:81").unwrap_err();
        assert_eq!(log.refused()[&connect].special, None);
    }
}
