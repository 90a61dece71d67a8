//! An instance that is kept between calls.

use core::fmt;
use core::time::Duration;

use limits_core::{Blame, InvalidCall, ResourceLimits, WasmError, WasmResult};
use tokio::sync::OwnedSemaphorePermit;
use wasmtime::Store;
use wasmtime::component::{ComponentNamedList, Instance, Lift, Lower, TypedFunc, Val};

use crate::cancel::CancelHandle;
use crate::execution::{StoreFate, never_started, run};
use crate::executor::ComponentExecutor;
use crate::export::{self, call_dynamic, call_typed, typed_function};
use crate::failure::ExecutionFailure;
use crate::kept_thread;
use crate::live_function::LiveFunction;
use crate::prepared::PreparedComponent;
use crate::report::ExecutionResult;
use crate::state::HasLimits;
use crate::yield_waker::KeptWaker;

/// An instance that keeps its memory between calls, for hosts that run components as actors.
///
/// Each call is an execution with fresh fuel and a fresh deadline. Memory is bounded over the whole
/// life of the store. A call takes the instance and returns it when it ends well. After a trap, a
/// timeout or a cancellation no instance of the store can be entered again, so the instance is
/// gone. A call whose future is dropped before its end, by `tokio::time::timeout` or `select!`,
/// loses the instance as well: bound a call by the limits' timeout, and cancel it by its
/// [`CancelHandle`].
///
/// A host that calls through `&mut self`, or wants a new instance after the loss of one, keeps it
/// in a [`LiveSlot`](crate::LiveSlot).
pub struct LiveComponent<T: 'static> {
    pub(crate) parts: Box<LiveParts<T>>,
    pub(crate) store: Store<T>,
    pub(crate) instance: Instance,
    /// Tells the store's own `LimitState` from one that was put in its place.
    pub(crate) identity: CancelHandle,
}

/// The parts of a live instance that calls do not change. Boxed, since calls move the instance.
pub(crate) struct LiveParts<T: 'static> {
    pub(crate) executor: ComponentExecutor,
    pub(crate) component: PreparedComponent<T>,
    pub(crate) limits: ResourceLimits,
}

/// The outcome of a call that takes an instance.
type Called<T, R> = Result<(LiveComponent<T>, ExecutionResult<R>), CallFailure<T>>;

impl<T: HasLimits + Send + 'static> LiveComponent<T> {
    pub(crate) fn new(
        executor: ComponentExecutor,
        component: PreparedComponent<T>,
        mut store: Store<T>,
        instance: Instance,
        limits: &ResourceLimits,
    ) -> Self {
        let state = store.data_mut().limits();
        let identity = state.cancel_handle();
        // Instantiation had the waker in the handle. No call is to allocate one.
        state.waker = Some(KeptWaker::new());
        let parts = Box::new(LiveParts { executor, component, limits: *limits });
        Self { parts, store, instance, identity }
    }

    /// Returns the host's data.
    #[must_use]
    pub fn state(&self) -> &T {
        self.store.data()
    }

    /// Returns the host's data for changing it between calls.
    ///
    /// Its [`LimitState`](crate::LimitState) must stay where it is: it knows what the store uses. A
    /// call into a store that has another one is refused.
    pub fn state_mut(&mut self) -> &mut T {
        self.store.data_mut()
    }

    /// Ends the instance and returns the host's data. The account gets the memory back.
    #[must_use]
    pub fn into_state(self) -> T {
        let mut state = self.store.into_data();
        let limits = state.limits();
        if limits.cancel.is_same(&self.identity) {
            limits.limiter.release_all();
        }
        state
    }

    /// Finds `export` and checks its types, once for many calls.
    ///
    /// The handle outlives the calls; it is called through the [`LiveSlot`](crate::LiveSlot) that
    /// holds the instance.
    ///
    /// # Errors
    ///
    /// [`WasmError::InvalidCall`] if there is no such function, or its types are not `P` and `R`.
    pub fn func<P, R>(&mut self, export: &str) -> WasmResult<LiveFunction<P, R>>
    where
        P: ComponentNamedList + Lower + Send + Sync,
        R: ComponentNamedList + Lift + Send + Sync + 'static,
    {
        Ok(LiveFunction::new(export, self.typed(export)?, self.identity.clone()))
    }

    /// Finds `export` and checks its types.
    pub(crate) fn typed<P, R>(&mut self, export: &str) -> Result<TypedFunc<P, R>, InvalidCall>
    where
        P: ComponentNamedList + Lower,
        R: ComponentNamedList + Lift,
    {
        let prepared = &self.parts.component;
        let component = prepared.component();
        let index = prepared.exports().find(component, export)?;
        typed_function(&mut self.store, self.instance, component, export, &index)
    }

    /// Calls `export` with `params`; see
    /// [`execute_with_limits`](ComponentExecutor::execute_with_limits).
    ///
    /// # Errors
    ///
    /// A [`CallFailure`]. If the guest was not entered (host busy, no such export, no CPU time,
    /// ...) and is not cancelled, it still has the instance.
    ///
    /// # Panics
    ///
    /// If the tokio runtime has its timer disabled and the guest waits in a host function.
    pub async fn call<P, R>(mut self, export: &str, params: P) -> Called<T, R>
    where
        P: ComponentNamedList + Lower + Send + Sync,
        R: ComponentNamedList + Lift + Send + Sync + 'static,
    {
        match self.typed::<P, R>(export) {
            Ok(function) => {
                self.execute(async |store, _| call_typed(store, &function, params).await).await
            }
            Err(call) => Err(self.untouched(call.into())),
        }
    }

    /// Calls `export` with values whose types are known only at run time.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    ///
    /// # Panics
    ///
    /// As `call`.
    pub async fn call_dynamic(self, export: &str, params: &[Val]) -> Called<T, Vec<Val>> {
        match export::find_for(self.parts.component.component(), export, params) {
            Ok(index) => {
                self.execute(async |store, instance| {
                    call_dynamic(store, instance, &index, params).await
                })
                .await
            }
            Err(call) => Err(self.untouched(call.into())),
        }
    }

    /// Runs `body` on the instance, for hosts with generated bindings; see
    /// [`execute_with`](ComponentExecutor::execute_with).
    ///
    /// All of `body` is one execution. If a call of its fails, `body` should return the error, and
    /// it should drop no call before its end: no guest code runs in the store after either, and the
    /// next call fails with [`WasmError::InvalidConfiguration`] and loses the instance.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    ///
    /// # Panics
    ///
    /// As `call`.
    pub async fn call_with<R, F>(self, body: F) -> Called<T, R>
    where
        F: AsyncFnOnce(&mut Store<T>, Instance) -> wasmtime::Result<R>,
    {
        self.execute(body).await
    }

    async fn execute<R, F>(mut self, body: F) -> Called<T, R>
    where
        F: AsyncFnOnce(&mut Store<T>, Instance) -> wasmtime::Result<R>,
    {
        if kept_thread::is_due() {
            kept_thread::go().await;
        }
        let permit = match self.enter() {
            Ok(permit) => permit,
            Err(error) => return Err(self.untouched(error)),
        };
        let Self { parts, store, instance, identity } = self;
        let guest = async |store: &mut Store<T>| {
            store.data_mut().limits().meter.note_instance(Duration::ZERO);
            body(store, instance).await
        };
        let (pool, fate) = (parts.executor.pool(), StoreFate::KeepUnlessEntered);
        let (result, store) = run(permit, store, &parts.limits, fate, pool.as_deref(), guest).await;
        drop(pool);
        let live = store.map(|store| Self { parts, store, instance, identity });
        match (result, live) {
            (Ok(result), Some(live)) => Ok((live, result)),
            (Ok(_), None) => unreachable!("the store of a success is kept"),
            (Err(failure), live) => Err(CallFailure::new(failure, live)),
        }
    }

    /// Takes a place among the concurrent executions, if the instance may be entered.
    pub(crate) fn enter(&mut self) -> WasmResult<Option<OwnedSemaphorePermit>> {
        if !self.store.data_mut().limits().cancel.is_same(&self.identity) {
            let reason = String::from(
                "the store's LimitState was replaced between two calls; it must stay, since it \
                 knows what the store uses",
            );
            return Err(WasmError::InvalidConfiguration { reason });
        }
        self.parts.executor.enter(&self.parts.limits)
    }

    /// Returns the failure of a call that never entered the guest, and announces it.
    pub(crate) fn refused(&mut self, error: WasmError) -> ExecutionFailure {
        never_started(error, &self.parts.limits, self.store.data_mut().limits())
    }

    fn untouched(mut self, error: WasmError) -> CallFailure<T> {
        let failure = self.refused(error);
        CallFailure::new(failure, Some(self))
    }
}

impl<T> fmt::Debug for LiveComponent<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveComponent").field("limits", &self.parts.limits).finish_non_exhaustive()
    }
}

/// A call of a live instance that did not end well.
pub struct CallFailure<T: 'static> {
    failure: ExecutionFailure,
    instance: Option<Box<LiveComponent<T>>>,
}

impl<T> CallFailure<T> {
    fn new(failure: ExecutionFailure, instance: Option<LiveComponent<T>>) -> Self {
        Self { failure, instance: instance.map(Box::new) }
    }

    /// Returns the party that must act on the failure.
    #[must_use]
    pub fn blame(&self) -> Blame {
        self.failure.blame()
    }

    /// Returns the reason.
    #[must_use]
    pub const fn failure(&self) -> &ExecutionFailure {
        &self.failure
    }

    /// Returns the failure and, if the guest was neither entered nor cancelled, the instance as it
    /// was.
    #[must_use]
    pub fn into_parts(self) -> (ExecutionFailure, Option<LiveComponent<T>>) {
        (self.failure, self.instance.map(|instance| *instance))
    }
}

impl<T> fmt::Debug for CallFailure<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallFailure")
            .field("failure", &self.failure)
            .field("has_instance", &self.instance.is_some())
            .finish()
    }
}

impl<T> fmt::Display for CallFailure<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.failure, f)
    }
}

impl<T> core::error::Error for CallFailure<T> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        self.failure.source()
    }
}

impl<T> From<CallFailure<T>> for WasmError {
    fn from(failure: CallFailure<T>) -> Self {
        failure.failure.into_error()
    }
}
