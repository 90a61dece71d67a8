//! Blame for an end: each kind of error, met by a real guest.

use core::future::Future;
use core::pin::Pin;
use std::sync::Arc;

use limits_wasmtime::limits_core::{
    Account, Blame, CapabilitySet, CpuTimePolicy, FuelMetrics, HostResource, HostShortage,
    InvalidCall, LimitExceeded, LimitKind, ManualClock, Permission, QuotaError, QuotaResource,
    QuotaTracker, QuotaType, ResourceLimits, ResourceQuota, Wait, WasmError,
};
use limits_wasmtime::wasmtime::component::Linker;
use limits_wasmtime::wasmtime::{Error, Trap};
use limits_wasmtime::{
    ComponentExecutor, EngineBuilder, ExecutionFailure, LimitState, create_engine,
};

use crate::guest::{Guest, Host, roomy};

const SPIN: &str = r#"(func (export "run") (loop $l br $l))"#;
const GROW_OR_TRAP: &str = r#"(memory 1)
    (func (export "run")
      (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then unreachable)))"#;

/// Runs a guest whose one host function fails with `error`, and returns how it ended.
async fn failing(error: impl Fn() -> Error + Send + Sync + 'static) -> ExecutionFailure {
    let executor = ComponentExecutor::new(create_engine().unwrap()).unwrap();
    let text = r#"(component
        (import "fail" (func $fail))
        (core func $fail' (canon lower (func $fail)))
        (core module $m (import "h" "fail" (func $fail))
          (func (export "run") (local $i i32)
            (loop $l
              (local.set $i (i32.add (local.get $i) (i32.const 1)))
              (br_if $l (i32.lt_u (local.get $i) (i32.const 50))))
            (call $fail)))
        (core instance $i (instantiate $m (with "h" (instance (export "fail" (func $fail'))))))
        (func (export "run") (canon lift (core func $i "run"))))"#;
    let mut linker = Linker::<LimitState>::new(executor.engine());
    let fail = move |_: wasmtime::StoreContextMut<'_, LimitState>, (): ()| -> Result<(), Error> {
        Err(error())
    };
    linker.root().func_wrap("fail", fail).unwrap();
    let component = executor.compile(&wat::parse_str(text).unwrap()).unwrap();
    let component = executor.prepare(&component, &linker).unwrap();
    let limits = roomy().max_fuel(1_000_000).build().unwrap();
    let run = executor.execute_with_limits::<_, (), ()>(
        &component,
        &limits,
        LimitState::new(),
        "run",
        (),
    );
    run.await.unwrap_err()
}

/// The error of a host function that ran another guest and used `?` is about that guest's end, not
/// its caller's.
#[tokio::test]
async fn another_executions_end_is_the_hosts_to_answer_for() {
    let limit = LimitExceeded::new(LimitKind::Memory, 1).with_request(1, 1);
    let reason = || String::from("of another");
    let ends: Vec<Box<dyn Fn() -> WasmError + Send + Sync>> = vec![
        Box::new(|| WasmError::out_of_fuel(FuelMetrics::new(1_000, 1_000))),
        Box::new(|| WasmError::execution_timeout(50, Some(1))),
        Box::new(move || WasmError::OutOfMemory(limit)),
        Box::new(move || WasmError::LimitExceeded(limit)),
        Box::new(|| WasmError::Cancelled),
        Box::new(move || WasmError::trap(reason())),
        Box::new(|| WasmError::host("disk on fire")),
        Box::new(|| {
            WasmError::HostExhausted(HostShortage::new(HostResource::Memory, "of another"))
        }),
        Box::new(|| WasmError::HostBusy { max_concurrent: 1, pooled: None }),
        Box::new(move || WasmError::InvalidComponent { reason: reason() }),
        Box::new(move || InvalidCall::NotAFunction { export: reason() }.into()),
        Box::new(move || WasmError::InvalidConfiguration { reason: reason() }),
    ];
    for end in ends {
        let words = end().to_string();
        let failure = failing(move || end().into()).await;
        let WasmError::Host(host) = failure.error() else { panic!("{words}: {failure}") };
        assert_eq!(host.to_string(), words);
        assert!(host.downcast_ref::<WasmError>().is_some());
        assert_eq!(failure.blame(), Blame::Host);
        assert!(failure.report().fuel.consumed() < 1_000, "{words}");
    }
    // As Wasmtime's own types, where they cannot be this store's.
    for trap in [Trap::OutOfFuel, Trap::Interrupt] {
        let failure = failing(move || trap.into()).await;
        assert!(matches!(failure.error(), WasmError::Host(_)), "{failure}");
    }
}

/// Refusals that a host function makes for its caller are its caller's.
#[tokio::test]
async fn a_refusal_by_a_host_function_is_its_callers() {
    let refused = QuotaError::new(QuotaResource::Storage, 2).with_request(1, 2);
    let denied = || {
        let nothing = CapabilitySet::new();
        nothing.check(Permission::StorageRead, "a").into_result().unwrap_err()
    };
    let table: Vec<(Box<dyn Fn() -> Error + Send + Sync>, Blame)> = vec![
        (Box::new(move || refused.into()), Blame::OwnQuota),
        (Box::new(move || WasmError::Quota(refused).into()), Blame::OwnQuota),
        (Box::new(move || refused.at_depth(1).into()), Blame::Host),
        (Box::new(move || denied().into()), Blame::Guest),
        (Box::new(move || WasmError::Denied(denied()).into()), Blame::Guest),
        (Box::new(|| LimitExceeded::new(LimitKind::RandomBytes, 8).into()), Blame::Guest),
    ];
    for (error, blame) in table {
        let failure = failing(error).await;
        assert_eq!(failure.blame(), blame, "{failure}");
        assert!(matches!(
            failure.error(),
            WasmError::Quota(_) | WasmError::Denied(_) | WasmError::LimitExceeded(_)
        ));
    }
}

/// A bare message of a host function is not the guest's breach of the canonical ABI.
#[tokio::test]
async fn a_host_function_that_fails_with_a_bare_message_is_the_hosts_error() {
    for words in ["disk on fire", "the table of users is full"] {
        let failure = failing(move || Error::msg(words)).await;
        assert_eq!(failure.to_string(), format!("host function failed: {words}"));
        assert_eq!(failure.blame(), Blame::Host);
    }
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn what_the_system_lacks_in_a_host_function_is_the_hosts() {
    let table = [
        (rustix::io::Errno::NOMEM, "the host ran out of memory or address space: opening: "),
        (rustix::io::Errno::MFILE, "the host ran out of file descriptors: opening: "),
        (rustix::io::Errno::NOSPC, "the host ran out of disk space: opening: "),
    ];
    for (errno, words) in table {
        let failure =
            failing(move || Error::from(std::io::Error::from(errno)).context("opening")).await;
        assert!(failure.to_string().starts_with(words), "{failure}");
        assert_eq!(failure.blame(), Blame::Host);
    }
}

/// An account under a parent that another component has used up.
fn under_a_busy_parent(quota: ResourceQuota, used_up: QuotaType) -> Arc<dyn Account> {
    let parent = Arc::new(QuotaTracker::with_clock(quota, Arc::new(ManualClock::new())));
    let neighbour = QuotaTracker::with_parent(ResourceQuota::new(), Arc::clone(&parent));
    neighbour.charge(used_up);
    Arc::new(QuotaTracker::with_parent(ResourceQuota::new(), parent))
}

async fn run_on(
    account: Arc<dyn Account>,
    module: &str,
    limits: ResourceLimits,
) -> ExecutionFailure {
    let guest = Guest::core(module);
    let state = LimitState::new().with_account(account, CpuTimePolicy::Throttle);
    let host = Host { limits: state, ..Host::default() };
    guest
        .executor
        .execute_with_limits::<_, (), ()>(&guest.component, &limits, host, "run", ())
        .await
        .unwrap_err()
}

/// The guest was never entered, since a neighbour had used up the host's CPU time.
#[tokio::test]
async fn a_component_that_waited_for_what_its_neighbours_used_up_is_not_to_blame() {
    let quota = ResourceQuota::new().with_cpu_time(50);
    let account = under_a_busy_parent(quota, QuotaType::CpuTime(50));
    let limits = roomy().execution_timeout_ms(30).build().unwrap();
    let failure = run_on(account, r#"(func (export "run"))"#, limits).await;
    let WasmError::ExecutionTimeout {
        waited: Some(Wait::CpuTime(waited)),
        fuel_consumed: Some(0),
        ..
    } = failure.error()
    else {
        panic!("{failure}")
    };
    assert_eq!(waited.refused.depth(), 1);
    assert_eq!(failure.blame(), Blame::Host);
    assert!(!failure.error().is_guest_fault());
    assert!(failure.to_string().contains("the parent's CPU time quota"), "{failure}");
}

#[tokio::test]
async fn a_component_that_waited_for_its_own_quota_has_used_it_up_itself() {
    let quota = ResourceQuota::new().with_cpu_time(1);
    let account = Arc::new(QuotaTracker::with_clock(quota, Arc::new(ManualClock::new())));
    let limits = roomy().execution_timeout_ms(300).build().unwrap();
    let failure = run_on(account, SPIN, limits).await;
    assert!(matches!(failure.error(), WasmError::ExecutionTimeout { waited: Some(_), .. }));
    assert_eq!(failure.blame(), Blame::OwnQuota);
    let limits = roomy().execution_timeout_ms(30);
    let failure = Guest::core(SPIN).run(limits).await.unwrap_err();
    assert!(matches!(failure.error(), WasmError::ExecutionTimeout { waited: None, .. }));
    assert_eq!(failure.blame(), Blame::Guest);
}

#[tokio::test]
async fn a_trap_after_memory_was_refused_is_put_down_to_whose_memory_it_was() {
    let quota = || ResourceQuota::new().with_memory(1_u64 << 20);
    let limits = || roomy().build().unwrap();
    let account = under_a_busy_parent(quota(), QuotaType::Memory(900_000));
    let failure = run_on(account, GROW_OR_TRAP, limits()).await;
    assert_eq!(failure.blame(), Blame::Host, "{failure}");
    assert!(
        failure.to_string().contains("the parent's memory quota of 1048576 bytes"),
        "{failure}"
    );

    // Also if the guest then asked for more than its own limit has.
    let account = under_a_busy_parent(quota(), QuotaType::Memory(900_000));
    let greedy = GROW_OR_TRAP
        .replace("(then unreachable)", "(then (drop (memory.grow (i32.const 9999))) unreachable)");
    let failure = run_on(account, &greedy, limits()).await;
    assert!(failure.report().last_refusal.is_some());
    assert_eq!(failure.blame(), Blame::Host, "{failure}");

    let account = Arc::new(QuotaTracker::with_clock(quota(), Arc::new(ManualClock::new())));
    let failure = run_on(account, GROW_OR_TRAP, limits()).await;
    assert_eq!(failure.blame(), Blame::OwnQuota, "{failure}");

    let small = roomy().memory_bytes(1 << 20);
    let failure = Guest::core(GROW_OR_TRAP).run(small).await.unwrap_err();
    assert_eq!(failure.blame(), Blame::Guest, "{failure}");
}

#[tokio::test]
async fn an_exhausted_pool_is_a_busy_host() {
    let limits = ResourceLimits::builder().memory_bytes(1 << 20).max_memories(1).build().unwrap();
    let engine = EngineBuilder::new().pooling(1, &limits).build().unwrap();
    let guest = Guest::on(
        ComponentExecutor::new(engine).unwrap(),
        r#"(component
             (core module $m (memory 1) (func (export "run")))
             (core instance $i (instantiate $m))
             (func (export "run") (canon lift (core func $i "run"))))"#,
    );
    let first = guest.executor.instantiate(&guest.component, &limits, Host::default()).await;
    let first = first.unwrap();
    let run = || {
        guest.executor.execute_with_limits::<_, (), ()>(
            &guest.component,
            &limits,
            Host::default(),
            "run",
            (),
        )
    };
    let failure = run().await.unwrap_err();
    assert!(
        matches!(failure.error(), WasmError::HostBusy { max_concurrent: 1, pooled: Some(_) }),
        "{failure}"
    );
    assert_eq!(failure.blame(), Blame::Host);
    assert!(failure.to_string().starts_with("host busy: all 1 "), "{failure}");
    drop(first);
    assert!(run().await.is_ok());
}

#[tokio::test]
async fn a_component_that_another_engine_prepared_is_a_wrong_configuration() {
    let guest = Guest::core(r#"(func (export "run"))"#);
    let other = ComponentExecutor::new(create_engine().unwrap()).unwrap();
    let limits = roomy().build().unwrap();
    let state = Host::default();
    let run = other.execute_with_limits::<_, (), ()>(&guest.component, &limits, state, "run", ());
    let failure = run.await.unwrap_err();
    assert_eq!(
        failure.to_string(),
        "invalid configuration: the component was prepared by an executor of another engine"
    );
    assert_eq!(failure.blame(), Blame::Caller);
    let kept = other.instantiate(&guest.component, &limits, Host::default()).await;
    assert!(matches!(kept.unwrap_err().error(), WasmError::InvalidConfiguration { .. }));
}

/// A guest that runs another guest in a host function, and so on, `depth` deep.
fn nest(
    guest: Arc<Guest>,
    account: Arc<QuotaTracker>,
    depth: u32,
) -> Pin<Box<dyn Future<Output = core::time::Duration> + Send>> {
    Box::pin(async move {
        let limits = roomy().max_fuel(5_000_000).build().unwrap();
        let own: Arc<dyn Account> = Arc::<QuotaTracker>::clone(&account);
        let state = LimitState::new().with_account(own, CpuTimePolicy::Throttle);
        let host = Host { limits: state, ..Host::default() };
        let (executor, component) = (guest.executor.clone(), guest.component.clone());
        let run = executor.execute_with(&component, &limits, host, async |store, instance| {
            let inner = match depth {
                0 => core::time::Duration::ZERO,
                depth => nest(guest, account, depth - 1).await,
            };
            let run = instance.get_typed_func::<(), ()>(&mut *store, "run")?;
            // Ends out of fuel, which is no matter here.
            let _ = run.call_async(&mut *store, ()).await;
            Ok(inner)
        });
        match run.await {
            Ok(result) => result.report.cpu_time + result.output,
            Err(failure) => panic!("{failure}"),
        }
    })
}

/// I7: executions inside executions on one account pay for each stretch of time once.
#[tokio::test]
async fn i7_nested_executions_are_charged_once() {
    let guest = Arc::new(Guest::core(
        r#"(func (export "run") (local $i i32)
             (loop $l (br_if $l (i32.lt_u
               (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 500000)))))"#,
    ));
    let quota = ResourceQuota::new().with_cpu_time(1_000_000);
    let account = Arc::new(QuotaTracker::with_clock(quota, Arc::new(ManualClock::new())));
    let all = nest(guest, Arc::clone(&account), 5).await;
    let charged = account.usage().cpu_time_used_us;
    let reported = u64::try_from(all.as_micros()).unwrap();
    // Six executions, each of which may owe less than a microsecond.
    assert!(charged.abs_diff(reported) <= 6, "{charged} charged, {reported} reported");
}

/// An execution without an account is paid for by the execution around it.
#[tokio::test]
async fn i7_a_nested_execution_without_an_account_is_charged_to_the_one_around_it() {
    let guest = Guest::core(SPIN);
    let quota = ResourceQuota::new().with_cpu_time(1_000_000);
    let account = Arc::new(QuotaTracker::with_clock(quota, Arc::new(ManualClock::new())));
    let own: Arc<dyn Account> = Arc::<QuotaTracker>::clone(&account);
    let state = LimitState::new().with_account(own, CpuTimePolicy::Throttle);
    let host = Host { limits: state, ..Host::default() };
    let limits = roomy().build().unwrap();
    let (executor, component) = (guest.executor.clone(), guest.component.clone());
    let inner = Arc::new(guest);
    let run = executor.execute_with(&component, &limits, host, async move |_, _| {
        let failure = inner.run(roomy().execution_timeout_ms(20)).await.unwrap_err();
        Ok(failure.report().cpu_time)
    });
    let result = run.await.unwrap();
    // Each report is of its own time, and the account has paid for both.
    let both = result.output + result.report.cpu_time;
    let (charged, both) =
        (account.usage().cpu_time_used_us, u64::try_from(both.as_micros()).unwrap());
    assert!(charged.abs_diff(both) <= 2, "{charged} charged, {both} used");
    assert!(!result.output.is_zero());
}

/// The error knows no less than the report: where the count lies in a register, the same bound.
#[tokio::test]
async fn a_timeout_tells_as_much_fuel_as_its_report() {
    let growing = r#"(memory 1 1)
        (func (export "run") (loop $l (drop (memory.grow (i32.const 9))) br $l))"#;
    let failure = Guest::core(growing).run(roomy().execution_timeout_ms(200)).await.unwrap_err();
    let WasmError::ExecutionTimeout { fuel_consumed: Some(fuel), .. } = failure.error() else {
        panic!("{failure}")
    };
    assert_eq!(*fuel, failure.report().fuel.consumed());
    assert!(*fuel > 0);
}

/// I7: a host function that panics has used its time all the same.
#[tokio::test]
async fn i7_a_poll_that_panics_is_charged() {
    let guest = Guest::core(SPIN);
    let quota = ResourceQuota::new().with_cpu_time(1_000_000);
    let account = Arc::new(QuotaTracker::with_clock(quota, Arc::new(ManualClock::new())));
    let own: Arc<dyn Account> = Arc::<QuotaTracker>::clone(&account);
    let state = LimitState::new().with_account(own, CpuTimePolicy::Throttle);
    let host = Host { limits: state, ..Host::default() };
    let limits = roomy().build().unwrap();
    let died = tokio::spawn(async move {
        let run = guest.executor.execute_with(&guest.component, &limits, host, async |_, _| {
            let mut spun = 0_u64;
            while core::hint::black_box(spun) < 2_000_000 {
                spun += 1;
            }
            std::panic::resume_unwind(Box::new("the host's own"));
            #[expect(unreachable_code, reason = "gives the block its type")]
            Ok(())
        });
        run.await.map(|_| ())
    });
    assert!(died.await.unwrap_err().is_panic());
    assert!(account.usage().cpu_time_used_us > 100, "{}", account.usage().cpu_time_used_us);
}
