//! The reference: every window is kept, and windows are added up one by one.
#![expect(clippy::unwrap_used, reason = "helpers of a test are test code")]

use core::time::Duration;
use limits_core::{QuotaResource, QuotaType, ResourceQuota, Retry};
use std::collections::BTreeMap;

pub(super) const FOREVER: u128 = u128::MAX;

/// One resource on one level.
#[derive(Debug)]
pub(super) struct Counted {
    /// Nanoseconds; a total has one window without an end.
    pub(super) period: u128,
    pub(super) limit: u128,
    /// The last window with a count.
    pub(super) window: u128,
    /// The units taken and charged less those handed back, per window.
    pub(super) taken: BTreeMap<u128, u128>,
    /// The limit from a window on.
    pub(super) limits: BTreeMap<u128, u128>,
    /// The highest limit of a window in which it changed.
    pub(super) highest: BTreeMap<u128, u128>,
}

impl Counted {
    pub(super) fn new(period: u128, limit: u128) -> Self {
        Self {
            period,
            limit,
            window: 0,
            taken: BTreeMap::new(),
            limits: BTreeMap::from([(0, limit)]),
            highest: BTreeMap::new(),
        }
    }

    pub(super) fn window_at(&self, time: u128) -> u128 {
        (time / self.period).max(self.window)
    }

    pub(super) fn starts(&self) -> u128 {
        if self.period == FOREVER { 0 } else { self.window * self.period }
    }

    /// The use in a window if no other event comes before it.
    pub(super) fn used_in(&self, window: u128) -> u128 {
        let mut used = 0_u128;
        for earlier in 0..window {
            let in_force = self.limits.range(..=earlier).next_back().unwrap().1;
            let drained = self.highest.get(&earlier).unwrap_or(in_force);
            used = (used + self.taken.get(&earlier).unwrap_or(&0)).saturating_sub(*drained);
        }
        used + self.taken.get(&window).unwrap_or(&0)
    }

    pub(super) fn used(&self, time: u128) -> u128 {
        self.used_in(self.window_at(time))
    }

    pub(super) fn count(&mut self, time: u128, n: u128) {
        self.window = self.window_at(time);
        *self.taken.entry(self.window).or_default() += n;
    }

    pub(super) fn fits(&self, window: u128, n: u128) -> bool {
        self.limit == FOREVER || self.used_in(window) + n <= self.limit
    }

    /// The time until `n` more units fit, by trying each window.
    pub(super) fn retry(&self, time: u128, clock: u128, n: u128) -> Retry {
        if n > self.limit {
            return Retry::Never;
        }
        if self.period == FOREVER {
            return Retry::Now;
        }
        let mut window = self.window_at(time);
        while !self.fits(window, n) {
            window += 1;
        }
        let wait = window * self.period - clock;
        Retry::After(Duration::from_nanos(u64::try_from(wait).unwrap()))
    }

    pub(super) fn set_limit(&mut self, clock: u128, limit: u128) {
        if limit == self.limit {
            return;
        }
        self.window = self.window_at(clock);
        let highest = self.highest.entry(self.window).or_default();
        *highest = limit.max(self.limit).max(*highest);
        self.limits.insert(self.window, limit);
        self.limit = limit;
    }
}

/// The levels of a tracker, the lowest first.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) levels: Vec<BTreeMap<QuotaResource, Counted>>,
}

/// A refusal by the model.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) level: u32,
    pub(super) resource: QuotaResource,
    pub(super) used: u128,
    pub(super) limit: u128,
    pub(super) retry: Retry,
}

pub(super) type Demand = BTreeMap<QuotaResource, u128>;

pub(super) fn demand(quotas: &[QuotaType]) -> Demand {
    let mut demand = Demand::new();
    for quota in quotas {
        if let Some(resource) = quota.resource().filter(|_| quota.amount() > 0) {
            *demand.entry(resource).or_default() += u128::from(quota.amount());
        }
    }
    demand
}

pub(super) fn limit_of(quota: &ResourceQuota, resource: QuotaResource) -> u128 {
    let (limit, unit) = match resource {
        QuotaResource::Storage => (quota.max_storage_bytes, 1),
        QuotaResource::StorageEntries => (quota.max_storage_entries, 1),
        QuotaResource::MessageRate => (quota.max_message_rate, 1),
        QuotaResource::NetworkBandwidth => (quota.max_network_bandwidth, 1),
        QuotaResource::CpuTime => (quota.max_cpu_time_ms, 1_000),
        QuotaResource::Memory => (quota.max_memory_bytes, 1),
        other => panic!("{other} is not in the model"),
    };
    limit.at_most().map_or(FOREVER, |limit| u128::from(limit) * unit)
}

impl Model {
    pub(super) fn new(quotas: &[ResourceQuota]) -> Self {
        let level = |quota: &ResourceQuota| {
            let account = |resource: QuotaResource| {
                let period =
                    if resource.is_rate() { quota.reset_period.as_nanos() } else { FOREVER };
                (resource, Counted::new(period, limit_of(quota, resource)))
            };
            QuotaResource::ALL.iter().copied().map(account).collect()
        };
        Self { levels: quotas.iter().map(level).collect() }
    }

    /// The latest time that a demanded resource has seen.
    pub(super) fn latest(&self, demand: &Demand, clock: u128) -> u128 {
        let seen =
            self.levels.iter().flat_map(|level| demand.keys().map(|key| level[key].starts()));
        seen.fold(clock, u128::max)
    }

    /// Returns the time at which a take would be counted, or the refusal with the longest wait.
    pub(super) fn check(&self, demand: &Demand, clock: u128) -> Result<u128, Refused> {
        let time = self.latest(demand, clock);
        let mut longest: Option<Refused> = None;
        for (level, accounts) in (0..).zip(&self.levels) {
            for (&resource, &n) in demand {
                let account = &accounts[&resource];
                if account.fits(account.window_at(time), n) {
                    continue;
                }
                let retry = account.retry(time, clock, n);
                if longest.as_ref().is_none_or(|longest| longest.retry < retry) {
                    let (used, limit) = (account.used(time), account.limit);
                    longest = Some(Refused { level, resource, used, limit, retry });
                }
            }
        }
        longest.map_or(Ok(time), Err)
    }

    pub(super) fn take(&mut self, demand: &Demand, clock: u128) -> Result<u128, Refused> {
        let time = self.check(demand, clock)?;
        self.count(demand, time);
        Ok(time)
    }

    pub(super) fn count(&mut self, demand: &Demand, time: u128) {
        for level in &mut self.levels {
            for (resource, n) in demand {
                level.get_mut(resource).unwrap().count(time, *n);
            }
        }
    }

    pub(super) fn release(&mut self, resource: QuotaResource, n: u128) -> u128 {
        let held = self.levels[0][&resource].used_in(0);
        let n = n.min(held);
        for level in &mut self.levels {
            *level.get_mut(&resource).unwrap().taken.entry(0).or_default() -= n;
        }
        n
    }

    pub(super) fn hand_back(&mut self, demand: &Demand, time: u128) {
        for (resource, n) in demand {
            if !resource.is_rate() {
                self.release(*resource, *n);
                continue;
            }
            for level in &mut self.levels {
                let account = level.get_mut(resource).unwrap();
                if time / account.period == account.window {
                    *account.taken.get_mut(&account.window).unwrap() -= n;
                }
            }
        }
    }

    /// The units of a resource that every level has left.
    pub(super) fn left(&self, resource: QuotaResource, time: u128) -> u128 {
        let left = self.levels.iter().map(|level| &level[&resource]);
        left.map(|account| account.limit.saturating_sub(account.used(time))).min().unwrap()
    }
}
