//! Guests that wait in asynchronous host functions.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::sync::Arc;

use limits_wasmtime::limits_core::{
    Account, CpuTimePolicy, ManualClock, QuotaTracker, ResourceLimitsBuilder, ResourceQuota,
    WasmError,
};
use limits_wasmtime::wasmtime::component::Linker;
use limits_wasmtime::{
    ComponentExecutor, ExecutionFailure, ExecutionResult, HasLimits, LimitState, PreparedComponent,
    create_engine,
};

use crate::guest::roomy;

/// A host whose one function waits in a way of its own.
#[derive(Default)]
struct Waiter {
    limits: LimitState,
    rounds: Arc<AtomicU64>,
}

impl HasLimits for Waiter {
    fn limits(&mut self) -> &mut LimitState {
        &mut self.limits
    }
}

type Waiting = Box<dyn Future<Output = ()> + Send>;

async fn run(
    host: Waiter,
    limits: ResourceLimitsBuilder,
    wait: impl Fn(Arc<AtomicU64>) -> Waiting + Send + Sync + 'static,
) -> Result<ExecutionResult<()>, ExecutionFailure> {
    let (executor, component) = guest(wait);
    let limits = limits.build().unwrap();
    executor.execute_with_limits(&component, &limits, host, "run", ()).await
}

/// A guest that calls one host function, which waits so.
fn guest(
    wait: impl Fn(Arc<AtomicU64>) -> Waiting + Send + Sync + 'static,
) -> (ComponentExecutor, PreparedComponent<Waiter>) {
    let executor = ComponentExecutor::new(create_engine().unwrap()).unwrap();
    let text = r#"(component
        (import "wait" (func $wait))
        (core func $wait' (canon lower (func $wait)))
        (core module $m (import "h" "wait" (func $wait)) (func (export "run") (call $wait)))
        (core instance $i (instantiate $m (with "h" (instance (export "wait" (func $wait'))))))
        (func (export "run") (canon lift (core func $i "run"))))"#;
    let mut linker = Linker::<Waiter>::new(executor.engine());
    linker
        .root()
        .func_wrap_async("wait", move |cx: wasmtime::StoreContextMut<'_, Waiter>, (): ()| {
            let waiting = Box::into_pin(wait(Arc::clone(&cx.data().rounds)));
            Box::new(async move {
                waiting.await;
                Ok(())
            })
        })
        .unwrap();
    let component = executor.compile(&wat::parse_str(text).unwrap()).unwrap();
    let component = executor.prepare(&component, &linker).unwrap();
    (executor, component)
}

/// A host function that loops over futures which are always ready shares tokio's cooperative
/// budget, as it would outside: the deadline ends it, and its thread's other tasks run.
#[tokio::test]
async fn a_host_function_that_never_waits_for_long_gives_the_thread_back() {
    let others = Arc::new(AtomicU64::new(0));
    let ticks = Arc::clone(&others);
    let ticker = tokio::spawn(async move {
        loop {
            ticks.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
        }
    });
    let always_ready = |rounds: Arc<AtomicU64>| -> Waiting {
        Box::new(async move {
            let room = tokio::sync::Semaphore::new(1);
            // Bounded, so that a failure is a failure and no hang.
            for _ in 0..200_000_000_u64 {
                drop(room.acquire().await);
                rounds.fetch_add(1, Ordering::Relaxed);
            }
        })
    };
    let host = Waiter::default();
    let rounds = Arc::clone(&host.rounds);
    let limits = roomy().execution_timeout_ms(200);
    let failure = run(host, limits, always_ready).await.unwrap_err();
    assert!(matches!(failure.error(), WasmError::ExecutionTimeout { .. }), "{failure}");
    ticker.abort();
    let (rounds, others) = (rounds.load(Ordering::Relaxed), others.load(Ordering::Relaxed));
    // The budget is 128 operations; each time it is used up, the other task has its turn.
    assert!(others >= rounds / 128 / 2, "{others} turns of the other task, {rounds} rounds");
    assert!(rounds > 0 && others > 0);
}

/// I3 holds where the budget ends a poll inside a host function: no fuel is won or lost by it.
#[tokio::test]
async fn i3_a_spent_budget_costs_no_fuel() {
    let acquire = |times: u64| {
        move |_: Arc<AtomicU64>| -> Waiting {
            Box::new(async move {
                let room = tokio::sync::Semaphore::new(1);
                for _ in 0..times {
                    drop(room.acquire().await);
                }
            })
        }
    };
    let few = run(Waiter::default(), roomy(), acquire(1)).await.unwrap();
    let many = run(Waiter::default(), roomy(), acquire(100_000)).await.unwrap();
    assert_eq!(few.report.fuel, many.report.fuel);
    assert!(many.report.slices > 100, "{}", many.report.slices);
}

/// I7: the time in which the driver waits for a near deadline by yielding is paid for.
#[tokio::test]
#[cfg(target_os = "linux")]
async fn i7_a_deadline_that_is_waited_out_is_charged() {
    fn thread_time() -> Duration {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Duration::try_from(now).unwrap()
    }
    let quota = ResourceQuota::new().with_cpu_time(1_000_000);
    let account = Arc::new(QuotaTracker::with_clock(quota, Arc::new(ManualClock::new())));
    let (executor, component) =
        guest(|_: Arc<AtomicU64>| -> Waiting { Box::new(core::future::pending()) });
    let limits = roomy().execution_timeout_ms(2).build().unwrap();
    let before = thread_time();
    for _ in 0..50 {
        let own: Arc<dyn Account> = Arc::<QuotaTracker>::clone(&account);
        let state = LimitState::new().with_account(own, CpuTimePolicy::Throttle);
        let host = Waiter { limits: state, ..Waiter::default() };
        let run = executor.execute_with_limits::<_, (), ()>(&component, &limits, host, "run", ());
        let failure = run.await.unwrap_err();
        assert!(matches!(failure.error(), WasmError::ExecutionTimeout { .. }), "{failure}");
    }
    let spent = thread_time() - before;
    let charged = Duration::from_micros(account.usage().cpu_time_used_us);
    // The rest is making and dropping stores. Without the charge it is a hundredth.
    assert!(charged > spent / 4, "{charged:?} charged, {spent:?} spent");
}

/// Deadlines are of the real clock; a test that pauses tokio's does not move them, and timers of
/// host functions go on to fire.
#[tokio::test(start_paused = true)]
async fn under_a_paused_clock_a_host_functions_timer_fires_before_the_real_deadline() {
    let an_hour =
        |_: Arc<AtomicU64>| -> Waiting { Box::new(tokio::time::sleep(Duration::from_secs(3_600))) };
    let limits = roomy().execution_timeout_ms(30_000);
    let result = run(Waiter::default(), limits, an_hour).await.unwrap();
    assert!(result.report.wall_time < Duration::from_secs(30), "{:?}", result.report.wall_time);
    let forever = |_: Arc<AtomicU64>| -> Waiting { Box::new(core::future::pending()) };
    let limits = roomy().execution_timeout_ms(100);
    let failure = run(Waiter::default(), limits, forever).await.unwrap_err();
    assert!(matches!(failure.error(), WasmError::ExecutionTimeout { .. }), "{failure}");
    assert!(failure.report().wall_time >= Duration::from_millis(100));
}
