//! Tasks that run one short execution after another, and the runtime's other tasks.

use core::cell::{Cell, RefCell};
use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::Poll;
use core::time::Duration;
use std::sync::Arc;

use limits_wasmtime::limits_core::{
    Account, CpuTimePolicy, ManualClock, QuotaTracker, ResourceQuota,
};
use limits_wasmtime::{LimitState, LiveSlot};
use tokio::time::Instant;

use crate::guest::{Guest, Host, roomy};

const NOTHING: &str = r#"(func (export "run"))"#;

/// Runs `executions` until another task of the runtime has run fifty times. Returns the median of
/// the numbers of executions between two of its polls, or none if it did not run so often soon.
async fn between_polls(executions: impl Future<Output = ()>, count: &Cell<u32>) -> Option<u32> {
    let counts = RefCell::new(Vec::new());
    let other = async {
        for _ in 0..50 {
            tokio::task::yield_now().await;
            counts.borrow_mut().push(count.replace(0));
        }
    };
    let began = Instant::now();
    let late = async {
        // Only the executions' own trips let the runtime come here.
        while began.elapsed() < Duration::from_secs(20) {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        () = other => {}
        () = executions => {}
        () = late => {}
    }
    let mut counts = counts.into_inner();
    counts.sort_unstable();
    (counts.len() == 50).then(|| counts[25])
}

/// I5 of a task: no more than a slice, and the execution in which it ends, of some microseconds
/// each. Without a trip, all of a second's executions would come before the other task.
#[tokio::test]
async fn others_run_beside_a_task_of_short_executions() {
    let nothing = Guest::core(NOTHING);
    let count = Cell::new(0);
    let executions = async {
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(20) {
            nothing.run(roomy()).await.unwrap();
            count.set(count.get() + 1);
        }
    };
    let median = between_polls(executions, &count).await.unwrap();
    assert!(median < 100, "{median}");
}

#[tokio::test]
async fn others_run_beside_a_task_of_short_calls_into_a_kept_instance() {
    let nothing = Guest::core(NOTHING);
    let limits = roomy().build().unwrap();
    let live = nothing.executor.instantiate(&nothing.component, &limits, Host::default()).await;
    let mut slot = LiveSlot::new(live.unwrap().output);
    let count = Cell::new(0);
    let executions = async {
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(20) {
            slot.call::<_, ()>("run", ()).await.unwrap();
            count.set(count.get() + 1);
        }
    };
    let median = between_polls(executions, &count).await.unwrap();
    assert!(median < 5_000, "{median}");
}

#[tokio::test]
async fn others_run_beside_a_task_of_calls_that_hand_the_instance_back() {
    let nothing = Guest::core(NOTHING);
    let limits = roomy().build().unwrap();
    let live = nothing.executor.instantiate(&nothing.component, &limits, Host::default()).await;
    let mut live = live.unwrap().output;
    let count = Cell::new(0);
    let executions = async {
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(20) {
            live = live.call::<_, ()>("run", ()).await.unwrap().0;
            count.set(count.get() + 1);
        }
    };
    let median = between_polls(executions, &count).await.unwrap();
    assert!(median < 5_000, "{median}");
}

#[tokio::test]
async fn others_run_beside_a_task_of_instantiations() {
    let nothing = Guest::core(NOTHING);
    let limits = roomy().build().unwrap();
    let count = Cell::new(0);
    let executions = async {
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(20) {
            let host = Host::default();
            nothing.executor.instantiate(&nothing.component, &limits, host).await.unwrap();
            count.set(count.get() + 1);
        }
    };
    let median = between_polls(executions, &count).await.unwrap();
    assert!(median < 2_000, "{median}");
}

#[tokio::test]
async fn others_run_beside_a_task_of_executions_that_are_refused() {
    let nothing = Guest::core(NOTHING);
    let quota = ResourceQuota::new().with_cpu_time(0);
    let tracker = Arc::new(QuotaTracker::with_clock(quota, Arc::new(ManualClock::new())));
    let count = Cell::new(0);
    let limits = roomy().build().unwrap();
    let executions = async {
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(20) {
            let account: Arc<dyn Account> = Arc::<QuotaTracker>::clone(&tracker);
            let state = LimitState::new().with_account(account, CpuTimePolicy::Deny);
            let host = Host { limits: state, ..Host::default() };
            let ran: Result<_, _> = nothing
                .executor
                .execute_with_limits::<_, _, ()>(&nothing.component, &limits, host, "run", ())
                .await;
            assert!(ran.is_err());
            count.set(count.get() + 1);
        }
    };
    let median = between_polls(executions, &count).await.unwrap();
    assert!(median < 100, "{median}");
}

/// Once a trip is due, each execution of the task goes to the runtime, not the first of them alone,
/// and they have one slice together.
#[tokio::test]
async fn others_run_beside_a_task_of_many_executions_at_once() {
    let nothing = Guest::core(NOTHING);
    let count = Cell::new(0);
    let one = async || {
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(20) {
            nothing.run(roomy()).await.unwrap();
            count.set(count.get() + 1);
        }
    };
    let mut children: Vec<Pin<Box<dyn Future<Output = ()> + '_>>> = Vec::new();
    for _ in 0..256 {
        children.push(Box::pin(one()));
    }
    let executions = poll_fn(|cx| {
        for child in &mut children {
            let _ = child.as_mut().poll(cx);
        }
        Poll::Pending
    });
    let median = between_polls(executions, &count).await.unwrap();
    // Each once, and those of a slice.
    assert!(median < 356, "{median}");
}
