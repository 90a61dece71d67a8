//! Random histories of a tracker beside a reference that computes another way.
#![expect(clippy::unwrap_used, reason = "helpers of a test are test code")]

mod reference;

use super::SECOND;
use core::time::Duration;
use limits_core::{
    Allowance, Clock, ManualClock, QuotaError, QuotaTracker, QuotaType, Reservation, ResourceQuota,
};
use proptest::prelude::*;
use std::sync::Arc;

use self::reference::{Demand, Model, Refused, demand, limit_of};

/// One event of a history.
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
        (0..30_u64).prop_map(QuotaType::StorageEntries),
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
    (limit(40), limit(40), limit(40), limit(40), limit(3), limit(40)).prop_map(
        move |(storage, entries, messages, network, cpu, memory)| {
            ResourceQuota::new()
                .with_storage(storage)
                .with_storage_entries(entries)
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

/// Quotas of one to three levels, the lowest first, and their events.
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

/// A reservation of the tracker, with its demand and time in the model.
type Held = (Reservation<Arc<QuotaTracker>>, Demand, u128);

/// A tracker and its model, which go through the same events.
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

    fn apply(&mut self, event: Event) -> Result<(), TestCaseError> {
        let (tracker, now) = (Arc::clone(&self.levels[0]), self.now());
        match event {
            Event::Advance(ns) => self.clock.advance(Duration::from_nanos(ns)),
            Event::StepBack(ns) => self.clock.set_ns(self.clock.now_ns().saturating_sub(ns)),
            Event::Peek(quotas) => {
                let expected = self.model.check(&demand(&quotas), now);
                agree(&tracker.peek_all(&quotas), &expected)?;
            }
            Event::Consume(quota) => {
                let expected = self.model.take(&demand(&[quota]), now);
                agree(&tracker.consume(quota), &expected)?;
            }
            Event::Reserve(quotas) => {
                let demand = demand(&quotas);
                let expected = self.model.take(&demand, now);
                let outcome = tracker.reserve_owned(&quotas);
                agree(&outcome, &expected)?;
                if let (Ok(reserved), Ok(time)) = (outcome, expected) {
                    self.held.push((reserved, demand, time));
                }
            }
            Event::UpTo(quota) => self.up_to(quota)?,
            Event::Drop(which) => {
                if let Some((reserved, demand, time)) = self.let_go(which) {
                    drop(reserved);
                    self.model.hand_back(&demand, time);
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
                        self.model.hand_back(&of(had - used), time);
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

    /// Takes as much as is left, and checks that nothing more was left.
    fn up_to(&mut self, quota: QuotaType) -> Result<(), TestCaseError> {
        let (tracker, now) = (Arc::clone(&self.levels[0]), self.now());
        let asked = demand(&[quota]);
        let Some((&resource, &n)) = asked.iter().next() else {
            prop_assert!(tracker.reserve_up_to(quota).is_ok());
            return Ok(());
        };
        let granularity = if matches!(quota, QuotaType::CpuTime(_)) { 1_000 } else { 1 };
        let left = self.model.left(resource, self.model.latest(&asked, now));
        let part =
            Demand::from([(resource, (left.min(n) / granularity * granularity).max(granularity))]);
        let expected = self.model.take(&part, now);
        let outcome = tracker.reserve_up_to(quota);
        agree(&outcome, &expected)?;
        match outcome {
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

/// Compares an outcome with the model's.
fn agree<T>(
    outcome: &Result<T, QuotaError>,
    model: &Result<u128, Refused>,
) -> Result<(), TestCaseError> {
    match (outcome, model) {
        (Ok(_), Ok(_)) => {}
        (Err(error), Err(refused)) => {
            prop_assert_eq!(error.depth(), refused.level);
            prop_assert_eq!(error.resource(), refused.resource);
            prop_assert_eq!(u128::from(error.used()), refused.used);
            prop_assert_eq!(u128::from(error.limit()), refused.limit);
            prop_assert_eq!(error.retry(), refused.retry);
        }
        (outcome, model) => prop_assert!(false, "{:?} but {:?}", outcome.as_ref().err(), model),
    }
    Ok(())
}

proptest! {
    // I1 I2 I3 I4 I5 I6 I7 I12 I13 I14 I15 I16
    #[test]
    fn the_tracker_and_the_model_agree_over_any_history((quotas, events) in history()) {
        let mut twins = Twins::new(&quotas);
        for event in events {
            twins.apply(event)?;
        }
    }
}
