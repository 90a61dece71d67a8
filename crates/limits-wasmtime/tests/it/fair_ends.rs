//! Executions that take turns and are dropped: their slot, and what their account hears.

use core::future::{Future, poll_fn};
use core::num::NonZeroU32;
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::sync::{Arc, Mutex};

use limits_wasmtime::limits_core::{
    Account, CpuTimePolicy, ExecutionEnd, ExecutionOutcome, QuotaError, QuotaType,
};
use limits_wasmtime::{ComponentExecutor, LimitState, Share, create_engine};
use tokio::time::Instant;

use crate::guest::{Guest, Host, roomy, wrap};

const SPIN: &str = r#"(func (export "run") (loop $l br $l))"#;
const NOTHING: &str = r#"(func (export "run"))"#;

fn executor() -> ComponentExecutor {
    ComponentExecutor::new(create_engine().unwrap()).unwrap().with_fair_slices()
}

fn with_share(weight: u32) -> LimitState {
    LimitState::new().with_share(Share::new(NonZeroU32::new(weight).unwrap()))
}

async fn run(guest: &Guest, limits: LimitState) {
    let host = Host { limits, ..Host::default() };
    let limits = roomy().build().unwrap();
    let run =
        guest.executor.execute_with_limits::<_, (), ()>(&guest.component, &limits, host, "run", ());
    run.await.unwrap();
}

async fn poll_once<F: Future>(future: &mut Pin<&mut F>) -> Poll<F::Output> {
    poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await
}

/// An account that keeps the ends that it hears of.
#[derive(Debug, Default)]
struct Ends(Mutex<Vec<ExecutionEnd>>);

impl Account for Ends {
    fn peek(&self, _: QuotaType) -> Result<(), QuotaError> {
        Ok(())
    }
    fn take(&self, _: QuotaType) -> Result<(), QuotaError> {
        Ok(())
    }
    fn charge(&self, _: QuotaType) {}
    fn release(&self, _: QuotaType) {}
    fn ended(&self, end: &ExecutionEnd) {
        self.0.lock().unwrap().push(*end);
    }
}

#[tokio::test]
async fn an_account_hears_how_long_a_dropped_execution_has_queued() {
    let guest = Arc::new(Guest::on(executor(), &wrap(SPIN)));
    let spinner = Arc::clone(&guest);
    let hog = tokio::spawn(async move { run(&spinner, with_share(10_000)).await });
    tokio::task::yield_now().await;
    let ends = Arc::new(Ends::default());
    {
        let account: Arc<dyn Account> = Arc::<Ends>::clone(&ends);
        let state = with_share(1).with_account(account, CpuTimePolicy::Throttle);
        let mut light = pin!(run(&guest, state));
        // It has one slice, and then waits for ten thousand of the hog's: one in each trip.
        for _ in 0..100 {
            assert!(poll_once(&mut light).await.is_pending());
            tokio::task::yield_now().await;
        }
    }
    hog.abort();
    let ends = ends.0.lock().unwrap();
    let [end] = ends[..] else { panic!("{ends:?}") };
    assert_eq!(end.outcome, ExecutionOutcome::Dropped);
    assert!(end.queued_time >= Duration::from_millis(5), "{end:?}");
}

/// Work of a host function that is never done, goes on at once each time, and polls another
/// execution as it is dropped.
struct Work {
    other: Arc<Guest>,
    /// Whether the other execution came to its end in that poll.
    seen: Arc<Mutex<Option<bool>>>,
}

impl Future for Work {
    type Output = wasmtime::Result<()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let began = Instant::now();
        while began.elapsed() < Duration::from_millis(1) {}
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        let mut run = pin!(run(&self.other, with_share(1)));
        let cx = &mut Context::from_waker(Waker::noop());
        // On a machine that stalls, some polls are only trips to the runtime.
        let is_done = (0..100).any(|_| run.as_mut().poll(cx).is_ready());
        *self.seen.lock().unwrap() = Some(is_done);
    }
}

/// An execution that is dropped between two slices has the slot of the runtime. What its host
/// functions do as they are dropped may need it.
#[tokio::test]
async fn the_slot_of_a_dropped_execution_is_free_before_its_host_functions_are_dropped() {
    let nothing = Arc::new(Guest::on(executor(), &wrap(NOTHING)));
    let seen = Arc::new(Mutex::new(None));
    {
        let state = with_share(1);
        let host = Host { limits: state, ..Host::default() };
        let limits = roomy().build().unwrap();
        let work = Work { other: Arc::clone(&nothing), seen: Arc::clone(&seen) };
        let executor = &nothing.executor;
        let execution =
            executor.execute_with(&nothing.component, &limits, host, async |_, _| work.await);
        let mut execution = pin!(execution);
        for _ in 0..3 {
            assert!(poll_once(&mut execution).await.is_pending());
        }
    }
    assert_eq!(*seen.lock().unwrap(), Some(true));
}
