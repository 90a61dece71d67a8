//! Takes that wait: what wakes them, what ends them.

mod deadlines;
mod order;
mod paced;
mod parents;
mod threads;
mod windows;

use core::pin::{Pin, pin};
use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::sync::Arc;
use std::task::Wake;

use limits_core::{QuotaResource, QuotaType, QuotaUsage};
use quota_enforce::{ComponentHandle, EnforceError, Grant, QuotaRegistry};
use tokio::time::Instant;

use crate::{Notebook, account, thousand, thousand_of_each};

pub(crate) type Waited = Result<Grant, EnforceError>;

/// A future that is polled by hand and counts how often it was woken.
pub(crate) struct Waiter<'h> {
    future: Pin<Box<dyn Future<Output = Waited> + Send + 'h>>,
    wakes: Arc<Wakes>,
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl<'h> Waiter<'h> {
    /// Polls the future once; it is expected to wait.
    pub(crate) fn new(future: impl Future<Output = Waited> + Send + 'h) -> Self {
        let mut waiter = Self { future: Box::pin(future), wakes: Arc::default() };
        assert!(waiter.poll().is_none(), "it is granted or refused at once");
        waiter.settle();
        waiter
    }

    fn poll(&mut self) -> Option<Waited> {
        let waker = Waker::from(Arc::clone(&self.wakes));
        match self.future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(waited) => Some(waited),
            Poll::Pending => None,
        }
    }

    /// Polls until it sleeps, so that a wake counts from here.
    pub(crate) fn settle(&mut self) {
        while self.wakes.0.swap(0, Ordering::Relaxed) > 0 {
            assert!(self.poll().is_none(), "it ends without a reason");
        }
    }

    pub(crate) fn is_woken(&self) -> bool {
        self.wakes.0.load(Ordering::Relaxed) > 0
    }

    pub(crate) fn granted(&mut self) -> Grant {
        assert!(self.is_woken(), "it was not woken");
        self.poll().expect("it has its outcome").expect("a grant")
    }

    pub(crate) fn refused(&mut self) -> String {
        assert!(self.is_woken(), "it was not woken");
        self.poll().expect("it has its outcome").expect_err("a refusal").to_string()
    }
}

pub(crate) fn later() -> Instant {
    Instant::now() + Duration::from_secs(3_600)
}

fn storage(component: &ComponentHandle, bytes: u64) -> Waiter<'_> {
    Waiter::new(component.reserve_wait(QuotaType::Storage(bytes), later()))
}

// I11
#[tokio::test(start_paused = true)]
async fn everything_that_gives_units_back_serves_a_waiter() {
    type Event = fn(&QuotaRegistry, &ComponentHandle, Grant);
    let events: [(&str, Event); 9] = [
        ("a release", |_, handle, grant| {
            grant.commit();
            handle.release(QuotaType::Storage(600)).unwrap();
        }),
        ("a dropped grant", |_, _, grant| drop(grant)),
        ("a settled grant", |_, _, mut grant| {
            grant.settle(QuotaType::Storage(400));
            core::mem::forget(grant);
        }),
        ("a smaller actual use", |_, _, grant| grant.commit_actual(QuotaType::Storage(400))),
        ("a failed operation", |_, _, grant| {
            grant.run(|| Err::<(), &str>("the disk is full")).unwrap_err();
        }),
        ("a raised quota", |registry, _, grant| {
            core::mem::forget(grant);
            registry.set_quota("a", thousand_of_each().with_storage(1_600)).unwrap();
        }),
        ("a reset", |registry, _, grant| {
            core::mem::forget(grant);
            registry.reset_usage("a").unwrap();
        }),
        ("an execution's release", |_, handle, grant| {
            drop(grant);
            let execution = account(handle);
            // The waiter has its units by now.
            execution.take(QuotaType::Memory(1_000)).unwrap();
            let mut memory = Waiter::new(handle.reserve_wait(QuotaType::Memory(1), later()));
            execution.release(QuotaType::Memory(1));
            drop(memory.granted());
        }),
        ("an execution's end", |_, handle, grant| {
            drop(grant);
            let execution = account(handle);
            execution.take(QuotaType::Memory(1_000)).unwrap();
            let mut memory = Waiter::new(handle.reserve_wait(QuotaType::Memory(1_000), later()));
            drop(execution);
            drop(memory.granted());
        }),
    ];
    for (name, event) in events {
        let (registry, handle, _clock) = thousand(QuotaRegistry::builder());
        let grant = handle.reserve(QuotaType::Storage(1_000)).unwrap();
        let mut waiter = storage(&handle, 600);
        event(&registry, &handle, grant);
        assert!(waiter.is_woken(), "{name}");
        let granted = waiter.granted();
        assert_eq!(granted.amount(QuotaResource::Storage), 600, "{name}");
        let used = handle.usage().storage_used;
        drop(granted);
        assert_eq!(used - handle.usage().storage_used, 600, "{name}");
    }
}

// I11
#[tokio::test(start_paused = true)]
async fn a_refund_serves_a_waiter_before_its_window_ends() {
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    let grant = handle.reserve(QuotaType::MessageRate(1_000)).unwrap();
    let mut waiter = Waiter::new(handle.reserve_wait(QuotaType::MessageRate(2), later()));
    drop(grant);
    waiter.granted().commit();
    assert_eq!(handle.usage().message_count, 2);
}

// I14
#[tokio::test(start_paused = true)]
async fn a_wait_that_is_granted_is_no_denial_and_is_audited_as_a_grant() {
    let notebook = Arc::new(Notebook::default());
    let builder = QuotaRegistry::builder().audit(Arc::<Notebook>::clone(&notebook)).audit_grants();
    let (_registry, handle, _clock) = thousand(builder);
    handle.consume(QuotaType::Storage(1_000)).unwrap();
    let mut waiter = storage(&handle, 1);
    notebook.take();
    handle.release(QuotaType::Storage(1)).unwrap();
    waiter.granted().commit();
    assert_eq!(notebook.take(), ["a quota_granted 1 bytes of storage"]);
    assert_eq!(handle.denials().total(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_part_is_granted_as_soon_as_there_is_one() {
    let (_registry, handle, clock) = thousand(QuotaRegistry::builder());
    let up_to = |amount| handle.reserve_up_to_wait(QuotaType::NetworkBandwidth(amount), later());
    let first = up_to(600).await.unwrap();
    assert_eq!(first.amount(QuotaResource::NetworkBandwidth), 600);
    let second = up_to(600).await.unwrap();
    assert_eq!(second.amount(QuotaResource::NetworkBandwidth), 400);
    let mut third = Waiter::new(up_to(600));
    second.commit_actual(QuotaType::NetworkBandwidth(370));
    assert_eq!(third.granted().amount(QuotaResource::NetworkBandwidth), 30);
    // Whole milliseconds, as the amount is asked for.
    handle.charge(QuotaType::CpuTimeMicros(999_001));
    let mut cpu = Waiter::new(handle.reserve_up_to_wait(QuotaType::CpuTime(5), later()));
    clock.advance(Duration::from_secs(1));
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(cpu.granted().amount(QuotaResource::CpuTime), 5_000);
}

// I12
#[tokio::test(start_paused = true)]
async fn a_dropped_waiter_leaves_nothing_behind() {
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    let full = handle.reserve(QuotaType::Storage(1_000)).unwrap();
    // While it waits; granted and not polled since; never polled at all.
    let waiting = storage(&handle, 600);
    let next = storage(&handle, 500);
    drop(waiting);
    drop(full);
    assert!(next.is_woken());
    assert_eq!(handle.usage().storage_used, 500);
    let mut last = storage(&handle, 501);
    drop(next.future);
    drop(last.granted());
    drop(handle.reserve_wait(QuotaType::Storage(1), later()));
    assert_eq!(handle.usage(), QuotaUsage::default());
    // The queue is empty: this take is direct, and allocates nothing.
    let mut direct = pin!(handle.reserve_wait(QuotaType::Storage(1_000), later()));
    let polled = direct.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(polled, Poll::Ready(Ok(_))));
}

#[tokio::test(start_paused = true)]
async fn an_unregistered_component_waits_no_longer() {
    let (registry, handle, _clock) = thousand(QuotaRegistry::builder());
    let _full = handle.reserve(QuotaType::Storage(1_000)).unwrap();
    let mut waiters = [storage(&handle, 1), storage(&handle, 1_000)];
    registry.unregister("a").unwrap();
    for waiter in &mut waiters {
        assert_eq!(waiter.refused(), "component `a` is not registered");
    }
    let error = handle.reserve_wait(QuotaType::Storage(1), later()).await.unwrap_err();
    assert_eq!(error.to_string(), "component `a` is not registered");
    assert_eq!(handle.denials().total(), 0);
}

#[tokio::test(start_paused = true)]
async fn units_that_were_taken_for_an_unregistered_component_come_back() {
    let (registry, handle, _clock) = thousand(QuotaRegistry::builder());
    let full = handle.reserve(QuotaType::Storage(1_000)).unwrap();
    let mut waiter = storage(&handle, 1);
    drop(full);
    registry.unregister("a").unwrap();
    assert_eq!(waiter.refused(), "component `a` is not registered");
    assert_eq!(handle.usage().storage_used, 0);
}

#[tokio::test]
async fn an_observing_registry_makes_no_caller_wait() {
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder().observe_only());
    for (request, granted) in [(600, 600), (500, 500)] {
        let grant = handle.reserve_wait(QuotaType::Storage(request), later()).await.unwrap();
        assert_eq!(grant.amount(QuotaResource::Storage), granted);
        grant.commit();
    }
    let part = handle.reserve_up_to_wait(QuotaType::Storage(7), later()).await.unwrap();
    assert_eq!(part.amount(QuotaResource::Storage), 7);
    assert_eq!(handle.denials().by_quota(QuotaResource::Storage), 2);
}

#[test]
fn outside_a_runtime_only_a_wait_is_an_error() {
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    let once = |deadline| {
        let mut wait = pin!(handle.reserve_wait(QuotaType::Storage(600), deadline));
        match wait.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(waited) => waited,
            Poll::Pending => panic!("it waits"),
        }
    };
    let _granted = once(later()).unwrap();
    assert_eq!(once(later()).unwrap_err(), EnforceError::NoRuntime);
    assert!(once(Instant::now()).unwrap_err().as_quota().is_some());
}

#[tokio::test]
async fn a_wait_can_be_spawned() {
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    let waiter = handle.clone();
    // A deadline of the standard library's clock.
    let deadline = std::time::Instant::now() + Duration::from_secs(3_600);
    let wait = async move { waiter.reserve_wait(QuotaType::Memory(1), deadline).await };
    drop(tokio::spawn(wait).await.unwrap().unwrap());
}
