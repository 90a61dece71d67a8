//! The executor: runs components within their limits.

use core::future::Future;
use std::sync::Arc;

use limits_core::{
    FuelMetrics, InvalidCall, ResourceLimits, StructureLimits, WasmError, WasmResult,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::component::{ComponentNamedList, Instance, Lift, Lower, Val};
use wasmtime::{Engine, Store};

use crate::drop_store::drop_store;
use crate::engine;
use crate::execution::{Execution, StoreFate, never_started, run};
use crate::export::{self, call_dynamic, call_once};
use crate::failure::ExecutionFailure;
use crate::fuel_interval::LONGEST_INTERVAL;
use crate::hook::Hook;
use crate::kept_thread;
use crate::live::LiveComponent;
use crate::pool::StoreSlot;
use crate::prepared::PreparedComponent;
use crate::prepared_function::PreparedFunction;
use crate::report::ExecutionResult;
use crate::runtime_pool::{FairTurns, PoolHere};
use crate::state::HasLimits;

/// Compiles components once, links them once, and runs them within limits, many times.
///
/// Each execution has a store of its own, which is dropped at its end; to keep one between
/// calls, see [`instantiate`](Self::instantiate). Cloning is cheap, and clones share the bound
/// on concurrent executions.
///
/// Executions must be awaited inside a tokio runtime with its timer enabled, of either flavour.
/// They need no thread of their own: a guest returns the thread to the runtime every 250 µs, and
/// every 25 to 250 µs while more than eight guests compute. A task that runs one short execution
/// after another goes to the runtime before one that begins after such a time: a call may suspend
/// its task though its guest does not wait.
#[derive(Clone, Debug)]
pub struct ComponentExecutor {
    pub(crate) engine: Engine,
    pub(crate) structure_limits: StructureLimits,
    pub(crate) longest_interval: u64,
    pub(crate) running: Option<(Arc<Semaphore>, usize)>,
    slot: Option<StoreSlot>,
    pub(crate) fair: Option<FairTurns>,
}

impl ComponentExecutor {
    /// Creates an executor for components of `engine`.
    ///
    /// # Errors
    ///
    /// [`WasmError::InvalidConfiguration`] if limits do not hold on `engine`; one made by
    /// [`create_engine`](crate::create_engine) or [`EngineBuilder`](crate::EngineBuilder) is
    /// always good.
    pub fn new(engine: Engine) -> WasmResult<Self> {
        engine::check(&engine)?;
        let slot = StoreSlot::of(&engine);
        Ok(Self {
            engine,
            structure_limits: StructureLimits::default(),
            longest_interval: LONGEST_INTERVAL,
            running: None,
            slot,
            fair: None,
        })
    }

    /// Returns the bounds on the structure of components.
    #[must_use]
    pub const fn structure_limits(&self) -> &StructureLimits {
        &self.structure_limits
    }

    /// Returns the engine.
    #[must_use]
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Instantiates `component`, calls `export` with `params` and drops the store.
    ///
    /// `export` is a function's name, or `namespace:package/interface@version#name`. `P` and `R`
    /// are tuples of the function's parameters and results; a function without results has `()`.
    /// Instantiation, start functions, the call and its clean-up all share one deadline and one
    /// budget of fuel.
    ///
    /// # Errors
    ///
    /// An [`ExecutionFailure`] with the reason and the resources used up to then.
    /// [`ExecutionFailure::blame`] names the party that must act on it.
    ///
    /// # Panics
    ///
    /// If the tokio runtime has its timer disabled and the guest waits in a host function.
    pub fn execute_with_limits<T, P, R>(
        &self,
        component: &PreparedComponent<T>,
        limits: &ResourceLimits,
        state: T,
        export: &str,
        params: P,
    ) -> impl Future<Output = Result<ExecutionResult<R>, ExecutionFailure>>
    where
        T: HasLimits + Send + 'static,
        P: ComponentNamedList + Lower + Send + Sync,
        R: ComponentNamedList + Lift + Send + Sync + 'static,
    {
        let found = || component.exports().find(component.component(), export);
        self.execute(component, limits, state, found, async |store, instance, index| {
            call_once(store, instance, component.component(), export, &index, params).await
        })
    }

    /// Like [`execute_with_limits`](Self::execute_with_limits), with a function that is found
    /// already.
    ///
    /// ```
    /// # use limits_wasmtime::{ComponentExecutor, LimitState, create_engine};
    /// # use limits_wasmtime::limits_core::ResourceLimits;
    /// # use limits_wasmtime::wasmtime::component::Linker;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let bytes = wat::parse_str(r#"(component
    /// #   (core module $m (func (export "double") (param i32) (result i32)
    /// #     (i32.add (local.get 0) (local.get 0))))
    /// #   (core instance $i (instantiate $m))
    /// #   (func (export "double") (param "n" u32) (result u32)
    /// #     (canon lift (core func $i "double"))))"#)?;
    /// # let executor = ComponentExecutor::new(create_engine()?)?;
    /// # let linker = Linker::new(executor.engine());
    /// # let component = executor.prepare(&executor.compile(&bytes)?, &linker)?;
    /// # let limits = ResourceLimits::builder().memory_bytes(0).build()?;
    /// let double = component.func::<(u32,), (u32,)>("double")?;
    /// for n in [1, 20] {
    ///     let run = executor.execute_function(&double, &limits, LimitState::new(), (n,));
    ///     assert_eq!(run.await?.output, (2 * n,));
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As `execute_with_limits`.
    ///
    /// # Panics
    ///
    /// As `execute_with_limits`.
    pub fn execute_function<T, P, R>(
        &self,
        function: &PreparedFunction<T, P, R>,
        limits: &ResourceLimits,
        state: T,
        params: P,
    ) -> impl Future<Output = Result<ExecutionResult<R>, ExecutionFailure>>
    where
        T: HasLimits + Send + 'static,
        P: ComponentNamedList + Lower + Send + Sync,
        R: ComponentNamedList + Lift + Send + Sync + 'static,
    {
        let component = function.component();
        let (export, index) = (function.export(), &function.index);
        self.execute(
            component,
            limits,
            state,
            || Ok(()),
            async |store, instance, ()| {
                call_once(store, instance, component.component(), export, index, params).await
            },
        )
    }

    /// Like [`execute_with_limits`](Self::execute_with_limits), with values whose types are known
    /// only at run time. Each element of a list of results counts 40 bytes of
    /// [`ResourceLimits::max_copy_bytes`].
    ///
    /// # Errors
    ///
    /// As `execute_with_limits`.
    ///
    /// # Panics
    ///
    /// As `execute_with_limits`.
    pub fn execute_dynamic<T>(
        &self,
        component: &PreparedComponent<T>,
        limits: &ResourceLimits,
        state: T,
        export: &str,
        params: &[Val],
    ) -> impl Future<Output = Result<ExecutionResult<Vec<Val>>, ExecutionFailure>>
    where
        T: HasLimits + Send + 'static,
    {
        let found = || export::find_for(component.component(), export, params);
        self.execute(component, limits, state, found, async |store, instance, index| {
            store.data_mut().limits().note_instantiated();
            call_dynamic(store, instance, &index, params).await
        })
    }

    /// Instantiates `component` and runs `body` on it, for hosts with generated bindings.
    ///
    /// `body` may call any exports, through the store and the instance that it is given; all of
    /// it is one execution. It must keep to the `async` entry points. The future is `Send`, and can
    /// be spawned, where that of `body` is.
    ///
    /// Bindings that are generated through this crate's `wasmtime` need to know its path:
    ///
    /// ```
    /// # use limits_wasmtime::{ComponentExecutor, LimitState, create_engine};
    /// # use limits_wasmtime::limits_core::ResourceLimits;
    /// # use limits_wasmtime::wasmtime::component::Linker;
    /// limits_wasmtime::wasmtime::component::bindgen!({
    ///     inline: "package demo:math; world math { export double: func(n: u32) -> u32; }",
    ///     exports: { default: async },
    ///     wasmtime_crate: limits_wasmtime::wasmtime,
    /// });
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let bytes = wat::parse_str(r#"(component
    /// #   (core module $m (func (export "double") (param i32) (result i32)
    /// #     (i32.add (local.get 0) (local.get 0))))
    /// #   (core instance $i (instantiate $m))
    /// #   (func (export "double") (param "n" u32) (result u32)
    /// #     (canon lift (core func $i "double"))))"#)?;
    /// # let executor = ComponentExecutor::new(create_engine()?)?;
    /// # let linker = Linker::new(executor.engine());
    /// # let component = executor.prepare(&executor.compile(&bytes)?, &linker)?;
    /// # let limits = ResourceLimits::builder().memory_bytes(0).build()?;
    /// let result = executor
    ///     .execute_with(&component, &limits, LimitState::new(), async |store, instance| {
    ///         let math = Math::new(&mut *store, &instance)?;
    ///         let two = math.call_double(&mut *store, 1).await?;
    ///         math.call_double(&mut *store, two).await
    ///     })
    ///     .await?;
    /// assert_eq!(result.output, 4);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`execute_with_limits`](Self::execute_with_limits). An error that `body` makes itself is
    /// treated like a host function's: a refused quota or a missing capability ends the execution
    /// as that, any other as [`WasmError::Host`].
    ///
    /// # Panics
    ///
    /// As `execute_with_limits`.
    pub fn execute_with<T, R, F>(
        &self,
        component: &PreparedComponent<T>,
        limits: &ResourceLimits,
        state: T,
        body: F,
    ) -> impl Future<Output = Result<ExecutionResult<R>, ExecutionFailure>>
    where
        T: HasLimits + Send + 'static,
        F: AsyncFnOnce(&mut Store<T>, Instance) -> wasmtime::Result<R>,
    {
        self.execute(
            component,
            limits,
            state,
            || Ok(()),
            async |store, instance, ()| {
                store.data_mut().limits().note_instantiated();
                body(store, instance).await
            },
        )
    }

    /// Instantiates `component` and keeps the store for calls to come.
    ///
    /// Instantiation is an execution of its own, with its own fuel and deadline; so is each call.
    /// Memory belongs to the store and is bounded over all of them.
    ///
    /// # Errors
    ///
    /// As [`execute_with_limits`](Self::execute_with_limits).
    ///
    /// # Panics
    ///
    /// As `execute_with_limits`.
    pub async fn instantiate<T>(
        &self,
        component: &PreparedComponent<T>,
        limits: &ResourceLimits,
        state: T,
    ) -> Result<ExecutionResult<LiveComponent<T>>, ExecutionFailure>
    where
        T: HasLimits + Send + 'static,
    {
        if kept_thread::is_due() {
            kept_thread::go().await;
        }
        let (permit, store, ()) = self.admit(component, limits, state, Ok(()))?;
        let instantiate = async |store: &mut Store<T>| component.pre.instantiate_async(store).await;
        let (pool, fate) = (self.pool(), StoreFate::KeepAfterSuccess);
        match run(permit, store, limits, fate, pool.as_deref(), instantiate).await {
            (Ok(ExecutionResult { output: instance, report }), Some(store)) => {
                let (executor, component) = (self.clone(), component.clone());
                let output = LiveComponent::new(executor, component, store, instance, limits);
                Ok(ExecutionResult { output, report })
            }
            (Ok(_), None) => unreachable!("the store of a success is kept"),
            (Err(failure), _) => Err(failure),
        }
    }

    /// Instantiates `component` in a store of its own, runs `body` on the instance and drops the
    /// store, all as one execution.
    #[expect(clippy::manual_async_fn, reason = "an `async fn` keeps each argument twice")]
    fn execute<T, C, R, F>(
        &self,
        component: &PreparedComponent<T>,
        limits: &ResourceLimits,
        state: T,
        found: impl FnOnce() -> Result<C, InvalidCall>,
        body: F,
    ) -> impl Future<Output = Result<ExecutionResult<R>, ExecutionFailure>>
    where
        T: HasLimits + Send + 'static,
        F: AsyncFnOnce(&mut Store<T>, Instance, C) -> wasmtime::Result<R>,
    {
        async move {
            if kept_thread::is_due() {
                kept_thread::go().await;
            }
            let (permit, mut store, call) = self.admit(component, limits, state, found())?;
            let pool = self.pool();
            let result = {
                let cancel = store.data_mut().limits().cancel_handle();
                let mut execution = Execution::arm(&mut store, limits, &cancel, pool.as_deref());
                let mut output = None;
                let guest = async |store: &mut Store<T>| {
                    let instance = component.pre.instantiate_async(&mut *store).await?;
                    body(store, instance, call).await
                };
                let driven = execution.drive(&mut store, &mut output, guest).await;
                execution.finish(&mut store, driven, output)
            };
            drop_store(store, permit).await;
            result
        }
    }

    /// Makes the store of an execution whose `call` fits, if it may begin here and now. The permit
    /// comes first, so that it is dropped last: a place is free when the memory is.
    fn admit<T: HasLimits + Send + 'static, C>(
        &self,
        component: &PreparedComponent<T>,
        limits: &ResourceLimits,
        mut state: T,
        call: Result<C, InvalidCall>,
    ) -> Result<(Option<OwnedSemaphorePermit>, Store<T>, C), ExecutionFailure> {
        let admitted = call.map_err(WasmError::from).and_then(|call| {
            if !Engine::same(component.component().engine(), &self.engine) {
                let reason =
                    String::from("the component was prepared by an executor of another engine");
                return Err(WasmError::InvalidConfiguration { reason });
            }
            component.check(limits)?;
            if let Some(slot) = &self.slot {
                slot.check(limits)?;
            }
            Ok((self.enter(limits)?, call))
        });
        match admitted {
            Ok((permit, call)) => Ok((permit, self.store(limits, state), call)),
            Err(error) => Err(never_started(error, limits, state.limits())),
        }
    }

    /// Returns the slots of the present runtime, if guests take turns for them.
    pub(crate) fn pool(&self) -> Option<PoolHere<'_>> {
        let fair = self.fair.as_ref()?;
        Some(fair.here(&tokio::runtime::Handle::try_current().ok()?))
    }

    /// Makes a store that is under the hook and the limiter, but not armed with time and fuel.
    fn store<T: HasLimits + Send + 'static>(&self, limits: &ResourceLimits, state: T) -> Store<T> {
        let mut store = Store::new(&self.engine, state);
        // Armed first: Wasmtime reads the counts when it is given the limiter.
        let state = store.data_mut().limits();
        state.limiter.arm(limits);
        state.meter.set_longest_interval(self.longest_interval);
        store.limiter(|state| &mut state.limits().limiter);
        store.call_hook_async(Hook);
        store.set_hostcall_fuel(usize::try_from(limits.max_copy_bytes()).unwrap_or(usize::MAX));
        let handles = usize::try_from(limits.max_handles()).unwrap_or(usize::MAX);
        store.set_max_component_handles(handles);
        store
    }

    /// Takes a place among the concurrent executions, if a guest may be entered here and now.
    pub(crate) fn enter(
        &self,
        limits: &ResourceLimits,
    ) -> WasmResult<Option<OwnedSemaphorePermit>> {
        // A handle is a counted reference, which all threads share. A task of a runtime is known by
        // less.
        let is_in_runtime =
            tokio::task::try_id().is_some() || tokio::runtime::Handle::try_current().is_ok();
        if !is_in_runtime {
            return Err(WasmError::InvalidConfiguration {
                reason: String::from(
                    "executions must be awaited inside a tokio runtime with its timer enabled",
                ),
            });
        }
        // Fuel comes before time, as in the order of causes.
        if limits.max_fuel_per_execution() == 0 {
            return Err(WasmError::out_of_fuel(FuelMetrics::new(0, 0)));
        }
        if limits.execution_timeout_ms() == 0 {
            return Err(WasmError::execution_timeout(0, Some(0)));
        }
        let Some((running, most)) = &self.running else {
            return Ok(None);
        };
        match Arc::clone(running).try_acquire_owned() {
            Ok(permit) => Ok(Some(permit)),
            Err(_) => Err(WasmError::HostBusy { max_concurrent: *most, pooled: None }),
        }
    }
}
