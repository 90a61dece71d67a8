//! Cold executions: a fresh store, an instance, one call; within limits, and written by hand.

use core::error::Error;
use core::future::Future;
use core::pin::Pin;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll};
use core::time::Duration;
use std::sync::Arc;
use std::time::Instant;

use limits_core::ResourceLimits;
use limits_wasmtime::{
    AddressSpace, ComponentExecutor, EngineBuilder, LimitState, PreparedComponent,
};
use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Linker};
use wasmtime::{
    CallHook, CallHookHandler, Engine, ResourceLimiter, Store, StoreContextMut, StoreLimits,
    StoreLimitsBuilder,
};

/// The error of an execution.
pub type Failure = Box<dyn Error + Send + Sync>;

/// A way to execute a guest.
pub trait Execute: Clone + Send + Sync + 'static {
    /// Executes it once, and returns its sum.
    ///
    /// # Errors
    ///
    /// As the execution ends.
    fn run(&self) -> impl Future<Output = Result<u32, Failure>> + Send;
}

/// Fuel of one execution.
const FUEL: u64 = 1_000_000_000;

/// A guest without a memory, which adds.
pub const ADDER: &str = r#"(component
    (core module $m (func (export "add") (param i32) (result i32)
      (i32.add (local.get 0) (i32.const 1))))
    (core instance $i (instantiate $m))
    (func (export "add") (param "n" u32) (result u32) (canon lift (core func $i "add"))))"#;

/// A guest that reads a number of its initial memory, and writes it back.
pub const WRITER: &str = r#"(component
    (core module $m (memory 2) (data (i32.const 4096) "\07")
      (func (export "add") (param i32) (result i32)
        (i32.store (i32.const 4096) (i32.add (local.get 0) (i32.load (i32.const 4096))))
        (i32.load (i32.const 4096))))
    (core instance $i (instantiate $m))
    (func (export "add") (param "n" u32) (result u32) (canon lift (core func $i "add"))))"#;

/// The limits of one execution.
///
/// # Panics
///
/// Never: a memory is given.
#[must_use]
pub fn limits() -> ResourceLimits {
    ResourceLimits::builder()
        .memory_bytes(1 << 20)
        .max_fuel(FUEL)
        .execution_timeout_ms(60_000)
        .build()
        .expect("memory is given")
}

/// A guest that writes all of its 128 KiB.
pub const FILLER: &str = r#"(component
    (core module $m (memory 2)
      (func (export "add") (param i32) (result i32)
        (memory.fill (i32.const 0) (local.get 0) (i32.const 131072))
        (i32.load8_u (i32.const 131071))))
    (core instance $i (instantiate $m))
    (func (export "add") (param "n" u32) (result u32) (canon lift (core func $i "add"))))"#;

/// Builds an engine, with a pool or without.
///
/// # Errors
///
/// If the machine has no room for it.
pub fn engine(is_pooling: bool) -> Result<Engine, Failure> {
    let builder = EngineBuilder::new().address_space(AddressSpace::Wide);
    let builder = if is_pooling { builder.pooling(64, &limits()) } else { builder };
    Ok(builder.build()?)
}

/// Builds an engine with a pool that keeps so many bytes of a memory resident.
///
/// # Errors
///
/// If the machine has no room for it.
pub fn warm_engine(bytes: u64) -> Result<Engine, Failure> {
    let builder = EngineBuilder::new().address_space(AddressSpace::Wide);
    Ok(builder.pooling(64, &limits()).warm_bytes(bytes).build()?)
}

/// The execution within limits.
#[derive(Clone, Debug)]
pub struct Ours {
    executor: ComponentExecutor,
    component: PreparedComponent<LimitState>,
    limits: ResourceLimits,
}

impl Ours {
    /// Prepares a guest on an engine.
    ///
    /// # Errors
    ///
    /// If it is no component.
    pub fn new(engine: &Engine, text: &str) -> Result<Self, Failure> {
        let executor = ComponentExecutor::new(engine.clone())?;
        let linker = Linker::new(engine);
        let component = executor.prepare(&executor.compile(&wat::parse_str(text)?)?, &linker)?;
        Ok(Self { executor, component, limits: limits() })
    }
}

impl Execute for Ours {
    async fn run(&self) -> Result<u32, Failure> {
        let run = self.executor.execute_with_limits::<_, _, (u32,)>(
            &self.component,
            &self.limits,
            LimitState::new(),
            "add",
            (1_u32,),
        );
        Ok(run.await?.output.0)
    }
}

/// The same on the same engine, as a host writes it by hand: fuel, and no other limit.
#[derive(Clone)]
pub struct ByHand {
    pre: InstancePre<()>,
}

impl core::fmt::Debug for ByHand {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ByHand").finish_non_exhaustive()
    }
}

impl ByHand {
    /// Prepares a guest on an engine.
    ///
    /// # Errors
    ///
    /// If it is no component.
    pub fn new(engine: &Engine, text: &str) -> Result<Self, Failure> {
        let component = Component::from_binary(engine, &wat::parse_str(text)?)?;
        Ok(Self { pre: Linker::new(engine).instantiate_pre(&component)? })
    }
}

impl Execute for ByHand {
    async fn run(&self) -> Result<u32, Failure> {
        let mut store = Store::new(self.pre.engine(), ());
        store.set_fuel(FUEL)?;
        let instance = self.pre.instantiate_async(&mut store).await?;
        let add = instance.get_typed_func::<(u32,), (u32,)>(&mut store, "add")?;
        Ok(add.call_async(&mut store, (1,)).await?.0)
    }
}

/// The executor of the original design: a store, fuel, the memory limit of Wasmtime, and a timeout
/// around it all.
#[derive(Clone)]
pub struct Naive {
    engine: Engine,
    component: Component,
    linker: Arc<Linker<StoreLimits>>,
}

impl core::fmt::Debug for Naive {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Naive").finish_non_exhaustive()
    }
}

impl Naive {
    /// Prepares a guest on an engine.
    ///
    /// # Errors
    ///
    /// If it is no component.
    pub fn new(engine: &Engine, text: &str) -> Result<Self, Failure> {
        let component = Component::from_binary(engine, &wat::parse_str(text)?)?;
        Ok(Self { engine: engine.clone(), component, linker: Arc::new(Linker::new(engine)) })
    }
}

impl Execute for Naive {
    async fn run(&self) -> Result<u32, Failure> {
        let limits = StoreLimitsBuilder::new().memory_size(1 << 20).build();
        let mut store = Store::new(&self.engine, limits);
        store.limiter(|limits| limits);
        store.set_fuel(FUEL)?;
        let execute = async {
            let instance = self.linker.instantiate_async(&mut store, &self.component).await?;
            let add = instance.get_typed_func::<(u32,), (u32,)>(&mut store, "add")?;
            add.call_async(&mut store, (1,)).await
        };
        let (sum,) = tokio::time::timeout(Duration::from_secs(60), execute).await??;
        let _consumed = FUEL.saturating_sub(store.get_fuel()?);
        Ok(sum)
    }
}

/// The least that limits need: a limiter, an asynchronous call hook, the bounds of Wasmtime's own,
/// a yield interval, one shared cell for a handle that cancels, and two readings of the clock.
#[derive(Clone)]
pub struct Least {
    pre: InstancePre<LeastState>,
    add: ComponentExportIndex,
}

impl core::fmt::Debug for Least {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Least").finish_non_exhaustive()
    }
}

struct LeastState {
    used: usize,
    max: usize,
    cancelled: Arc<AtomicBool>,
}

impl ResourceLimiter for LeastState {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        self.used = self.used.saturating_add(desired.saturating_sub(current));
        Ok(self.used <= self.max)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        self.used = self.used.saturating_add(desired.saturating_sub(current).saturating_mul(8));
        Ok(self.used <= self.max)
    }

    fn instances(&self) -> usize {
        128
    }

    fn tables(&self) -> usize {
        32
    }

    fn memories(&self) -> usize {
        8
    }
}

struct LeastHook;

struct Done;

impl Future for Done {
    type Output = wasmtime::Result<()>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(Ok(()))
    }
}

impl CallHookHandler<LeastState> for LeastHook {
    fn handle_call_event<'s, 'cx, 'out>(
        &'s self,
        cx: StoreContextMut<'cx, LeastState>,
        _: CallHook,
    ) -> Pin<Box<dyn Future<Output = wasmtime::Result<()>> + Send + 'out>>
    where
        's: 'out,
        'cx: 'out,
        Self: 'out,
    {
        if cx.data().cancelled.load(Ordering::Acquire) {
            return Box::pin(core::future::ready(Err(wasmtime::Error::msg("cancelled"))));
        }
        Box::pin(Done)
    }
}

impl Least {
    /// Prepares a guest on an engine.
    ///
    /// # Errors
    ///
    /// If it is no component.
    pub fn new(engine: &Engine, text: &str) -> Result<Self, Failure> {
        let component = Component::from_binary(engine, &wat::parse_str(text)?)?;
        let add = component.get_export_index(None, "add").ok_or("no such export")?;
        Ok(Self { pre: Linker::new(engine).instantiate_pre(&component)?, add })
    }
}

impl Execute for Least {
    async fn run(&self) -> Result<u32, Failure> {
        let began = Instant::now();
        let cancelled = Arc::new(AtomicBool::new(false));
        let state = LeastState { used: 0, max: 1 << 20, cancelled };
        let mut store = Store::new(self.pre.engine(), state);
        store.limiter(|state| state);
        store.call_hook_async(LeastHook);
        store.set_hostcall_fuel(1 << 20);
        store.set_max_component_handles(1_024);
        store.set_fuel(FUEL)?;
        store.fuel_async_yield_interval(Some(20_000))?;
        let instance = self.pre.instantiate_async(&mut store).await?;
        let add = instance.get_typed_func::<(u32,), (u32,)>(&mut store, self.add)?;
        let (sum,) = add.call_async(&mut store, (1,)).await?;
        if began.elapsed() > Duration::from_secs(60) {
            return Err("late".into());
        }
        Ok(sum)
    }
}
