//! The quotas that all runs of a component share, and their use.

use core::num::NonZeroU32;
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

use limits_core::{
    Account, Allowance, CpuTimePolicy, Permission, QuotaResource, QuotaResourceStatus, QuotaStatus,
    QuotaTracker, QuotaUsage, ResourceQuota, SystemClock,
};
use limits_wasmtime::Share;
use quota_enforce::{
    ComponentHandle, EnforceError, QuotaRegistry, QuotaRegistryBuilder, SecurityContext,
};

use crate::guest::cluster::Member;
use crate::guest::refusal_log::{RefusalLog, Refused};
use crate::guest::request_log::RequestLog;
use crate::inputs::manifest::Terms;

/// The component as the only one of a registry, under the policy's `[host]` if there is one.
#[derive(Debug)]
pub(crate) struct RunAccount {
    registry: QuotaRegistry,
    component: ComponentHandle,
    cpu_time_policy: CpuTimePolicy,
    share: Share,
    mode: Mode,
    refusals: Arc<RefusalLog>,
}

/// Whether a registry refuses what it denies.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mode {
    /// It refuses.
    Enforce,
    /// It counts, and refuses nothing.
    Observe,
}

/// The use of one level's quotas by all runs together.
#[derive(Clone, Debug)]
pub(crate) struct AccountUse {
    /// One for each resource, in the order of [`QuotaResource::ALL`].
    pub(crate) peaks: Vec<PeakUse>,
    /// The window of the rates.
    pub(crate) period: Duration,
}

/// The use of one quota.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PeakUse {
    pub(crate) resource: QuotaResource,
    /// The highest use, at one time or in one period, and the limit.
    pub(crate) peak: QuotaResourceStatus,
    /// Denials by this level.
    pub(crate) denied: u64,
}

impl RunAccount {
    /// Registers the component under its effective quotas and capabilities. A member of a cluster
    /// shares its rates.
    ///
    /// # Errors
    ///
    /// An [`EnforceError`] if its capabilities cannot be registered under its id.
    pub(crate) fn open(
        terms: &Terms,
        mode: Mode,
        member: Option<&Member>,
    ) -> Result<Self, EnforceError> {
        let effective = &terms.effective;
        let builder = match member {
            Some(member) => QuotaRegistry::builder().lessor(member.lessor()).audit(member.sink()),
            None => QuotaRegistry::builder(),
        };
        let builder = match host_quota(terms) {
            // Its tracker has the clock of the leases.
            Some(host) if member.is_some() => builder.host(host),
            Some(host) => builder.parent(Arc::new(QuotaTracker::new(host))),
            None => builder,
        };
        let account =
            Self::register_in(builder, effective.into(), effective.cpu_time_policy(), mode)?;
        Ok(Self { share: Share::new(effective.weight()), ..account })
    }

    /// Registers the component under its effective capabilities without any quota, to measure what
    /// it uses and to keep what it requests.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub(crate) fn unlimited(
        terms: &Terms,
        mode: Mode,
    ) -> Result<(Self, Arc<RequestLog>), EnforceError> {
        let id = terms.effective.id().to_string();
        let unlimited = ResourceQuota::new()
            .with_storage(Allowance::Unlimited)
            .with_message_rate(Allowance::Unlimited)
            .with_network_bandwidth(Allowance::Unlimited)
            .with_cpu_time(Allowance::Unlimited)
            .with_memory(Allowance::Unlimited);
        let capabilities = terms.effective.capabilities().clone();
        let context = SecurityContext::with_quota(id, capabilities, unlimited);
        let requests = Arc::new(RequestLog::default());
        let builder =
            QuotaRegistry::builder().audit(Arc::<RequestLog>::clone(&requests)).audit_grants();
        let account = Self::register_in(builder, context, CpuTimePolicy::default(), mode)?;
        Ok((account, requests))
    }

    fn register_in(
        builder: QuotaRegistryBuilder,
        context: SecurityContext,
        cpu_time_policy: CpuTimePolicy,
        mode: Mode,
    ) -> Result<Self, EnforceError> {
        let refusals = Arc::new(RefusalLog::default());
        // The exact clock: a report shows each millisecond of a window. That of a cluster is exact.
        let mut builder = builder.clock(Arc::new(SystemClock::new())).record_peaks().audit(Arc::<
            RefusalLog,
        >::clone(
            &refusals,
        ));
        if mode == Mode::Observe {
            builder = builder.observe_only();
        }
        let registry = builder.build();
        let component = registry.register(context)?;
        let share = Share::new(NonZeroU32::MIN);
        Ok(Self { registry, component, cpu_time_policy, share, mode, refusals })
    }

    /// Returns the account that each run takes from.
    pub(crate) fn account(&self) -> Arc<dyn Account> {
        Arc::from(&self.component)
    }

    /// Returns the component, for the host functions that take from it.
    pub(crate) fn component_handle(&self) -> ComponentHandle {
        self.component.clone()
    }

    /// Returns the refusals of each permission that was refused.
    pub(crate) fn refused(&self) -> BTreeMap<Permission, Refused> {
        self.refusals.refused()
    }

    /// Returns whether the registry refuses what it denies.
    pub(crate) const fn mode(&self) -> Mode {
        self.mode
    }

    /// Returns the policy for a run without CPU time.
    pub(crate) const fn cpu_time_policy(&self) -> CpuTimePolicy {
        self.cpu_time_policy
    }

    /// Returns the share of the threads that all runs have together.
    pub(crate) fn share(&self) -> Share {
        self.share.clone()
    }

    /// Returns the use of the component's quotas.
    pub(crate) fn component(&self) -> AccountUse {
        let denials = self.component.denials();
        AccountUse::new(
            self.component.quota(),
            self.component.status(),
            self.component.peak_usage(),
            |resource| denials.by_quota(resource).saturating_sub(denials.by_parent(resource)),
        )
    }

    /// Returns the use of the host's ceilings, if the policy has any.
    pub(crate) fn host(&self) -> Option<AccountUse> {
        let (host, denials) = (self.registry.parent()?, self.component.denials());
        let peaks = self.registry.host_peak_usage();
        Some(AccountUse::new(host.quota(), host.status(), peaks, |resource| {
            denials.by_parent(resource)
        }))
    }
}

fn host_quota(terms: &Terms) -> Option<ResourceQuota> {
    let host = Some(terms.host).filter(|host| !host.is_empty())?;
    Some(host.to_resource_quota())
}

impl AccountUse {
    /// Returns the use of the component's quotas, and of the host's, before any run.
    pub(crate) fn unused(terms: &Terms) -> (Self, Option<Self>) {
        let of = |quota| Self::new(quota, QuotaTracker::new(quota).status(), None, |_| 0);
        (of(terms.effective.quota()), host_quota(terms).map(of))
    }

    fn new(
        quota: ResourceQuota,
        status: QuotaStatus,
        peaks: Option<QuotaUsage>,
        denied: impl Fn(QuotaResource) -> u64,
    ) -> Self {
        let peaks = peaks.unwrap_or_default();
        let of = |&resource: &QuotaResource| PeakUse {
            resource,
            peak: QuotaResourceStatus::new(peaks.of(resource), status.of(resource).limit()),
            denied: denied(resource),
        };
        Self { peaks: QuotaResource::ALL.iter().map(of).collect(), period: quota.reset_period }
    }
}

#[cfg(test)]
mod tests {
    use super::{AccountUse, Mode, PeakUse, RunAccount};
    use core::time::Duration;
    use limits_core::{
        Allowance, CapabilitySet, CpuTimePolicy, QuotaResource, QuotaTracker, QuotaType,
        ResourceQuota,
    };
    use quota_enforce::{QuotaRegistry, SecurityContext};
    use std::sync::Arc;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn quota(memory: u64, cpu_ms: u64) -> ResourceQuota {
        ResourceQuota::new().with_memory(memory).with_cpu_time(cpu_ms).with_reset_period(HOUR)
    }

    fn account(host: Option<ResourceQuota>) -> RunAccount {
        let context = SecurityContext::with_quota("a", CapabilitySet::new(), quota(100, 5));
        let mut builder = QuotaRegistry::builder();
        if let Some(host) = host {
            builder = builder.parent(Arc::new(QuotaTracker::new(host)));
        }
        RunAccount::register_in(builder, context, CpuTimePolicy::Throttle, Mode::Enforce).unwrap()
    }

    fn memory(used: &AccountUse) -> PeakUse {
        used.peaks[QuotaResource::Memory.index()]
    }

    fn cpu_time(used: &AccountUse) -> PeakUse {
        used.peaks[QuotaResource::CpuTime.index()]
    }

    #[test]
    fn the_highest_memory_is_remembered_when_it_is_released() {
        let runs = account(None);
        let account = runs.account();
        account.take(QuotaType::Memory(80)).unwrap();
        account.release(QuotaType::Memory(80));
        account.take(QuotaType::Memory(30)).unwrap();
        let memory = memory(&runs.component());
        assert_eq!((memory.peak.used(), memory.peak.limit()), (80, Allowance::AtMost(100)));
        assert_eq!(memory.denied, 0);
        assert!(runs.host().is_none());
    }

    #[test]
    fn a_refusal_is_counted_and_takes_nothing() {
        let runs = account(None);
        let account = runs.account();
        account.take(QuotaType::Memory(80)).unwrap();
        for _ in 0..2 {
            let refused = account.take(QuotaType::Memory(21)).unwrap_err();
            assert_eq!((refused.limit(), refused.used(), refused.requested()), (100, 80, 21));
        }
        let used = runs.component();
        assert_eq!((memory(&used).denied, memory(&used).peak.used()), (2, 80));
        assert_eq!((cpu_time(&used).denied, used.period), (0, HOUR));
    }

    #[test]
    fn cpu_time_is_counted_in_microseconds_also_past_the_limit() {
        let runs = account(None);
        let account = runs.account();
        account.peek(QuotaType::CpuTimeMicros(1)).unwrap();
        account.charge(QuotaType::CpuTimeMicros(5_250));
        account.peek(QuotaType::CpuTimeMicros(1)).unwrap_err();
        let before = cpu_time(&runs.component());
        assert_eq!((before.peak.used(), before.denied), (5_250, 0));
        account.take(QuotaType::CpuTimeMicros(1)).unwrap_err();
        assert_eq!(cpu_time(&runs.component()).denied, 1);
        assert_eq!(before.peak.limit(), Allowance::AtMost(5_000));
    }

    #[test]
    fn a_refusal_is_counted_where_it_came_from_and_use_on_both_levels() {
        let runs = account(Some(quota(60, 3).with_reset_period(HOUR * 2)));
        let account = runs.account();
        account.take(QuotaType::Memory(50)).unwrap();
        let refused = account.take(QuotaType::Memory(20)).unwrap_err();
        assert_eq!((refused.depth(), refused.limit(), refused.used()), (1, 60, 50));
        account.charge(QuotaType::CpuTimeMicros(4_000));
        assert_eq!(account.take(QuotaType::CpuTimeMicros(1)).unwrap_err().depth(), 1);
        let (own, host) = (runs.component(), runs.host().unwrap());
        let of = |level| (memory(level), cpu_time(level));
        let ((own_memory, own_cpu), (host_memory, host_cpu)) = (of(&own), of(&host));
        assert_eq!((own_memory.denied, own_cpu.denied, own.period), (0, 0, HOUR));
        assert_eq!((host_memory.denied, host_cpu.denied, host.period), (1, 1, HOUR * 2));
        assert_eq!((own_memory.peak.used(), host_memory.peak.used()), (50, 50));
        assert_eq!((own_cpu.peak.used(), host_cpu.peak.used()), (4_000, 4_000));
        let limits = [own_memory, host_memory, own_cpu, host_cpu];
        assert_eq!(
            limits.map(|usage| usage.peak.limit().at_most()),
            [Some(100), Some(60), Some(5_000), Some(3_000)]
        );
    }

    #[test]
    fn every_run_takes_from_the_registered_component() {
        let runs = account(None);
        let (one, other) = (runs.account(), runs.account());
        one.take(QuotaType::Memory(60)).unwrap();
        let refused = other.take(QuotaType::Memory(60)).unwrap_err();
        assert_eq!((refused.resource(), refused.used()), (QuotaResource::Memory, 60));
    }
}
