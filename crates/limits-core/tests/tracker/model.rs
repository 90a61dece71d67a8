//! Random histories against a model that keeps every window and adds them up one by one.
#![expect(clippy::unwrap_used, reason = "helpers of a test are test code")]

use crate::SECOND;
use core::time::Duration;
use limits_core::{
    Allowance, Clock, ManualClock, QuotaError, QuotaResource, QuotaTracker, QuotaType, Reservation,
    ResourceQuota, Retry,
};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

const FOREVER: u128 = u128::MAX;

/// One resource on one level.
#[derive(Debug)]
struct Counted {
    /// Nanoseconds; a total has one window without an end.
    period: u128,
    limit: u128,
    /// The window counted in last.
    window: u128,
    /// What was taken and charged, less what came back, per window.
    taken: BTreeMap<u128, u128>,
    /// The limit from a window on.
    limits: BTreeMap<u128, u128>,
    /// The highest limit of a window in which it changed.
    highest: BTreeMap<u128, u128>,
}

impl Counted {
    fn new(period: u128, limit: u128) -> Self {
        Self {
            period,
            limit,
            window: 0,
            taken: BTreeMap::new(),
            limits: BTreeMap::from([(0, limit)]),
            highest: BTreeMap::new(),
        }
    }

    fn window_at(&self, time: u128) -> u128 {
        (time / self.period).max(self.window)
    }

    fn starts(&self) -> u128 {
        if self.period == FOREVER { 0 } else { self.window * self.period }
    }

    /// What is used in a window if nothing more happens until then.
    fn used_in(&self, window: u128) -> u128 {
        let mut used = 0_u128;
        for earlier in 0..window {
            let in_force = self.limits.range(..=earlier).next_back().unwrap().1;
            let drained = self.highest.get(&earlier).unwrap_or(in_force);
            used = (used + self.taken.get(&earlier).unwrap_or(&0)).saturating_sub(*drained);
        }
        used + self.taken.get(&window).unwrap_or(&0)
    }

    fn used(&self, time: u128) -> u128 {
        self.used_in(self.window_at(time))
    }

    fn count(&mut self, time: u128, n: u128) {
        self.window = self.window_at(time);
        *self.taken.entry(self.window).or_default() += n;
    }

    fn fits(&self, window: u128, n: u128) -> bool {
        self.limit == FOREVER || self.used_in(window) + n <= self.limit
    }

    /// When `n` more will fit, as the clock will then show; tried window by window.
    fn retry(&self, time: u128, clock: u128, n: u128) -> Retry {
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

    fn set_limit(&mut self, clock: u128, limit: u128) {
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

/// A tracker and those above it.
#[derive(Debug)]
struct Model {
    levels: Vec<BTreeMap<QuotaResource, Counted>>,
}

/// Why the model refuses.
#[derive(Debug)]
struct Refused {
    level: u32,
    resource: QuotaResource,
    used: u128,
    limit: u128,
    retry: Retry,
}

type Demand = BTreeMap<QuotaResource, u128>;

fn demand(quotas: &[QuotaType]) -> Demand {
    let mut demand = Demand::new();
    for quota in quotas {
        if let Some(resource) = quota.resource().filter(|_| quota.amount() > 0) {
            *demand.entry(resource).or_default() += u128::from(quota.amount());
        }
    }
    demand
}

fn limit_of(quota: &ResourceQuota, resource: QuotaResource) -> u128 {
    let (limit, unit) = match resource {
        QuotaResource::Storage => (quota.max_storage_bytes, 1),
        QuotaResource::MessageRate => (quota.max_message_rate, 1),
        QuotaResource::NetworkBandwidth => (quota.max_network_bandwidth, 1),
        QuotaResource::CpuTime => (quota.max_cpu_time_ms, 1_000),
        QuotaResource::Memory => (quota.max_memory_bytes, 1),
        other => panic!("{other} is not in the model"),
    };
    limit.at_most().map_or(FOREVER, |limit| u128::from(limit) * unit)
}

impl Model {
    fn new(quotas: &[ResourceQuota]) -> Self {
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

    /// The latest time that anything demanded has seen.
    fn latest(&self, demand: &Demand, clock: u128) -> u128 {
        let seen =
            self.levels.iter().flat_map(|level| demand.keys().map(|key| level[key].starts()));
        seen.fold(clock, u128::max)
    }

    /// Returns the time that a take would be counted at, or what refuses it longest.
    fn verdict(&self, demand: &Demand, clock: u128) -> Result<u128, Refused> {
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

    fn take(&mut self, demand: &Demand, clock: u128) -> Result<u128, Refused> {
        let time = self.verdict(demand, clock)?;
        self.count(demand, time);
        Ok(time)
    }

    fn count(&mut self, demand: &Demand, time: u128) {
        for level in &mut self.levels {
            for (resource, n) in demand {
                level.get_mut(resource).unwrap().count(time, *n);
            }
        }
    }

    fn release(&mut self, resource: QuotaResource, n: u128) -> u128 {
        let held = self.levels[0][&resource].used_in(0);
        let n = n.min(held);
        for level in &mut self.levels {
            *level.get_mut(&resource).unwrap().taken.entry(0).or_default() -= n;
        }
        n
    }

    fn give_back(&mut self, demand: &Demand, time: u128) {
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

    /// What every level has left of a resource.
    fn left(&self, resource: QuotaResource, time: u128) -> u128 {
        let left = self.levels.iter().map(|level| &level[&resource]);
        left.map(|account| account.limit.saturating_sub(account.used(time))).min().unwrap()
    }
}

/// One thing that happens.
#[derive(Clone, Debug)]
enum Event {
    Advance(u64),
    StepBack(u64),
    Peek(Vec<QuotaType>),
    Consume(QuotaType),
    Reserve(Vec<QuotaType>),
    UpTo(QuotaType),
    Drop(usize),
    Commit(usize),
    Settle(usize, QuotaType),
    Charge(QuotaType),
    Release(QuotaType),
    SetQuota(usize, ResourceQuota),
}

fn amount() -> impl Strategy<Value = QuotaType> {
    prop_oneof![
        (0..30_u64).prop_map(QuotaType::Storage),
        (0..30_u64).prop_map(QuotaType::Memory),
        (0..30_u64).prop_map(QuotaType::MessageRate),
        (0..30_u64).prop_map(QuotaType::NetworkBandwidth),
        (0..4_u64).prop_map(QuotaType::CpuTime),
        (0..4_000_u64).prop_map(QuotaType::CpuTimeMicros),
        Just(QuotaType::None),
    ]
}

fn limit(most: u64) -> impl Strategy<Value = Allowance> {
    prop_oneof![
        8 => (0..=most).prop_map(Allowance::AtMost),
        1 => Just(Allowance::Unlimited),
    ]
}

fn quota(period: Duration) -> impl Strategy<Value = ResourceQuota> {
    (limit(40), limit(40), limit(40), limit(3), limit(40)).prop_map(
        move |(storage, messages, network, cpu, memory)| {
            ResourceQuota::new()
                .with_storage(storage)
                .with_message_rate(messages)
                .with_network_bandwidth(network)
                .with_cpu_time(cpu)
                .with_memory(memory)
                .with_reset_period(period)
        },
    )
}

fn event(periods: [Duration; 3]) -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => (0..2_500_000_000_u64).prop_map(Event::Advance),
        1 => (0..3_u64).prop_map(|seconds| Event::Advance(seconds * 1_000_000_000)),
        1 => (0..4_000_000_000_u64).prop_map(Event::StepBack),
        1 => prop::collection::vec(amount(), 0..4).prop_map(Event::Peek),
        6 => amount().prop_map(Event::Consume),
        4 => prop::collection::vec(amount(), 0..4).prop_map(Event::Reserve),
        2 => amount().prop_map(Event::UpTo),
        3 => any::<usize>().prop_map(Event::Drop),
        2 => any::<usize>().prop_map(Event::Commit),
        3 => (any::<usize>(), amount()).prop_map(|(which, actual)| Event::Settle(which, actual)),
        2 => amount().prop_map(Event::Charge),
        2 => amount().prop_map(Event::Release),
        1 => quota(periods[0]).prop_map(|quota| Event::SetQuota(0, quota)),
        1 => quota(periods[1]).prop_map(|quota| Event::SetQuota(1, quota)),
        1 => quota(periods[2]).prop_map(|quota| Event::SetQuota(2, quota)),
    ]
}

/// Quotas of one to three levels, the lowest first, and what happens.
fn history() -> impl Strategy<Value = (Vec<ResourceQuota>, Vec<Event>)> {
    let period = || prop_oneof![Just(SECOND), Just(SECOND * 3), Just(Duration::from_millis(700))];
    (1..=3_usize, [period(), period(), period()]).prop_flat_map(|(levels, periods)| {
        (periods.map(quota), prop::collection::vec(event(periods), 1..60)).prop_map(
            move |(quotas, events)| {
                let events = events.into_iter();
                let known =
                    |event: &Event| !matches!(event, Event::SetQuota(level, _) if *level >= levels);
                (quotas[..levels].to_vec(), events.filter(known).collect())
            },
        )
    })
}

/// What the tracker holds, and what the model has counted for it and when.
type Held = (Reservation<Arc<QuotaTracker>>, Demand, u128);

/// A tracker and its model, to which the same things happen.
struct Twins {
    levels: Vec<Arc<QuotaTracker>>,
    clock: Arc<ManualClock>,
    model: Model,
    held: Vec<Held>,
}

impl Twins {
    fn new(quotas: &[ResourceQuota]) -> Self {
        let clock = Arc::new(ManualClock::new());
        let shown: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let mut levels: Vec<Arc<QuotaTracker>> = Vec::new();
        for quota in quotas.iter().rev() {
            levels.push(Arc::new(match levels.last() {
                Some(parent) => QuotaTracker::with_parent(*quota, Arc::clone(parent)),
                None => QuotaTracker::with_clock(*quota, Arc::clone(&shown)),
            }));
        }
        levels.reverse();
        Self { levels, clock, model: Model::new(quotas), held: Vec::new() }
    }

    fn now(&self) -> u128 {
        u128::from(self.clock.now_ns())
    }

    fn let_go(&mut self, which: usize) -> Option<Held> {
        let which = which.checked_rem(self.held.len())?;
        Some(self.held.swap_remove(which))
    }

    fn happen(&mut self, event: Event) -> Result<(), TestCaseError> {
        let (tracker, now) = (Arc::clone(&self.levels[0]), self.now());
        match event {
            Event::Advance(ns) => self.clock.advance(Duration::from_nanos(ns)),
            Event::StepBack(ns) => self.clock.set_ns(self.clock.now_ns().saturating_sub(ns)),
            Event::Peek(quotas) => {
                let expected = self.model.verdict(&demand(&quotas), now);
                agree(&tracker.peek_all(&quotas), &expected)?;
            }
            Event::Consume(quota) => {
                let expected = self.model.take(&demand(&[quota]), now);
                agree(&tracker.consume(quota), &expected)?;
            }
            Event::Reserve(quotas) => {
                let demand = demand(&quotas);
                let expected = self.model.take(&demand, now);
                let verdict = tracker.reserve_owned(&quotas);
                agree(&verdict, &expected)?;
                if let (Ok(reserved), Ok(time)) = (verdict, expected) {
                    self.held.push((reserved, demand, time));
                }
            }
            Event::UpTo(quota) => self.up_to(quota)?,
            Event::Drop(which) => {
                if let Some((reserved, demand, time)) = self.let_go(which) {
                    drop(reserved);
                    self.model.give_back(&demand, time);
                }
            }
            Event::Commit(which) => {
                if let Some((reserved, ..)) = self.let_go(which) {
                    reserved.commit();
                }
            }
            Event::Settle(which, actual) => {
                if let Some((reserved, demand, time)) = self.let_go(which) {
                    reserved.commit_actual(actual);
                    let Some(resource) = actual.resource() else { return Ok(()) };
                    let (had, used) =
                        (demand.get(&resource).map_or(0, |n| *n), u128::from(actual.amount()));
                    let of = |n| Demand::from([(resource, n)]);
                    if used > had {
                        self.model.count(&of(used - had), now);
                    } else if used < had {
                        self.model.give_back(&of(had - used), time);
                    }
                }
            }
            Event::Charge(quota) => {
                tracker.charge(quota);
                self.model.count(&demand(&[quota]), now);
            }
            Event::Release(quota) => {
                let released = u128::from(tracker.release(quota));
                let resource = quota.resource().filter(|resource| !resource.is_rate());
                let amount = u128::from(quota.amount());
                let expected = resource.map_or(0, |total| self.model.release(total, amount));
                prop_assert_eq!(released, expected);
            }
            Event::SetQuota(level, quota) => {
                self.levels[level].set_quota(quota).unwrap();
                for (resource, counted) in &mut self.model.levels[level] {
                    counted.set_limit(now, limit_of(&quota, *resource));
                }
            }
        }
        self.same_use()
    }

    /// Takes what is left, and checks that it is all that is left.
    fn up_to(&mut self, quota: QuotaType) -> Result<(), TestCaseError> {
        let (tracker, now) = (Arc::clone(&self.levels[0]), self.now());
        let asked = demand(&[quota]);
        let Some((&resource, &n)) = asked.iter().next() else {
            prop_assert!(tracker.reserve_up_to(quota).is_ok());
            return Ok(());
        };
        let grain = if matches!(quota, QuotaType::CpuTime(_)) { 1_000 } else { 1 };
        let left = self.model.left(resource, self.model.latest(&asked, now));
        let part = Demand::from([(resource, (left.min(n) / grain * grain).max(grain))]);
        let expected = self.model.take(&part, now);
        let verdict = tracker.reserve_up_to(quota);
        agree(&verdict, &expected)?;
        match verdict {
            Ok(reserved) => {
                prop_assert_eq!(u128::from(reserved.amount(resource)), part[&resource]);
                reserved.commit();
            }
            Err(error) => prop_assert_eq!(u128::from(error.requested()), n),
        }
        Ok(())
    }

    fn same_use(&self) -> Result<(), TestCaseError> {
        for (tracker, model) in self.levels.iter().zip(&self.model.levels) {
            let usage = tracker.usage();
            for (resource, counted) in model {
                prop_assert_eq!(
                    u128::from(usage.of(*resource)),
                    counted.used(self.now()),
                    "{}",
                    resource
                );
            }
        }
        Ok(())
    }
}

/// Compares a verdict with the model's.
fn agree<T>(
    verdict: &Result<T, QuotaError>,
    model: &Result<u128, Refused>,
) -> Result<(), TestCaseError> {
    match (verdict, model) {
        (Ok(_), Ok(_)) => {}
        (Err(error), Err(refused)) => {
            prop_assert_eq!(error.depth(), refused.level);
            prop_assert_eq!(error.resource(), refused.resource);
            prop_assert_eq!(u128::from(error.used()), refused.used);
            prop_assert_eq!(u128::from(error.limit()), refused.limit);
            prop_assert_eq!(error.retry(), refused.retry);
        }
        (verdict, model) => prop_assert!(false, "{:?} but {:?}", verdict.as_ref().err(), model),
    }
    Ok(())
}

proptest! {
    // I1 I2 I3 I4 I5 I6 I7 I12 I13 I14 I15 I16
    #[test]
    fn whatever_happens_the_tracker_and_the_model_agree((quotas, events) in history()) {
        let mut twins = Twins::new(&quotas);
        for event in events {
            twins.happen(event)?;
        }
    }
}
