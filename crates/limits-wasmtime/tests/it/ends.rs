//! The account hears of the end of each execution, once.

use core::future::poll_fn;
use core::num::NonZeroUsize;
use core::pin::Pin;
use core::task::Poll;
use core::time::Duration;
use std::sync::{Arc, Mutex};

use limits_wasmtime::limits_core::{
    Account, CpuTimePolicy, ExecutionEnd, ExecutionOutcome, QuotaError, QuotaResource, QuotaType,
    ResourceLimits, Retry,
};
use limits_wasmtime::wasmtime::component::Val;
use limits_wasmtime::{ComponentExecutor, LimitState, create_engine};

use crate::guest::{Guest, Host, roomy, wrap};

/// An account that keeps the ends it hears of, and may never have CPU time.
#[derive(Debug, Default)]
struct Ends {
    ends: Mutex<Vec<ExecutionEnd>>,
    is_empty: bool,
}

impl Account for Ends {
    fn peek(&self, _: QuotaType) -> Result<(), QuotaError> {
        let retry = Retry::After(Duration::from_secs(3_600));
        let error = QuotaError::new(QuotaResource::CpuTime, 1).with_retry(retry);
        if self.is_empty { Err(error) } else { Ok(()) }
    }
    fn take(&self, _: QuotaType) -> Result<(), QuotaError> {
        Ok(())
    }
    fn charge(&self, _: QuotaType) {}
    fn release(&self, _: QuotaType) {}
    fn ended(&self, end: &ExecutionEnd) {
        self.ends.lock().unwrap().push(*end);
    }
}

impl Ends {
    fn host(self: &Arc<Self>) -> Host {
        let account: Arc<dyn Account> = Arc::<Self>::clone(self);
        let limits = LimitState::new().with_account(account, CpuTimePolicy::Throttle);
        Host { limits, ..Host::default() }
    }

    /// Returns the one end that was heard of since the last call.
    fn one(&self) -> ExecutionEnd {
        let ends = core::mem::take(&mut *self.ends.lock().unwrap());
        assert_eq!(ends.len(), 1, "{ends:?}");
        ends[0]
    }
}

const ALL: &str = r#"(import "host" "sleep" (func $sleep)) (import "host" "fail" (func $fail))
    (func (export "run"))"#;

fn body(body: &str) -> Guest {
    Guest::core(
        &ALL.replace(r#"(func (export "run"))"#, &format!(r#"(func (export "run") {body})"#)),
    )
}

#[tokio::test]
async fn every_end_of_an_execution_is_announced_with_its_times() {
    let ends = Arc::new(Ends::default());
    let spin = "(loop $l br $l)";
    let table = [
        ("", roomy(), ExecutionOutcome::Success),
        ("unreachable", roomy(), ExecutionOutcome::Trap),
        (spin, roomy().max_fuel(10_000), ExecutionOutcome::OutOfFuel),
        (spin, roomy().execution_timeout_ms(20), ExecutionOutcome::Timeout),
        ("(call $sleep)", roomy().execution_timeout_ms(20), ExecutionOutcome::Timeout),
        ("(call $fail)", roomy(), ExecutionOutcome::HostFunction),
    ];
    for (code, limits, outcome) in table {
        let (guest, limits) = (body(code), limits.build().unwrap());
        let run = guest.executor.execute_with_limits::<_, (), ()>(
            &guest.component,
            &limits,
            ends.host(),
            "run",
            (),
        );
        let report = match run.await {
            Ok(result) => result.report,
            Err(failure) => {
                assert_eq!(failure.error().outcome(), outcome, "{failure}");
                failure.into_parts().1
            }
        };
        let end = ends.one();
        assert_eq!(end.outcome, outcome, "{code}");
        assert_eq!((end.cpu_time, end.wall_time), (report.cpu_time, report.wall_time));
        assert!(end.cpu_time > Duration::ZERO && end.wall_time >= end.cpu_time, "{end:?}");
        assert_eq!(end.throttled_time, Duration::ZERO);
    }
}

#[tokio::test]
async fn an_execution_that_never_entered_the_guest_is_announced_without_time() {
    let ends = Arc::new(Ends::default());
    let executor = ComponentExecutor::new(create_engine().unwrap()).unwrap();
    let guest = Guest::on(executor.with_max_concurrent(NonZeroUsize::MIN), &wrap(ALL));
    let run = async |limits: ResourceLimits, export: &str| {
        guest
            .executor
            .execute_with_limits::<_, (), ()>(&guest.component, &limits, ends.host(), export, ())
            .await
            .unwrap_err()
    };
    let limits = roomy().build().unwrap();
    run(limits, "nonesuch").await;
    assert_eq!(ends.one(), ExecutionEnd::new(ExecutionOutcome::Error));
    run(roomy().max_fuel(0).build().unwrap(), "run").await;
    assert_eq!(ends.one(), ExecutionEnd::new(ExecutionOutcome::OutOfFuel));
    let live =
        guest.executor.execute_with(&guest.component, &limits, Host::default(), async |_, _| {
            run(limits, "run").await;
            assert_eq!(ends.one(), ExecutionEnd::new(ExecutionOutcome::Host));
            Ok(())
        });
    live.await.unwrap();
    let state = ends.host();
    state.limits.cancel_handle().cancel();
    let params: &[Val] = &[];
    let cancelled =
        guest.executor.execute_dynamic(&guest.component, &limits, state, "run", params).await;
    assert!(cancelled.is_err());
    let end = ends.one();
    assert_eq!((end.outcome, end.cpu_time), (ExecutionOutcome::Cancelled, Duration::ZERO));
}

/// Polls a future that does not end yet.
async fn poll_once<F: Future + Unpin>(mut future: F) {
    poll_fn(|cx| {
        assert!(Pin::new(&mut future).poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
}

#[tokio::test]
async fn an_execution_whose_future_is_dropped_is_announced_as_dropped() {
    let limits = roomy().build().unwrap();
    let guest = body("(call $sleep)");
    for is_empty in [false, true] {
        let ends = Arc::new(Ends { is_empty, ..Ends::default() });
        let run = || {
            Box::pin(guest.executor.execute_with_limits::<_, (), ()>(
                &guest.component,
                &limits,
                ends.host(),
                "run",
                (),
            ))
        };
        drop(run());
        assert!(ends.ends.lock().unwrap().is_empty(), "it was never polled");
        let mut execution = run();
        for _ in 0..3 {
            poll_once(&mut execution).await;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
        drop(execution);
        let end = ends.one();
        assert_eq!(end.outcome, ExecutionOutcome::Dropped);
        assert!(end.cpu_time > Duration::ZERO, "{end:?}");
        assert!(end.wall_time > Duration::from_millis(1), "{end:?}");
        // A wait for CPU time counts up to the moment of the drop.
        assert_eq!(end.throttled_time > Duration::from_millis(1), is_empty, "{end:?}");
    }
}

#[tokio::test]
async fn instantiation_and_each_call_of_a_live_instance_are_announced() {
    let ends = Arc::new(Ends::default());
    let guest = body("");
    let limits = roomy().build().unwrap();
    let live = guest.executor.instantiate(&guest.component, &limits, ends.host()).await;
    assert_eq!(ends.one().outcome, ExecutionOutcome::Success);
    let (live, _) = live.unwrap().output.call::<(), ()>("run", ()).await.unwrap();
    assert_eq!(ends.one().outcome, ExecutionOutcome::Success);
    let (_, live) = live.call::<(), ()>("nonesuch", ()).await.unwrap_err().into_parts();
    assert_eq!(ends.one(), ExecutionEnd::new(ExecutionOutcome::Error));
    let failed = live.unwrap().call_with(async |_, _| Err::<(), _>(wasmtime::Error::msg("no")));
    assert!(failed.await.is_err());
    assert_eq!(ends.one().outcome, ExecutionOutcome::HostFunction);
}
