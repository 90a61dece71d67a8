//! A guest and a host for it, for tests in which a real component meets its limits.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::sync::Arc;

use limits_core::{ResourceLimits, WasmError};
use limits_wasmtime::wasmtime::component::{ComponentNamedList, Lift, Linker, Lower};
use limits_wasmtime::wasmtime::{self, StoreContextMut};
use limits_wasmtime::{
    ComponentExecutor, ExecutionFailure, ExecutionReport, ExecutionResult, LimitState,
    PreparedComponent, create_engine,
};

/// Time enough for whatever is not meant to time out, also on a busy machine.
pub const PLENTY_MS: u64 = 60_000;
/// The 1 MiB that every guest here may have.
pub const MEMORY_BYTES: u64 = 1024 * 1024;

/// The `Component.toml` of a component that writes, sends and connects.
pub const SHOP: &str = r#"
[component]
name = "shop"
version = "1.0.0"

[resources.memory]
max_bytes = "1MiB"

[quota]
storage = "10KB"
message_rate = 20
network_bandwidth = "5MB/s"
cpu_time = "500ms/s"
memory = "128MB"

[capabilities]
filesystem.write = ["/data/<id>/**"]
messaging.send = ["orders.*"]
network.connect = ["api.example.com:443"]
"#;

/// The end of an execution.
pub type Ended<R> = Result<ExecutionResult<R>, ExecutionFailure>;

/// Makes limits with 1 MiB of memory, `fuel` units and `ms` milliseconds.
///
/// # Panics
///
/// Never: all numbers are good.
#[must_use]
pub fn limits(fuel: u64, ms: u64) -> ResourceLimits {
    ResourceLimits::builder()
        .memory_bytes(MEMORY_BYTES)
        .max_fuel(fuel)
        .execution_timeout_ms(ms)
        .build()
        .expect("memory is given")
}

/// Makes limits with 1 MiB of memory and the defaults for the rest.
///
/// # Panics
///
/// Never: memory is all that must be given.
#[must_use]
pub fn default_limits() -> ResourceLimits {
    ResourceLimits::builder().memory_bytes(MEMORY_BYTES).build().expect("memory is given")
}

/// Waits for `future` on a single-threaded runtime.
///
/// # Panics
///
/// If the runtime cannot be made.
pub fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime")
        .block_on(future)
}

/// A host for the guest of `guest.wat`, which has one function for each thing a guest can do.
#[derive(Debug)]
pub struct Host {
    executor: ComponentExecutor,
    guest: PreparedComponent<LimitState>,
    calls: Arc<AtomicU64>,
}

impl Host {
    /// Compiles the guest and links it.
    ///
    /// # Panics
    ///
    /// If the guest does not compile.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it compiles a component")]
    pub fn new() -> Self {
        let engine = create_engine().expect("an engine");
        let executor = ComponentExecutor::new(engine).expect("fuel is on");
        let bytes = wat::parse_str(include_str!("guest.wat")).expect("good text");
        let component = executor.compile(&bytes).expect("a good component");
        let calls = Arc::new(AtomicU64::new(0));
        let linker = link(&executor, &calls).expect("names that differ");
        let guest = executor.prepare(&component, &linker).expect("all imports");
        Self { executor, guest, calls }
    }

    /// Returns the executor.
    #[must_use]
    pub const fn executor(&self) -> &ComponentExecutor {
        &self.executor
    }

    /// Returns the guest.
    #[must_use]
    pub const fn guest(&self) -> &PreparedComponent<LimitState> {
        &self.guest
    }

    /// Returns how many times guests have called this host.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    /// Calls a function of the guest in a store of its own.
    ///
    /// # Errors
    ///
    /// As [`ComponentExecutor::execute_with_limits`].
    pub async fn call<P, R>(&self, limits: &ResourceLimits, export: &str, params: P) -> Ended<R>
    where
        P: ComponentNamedList + Lower + Send + Sync,
        R: ComponentNamedList + Lift + Send + Sync + 'static,
    {
        let state = LimitState::new();
        self.executor.execute_with_limits(&self.guest, limits, state, export, params).await
    }

    /// Calls a function without results, on a single-threaded runtime, and returns what ended it
    /// and what it used.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    pub fn run(
        &self,
        limits: &ResourceLimits,
        export: &str,
    ) -> Result<ExecutionReport, ExecutionFailure> {
        let ended: Ended<()> = block_on(self.call(limits, export, ()));
        ended.map(|result| result.report)
    }

    /// Lets the guest count to `n` and returns what it used.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    ///
    /// # Panics
    ///
    /// If the guest returns another number.
    pub fn count(
        &self,
        limits: &ResourceLimits,
        n: u32,
    ) -> Result<ExecutionReport, ExecutionFailure> {
        let ended: Ended<(u32,)> = block_on(self.call(limits, "count", (n,)));
        ended.map(|result| {
            assert_eq!(result.output, (n,), "the guest miscounted");
            result.report
        })
    }

    /// Returns the fuel that counting to `n` takes, in units.
    ///
    /// # Panics
    ///
    /// If the guest cannot count to `n` with all the fuel there is.
    #[must_use]
    pub fn cost_of_counting(&self, n: u32) -> u64 {
        self.count(&limits(u64::MAX, PLENTY_MS), n).expect("fuel and time enough").fuel.consumed()
    }
}

fn link(
    executor: &ComponentExecutor,
    calls: &Arc<AtomicU64>,
) -> wasmtime::Result<Linker<LimitState>> {
    let mut linker = Linker::new(executor.engine());
    let mut root = linker.root();
    let counter = || {
        let calls = Arc::clone(calls);
        move || {
            calls.fetch_add(1, Ordering::SeqCst);
        }
    };
    let called = counter();
    root.func_wrap_async("wait", move |_: StoreContextMut<'_, LimitState>, (): ()| {
        called();
        Box::new(core::future::pending::<wasmtime::Result<()>>())
    })?;
    let called = counter();
    root.func_wrap_async("pause", move |_: StoreContextMut<'_, LimitState>, (ms,): (u32,)| {
        called();
        Box::new(async move {
            tokio::time::sleep(Duration::from_millis(ms.into())).await;
            Ok(())
        })
    })?;
    let called = counter();
    root.func_wrap(
        "charge",
        move |mut store: StoreContextMut<'_, LimitState>, (units,): (u64,)| {
            called();
            store.data_mut().charge_fuel(units).map_err(|error: WasmError| error.into())
        },
    )?;
    let called = counter();
    root.func_wrap("fuel-left", move |store: StoreContextMut<'_, LimitState>, (): ()| {
        called();
        Ok((store.data().remaining_fuel(),))
    })?;
    Ok(linker)
}

/// The examples of the monitoring guide compile.
#[cfg(doctest)]
#[doc = include_str!("../../docs/monitoring.md")]
pub struct MonitoringGuide;

/// The examples of the embedding guide run.
#[cfg(doctest)]
#[doc = include_str!("../../docs/embedding.md")]
pub struct EmbeddingGuide;
