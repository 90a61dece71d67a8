//! Slices that go to the guest that was served least.

use core::future::{Future, poll_fn};
use core::num::NonZeroU32;
use core::pin::{Pin, pin};
use core::task::Poll;
use core::time::Duration;
use std::sync::Arc;

use limits_wasmtime::limits_core::{
    Account, Blame, CpuTimePolicy, ManualClock, QuotaTracker, ResourceQuota, Wait, WasmError,
};
use limits_wasmtime::wasmtime::StoreContextMut;
use limits_wasmtime::wasmtime::component::Linker;
use limits_wasmtime::{ComponentExecutor, ExecutionReport, LimitState, Share, create_engine};
use tokio::task::JoinHandle;

use crate::guest::{Guest, Host, roomy, wrap};

const SPIN: &str = r#"(func (export "run") (loop $l br $l))"#;
const NOTHING: &str = r#"(func (export "run"))"#;
/// Some slices of work, and an end.
const SOME: &str = r#"(func (export "run") (local $i i32)
    (loop $l
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $l (i32.lt_u (local.get $i) (i32.const 3000000)))))"#;

fn executor() -> ComponentExecutor {
    ComponentExecutor::new(create_engine().unwrap()).unwrap().with_fair_slices()
}

fn share(weight: u32) -> Share {
    Share::new(NonZeroU32::new(weight).unwrap())
}

/// Starts an execution with a share and a deadline, and returns its report at the end.
fn spawn(guest: &Arc<Guest>, share: &Share, timeout_ms: u64) -> JoinHandle<ExecutionReport> {
    let (guest, share) = (Arc::clone(guest), share.clone());
    tokio::spawn(async move { run(&guest, &share, timeout_ms).await })
}

async fn run(guest: &Guest, share: &Share, timeout_ms: u64) -> ExecutionReport {
    let limits = roomy().execution_timeout_ms(timeout_ms).build().unwrap();
    let host = Host { limits: LimitState::new().with_share(share.clone()), ..Host::default() };
    let ran: Result<_, _> =
        guest.executor.execute_with_limits(&guest.component, &limits, host, "run", ()).await;
    ran.map_or_else(
        |failure| failure.report().clone(),
        |result: limits_wasmtime::ExecutionResult<()>| result.report,
    )
}

fn guest(module: &str) -> Arc<Guest> {
    Arc::new(Guest::on(executor(), &wrap(module)))
}

/// Returns the CPU time of executions. The machine takes some of it for others, so shares of it are
/// rough here; limits-fair has the exact ones.
async fn cpu_time(runs: Vec<JoinHandle<ExecutionReport>>) -> Duration {
    let mut sum = Duration::ZERO;
    for run in runs {
        sum += run.await.unwrap().cpu_time;
    }
    sum
}

#[tokio::test]
async fn a_component_gets_no_more_time_by_more_executions() {
    let guest = guest(SPIN);
    let (many, one) = (share(1), share(1));
    let runs = (0..20).map(|_| spawn(&guest, &many, 400)).collect();
    let alone = spawn(&guest, &one, 400);
    let (many, one) = (cpu_time(runs).await, cpu_time(vec![alone]).await);
    assert!(one > many / 3 && many > one / 3, "{one:?} for one, {many:?} for twenty");
}

#[tokio::test]
async fn components_get_time_by_their_weights_below_each_parent() {
    let guest = guest(SPIN);
    let tenants = [share(1), share(1)];
    let heavy = tenants[0].child(NonZeroU32::new(6).unwrap());
    let light = tenants[0].child(NonZeroU32::new(2).unwrap());
    let other = tenants[1].child(NonZeroU32::MIN);
    let runs = [&heavy, &light, &other].map(|share| vec![spawn(&guest, share, 600)]);
    let mut times = Vec::new();
    for run in runs {
        times.push(cpu_time(run).await);
    }
    // Three parts and one below the one tenant, four for the other.
    let [heavy, light, other] = times[..] else { unreachable!() };
    assert!(heavy > light && other > light, "{times:?}");
}

#[tokio::test]
async fn an_execution_that_comes_after_a_pause_waits_for_few_slices_of_many_spinners() {
    let guest = guest(SPIN);
    let spinners = share(1);
    let runs: Vec<_> = (0..100).map(|_| spawn(&guest, &spinners, 500)).collect();
    // All of them have begun.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let light = Arc::new(Guest::on(guest.executor.clone(), &wrap(NOTHING)));
    let own = share(1);
    let mut waits = Vec::new();
    for _ in 0..20 {
        waits.push(run(&light, &own, 60_000).await.queued_time);
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    waits.sort();
    // In turn with the others it would wait for a hundred slices, 25 ms.
    assert!(waits[10] < Duration::from_millis(8), "{waits:?}");
    for run in runs {
        let report = run.await.unwrap();
        assert!(report.queued_time > Duration::from_millis(300), "{report:?}");
        assert!(report.queued_time <= report.wall_time, "{report:?}");
    }
}

#[tokio::test]
async fn an_execution_alone_waits_for_no_turn() {
    let guest = guest(SOME);
    let report = run(&guest, &share(1), 60_000).await;
    assert_eq!(report.queued_time, Duration::ZERO);
    assert!(report.slices > 1, "{report:?}");
}

#[tokio::test]
async fn a_deadline_that_passes_as_the_guest_waits_for_its_turn_is_the_hosts() {
    let guest = guest(SPIN);
    let hog = spawn(&guest, &share(10_000), 2_000);
    tokio::task::yield_now().await;
    // Its first turn comes at once, its second one after 10 000 of the hog's.
    let limits = roomy().execution_timeout_ms(200).build().unwrap();
    let host = Host { limits: LimitState::new().with_share(share(1)), ..Host::default() };
    let late =
        guest.executor.execute_with_limits::<_, _, ()>(&guest.component, &limits, host, "run", ());
    let failure = late.await.unwrap_err();
    assert_eq!(failure.error().blame(), Blame::Host, "{failure}");
    let WasmError::ExecutionTimeout { waited: Some(Wait::Turn(waited)), .. } = failure.error()
    else {
        panic!("{failure}")
    };
    let report = failure.report();
    assert_eq!(*waited, report.queued_time);
    assert!(report.queued_time > Duration::from_millis(100), "{report:?}");
    assert!(report.wall_time < Duration::from_millis(1_500), "{report:?}");
    drop(hog);
}

#[tokio::test]
async fn a_spinner_alone_answers_for_its_deadline_itself() {
    let guest = guest(SPIN);
    let failure = guest.run(roomy().execution_timeout_ms(20)).await.unwrap_err();
    assert_eq!(failure.error().blame(), Blame::Guest, "{failure}");
    assert_eq!(failure.report().queued_time, Duration::ZERO);
}

#[tokio::test]
async fn executions_that_are_dropped_at_any_time_keep_no_slot() {
    let guest = guest(SPIN);
    let shares = [share(1), share(1), share(7)];
    for round in 0_u32..60 {
        let runs: Vec<_> = shares.iter().map(|share| spawn(&guest, share, 60_000)).collect();
        for _ in 0..round % 11 {
            tokio::task::yield_now().await;
        }
        for run in runs {
            run.abort();
            assert!(run.await.is_err());
        }
    }
    let some = Arc::new(Guest::on(guest.executor.clone(), &wrap(SOME)));
    let report = run(&some, &share(1), 60_000).await;
    assert_eq!(report.queued_time, Duration::ZERO, "{report:?}");
}

/// I19: no slot is held while the guest waits.
#[tokio::test]
async fn a_guest_that_waits_for_its_host_holds_no_slot() {
    let sleeper = Arc::new(Guest::on(
        executor(),
        &wrap(r#"(import "host" "sleep" (func $sleep)) (func (export "run") (call $sleep))"#),
    ));
    let sleeping = spawn(&sleeper, &share(1), 60_000);
    tokio::task::yield_now().await;
    let some = Arc::new(Guest::on(sleeper.executor.clone(), &wrap(SOME)));
    let report = run(&some, &share(1), 60_000).await;
    assert_eq!(report.queued_time, Duration::ZERO, "{report:?}");
    sleeping.abort();
}

#[tokio::test]
async fn a_guest_that_lacks_cpu_time_holds_no_slot() {
    let guest = guest(SPIN);
    let quota = ResourceQuota::new().with_cpu_time(1);
    let clock = Arc::new(ManualClock::new());
    let account: Arc<dyn Account> = Arc::new(QuotaTracker::with_clock(quota, clock));
    let limits = roomy().execution_timeout_ms(60_000).build().unwrap();
    let state = LimitState::new().with_account(account, CpuTimePolicy::Throttle);
    let host = Host { limits: state.with_share(share(1)), ..Host::default() };
    let mut paused = pin!(guest.executor.execute_with_limits::<_, _, ()>(
        &guest.component,
        &limits,
        host,
        "run",
        ()
    ));
    // It has used its millisecond after some slices.
    for _ in 0..50 {
        let polled = poll_fn(|cx| Poll::Ready(paused.as_mut().poll(cx))).await;
        assert!(polled.is_pending());
        tokio::task::yield_now().await;
    }
    let some = Arc::new(Guest::on(guest.executor.clone(), &wrap(SOME)));
    let report = run(&some, &share(1), 60_000).await;
    assert_eq!(report.queued_time, Duration::ZERO, "{report:?}");
}

/// A granted slot of an execution that is not polled goes on to others.
#[tokio::test]
async fn an_execution_that_is_not_polled_keeps_its_turn_for_milliseconds_only() {
    let guest = guest(SPIN);
    let hog = spawn(&guest, &share(1), 60_000);
    tokio::task::yield_now().await;
    let own = share(1);
    let mut left_alone = pin!(run(&guest, &own, 60_000));
    let polled = poll_fn(|cx| Poll::Ready(left_alone.as_mut().poll(cx))).await;
    assert!(polled.is_pending());
    // The hog hands its slot on, and no task takes it up; then a third one comes.
    let some = Arc::new(Guest::on(guest.executor.clone(), &wrap(SOME)));
    let report = spawn(&some, &share(1), 10_000).await.unwrap();
    assert!(report.slices > 1 && report.wall_time < Duration::from_secs(5), "{report:?}");
    hog.abort();
}

type Inner = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A guest whose host function runs `inner`.
fn around(
    executor: &ComponentExecutor,
    inner: impl Fn() -> Inner + Send + Sync + 'static,
) -> Guest {
    calling(executor, "(call $inner)", inner)
}

/// Makes a guest whose function is `code`, in which `$inner` is the host's function.
fn calling(
    executor: &ComponentExecutor,
    code: &str,
    inner: impl Fn() -> Inner + Send + Sync + 'static,
) -> Guest {
    let text = r#"(component
        (import "inner" (func $inner))
        (core func $inner' (canon lower (func $inner)))
        (core module $m (import "host" "inner" (func $inner))
          (func (export "run") CODE))
        (core instance $i (instantiate $m
          (with "host" (instance (export "inner" (func $inner'))))))
        (func (export "run") (canon lift (core func $i "run"))))"#;
    let text = text.replace("CODE", code);
    let mut linker = Linker::<Host>::new(executor.engine());
    linker
        .root()
        .func_wrap_async("inner", move |_: StoreContextMut<'_, Host>, (): ()| {
            let inner = inner();
            Box::new(async move {
                inner.await;
                Ok(())
            })
        })
        .unwrap();
    let component = executor.compile(&wat::parse_str(text).unwrap()).unwrap();
    let component = executor.prepare(&component, &linker).unwrap();
    Guest { executor: executor.clone(), component }
}

#[tokio::test]
async fn a_guest_inside_another_one_uses_its_slot() {
    let executor = executor();
    let some = Arc::new(Guest::on(executor.clone(), &wrap(SOME)));
    let inner = Arc::clone(&some);
    let middle = Arc::new(around(&executor, move || {
        let inner = Arc::clone(&inner);
        Box::pin(async move {
            let report = run(&inner, &share(1), 60_000).await;
            assert!(report.slices > 1, "{report:?}");
        })
    }));
    let outer = around(&executor, move || {
        let middle = Arc::clone(&middle);
        Box::pin(async move {
            run(&middle, &share(1), 60_000).await;
        })
    });
    // One worker has one slot: a guest that queued behind the one around it would wait for ever.
    let report = run(&outer, &share(1), 10_000).await;
    assert!(report.wall_time < Duration::from_secs(5), "{report:?}");
}

/// A guest whose host functions run others has no more time than one that spins.
#[tokio::test]
async fn a_component_gets_no_more_time_by_nesting() {
    let executor = executor();
    let spin = Arc::new(Guest::on(executor.clone(), &wrap(SPIN)));
    let inner = Arc::clone(&spin);
    let (hostile, honest) = (share(1), share(1));
    let own = hostile.clone();
    let outer = Arc::new(around(&executor, move || {
        let (inner, own) = (Arc::clone(&inner), own.clone());
        Box::pin(async move {
            run(&inner, &own, 60_000).await;
        })
    }));
    let victim = spawn(&spin, &honest, 500);
    let attack: Vec<_> = (0..20).map(|_| spawn(&outer, &hostile, 500)).collect();
    let victim = victim.await.unwrap();
    for run in attack {
        run.await.unwrap();
    }
    assert!(victim.cpu_time > victim.wall_time / 5, "{victim:?}");
}

/// The last stretch of an execution that its deadline ends is charged, too.
#[tokio::test]
async fn a_component_gets_no_more_time_by_executions_that_end_at_their_deadlines() {
    let executor = executor();
    let spin = Arc::new(Guest::on(executor.clone(), &wrap(SPIN)));
    // Steps of some milliseconds that cannot be interrupted.
    let fill = Guest::on(
        executor,
        &wrap(
            r#"(memory 200) (func (export "run")
                (loop $l (memory.fill (i32.const 0) (i32.const 7) (i32.const 13000000)) (br $l)))"#,
        ),
    );
    let (hostile, honest) = (share(1), share(1));
    let victim = spawn(&spin, &honest, 800);
    let mut attack = Duration::ZERO;
    let limits = roomy().execution_timeout_ms(4).build().unwrap();
    while !victim.is_finished() {
        let state = LimitState::new().with_share(hostile.clone());
        let host = Host { limits: state, ..Host::default() };
        let ran = fill.executor.execute_with_limits::<_, _, ()>(
            &fill.component,
            &limits,
            host,
            "run",
            (),
        );
        attack += ran.await.unwrap_err().report().cpu_time;
    }
    let victim = victim.await.unwrap();
    assert!(victim.cpu_time > attack / 2, "{:?} beside {attack:?}", victim.cpu_time);
}

/// A guest whose host functions block the thread is charged for all the time that it keeps it.
#[tokio::test]
async fn a_component_gets_no_more_time_by_host_calls_that_block() {
    let executor = executor();
    let spin = Arc::new(Guest::on(executor.clone(), &wrap(SPIN)));
    let in_one_call = || -> Inner {
        Box::pin(async {
            loop {
                std::thread::sleep(Duration::from_millis(2));
                tokio::task::yield_now().await;
            }
        })
    };
    let in_many_calls =
        || -> Inner { Box::pin(async { std::thread::sleep(Duration::from_millis(2)) }) };
    for attacker in [
        around(&executor, in_one_call),
        calling(&executor, "(loop $l (call $inner) (br $l))", in_many_calls),
    ] {
        let (attacker, hostile) = (Arc::new(attacker), share(1));
        let victim = spawn(&spin, &share(1), 400);
        let attack: Vec<_> = (0..3).map(|_| spawn(&attacker, &hostile, 400)).collect();
        let (victim, attack) = (victim.await.unwrap(), cpu_time(attack).await);
        assert!(victim.cpu_time > attack / 2, "{victim:?} beside {attack:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_function_that_blocks_its_thread_keeps_no_slot_from_others() {
    let executor = executor();
    let (release, blocked) = std::sync::mpsc::channel::<()>();
    let blocked = Arc::new(std::sync::Mutex::new(blocked));
    let blocker = Arc::new(around(&executor, move || {
        let blocked = Arc::clone(&blocked);
        Box::pin(async move {
            tokio::task::block_in_place(|| {
                let _released = blocked.lock().unwrap().recv();
            });
        })
    }));
    let runs: Vec<_> = (0..2).map(|_| spawn(&blocker, &share(1), 60_000)).collect();
    tokio::time::sleep(Duration::from_millis(20)).await;
    // Both slots are held by threads that block. It comes to its end all the same.
    let some = Arc::new(Guest::on(executor.clone(), &wrap(SOME)));
    let report = spawn(&some, &share(1), 10_000).await.unwrap();
    assert!(report.slices > 1 && report.wall_time < Duration::from_secs(5), "{report:?}");
    drop(release);
    for run in runs {
        run.await.unwrap();
    }
}

#[test]
fn each_runtime_has_slots_of_its_own() {
    let guest = guest(SOME);
    let runtimes = [(); 2]
        .map(|()| tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap());
    for runtime in &runtimes {
        let own = share(1);
        let mut spinning = pin!(run(&guest, &own, 60_000));
        runtime.block_on(async {
            // Left alone with a slot of this runtime. The first poll may only be a trip.
            for _ in 0..2 {
                let polled = poll_fn(|cx| Poll::Ready(spinning.as_mut().poll(cx))).await;
                assert!(polled.is_pending());
                tokio::task::yield_now().await;
            }
        });
        for other in runtimes.iter().filter(|other| !core::ptr::eq(*other, runtime)) {
            let report = other.block_on(run(&guest, &share(1), 60_000));
            assert_eq!(report.queued_time, Duration::ZERO, "{report:?}");
        }
    }
}

#[tokio::test]
async fn calls_into_a_kept_instance_take_turns_too() {
    let guest = guest(SPIN);
    let hogs: Vec<_> = (0..20).map(|_| spawn(&guest, &share(1), 300)).collect();
    let limits = roomy().build().unwrap();
    let some = Guest::on(guest.executor.clone(), &wrap(SOME));
    let host = Host { limits: LimitState::new().with_share(share(1)), ..Host::default() };
    let live = guest.executor.instantiate(&some.component, &limits, host).await.unwrap().output;
    let (_live, called) = live.call::<_, ()>("run", ()).await.unwrap();
    assert!(called.report.queued_time > Duration::ZERO, "{:?}", called.report);
    for hog in hogs {
        hog.await.unwrap();
    }
}
