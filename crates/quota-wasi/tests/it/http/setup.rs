//! Components that make requests.

use limits_core::{CapabilitySet, Permission, ResourceQuota};
use quota_enforce::{ComponentHandle, QuotaRegistry, SecurityContext};
use quota_wasi::{HttpOptions, WasiQuota, WasiQuotaBuilder};

/// The operator's patterns of addresses that a component may connect to.
pub(crate) fn operator(connect: &[&str]) -> CapabilitySet {
    let mut set = CapabilitySet::new();
    for pattern in connect {
        set.grant(Permission::NetworkConnect, pattern).unwrap();
    }
    set.by_operator()
}

/// A component that may connect to what the operator's patterns match.
pub(crate) fn component(connect: &[&str], quota: ResourceQuota) -> ComponentHandle {
    let context = SecurityContext::with_quota("guest", operator(connect), quota);
    QuotaRegistry::new().register(context).unwrap()
}

/// The same with requests switched on.
pub(crate) fn requester(connect: &[&str], quota: ResourceQuota) -> WasiQuotaBuilder {
    WasiQuota::builder(component(connect, quota)).http(HttpOptions::new())
}

/// A component that may make requests to the host itself.
pub(crate) fn local() -> WasiQuota {
    requester(&["127.0.0.1:*", "[::1]:*"], ResourceQuota::new()).build().unwrap()
}
