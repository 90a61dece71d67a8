//! The task that asks the store for the lessees of one host.
//!
//! All decisions are in [`fleet`], which knows no task. The driver owns the store; no caller ever
//! waits for it, and it never holds the lock of the fleet while it waits.
//!
//! The store grants at most the limit in each of its windows. With the following, the hosts
//! together spend no more (`docs/cluster.md` has the argument, and the faults):
//!
//! - I1: units of a window are spent before its end, and before the end of their life, both counted
//!   from the time at which the question was sent; an answer for another window or from another
//!   reign ends them.
//! - I2: a question without an answer is repeated under its ticket, so that it is charged once.
//! - I3: no window is granted without the store before the last leased one is surely over.
//! - I4: a refused take is answered: a lessee waits for a signal only while it listens for one.
//! - I5: questions that change nothing are apart, so that no answer makes a driver spin.

mod estimate;
mod fleet;
mod lessee;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

use core::time::Duration;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use limits_core::{Clock, LeaseSignal, QuotaResource};
use quota_enforce::{ClusterEvent, LeaseListener};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{sleep, timeout};

pub(crate) use self::fleet::{Fleet, Number, Report};
use self::lessee::failing::GRACE;
pub(crate) use self::lessee::{Happened, Lent, Lessee, Terms};
use crate::store::{LeaseStore, Question, StoreError};

/// The longest time for which a closing driver waits for its last answer, and then to give units
/// back.
const FAREWELL: Duration = Duration::from_secs(1);
/// The warnings about the server that are kept.
const MOST_WARNINGS: usize = 16;

/// The parts that the driver shares with the handles of a cluster.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) fleet: Mutex<Fleet>,
    pub(crate) health: Mutex<Health>,
    /// Wakes the driver after a change of the fleet.
    pub(crate) changed: Notify,
    /// The number of lessees whose keys are not of age yet.
    pub(crate) young: watch::Sender<usize>,
    /// Set to end the driver.
    pub(crate) closing: watch::Sender<bool>,
    pub(crate) listeners: Mutex<Vec<Weak<dyn LeaseListener>>>,
    pub(crate) shortages: mpsc::UnboundedSender<Number>,
}

impl Shared {
    /// Publishes the number of lessees whose keys are not of age yet.
    pub(crate) fn count_young(&self) {
        let count = lock(&self.fleet).young();
        self.young.send_if_modified(|young| core::mem::replace(young, count) != count);
    }
}

/// The state of the store, as the driver sees it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Health {
    /// The time of the first of the last failures, if the store fails.
    pub(crate) failing_since: Option<u64>,
    /// Whether the store was reported lost.
    pub(crate) is_lost: bool,
    /// Whether any question has been answered yet.
    pub(crate) has_answered: bool,
    pub(crate) last_error: Option<StoreError>,
    pub(crate) warnings: Vec<String>,
}

/// Passes shortages of one tracker on to the driver.
#[derive(Debug)]
pub(crate) struct Signal {
    pub(crate) numbers: Vec<(QuotaResource, Number)>,
    pub(crate) shortages: mpsc::UnboundedSender<Number>,
}

impl LeaseSignal for Signal {
    fn short(&self, resource: QuotaResource) {
        let numbers = self.numbers.iter().filter(|(of, _)| *of == resource);
        for (_, number) in numbers {
            // A driver that has ended hears nothing; its leases end as well.
            let _ = self.shortages.send(*number);
        }
    }
}

/// Locks a part that no panic leaves half changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Asks the store until the cluster is closed.
pub(crate) async fn drive(
    mut store: impl LeaseStore,
    shared: Arc<Shared>,
    mut shortages: mpsc::UnboundedReceiver<Number>,
) {
    let mut closing = shared.closing.subscribe();
    loop {
        while let Ok(number) = shortages.try_recv() {
            lock(&shared.fleet).signal(number);
        }
        let (questions, next) = step(&shared);
        if questions.is_empty() {
            tokio::select! {
                () = closed(&mut closing) => break,
                () = shared.changed.notified() => {}
                number = shortages.recv() => {
                    if let Some(number) = number {
                        lock(&shared.fleet).signal(number);
                    }
                }
                () = until(&shared, next) => {}
            }
        } else if ask(&mut store, &questions, &shared).await == Ended::Closing {
            break;
        }
    }
    lock(&shared.fleet).leave();
    shared.count_young();
    let farewell = async {
        while !lock(&shared.fleet).is_empty() {
            let (questions, next) = step(&shared);
            if questions.is_empty() {
                until(&shared, next).await;
            } else {
                exchange(&mut store, &questions, &shared).await;
            }
        }
    };
    let _ = timeout(FAREWELL, farewell).await;
}

/// Waits until the cluster is closed.
async fn closed(closing: &mut watch::Receiver<bool>) {
    // The sender is in `Shared`.
    let _ = closing.wait_for(|closing| *closing).await;
}

#[derive(Eq, PartialEq)]
enum Ended {
    Answered,
    Closing,
}

/// Asks questions, and lets windows without the store begin meanwhile.
async fn ask(store: &mut impl LeaseStore, questions: &[Question], shared: &Shared) -> Ended {
    let mut closing = shared.closing.subscribe();
    let exchange = exchange(store, questions, shared);
    tokio::pin!(exchange);
    loop {
        let next = lock(&shared.fleet).next_step();
        tokio::select! {
            biased;
            () = &mut exchange => return Ended::Answered,
            () = closed(&mut closing) => {
                // The units of an answer that comes yet go back as well.
                let _ = timeout(FAREWELL, &mut exchange).await;
                return Ended::Closing;
            }
            () = until(shared, next) => {
                step(shared);
            }
        }
    }
}

/// Asks questions and handles the outcome.
async fn exchange(store: &mut impl LeaseStore, questions: &[Question], shared: &Shared) {
    let sent = shared.clock.now_ns();
    let outcome = store.ask(questions).await;
    let warnings = store.warnings();
    let mut events = note(shared, outcome.as_ref().err(), sent, warnings);
    let mut reports = Vec::new();
    lock(&shared.fleet).answered(sent, outcome, &mut reports);
    events.extend(events_of(shared, &reports));
    publish(shared, &reports, &events);
}

/// Does what is due, and returns the questions and the time of the next step.
fn step(shared: &Shared) -> (Vec<Question>, u64) {
    let mut reports = Vec::new();
    let (questions, next) = {
        let mut fleet = lock(&shared.fleet);
        let questions = fleet.step(&mut reports);
        (questions, fleet.next_step())
    };
    let events = events_of(shared, &reports);
    publish(shared, &reports, &events);
    (questions, next)
}

/// Sleeps until a time on the clock of leases.
async fn until(shared: &Shared, time: u64) {
    if time == u64::MAX {
        return core::future::pending().await;
    }
    sleep(Duration::from_nanos(time.saturating_sub(shared.clock.now_ns()))).await;
}

/// Notes the state of the store after a round trip, and returns what has changed.
fn note(
    shared: &Shared,
    error: Option<&StoreError>,
    sent: u64,
    warnings: Vec<String>,
) -> Vec<ClusterEvent> {
    let now = shared.clock.now_ns();
    let mut health = lock(&shared.health);
    let mut events = Vec::new();
    match error {
        Some(error) => {
            let since = *health.failing_since.get_or_insert(sent);
            health.last_error = Some(error.clone());
            let is_unfit = matches!(error, StoreError::Unfit(_));
            if !health.is_lost && (is_unfit || now.saturating_sub(since) >= GRACE) {
                health.is_lost = true;
                events.push(ClusterEvent::StoreLost { reason: error.reason().to_owned() });
            }
        }
        None => {
            health.has_answered = true;
            if let Some(since) = health.failing_since.take().filter(|_| health.is_lost) {
                health.is_lost = false;
                let after = Duration::from_nanos(now.saturating_sub(since));
                events.push(ClusterEvent::StoreBack { after });
            }
        }
    }
    for text in warnings {
        if !health.warnings.contains(&text) {
            let too_many = (health.warnings.len() + 1).saturating_sub(MOST_WARNINGS);
            health.warnings.drain(..too_many);
            health.warnings.push(text.clone());
            events.push(ClusterEvent::Warning { text });
        }
    }
    events
}

/// Returns the events of what has happened to lessees.
fn events_of(shared: &Shared, reports: &[Report]) -> Vec<ClusterEvent> {
    let fleet = lock(&shared.fleet);
    let event = |(number, happened): &Report| match happened {
        Happened::Warning(text) => Some(ClusterEvent::Warning { text: text.clone() }),
        Happened::Fallback => fleet.get(*number).map(|lessee| ClusterEvent::Fallback {
            id: lessee.terms.id.clone(),
            resource: lessee.terms.resource,
            policy: lessee.terms.on_loss,
        }),
        Happened::Leased(_) => None,
    };
    reports.iter().filter_map(event).collect()
}

/// Tells the listeners, without a lock.
///
/// A listener may have its last owner here, and is then dropped here, with the sinks that it has.
fn publish(shared: &Shared, reports: &[Report], events: &[ClusterEvent]) {
    shared.count_young();
    let resources = Fleet::leased(reports);
    if resources.is_empty() && events.is_empty() {
        return;
    }
    let listeners: Vec<_> = {
        let mut listeners = lock(&shared.listeners);
        listeners.retain(|listener| listener.strong_count() > 0);
        listeners.iter().filter_map(Weak::upgrade).collect()
    };
    for listener in listeners {
        resources.iter().for_each(|resource| listener.leased(*resource));
        events.iter().for_each(|event| listener.cluster_changed(event));
    }
}
