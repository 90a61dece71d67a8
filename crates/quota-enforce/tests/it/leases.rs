//! Rates that several hosts share, with a lessor that a test works by hand.

mod cluster;
mod executions;
mod levels;
mod monitoring;
mod registrations;
#[cfg(feature = "wait")]
mod waiting;

use core::time::Duration;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use limits_core::{
    Allowance, Clock, LeaseSignal, LeaseTerms, Leases, ManualClock, QuotaResource, QuotaType,
    ResourceQuota,
};
use quota_enforce::{
    ClusterEvent, ComponentHandle, LeaseListener, Lessor, NotShared, QuotaRegistry,
    QuotaRegistryBuilder,
};

use crate::{context, thousand_of_each};

const MESSAGES: QuotaResource = QuotaResource::MessageRate;
const NETWORK: QuotaResource = QuotaResource::NetworkBandwidth;
const CPU: QuotaResource = QuotaResource::CpuTime;
const SECOND: Duration = Duration::from_secs(1);

/// The name of the host's quota.
const HOST: &str = "";

/// A lessor whose units a test lends by hand, on a clock that stands still.
#[derive(Debug)]
struct Lender {
    time: Arc<ManualClock>,
    clock: Arc<dyn Clock>,
    components: Vec<QuotaResource>,
    host: Vec<QuotaResource>,
    lent: Mutex<Vec<(String, Weak<Leases>)>>,
    listener: Mutex<Option<Weak<dyn LeaseListener>>>,
    shortages: Arc<Shortages>,
}

/// The resources that were short since the test has last looked.
#[derive(Debug, Default)]
struct Shortages(Mutex<Vec<QuotaResource>>);

impl LeaseSignal for Shortages {
    fn short(&self, resource: QuotaResource) {
        locked(&self.0).push(resource);
    }
}

impl Lender {
    /// Makes a lessor that shares these rates of components, and these of the host's quota.
    fn new(components: &[QuotaResource], host: &[QuotaResource]) -> Arc<Self> {
        let time = Arc::new(ManualClock::new());
        time.advance(SECOND);
        Arc::new(Self {
            clock: Arc::<ManualClock>::clone(&time),
            time,
            components: components.to_vec(),
            host: host.to_vec(),
            lent: Mutex::default(),
            listener: Mutex::default(),
            shortages: Arc::default(),
        })
    }

    fn lend(
        &self,
        id: &str,
        rates: &[QuotaResource],
        quota: &ResourceQuota,
    ) -> Result<Option<Arc<Leases>>, NotShared> {
        NotShared::check(rates, quota)?;
        let is_limited = |rate: &QuotaResource| limit(*rate, quota) != Allowance::Unlimited;
        let rates: Vec<_> = rates.iter().copied().filter(is_limited).collect();
        if rates.is_empty() {
            return Ok(None);
        }
        let signal = Arc::<Shortages>::clone(&self.shortages);
        let leases = Arc::new(Leases::new(&rates, signal));
        locked(&self.lent).push((id.to_owned(), Arc::downgrade(&leases)));
        Ok(Some(leases))
    }

    /// Returns the leases of each registration of a component that are still in use.
    fn in_use(&self, id: &str) -> Vec<Arc<Leases>> {
        let lent = locked(&self.lent);
        lent.iter().filter(|(of, _)| of == id).filter_map(|(_, leases)| leases.upgrade()).collect()
    }

    fn leases(&self, id: &str) -> Arc<Leases> {
        self.in_use(id).pop().expect("it has leases")
    }

    fn listener(&self) -> Option<Arc<dyn LeaseListener>> {
        locked(&self.listener).as_ref()?.upgrade()
    }

    /// Begins a window of a second with some units, and ends the one before.
    fn begin(&self, id: &str, rate: QuotaResource, units: u64) {
        // A take in the very nanosecond in which a window begins is of either window.
        self.time.advance(Duration::from_nanos(1));
        self.leases(id).of(rate).expect("it is leased").begin(self.terms(units), &self.clock);
        self.time.advance(Duration::from_nanos(1));
        self.listener().expect("a registry").leased(rate);
    }

    /// Adds units to the window.
    fn extend(&self, id: &str, rate: QuotaResource, units: u64) {
        self.leases(id).of(rate).expect("it is leased").extend(self.terms(units));
        self.listener().expect("a registry").leased(rate);
    }

    fn terms(&self, units: u64) -> LeaseTerms {
        let end = self.time.now_ns() + 1_000_000_000;
        LeaseTerms { units, until: end, ends: end }
    }

    /// Listens for the next shortage, and returns the largest amount that was refused since the
    /// last call.
    fn wanted(&self, id: &str, rate: QuotaResource) -> u64 {
        locked(&self.shortages.0).clear();
        self.leases(id).of(rate).expect("it is leased").listen(u64::MAX)
    }

    /// Returns the resources that were short since the last call.
    fn shortages(&self) -> Vec<QuotaResource> {
        core::mem::take(&mut *locked(&self.shortages.0))
    }

    fn announce(&self, event: &ClusterEvent) {
        self.listener().expect("a registry").cluster_changed(event);
    }

    fn builder(self: &Arc<Self>) -> QuotaRegistryBuilder {
        QuotaRegistry::builder().lessor(Arc::<Self>::clone(self))
    }

    /// Returns a registry with one component, `a`, whose quotas are all 1 000.
    fn thousand(self: &Arc<Self>) -> (QuotaRegistry, ComponentHandle) {
        let registry = self.builder().build();
        let handle = registry.register(context("a", thousand_of_each())).expect("it is new");
        (registry, handle)
    }
}

impl Lessor for Lender {
    fn component(&self, id: &str, quota: &ResourceQuota) -> Result<Option<Arc<Leases>>, NotShared> {
        self.lend(id, &self.components, quota)
    }

    fn host(&self, quota: &ResourceQuota) -> Result<Option<Arc<Leases>>, NotShared> {
        self.lend(HOST, &self.host, quota)
    }

    fn check_change(
        &self,
        leases: Option<&Leases>,
        quota: &ResourceQuota,
    ) -> Result<(), NotShared> {
        NotShared::check_change(leases, &self.components, quota)
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    fn attach(&self, listener: Weak<dyn LeaseListener>) {
        *locked(&self.listener) = Some(listener);
    }
}

fn limit(rate: QuotaResource, quota: &ResourceQuota) -> Allowance {
    match rate {
        MESSAGES => quota.max_message_rate,
        NETWORK => quota.max_network_bandwidth,
        _ => quota.max_cpu_time_ms,
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn messages(number: u64) -> QuotaType {
    QuotaType::MessageRate(number)
}

/// A quota that bounds messages only.
fn only_messages(limit: u64) -> ResourceQuota {
    ResourceQuota::new()
        .with_storage(Allowance::Unlimited)
        .with_message_rate(limit)
        .with_network_bandwidth(Allowance::Unlimited)
        .with_cpu_time(Allowance::Unlimited)
        .with_memory(Allowance::Unlimited)
}
