//! Compiling components, and running them within their limits.

use core::any::Any;
use core::num::NonZeroUsize;
use core::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::Arc;

use limits_core::{
    FuelMetrics, InvalidCall, LimitExceeded, LimitKind, ResourceLimits, WasmError, WasmResult,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::component::{
    Component, ComponentExportIndex, ComponentNamedList, Instance, Lift, Linker, Lower, TypedFunc,
    Val,
};
use wasmtime::{Engine, Store};

use crate::engine;
use crate::error_map::{Own, invalid_component};
use crate::error_text::escaped;
use crate::execution::{StoreFate, never_started, run};
use crate::export;
use crate::failure::ExecutionFailure;
use crate::hook::Hook;
use crate::live::LiveComponent;
use crate::prepared::PreparedComponent;
use crate::report::ExecutionResult;
use crate::shortage::lacks_threads;
use crate::state::HasLimits;
use crate::structure::count_instances;

/// Bytes of a component handed to the compiler unless said otherwise: 64 MiB.
const DEFAULT_COMPONENT_BYTES: u64 = 64 * 1024 * 1024;

/// Component instances that a component makes at most unless said otherwise.
const DEFAULT_COMPONENT_INSTANCES: u32 = 1_000;

/// Compiles components once, links them once, and runs them within limits, many times.
///
/// Each execution has a store of its own, which is dropped at its end; to keep one between
/// calls, see [`instantiate`](Self::instantiate). Cloning is cheap, and clones share the bound
/// on concurrent executions.
///
/// Executions must be awaited inside a tokio runtime with its timer enabled, of either flavour.
/// They need no thread of their own: a guest gives the thread back every 250 µs.
#[derive(Clone, Debug)]
pub struct ComponentExecutor {
    engine: Engine,
    max_component_bytes: u64,
    max_component_instances: u32,
    running: Option<(Arc<Semaphore>, usize)>,
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
        Ok(Self {
            engine,
            max_component_bytes: DEFAULT_COMPONENT_BYTES,
            max_component_instances: DEFAULT_COMPONENT_INSTANCES,
            running: None,
        })
    }

    /// Bounds how many executions run at once. One more fails with [`WasmError::HostBusy`]; it
    /// does not wait.
    #[must_use]
    pub fn with_max_concurrent(mut self, most: NonZeroUsize) -> Self {
        let most = most.get().min(Semaphore::MAX_PERMITS);
        self.running = Some((Arc::new(Semaphore::new(most)), most));
        self
    }

    /// Bounds the size of a component that is compiled, in bytes. Default 64 MiB.
    #[must_use]
    pub const fn with_max_component_bytes(mut self, bytes: u64) -> Self {
        self.max_component_bytes = bytes;
        self
    }

    /// Bounds how many component instances a component that is compiled may make, nested ones and
    /// itself included. Default 1 000.
    ///
    /// Each costs every store some 50 bytes and more with resource types, which no other limit
    /// sees. Core instances are bounded by [`ResourceLimits::max_instances`].
    #[must_use]
    pub const fn with_max_component_instances(mut self, most: u32) -> Self {
        self.max_component_instances = most;
        self
    }

    /// Returns the engine.
    #[must_use]
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Compiles a component from its binary form.
    ///
    /// Blocks the thread for as long as it takes, and **no limit but the size of `bytes` and the
    /// number of component instances holds**: a component of a hundred kilobytes can be written to
    /// take minutes and gigabytes. Compile what strangers wrote in a process that can be killed.
    ///
    /// A panic of the compiler becomes an error where panics unwind; its message still goes to the
    /// process's panic hook.
    ///
    /// # Errors
    ///
    /// [`WasmError::LimitExceeded`] if there are too many bytes or component instances,
    /// [`WasmError::InvalidComponent`] if the bytes are not a component, use a feature that the
    /// engine has off, or make the compiler panic, [`WasmError::HostExhausted`] if the host lacks
    /// memory or threads.
    pub fn compile(&self, bytes: &[u8]) -> WasmResult<Component> {
        self.check_structure(bytes)?;
        // Nothing of ours can be seen half changed: the closure borrows the bytes and the engine,
        // and Wasmtime holds no lock of the engine while it translates.
        let compiled =
            catch_unwind(AssertUnwindSafe(|| Component::from_binary(&self.engine, bytes)));
        match compiled {
            Ok(compiled) => compiled.map_err(|error| invalid_component(&error)),
            Err(panic) => Err(panicked(panic)),
        }
    }

    /// Checks what [`compile`](Self::compile) checks before it compiles: the size, that the bytes
    /// are a component at all, and how many component instances it makes. Takes one pass
    /// over the bytes, some tens of milliseconds for a component of 60 MB.
    ///
    /// # Errors
    ///
    /// [`WasmError::LimitExceeded`] if there are too many bytes or component instances,
    /// [`WasmError::InvalidComponent`] if the bytes are not a component.
    pub fn check_structure(&self, bytes: &[u8]) -> WasmResult<()> {
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if size > self.max_component_bytes {
            return Err(WasmError::LimitExceeded(
                LimitExceeded::new(LimitKind::ComponentSize, self.max_component_bytes)
                    .with_request(0, size),
            ));
        }
        if bytes.starts_with(b"\0asm\x01\0\0\0") {
            return Err(WasmError::InvalidComponent {
                reason: String::from(
                    "this is a core module, not a component; turn it into one with `wasm-tools \
                     component new`, for a WASI preview 1 module with `--adapt` and the \
                     wasi_snapshot_preview1 adapter",
                ),
            });
        }
        count_instances(bytes, self.max_component_instances.into()).map(|_| ())
    }

    /// Resolves the imports of `component` with what `linker` offers.
    ///
    /// # Errors
    ///
    /// [`WasmError::InvalidComponent`] if an import is missing or has another type,
    /// [`WasmError::InvalidConfiguration`] if component or linker are of another engine.
    pub fn prepare<T: HasLimits + Send + 'static>(
        &self,
        component: &Component,
        linker: &Linker<T>,
    ) -> WasmResult<PreparedComponent<T>> {
        if !Engine::same(component.engine(), &self.engine)
            || !Engine::same(linker.engine(), &self.engine)
        {
            return Err(WasmError::InvalidConfiguration {
                reason: String::from(
                    "component, linker and executor must be made with the same engine",
                ),
            });
        }
        let pre = linker.instantiate_pre(component).map_err(|error| invalid_component(&error))?;
        Ok(PreparedComponent { pre })
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
    /// An [`ExecutionFailure`] with the reason and with what was used up to then. Whether the
    /// guest was to blame is [`ExecutionFailure::blame`].
    ///
    /// # Panics
    ///
    /// If the tokio runtime has its timer disabled and the guest waits in a host function.
    pub async fn execute_with_limits<T, P, R>(
        &self,
        component: &PreparedComponent<T>,
        limits: &ResourceLimits,
        state: T,
        export: &str,
        params: P,
    ) -> Result<ExecutionResult<R>, ExecutionFailure>
    where
        T: HasLimits + Send + 'static,
        P: ComponentNamedList + Lower + Send + Sync,
        R: ComponentNamedList + Lift + Send + Sync + 'static,
    {
        let found = export::find(component.component(), export);
        self.execute(component, limits, state, found, async |store, instance, index| {
            let function =
                typed_function::<T, P, R>(store, instance, component.component(), export, &index)
                    .map_err(|call| Own(call.into()))?;
            function.call_async(store, params).await
        })
        .await
    }

    /// Like [`execute_with_limits`](Self::execute_with_limits), with values whose types are known
    /// only at run time.
    ///
    /// # Errors
    ///
    /// As `execute_with_limits`.
    ///
    /// # Panics
    ///
    /// As `execute_with_limits`.
    pub async fn execute_dynamic<T>(
        &self,
        component: &PreparedComponent<T>,
        limits: &ResourceLimits,
        state: T,
        export: &str,
        params: &[Val],
    ) -> Result<ExecutionResult<Vec<Val>>, ExecutionFailure>
    where
        T: HasLimits + Send + 'static,
    {
        let found = export::find_for(component.component(), export, params);
        self.execute(component, limits, state, found, async |store, instance, index| {
            call_dynamic(store, instance, &index, params).await
        })
        .await
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
    /// As [`execute_with_limits`](Self::execute_with_limits). What holds for the error of a host
    /// function holds for one that `body` makes itself: a refused quota or a missing capability
    /// is that, any other is [`WasmError::Host`].
    ///
    /// # Panics
    ///
    /// As `execute_with_limits`.
    pub async fn execute_with<T, R, F>(
        &self,
        component: &PreparedComponent<T>,
        limits: &ResourceLimits,
        state: T,
        body: F,
    ) -> Result<ExecutionResult<R>, ExecutionFailure>
    where
        T: HasLimits + Send + 'static,
        F: AsyncFnOnce(&mut Store<T>, Instance) -> wasmtime::Result<R>,
    {
        self.execute(component, limits, state, Ok(()), async |store, instance, ()| {
            body(store, instance).await
        })
        .await
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
        let (store, permit, ()) = self.admit(component, limits, state, Ok(()))?;
        let instantiate = async |store: &mut Store<T>| component.pre.instantiate_async(store).await;
        match run(store, permit, limits, StoreFate::KeepAfterSuccess, instantiate).await {
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
    async fn execute<T, C, R, F>(
        &self,
        component: &PreparedComponent<T>,
        limits: &ResourceLimits,
        state: T,
        call: Result<C, InvalidCall>,
        body: F,
    ) -> Result<ExecutionResult<R>, ExecutionFailure>
    where
        T: HasLimits + Send + 'static,
        F: AsyncFnOnce(&mut Store<T>, Instance, C) -> wasmtime::Result<R>,
    {
        let (store, permit, call) = self.admit(component, limits, state, call)?;
        let guest = async |store: &mut Store<T>| {
            let instance = component.pre.instantiate_async(&mut *store).await?;
            body(store, instance, call).await
        };
        run(store, permit, limits, StoreFate::Drop, guest).await.0
    }

    /// Makes the store of an execution whose `call` fits, if it may begin here and now.
    fn admit<T: HasLimits + Send + 'static, C>(
        &self,
        component: &PreparedComponent<T>,
        limits: &ResourceLimits,
        mut state: T,
        call: Result<C, InvalidCall>,
    ) -> Result<(Store<T>, Option<OwnedSemaphorePermit>, C), ExecutionFailure> {
        let admitted = call.map_err(WasmError::from).and_then(|call| {
            if !Engine::same(component.component().engine(), &self.engine) {
                let reason =
                    String::from("the component was prepared by an executor of another engine");
                return Err(WasmError::InvalidConfiguration { reason });
            }
            component.check(limits)?;
            Ok((self.enter(limits)?, call))
        });
        match admitted {
            Ok((permit, call)) => Ok((self.store(limits, state), permit, call)),
            Err(error) => Err(never_started(error, limits, state.limits())),
        }
    }

    /// Makes a store that is under the hook and the limiter, but not armed with time and fuel.
    fn store<T: HasLimits + Send + 'static>(&self, limits: &ResourceLimits, state: T) -> Store<T> {
        let mut store = Store::new(&self.engine, state);
        // Armed first: Wasmtime reads the counts when it is given the limiter.
        store.data_mut().limits().limiter.arm(limits);
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
        if tokio::runtime::Handle::try_current().is_err() {
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

/// Finds a function by its index in `component`, for parameters and results of the caller's types.
pub(crate) fn typed_function<T, P, R>(
    store: &mut Store<T>,
    instance: Instance,
    component: &Component,
    export: &str,
    index: &ComponentExportIndex,
) -> Result<TypedFunc<P, R>, InvalidCall>
where
    P: ComponentNamedList + Lower,
    R: ComponentNamedList + Lift,
{
    instance
        .get_typed_func::<P, R>(store, index)
        .map_err(|error| export::mismatch(component, export, &error))
}

/// Calls a function with dynamically typed values that fit it.
pub(crate) async fn call_dynamic<T: Send + 'static>(
    store: &mut Store<T>,
    instance: Instance,
    index: &ComponentExportIndex,
    params: &[Val],
) -> wasmtime::Result<Vec<Val>> {
    let Some(function) = instance.get_func(&mut *store, index) else {
        return Err(wasmtime::Error::msg("an export of the component is missing in its instance"));
    };
    let results = function.ty(&*store).results().len();
    let mut results = vec![Val::Bool(false); results];
    function.call_async(store, params, &mut results).await?;
    Ok(results)
}

/// Describes a panic of the compiler.
fn panicked(panic: Box<dyn Any + Send>) -> WasmError {
    let words = panic
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let reason = format!("the compiler panicked: {}", escaped(words.unwrap_or("no message")));
    // Its destructor is not ours and may panic, too; it is small and rare.
    core::mem::forget(panic);
    match lacks_threads() {
        Some(shortage) => WasmError::HostExhausted(shortage),
        None => WasmError::InvalidComponent { reason },
    }
}
