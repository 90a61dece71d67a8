//! Guests as component text, and the host that runs them.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::sync::Arc;

use limits_wasmtime::limits_core::{ResourceLimits, ResourceLimitsBuilder};
use limits_wasmtime::wasmtime::component::{ComponentNamedList, Lift, Linker, Lower};
use limits_wasmtime::{
    ComponentExecutor, ExecutionFailure, ExecutionResult, HasLimits, LimitState, PreparedComponent,
    create_engine,
};

/// Host data of these tests.
#[derive(Debug, Default)]
pub(crate) struct Host {
    pub(crate) limits: LimitState,
    pub(crate) calls: Arc<AtomicU64>,
}

impl Host {
    /// A host and the count of the calls of `now` into it.
    pub(crate) fn counting() -> (Self, Arc<AtomicU64>) {
        let host = Self::default();
        let calls = Arc::clone(&host.calls);
        (host, calls)
    }
}

impl HasLimits for Host {
    fn limits(&mut self) -> &mut LimitState {
        &mut self.limits
    }
}

/// Limits that no well-behaved guest here meets.
pub(crate) fn roomy() -> ResourceLimitsBuilder {
    ResourceLimits::builder().memory_bytes(16 << 20).max_fuel(u64::MAX).execution_timeout_ms(60_000)
}

pub(crate) struct Guest {
    pub(crate) executor: ComponentExecutor,
    pub(crate) component: PreparedComponent<Host>,
}

impl Guest {
    /// A component from its text, with nothing to import but what [`linker`] offers.
    pub(crate) fn new(text: &str) -> Self {
        let executor = ComponentExecutor::new(create_engine().unwrap()).unwrap();
        Self::on(executor, text)
    }

    pub(crate) fn on(executor: ComponentExecutor, text: &str) -> Self {
        let component = executor.compile(&wat::parse_str(text).unwrap()).unwrap();
        let linker = linker(&executor);
        let component = executor.prepare(&component, &linker).unwrap();
        Self { executor, component }
    }

    /// A component around one core module, which exports `run` without parameters or results.
    pub(crate) fn core(module: &str) -> Self {
        Self::new(&wrap(module))
    }

    pub(crate) async fn run(
        &self,
        limits: ResourceLimitsBuilder,
    ) -> Result<ExecutionResult<()>, ExecutionFailure> {
        self.call(limits, "run", ()).await
    }

    pub(crate) async fn call<P, R>(
        &self,
        limits: ResourceLimitsBuilder,
        export: &str,
        params: P,
    ) -> Result<ExecutionResult<R>, ExecutionFailure>
    where
        P: ComponentNamedList + Lower + Send + Sync,
        R: ComponentNamedList + Lift + Send + Sync + 'static,
    {
        let limits = limits.build().unwrap();
        let state = Host::default();
        self.executor.execute_with_limits(&self.component, &limits, state, export, params).await
    }
}

/// Wraps a core module that exports `run` into a component that lifts it, with the imports of
/// [`linker`] lowered for it as `host`.
pub(crate) fn wrap(module: &str) -> String {
    format!(
        r#"(component
             (import "now" (func $now (result u64)))
             (import "sleep" (func $sleep))
             (import "grind" (func $grind (param "units" u64)))
             (import "fail" (func $fail))
             (import "toil" (func $toil))
             (core func $now' (canon lower (func $now)))
             (core func $sleep' (canon lower (func $sleep)))
             (core func $grind' (canon lower (func $grind)))
             (core func $fail' (canon lower (func $fail)))
             (core func $toil' (canon lower (func $toil)))
             (core instance $host
               (export "now" (func $now'))
               (export "sleep" (func $sleep'))
               (export "grind" (func $grind'))
               (export "fail" (func $fail'))
               (export "toil" (func $toil')))
             (core module $m {module})
             (core instance $i (instantiate $m (with "host" (instance $host))))
             (func (export "run") (canon lift (core func $i "run"))))"#
    )
}

/// The host function's own error.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct DiskOnFire(pub(crate) u8);

impl core::fmt::Display for DiskOnFire {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "disk {} on fire", self.0)
    }
}

impl core::error::Error for DiskOnFire {}

fn linker(executor: &ComponentExecutor) -> Linker<Host> {
    let mut linker = Linker::<Host>::new(executor.engine());
    let mut root = linker.root();
    root.func_wrap("now", |cx: wasmtime::StoreContextMut<'_, Host>, (): ()| {
        cx.data().calls.fetch_add(1, Ordering::Relaxed);
        Ok((7_u64,))
    })
    .unwrap();
    root.func_wrap_async("sleep", |_, (): ()| {
        Box::new(async {
            tokio::time::sleep(Duration::from_secs(3_600)).await;
            Ok(())
        })
    })
    .unwrap();
    root.func_wrap("grind", |mut cx, (units,): (u64,)| {
        cx.data_mut().limits.charge_fuel(units)?;
        Ok(())
    })
    .unwrap();
    root.func_wrap("fail", |_, (): ()| -> wasmtime::Result<()> { Err(DiskOnFire(3).into()) })
        .unwrap();
    root.func_wrap_async("toil", |mut cx, (): ()| {
        Box::new(async move {
            cx.data_mut().limits.charge_fuel(500_000)?;
            tokio::time::sleep(Duration::from_secs(3_600)).await;
            Ok(())
        })
    })
    .unwrap();
    linker
}
