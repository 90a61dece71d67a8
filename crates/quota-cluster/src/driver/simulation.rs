//! Hosts, a store and time, all simulated: what a cluster grants, and what it costs.

use core::pin::pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

use limits_core::{
    Clock, LeaseSignal, Leases, ManualClock, QuotaResource, QuotaTracker, QuotaType, ResourceQuota,
    StoreLoss,
};
use tokio::sync::mpsc;

use super::{Fleet, Lent, Lessee, Signal, Terms};
use crate::fake_store::FakeStore;
use crate::store::{Answer, KeyRefusal, LeaseStore as _, Question, StoreError};

pub(super) const MICRO: u64 = 1_000;
pub(super) const MILLI: u64 = 1_000_000;
pub(super) const SECOND: u64 = 1_000_000_000;
const KEY: &str = "test:c:{shop}:messages";

type Outcome = Result<Vec<Result<Answer, KeyRefusal>>, StoreError>;

/// Questions on their way to the store, or its answers on their way back.
struct Flight {
    sent: u64,
    at: u64,
    questions: Vec<Question>,
    outcome: Option<Outcome>,
}

pub(super) struct Host {
    pub(super) fleet: Fleet,
    pub(super) tracker: QuotaTracker,
    store: FakeStore,
    heard: mpsc::UnboundedReceiver<u64>,
    flight: Option<Flight>,
    /// Takes in a period.
    pub(super) demand: u64,
    /// The part of a take that is due, in units of a period.
    due: u64,
    /// The driver does nothing until this time; takes go on.
    pub(super) stalled_until: u64,
}

pub(super) struct World {
    clock: Arc<ManualClock>,
    pub(super) store: FakeStore,
    pub(super) hosts: Vec<Host>,
    period: u64,
    round_trip: u64,
    /// Units granted, by the store's window at the time of the take.
    pub(super) granted: BTreeMap<u64, u64>,
}

#[derive(Clone, Copy)]
pub(super) struct Plan {
    pub(super) hosts: usize,
    pub(super) period: u64,
    pub(super) limit: u64,
    /// The demand of all hosts in a period.
    pub(super) demand: u64,
    /// The part of the first host, in percent; the others have equal parts.
    pub(super) first: u64,
    pub(super) round_trip: u64,
    pub(super) on_loss: StoreLoss,
}

pub(super) const SECONDS: Plan = Plan {
    hosts: 8,
    period: SECOND,
    limit: 10_000,
    demand: 15_000,
    first: 12,
    round_trip: 500 * MICRO,
    on_loss: StoreLoss::Closed,
};

impl World {
    pub(super) fn new(plan: Plan) -> Self {
        let clock = Arc::new(ManualClock::new());
        clock.set_ns(10 * SECOND + 300 * MILLI);
        let shown: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let store = FakeStore::new(Arc::clone(&shown));
        let others = (100 - plan.first) / u64::try_from(plan.hosts - 1).unwrap().max(1);
        let hosts = (0..plan.hosts).map(|index| {
            let percent = if index == 0 { plan.first } else { others };
            let demand = plan.demand * percent / 100;
            Host::new(index, plan, demand, store.clone(), &shown)
        });
        let hosts = hosts.collect();
        let (period, round_trip) = (plan.period, plan.round_trip);
        Self { clock, store, hosts, period, round_trip, granted: BTreeMap::new() }
    }

    pub(super) fn now(&self) -> u64 {
        self.clock.now_ns()
    }

    /// Lets time pass in steps of 100 µs.
    pub(super) fn run(&mut self, time: u64) {
        const STEP: u64 = 100 * MICRO;
        let end = self.now() + time;
        while self.now() < end {
            self.clock.advance(Duration::from_nanos(STEP));
            let now = self.now();
            let window = u64::try_from(self.store.now().as_nanos()).unwrap() / self.period;
            for host in &mut self.hosts {
                let granted = host.take(STEP, self.period);
                *self.granted.entry(window).or_default() += granted;
                host.drive(now, self.round_trip);
            }
        }
    }

    /// Returns the units of each whole window since the `first`-th, the last one left out.
    pub(super) fn windows(&self, first: usize) -> Vec<u64> {
        let mut units: Vec<_> = self.granted.values().copied().skip(first).collect();
        units.pop();
        units
    }

    /// Returns the takes of all hosts in a period.
    pub(super) fn demand(&self) -> u64 {
        self.hosts.iter().map(|host| host.demand).sum()
    }

    pub(super) fn most_in_a_window(&self) -> u64 {
        self.granted.values().copied().max().unwrap_or_default()
    }
}

impl Host {
    fn new(
        index: usize,
        plan: Plan,
        demand: u64,
        store: FakeStore,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        let (shortages, heard) = mpsc::unbounded_channel();
        let mut fleet = Fleet::new(Arc::clone(clock));
        let number = fleet.next_number();
        let numbers = vec![(QuotaResource::MessageRate, number)];
        let signal: Arc<dyn LeaseSignal> = Arc::new(Signal { numbers, shortages });
        let leases = Arc::new(Leases::new(&[QuotaResource::MessageRate], signal));
        let period = Duration::from_nanos(plan.period);
        let quota = ResourceQuota::new().with_message_rate(plan.limit).with_reset_period(period);
        let tracker =
            QuotaTracker::with_clock(quota, Arc::clone(clock)).with_leases(Arc::clone(&leases));
        let terms = Terms {
            id: Box::from("shop"),
            resource: QuotaResource::MessageRate,
            key: Arc::from(KEY),
            name: Arc::from(format!("host-{index}")),
            period,
            on_loss: plan.on_loss,
            max_hosts: u32::try_from(plan.hosts).unwrap(),
        };
        fleet.add(number, Lessee::new(terms, Arc::new(Lent(leases)), clock.now_ns()));
        Self { fleet, tracker, store, heard, flight: None, demand, due: 0, stalled_until: 0 }
    }

    /// Makes the takes of a stretch of time, and returns how many were granted.
    fn take(&mut self, time: u64, period: u64) -> u64 {
        self.due += self.demand * time;
        let count = self.due / period;
        self.due %= period;
        let takes = (0..count).map(|_| self.tracker.consume(QuotaType::MessageRate(1)));
        u64::try_from(takes.filter(Result::is_ok).count()).unwrap()
    }

    fn drive(&mut self, now: u64, round_trip: u64) {
        if now < self.stalled_until {
            return;
        }
        while let Ok(number) = self.heard.try_recv() {
            self.fleet.signal(number);
        }
        if let Some(flight) = self.flight.as_mut().filter(|flight| flight.at <= now) {
            match flight.outcome.take() {
                None => {
                    flight.outcome = Some(asked(&mut self.store, &flight.questions));
                    flight.at = now + round_trip / 2;
                }
                Some(outcome) => {
                    let sent = flight.sent;
                    self.flight = None;
                    self.fleet.answered(sent, outcome, &mut Vec::new());
                }
            }
        }
        if self.fleet.next_step() <= now {
            let questions = self.fleet.step(&mut Vec::new());
            if !questions.is_empty() {
                let at = now + round_trip / 2;
                self.flight = Some(Flight { sent: now, at, questions, outcome: None });
            }
        }
    }
}

/// Asks the store, which never waits.
fn asked(store: &mut FakeStore, questions: &[Question]) -> Outcome {
    let answer = pin!(store.ask(questions));
    match answer.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => panic!("a store in memory answers at once"),
    }
}
