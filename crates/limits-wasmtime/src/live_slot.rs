//! A place for a live instance, which can replace one that is lost.

use core::fmt;
use core::future::Future;
use core::time::Duration;

use limits_core::{InvalidCall, ResourceLimits, WasmError, WasmResult};
use wasmtime::Store;
use wasmtime::component::{ComponentNamedList, Instance, Lift, Lower, Val};

use crate::drop_store::drop_store;
use crate::execution::{Execution, StoreFate, never_started};
use crate::executor::ComponentExecutor;
use crate::export::{self, call_dynamic, call_typed};
use crate::failure::ExecutionFailure;
use crate::kept_thread;
use crate::live::LiveComponent;
use crate::live_function::LiveFunction;
use crate::prepared::PreparedComponent;
use crate::report::ExecutionResult;
use crate::state::{HasLimits, LimitState};

/// A place that holds a live instance and is called through `&mut self`.
///
/// An instance is lost after a trap, a timeout or a cancellation, and where the future of a call is
/// dropped. Then the slot is empty, and calls fail, unless the host chose
/// [`respawn_with`](Self::respawn_with): the next call then instantiates the component again, as
/// an execution of its own. The new instance has nothing of the memory of the one before.
///
/// ```
/// # use limits_wasmtime::{ComponentExecutor, LimitState, LiveSlot, create_engine};
/// # use limits_wasmtime::limits_core::ResourceLimits;
/// # use limits_wasmtime::wasmtime::component::Linker;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let bytes = wat::parse_str(r#"(component
/// #   (core module $m (global $n (mut i32) (i32.const 0))
/// #     (func (export "count") (result i32)
/// #       (global.set $n (i32.add (global.get $n) (i32.const 1))) (global.get $n))
/// #     (func (export "fail") unreachable))
/// #   (core instance $i (instantiate $m))
/// #   (func (export "count") (result u32) (canon lift (core func $i "count")))
/// #   (func (export "fail") (canon lift (core func $i "fail"))))"#)?;
/// # let executor = ComponentExecutor::new(create_engine()?)?;
/// # let linker = Linker::new(executor.engine());
/// # let component = executor.prepare(&executor.compile(&bytes)?, &linker)?;
/// # let limits = ResourceLimits::builder().memory_bytes(0).build()?;
/// let live = executor.instantiate(&component, &limits, LimitState::new()).await?.output;
/// let mut slot = LiveSlot::new(live).respawn_with(LimitState::new);
/// assert_eq!(slot.call::<_, (u32,)>("count", ()).await?.output, (1,));
/// assert_eq!(slot.call::<_, (u32,)>("count", ()).await?.output, (2,));
/// assert!(slot.call::<_, ()>("fail", ()).await.is_err());
/// assert_eq!(slot.call::<_, (u32,)>("count", ()).await?.output, (1,));
/// # Ok(())
/// # }
/// ```
pub struct LiveSlot<T: 'static> {
    executor: ComponentExecutor,
    component: PreparedComponent<T>,
    limits: ResourceLimits,
    instance: Option<LiveComponent<T>>,
    new_state: Option<Box<dyn FnMut() -> T + Send>>,
}

impl<T: HasLimits + Send + 'static> LiveSlot<T> {
    /// Puts an instance into a slot, which is empty once the instance is lost.
    #[must_use]
    pub fn new(instance: LiveComponent<T>) -> Self {
        Self {
            executor: instance.parts.executor.clone(),
            component: instance.parts.component.clone(),
            limits: instance.parts.limits,
            instance: Some(instance),
            new_state: None,
        }
    }

    /// Replaces an instance that is lost at the next call, with store data that `new_state` makes.
    #[must_use]
    pub fn respawn_with(mut self, new_state: impl FnMut() -> T + Send + 'static) -> Self {
        self.new_state = Some(Box::new(new_state));
        self
    }

    /// Returns the instance, unless it is lost.
    #[must_use]
    pub const fn instance(&self) -> Option<&LiveComponent<T>> {
        self.instance.as_ref()
    }

    /// Returns the instance, unless it is lost, and leaves the slot empty.
    pub const fn take(&mut self) -> Option<LiveComponent<T>> {
        self.instance.take()
    }

    /// Calls `export` with `params`; see [`LiveComponent::call`].
    ///
    /// # Errors
    ///
    /// The failure of the call, or of the instantiation before it.
    /// [`WasmError::InvalidConfiguration`] if the slot is empty and does not respawn.
    ///
    /// # Panics
    ///
    /// As `LiveComponent::call`.
    pub async fn call<P, R>(
        &mut self,
        export: &str,
        params: P,
    ) -> Result<ExecutionResult<R>, ExecutionFailure>
    where
        P: ComponentNamedList + Lower + Send + Sync,
        R: ComponentNamedList + Lift + Send + Sync + 'static,
    {
        let found = |live: &mut LiveComponent<T>| live.typed::<P, R>(export);
        self.execute(found, async |store, _, function| call_typed(store, &function, params).await)
            .await
    }

    /// Calls `export` with values whose types are known only at run time; see
    /// [`LiveComponent::call_dynamic`].
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    ///
    /// # Panics
    ///
    /// As `call`.
    pub async fn call_dynamic(
        &mut self,
        export: &str,
        params: &[Val],
    ) -> Result<ExecutionResult<Vec<Val>>, ExecutionFailure> {
        let found = |live: &mut LiveComponent<T>| {
            export::find_for(live.parts.component.component(), export, params)
        };
        self.execute(found, async |store, instance, index| {
            call_dynamic(store, instance, &index, params).await
        })
        .await
    }

    /// Runs `body` on the instance, for hosts with generated bindings; see
    /// [`LiveComponent::call_with`].
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    ///
    /// # Panics
    ///
    /// As `call`.
    pub async fn call_with<R, F>(&mut self, body: F) -> Result<ExecutionResult<R>, ExecutionFailure>
    where
        F: AsyncFnOnce(&mut Store<T>, Instance) -> wasmtime::Result<R>,
    {
        self.execute(|_| Ok(()), async |store, instance, ()| body(store, instance).await).await
    }

    /// Finds `export` and checks its types, once for many calls; see [`LiveComponent::func`].
    ///
    /// # Errors
    ///
    /// As `LiveComponent::func`; and if the slot is empty, as [`call`](Self::call).
    pub async fn func<P, R>(&mut self, export: &str) -> WasmResult<LiveFunction<P, R>>
    where
        P: ComponentNamedList + Lower + Send + Sync,
        R: ComponentNamedList + Lift + Send + Sync + 'static,
    {
        if self.instance.is_none() {
            self.respawn().await.map_err(ExecutionFailure::into_error)?;
        }
        occupant(&mut self.instance).func(export)
    }

    /// Puts a new instance into the empty slot, if the host chose so.
    #[cold]
    async fn respawn(&mut self) -> Result<(), ExecutionFailure> {
        let Some(new_state) = &mut self.new_state else {
            let reason = String::from(
                "the live instance is gone after an earlier call, and its slot does not respawn it",
            );
            let error = WasmError::InvalidConfiguration { reason };
            return Err(never_started(error, &self.limits, &LimitState::new()));
        };
        let state = new_state();
        let made = self.executor.instantiate(&self.component, &self.limits, state).await?;
        self.instance = Some(made.output);
        Ok(())
    }

    /// Runs `body` on the instance in its place, with the function that is `found` in it. The slot
    /// is empty after an abnormal end, and where the future is dropped (D2 of the design).
    #[expect(clippy::manual_async_fn, reason = "an `async fn` keeps each argument twice")]
    pub(crate) fn execute<C, R, F>(
        &mut self,
        found: impl FnOnce(&mut LiveComponent<T>) -> Result<C, InvalidCall>,
        body: F,
    ) -> impl Future<Output = Result<ExecutionResult<R>, ExecutionFailure>>
    where
        F: AsyncFnOnce(&mut Store<T>, Instance, C) -> wasmtime::Result<R>,
    {
        async move {
            if kept_thread::is_due() {
                kept_thread::go().await;
            }
            if self.instance.is_none() {
                self.respawn().await?;
            }
            let live = occupant(&mut self.instance);
            let call = match found(live) {
                Ok(call) => call,
                Err(call) => return Err(live.refused(call.into())),
            };
            // Before the tenancy, so that it is dropped after the store.
            let permit = match live.enter() {
                Ok(permit) => permit,
                Err(error) => return Err(live.refused(error)),
            };
            let mut tenancy = Tenancy { place: &mut self.instance, is_kept: false };
            let LiveComponent { parts, store, instance, identity } = occupant(tenancy.place);
            let guest = async |store: &mut Store<T>| {
                store.data_mut().limits().meter.note_instance(Duration::ZERO);
                body(store, *instance, call).await
            };
            let result = {
                let pool = parts.executor.pool();
                let mut execution = Execution::arm(store, &parts.limits, identity, pool.as_deref());
                let mut output = None;
                let driven = execution.drive(store, &mut output, guest).await;
                let result = execution.finish(store, driven, output);
                tenancy.is_kept =
                    execution.keeps(store, StoreFate::KeepUnlessEntered, result.is_ok());
                result
            };
            match tenancy.place.take_if(|_| !tenancy.is_kept) {
                None => result,
                Some(lost) => {
                    // `result` itself must not live across the await: it would be kept in the
                    // future, and copied there on the way of a success, too.
                    let failed = result;
                    drop_store(lost.store, permit).await;
                    failed
                }
            }
        }
    }
}

/// Returns the instance in a place that has one.
fn occupant<T>(place: &mut Option<LiveComponent<T>>) -> &mut LiveComponent<T> {
    place.as_mut().unwrap_or_else(|| unreachable!("an empty place was filled or refused before"))
}

/// The stay of an instance in its place during a call. Leaves the place empty unless the instance
/// is to be kept.
struct Tenancy<'p, T: 'static> {
    place: &'p mut Option<LiveComponent<T>>,
    is_kept: bool,
}

impl<T> Drop for Tenancy<'_, T> {
    fn drop(&mut self) {
        if !self.is_kept {
            *self.place = None;
        }
    }
}

impl<T> fmt::Debug for LiveSlot<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveSlot")
            .field("instance", &self.instance)
            .field("respawns", &self.new_state.is_some())
            .finish_non_exhaustive()
    }
}
