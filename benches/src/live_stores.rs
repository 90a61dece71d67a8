//! Kept instances of one component: idle ones, spinning ones, and hand-written ones beside them.

use core::error::Error;
use core::future::{Future, poll_fn};
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;
use std::time::Instant;

use limits_core::{ResourceLimits, WasmError};
use limits_wasmtime::{ComponentExecutor, HasLimits, LimitState, LiveSlot, PreparedComponent};
use tokio::sync::Notify;
use wasmtime::component::{Component, Instance, InstancePre, Linker};
use wasmtime::{Engine, Store};

/// An actor: it counts its calls in its memory, waits for the host, or never ends.
const ACTOR: &str = r#"(component
    (import "wait" (func $wait))
    (core func $wait' (canon lower (func $wait)))
    (core module $m
      (import "h" "wait" (func $wait))
      (memory 1)
      (func (export "count") (result i32)
        (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
        (i32.load (i32.const 0)))
      (func (export "wait") (call $wait))
      (func (export "spin") (loop $l (br $l))))
    (core instance $i (instantiate $m (with "h" (instance (export "wait" (func $wait'))))))
    (func (export "count") (result u32) (canon lift (core func $i "count")))
    (func (export "wait") (canon lift (core func $i "wait")))
    (func (export "spin") (canon lift (core func $i "spin"))))"#;

/// The failure of a task.
pub type Failure = Box<dyn Error + Send + Sync>;

/// The data of a store.
#[derive(Debug)]
pub struct ActorState {
    limits: LimitState,
    bell: Arc<Notify>,
}

impl HasLimits for ActorState {
    fn limits(&mut self) -> &mut LimitState {
        &mut self.limits
    }
}

/// The limits of an actor whose calls may take so long.
///
/// # Errors
///
/// None: all values are in range.
pub fn actor_limits(timeout_ms: u64) -> Result<ResourceLimits, WasmError> {
    ResourceLimits::builder()
        .memory_bytes(128 << 10)
        .max_fuel(u64::MAX)
        .execution_timeout_ms(timeout_ms)
        .max_instances(2)
        .max_memories(1)
        .max_tables(1)
        .max_table_elements(16)
        .build()
}

fn linker<T: Send + 'static>(
    engine: &Engine,
    bell: fn(&T) -> &Arc<Notify>,
) -> wasmtime::Result<Linker<T>> {
    let mut linker = Linker::new(engine);
    linker.root().func_wrap_async(
        "wait",
        move |cx: wasmtime::StoreContextMut<'_, T>, (): ()| {
            let bell = Arc::clone(bell(cx.data()));
            Box::new(async move {
                bell.notified().await;
                Ok(())
            })
        },
    )?;
    Ok(linker)
}

/// The component, compiled and linked, and a bell that ends the waits of its instances.
#[derive(Clone, Debug)]
pub struct Actors {
    executor: ComponentExecutor,
    component: PreparedComponent<ActorState>,
    bell: Arc<Notify>,
}

impl Actors {
    /// Compiles the component.
    ///
    /// # Errors
    ///
    /// If the engine cannot.
    pub fn new(engine: Engine) -> Result<Self, Failure> {
        let executor = ComponentExecutor::new(engine)?;
        let linker = linker(executor.engine(), |state: &ActorState| &state.bell)?;
        let component = executor.compile(&wat::parse_str(ACTOR)?)?;
        let component = executor.prepare(&component, &linker)?;
        Ok(Self { executor, component, bell: Arc::default() })
    }

    /// Makes one instance and calls it once, so that it has what a used one has.
    ///
    /// # Errors
    ///
    /// As instantiation and call fail.
    pub async fn spawn(&self, limits: &ResourceLimits) -> Result<LiveSlot<ActorState>, Failure> {
        let bell = Arc::clone(&self.bell);
        let state = move || ActorState { limits: LimitState::new(), bell: Arc::clone(&bell) };
        let live = self.executor.instantiate(&self.component, limits, state()).await?.output;
        let mut slot = LiveSlot::new(live).respawn_with(state);
        slot.call::<_, (u32,)>("count", ()).await?;
        Ok(slot)
    }

    /// Ends the waits of all instances.
    pub fn ring(&self) {
        self.bell.notify_waiters();
    }

    /// Waits for the bell between two calls, and returns the count of the second.
    ///
    /// # Errors
    ///
    /// As the call fails.
    pub async fn idle_between_calls(&self, mut slot: LiveSlot<ActorState>) -> Result<u32, Failure> {
        self.bell.notified().await;
        Ok(slot.call::<_, (u32,)>("count", ()).await?.output.0)
    }

    /// Waits for the bell inside a call, and returns the count after it.
    ///
    /// # Errors
    ///
    /// As the calls fail.
    pub async fn idle_in_a_call(&self, mut slot: LiveSlot<ActorState>) -> Result<u32, Failure> {
        slot.call::<_, ()>("wait", ()).await?;
        Ok(slot.call::<_, (u32,)>("count", ()).await?.output.0)
    }

    /// Spins into the deadline again and again, with a fresh instance and deadline each time.
    /// Returns how late each execution ended, in milliseconds.
    ///
    /// # Errors
    ///
    /// If an execution ends otherwise.
    pub async fn spin(
        &self,
        mut slot: LiveSlot<ActorState>,
        limits: ResourceLimits,
        end: Arc<AtomicBool>,
    ) -> Result<Vec<f64>, Failure> {
        let mut late = Vec::new();
        while !end.load(Ordering::Relaxed) {
            let failure = slot.call::<_, ()>("spin", ()).await.err().ok_or("it came to an end")?;
            let WasmError::ExecutionTimeout { .. } = failure.error() else {
                return Err(failure.into());
            };
            let wall_ms = failure.report().wall_time.as_secs_f64() * 1e3;
            let timeout_ms = u32::try_from(limits.execution_timeout_ms())?;
            late.push(wall_ms - f64::from(timeout_ms));
        }
        Ok(late)
    }
}

/// A future's task, with a count of its polls.
///
/// # Errors
///
/// As the future fails.
pub async fn counted<R>(polls: Arc<AtomicU64>, task: impl Future<Output = R>) -> R {
    let mut task = Box::pin(task);
    poll_fn(|cx| {
        polls.fetch_add(1, Ordering::Relaxed);
        task.as_mut().poll(cx)
    })
    .await
}

/// Hand-written stores of the same component, without limits.
#[derive(Clone)]
pub struct BareActors {
    engine: Engine,
    pre: InstancePre<Arc<Notify>>,
}

impl core::fmt::Debug for BareActors {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("BareActors").finish_non_exhaustive()
    }
}

impl BareActors {
    /// Compiles the component.
    ///
    /// # Errors
    ///
    /// If the engine cannot.
    pub fn new(engine: &Engine) -> Result<Self, Failure> {
        let component = Component::from_binary(engine, &wat::parse_str(ACTOR)?)?;
        let pre = linker(engine, |bell: &Arc<Notify>| bell)?.instantiate_pre(&component)?;
        Ok(Self { engine: engine.clone(), pre })
    }

    /// Makes one instance and calls it once.
    ///
    /// # Errors
    ///
    /// As instantiation and call fail.
    pub async fn spawn(&self) -> Result<(Store<Arc<Notify>>, Instance), Failure> {
        let mut store = Store::new(&self.engine, Arc::default());
        store.set_fuel(u64::MAX)?;
        store.fuel_async_yield_interval(Some(10_000))?;
        let instance = self.pre.instantiate_async(&mut store).await?;
        let count = instance.get_typed_func::<(), (u32,)>(&mut store, "count")?;
        count.call_async(&mut store, ()).await?;
        Ok((store, instance))
    }

    /// Spins under a timeout, again and again.
    ///
    /// # Errors
    ///
    /// If a call ends otherwise.
    pub async fn spin(&self, timeout_ms: u64, end: Arc<AtomicBool>) -> Result<Vec<f64>, Failure> {
        let timeout = core::time::Duration::from_millis(timeout_ms);
        let mut late = Vec::new();
        while !end.load(Ordering::Relaxed) {
            let (mut store, instance) = self.spawn().await?;
            let spin = instance.get_typed_func::<(), ()>(&mut store, "spin")?;
            let start = Instant::now();
            let ended = tokio::time::timeout(timeout, spin.call_async(&mut store, ())).await;
            if ended.is_ok() {
                return Err("it came to an end".into());
            }
            late.push(start.elapsed().saturating_sub(timeout).as_secs_f64() * 1e3);
        }
        Ok(late)
    }
}
