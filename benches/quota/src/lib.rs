//! The quotas that the measurements share, `governor` with the same limits, and the measurements
//! of `quota-ratios`.

pub mod batch;
pub mod many;
pub mod operations;
pub mod snapshots;
pub mod threads;

use core::num::NonZeroU32;
use core::time::Duration;
use std::sync::Arc;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use limits_core::{
    CapabilitySet, Clock, LeaseSignal, LeaseTerms, LeasedRate, Leases, Permission, QuotaResource,
    QuotaTracker, QuotaType, ResourceQuota, SystemClock,
};
use quota_enforce::{CoarseClock, EnforceError, QuotaRegistry, SecurityContext};

/// Units per second of each rate: more than can be taken one by one, so that nothing is refused.
pub const RATE: NonZeroU32 = NonZeroU32::new(900_000_000).expect("not zero");

/// One unit of each resource that is counted per window.
pub const THREE: [QuotaType; 3] =
    [QuotaType::MessageRate(1), QuotaType::NetworkBandwidth(1), QuotaType::CpuTimeMicros(1)];

/// A file of the components that [`registry`] has.
pub const FILE: &str = "/data/uploads/2026/report.txt";

/// Returns the clock of the measurements.
#[must_use]
pub fn clock() -> Arc<dyn Clock> {
    Arc::new(CoarseClock::new())
}

/// Returns a quota with [`RATE`] for each rate, in windows of a second, and room for all that is
/// kept.
#[must_use]
pub fn quota() -> ResourceQuota {
    ResourceQuota::new()
        .with_message_rate(u64::from(RATE.get()))
        .with_network_bandwidth(u64::from(RATE.get()))
        .with_cpu_time(u64::from(RATE.get() / 1_000))
        .with_storage(u64::MAX / 2)
        .with_memory(u64::MAX / 2)
        .with_reset_period(Duration::from_secs(1))
}

/// Returns a tracker without a parent.
#[must_use]
pub fn tracker() -> QuotaTracker {
    QuotaTracker::with_clock(quota(), clock())
}

/// Returns a clock that is read by a system call's fast path at each look.
#[must_use]
pub fn exact_clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock::new())
}

/// Returns a tracker below another one.
#[must_use]
pub fn two_levels(clock: Arc<dyn Clock>) -> QuotaTracker {
    QuotaTracker::with_parent(quota(), Arc::new(QuotaTracker::with_clock(quota(), clock)))
}

/// Returns a tracker below another one, whose messages are leased.
#[must_use]
pub fn leased(clock: Arc<dyn Clock>) -> QuotaTracker {
    lease(two_levels(clock))
}

/// Returns a tracker below another one; the messages of both are leased.
#[must_use]
pub fn both_leased(clock: Arc<dyn Clock>) -> QuotaTracker {
    let host = lease(QuotaTracker::with_clock(quota(), clock));
    lease(QuotaTracker::with_parent(quota(), Arc::new(host)))
}

/// Leases a tracker's messages, and lends all that can be lent to it.
fn lease(tracker: QuotaTracker) -> QuotaTracker {
    #[derive(Debug)]
    struct Deaf;

    impl LeaseSignal for Deaf {
        fn short(&self, _: QuotaResource) {}
    }

    let leases = Arc::new(Leases::new(&[QuotaResource::MessageRate], Arc::new(Deaf)));
    let tracker = tracker.with_leases(Arc::clone(&leases));
    if let Some(messages) = leases.of(QuotaResource::MessageRate) {
        let units = LeasedRate::MOST_UNITS;
        messages.begin(LeaseTerms { units, until: u64::MAX, ends: u64::MAX }, tracker.clock());
        messages.listen(u64::MAX);
    }
    tracker
}

/// Returns a tracker that refuses messages for the next day.
#[must_use]
pub fn exhausted() -> QuotaTracker {
    let quota = quota().with_message_rate(10).with_reset_period(Duration::from_secs(86_400));
    let tracker = QuotaTracker::with_clock(quota, clock());
    tracker.charge(QuotaType::MessageRate(10));
    tracker
}

/// Returns `governor` with its default clock.
#[must_use]
pub fn governor() -> DefaultDirectRateLimiter {
    RateLimiter::direct(Quota::per_second(RATE))
}

/// Returns a registry of `count` components, `component-0` and so on, that may write [`FILE`].
///
/// # Errors
///
/// None, as long as the pattern and the ids are what they are.
pub fn registry(count: usize) -> Result<QuotaRegistry, EnforceError> {
    let registry = QuotaRegistry::new();
    let capabilities = CapabilitySet::builder()
        .grant(Permission::FilesystemRead, "/etc/component/**")
        .grant(Permission::FilesystemWrite, "/data/uploads/**")
        .build()?;
    for number in 0..count {
        let id = format!("component-{number}");
        registry.register(SecurityContext::with_quota(id, capabilities.clone(), quota()))?;
    }
    Ok(registry)
}
