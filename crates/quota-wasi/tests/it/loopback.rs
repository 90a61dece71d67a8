//! Components and servers on the loopback, with a clock that goes with tokio's timers.

use core::net::SocketAddr;
use core::time::Duration;
use std::sync::Arc;

use limits_core::{Allowance, CapabilitySet, Clock, Permission, ResourceQuota};
use quota_enforce::{ComponentHandle, QuotaRegistry, SecurityContext};
use quota_wasi::{StoreUsage, WasiQuota, WasiQuotaBuilder};
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::guest::Guest;

/// The clock of tokio's timers, which tests pause.
#[derive(Debug)]
struct TimerClock(Instant);

impl Clock for TimerClock {
    fn now_ns(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_nanos()).unwrap()
    }
}

pub(crate) fn registry() -> QuotaRegistry {
    QuotaRegistry::builder().clock(Arc::new(TimerClock(Instant::now()))).build()
}

/// The capabilities of a component that may do everything on the loopback.
pub(crate) fn everything() -> CapabilitySet {
    let mut set = CapabilitySet::new();
    for permission in
        [Permission::NetworkConnect, Permission::NetworkBind, Permission::NetworkListen]
    {
        set.grant(permission, "127.0.0.1:*").unwrap();
        set.grant(permission, "[::1]:*").unwrap();
    }
    set.by_operator()
}

pub(crate) fn component(
    registry: &QuotaRegistry,
    id: &str,
    quota: ResourceQuota,
) -> ComponentHandle {
    registry.register(SecurityContext::with_quota(id, everything(), quota)).unwrap()
}

/// A component with TCP.
pub(crate) fn with_tcp(quota: ResourceQuota) -> WasiQuotaBuilder {
    WasiQuota::builder(component(&registry(), "guest", quota)).tcp()
}

pub(crate) fn bandwidth(limit: impl Into<Allowance>) -> ResourceQuota {
    ResourceQuota::new().with_network_bandwidth(limit)
}

/// Bandwidth and messages without limits, in a window that does not end within a test.
pub(crate) fn unlimited() -> ResourceQuota {
    let unlimited = Allowance::Unlimited;
    bandwidth(unlimited).with_message_rate(unlimited).with_reset_period(Duration::from_secs(3_600))
}

pub(crate) fn used(quota: &WasiQuota) -> u64 {
    quota.component().usage().network_bandwidth_used
}

pub(crate) async fn server() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// The counters of a guest's execution.
pub(crate) fn usage(guest: &Guest) -> StoreUsage {
    guest.store.data().quota.as_ref().unwrap().usage()
}
