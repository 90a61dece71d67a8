//! A store that is kept between calls.

use core::fmt;

use limits_core::{Blame, ResourceLimits, WasmError};
use tokio::sync::OwnedSemaphorePermit;
use wasmtime::Store;
use wasmtime::component::{Component, ComponentNamedList, Instance, Lift, Lower, Val};

use crate::cancel::CancelHandle;
use crate::execution::{Run, unused};
use crate::executor::{ComponentExecutor, call_dynamic, function};
use crate::export;
use crate::failure::ExecutionFailure;
use crate::report::ExecutionResult;
use crate::retire::retire;
use crate::state::HasLimits;

/// An instance that keeps its memory between calls, for hosts that run components as actors.
///
/// Each call is an execution with fresh fuel and a fresh deadline. A call takes the instance and
/// hands it back when it ends well; after a trap, a timeout or a cancellation no instance of the
/// store can be entered again, so it is gone. Memory is bounded over the whole life of the
/// store.
pub struct LiveComponent<T: 'static> {
    executor: ComponentExecutor,
    component: Component,
    store: Store<T>,
    instance: Instance,
    limits: ResourceLimits,
    /// Tells the store's own `LimitState` from one that was put in its place.
    identity: CancelHandle,
}

impl<T: HasLimits + Send + 'static> LiveComponent<T> {
    pub(crate) fn new(
        executor: ComponentExecutor,
        component: Component,
        mut store: Store<T>,
        instance: Instance,
        limits: &ResourceLimits,
    ) -> Self {
        let identity = store.data_mut().limits().cancel_handle();
        Self { executor, component, store, instance, limits: *limits, identity }
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

    /// Ends the instance and returns the host's data.
    #[must_use]
    pub fn into_state(self) -> T {
        self.store.into_data()
    }

    /// Calls `export` with `params`; see
    /// [`execute_with_limits`](ComponentExecutor::execute_with_limits).
    ///
    /// # Errors
    ///
    /// A [`CallFailure`]. If the guest was not entered (host busy, no such export, no CPU time left,
    /// cancelled before, ...), it still has the instance.
    ///
    /// # Panics
    ///
    /// If the tokio runtime has its timer disabled and the guest waits in a host function.
    pub async fn call<P, R>(
        mut self,
        export: &str,
        params: P,
    ) -> Result<(Self, ExecutionResult<R>), CallFailure<T>>
    where
        P: ComponentNamedList + Lower + Send + Sync,
        R: ComponentNamedList + Lift + Send + Sync + 'static,
    {
        let function = export::find(&self.component, export).and_then(|index| {
            self.instance
                .get_typed_func::<P, R>(&mut self.store, &index)
                .map_err(|error| export::mismatch(&self.component, export, &error))
        });
        let function = match function {
            Ok(function) => function,
            Err(error) => return Err(self.untouched(error.into())),
        };
        let permit = match self.enter() {
            Ok(permit) => permit,
            Err(failure) => return Err(CallFailure::new(failure, Some(self))),
        };
        let run = match Run::arm(&mut self.store, &self.limits) {
            Ok(run) => run,
            Err(failure) => return Err(CallFailure::new(failure, None)),
        };
        let ended = run.drive(function.call_async(&mut self.store, params)).await;
        match run.settle(&mut self.store, ended) {
            Ok(result) => Ok((self, result)),
            Err(failure) => Err(self.ended(failure, permit).await),
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
    pub async fn call_dynamic(
        mut self,
        export: &str,
        params: &[Val],
    ) -> Result<(Self, ExecutionResult<Vec<Val>>), CallFailure<T>> {
        let function = export::find_for(&self.component, export, params)
            .map_err(WasmError::from)
            .and_then(|index| function(&mut self.store, self.instance, &index, export));
        let function = match function {
            Ok(function) => function,
            Err(error) => return Err(self.untouched(error)),
        };
        let permit = match self.enter() {
            Ok(permit) => permit,
            Err(failure) => return Err(CallFailure::new(failure, Some(self))),
        };
        let run = match Run::arm(&mut self.store, &self.limits) {
            Ok(run) => run,
            Err(failure) => return Err(CallFailure::new(failure, None)),
        };
        let guest = call_dynamic(&mut self.store, function, params);
        let ended = run.drive(guest).await;
        match run.settle(&mut self.store, ended) {
            Ok(result) => Ok((self, result)),
            Err(failure) => Err(self.ended(failure, permit).await),
        }
    }

    fn enter(&mut self) -> Result<Option<OwnedSemaphorePermit>, ExecutionFailure> {
        if !self.store.data_mut().limits().cancel.is_same(&self.identity) {
            let reason = String::from(
                "the store's LimitState was replaced between two calls; it must stay, since it \
                 knows what the store uses",
            );
            return Err(unused(WasmError::InvalidConfiguration { reason }, &self.limits));
        }
        self.executor.enter(&self.limits)
    }

    /// Ends the instance after a call that failed; one that was not entered is as it was.
    async fn ended(
        mut self,
        failure: ExecutionFailure,
        permit: Option<OwnedSemaphorePermit>,
    ) -> CallFailure<T> {
        if self.store.data_mut().limits().meter.is_entered() {
            retire(self.store, permit).await;
            return CallFailure::new(failure, None);
        }
        CallFailure::new(failure, Some(self))
    }

    fn untouched(self, error: WasmError) -> CallFailure<T> {
        CallFailure::new(unused(error, &self.limits), Some(self))
    }
}

impl<T> fmt::Debug for LiveComponent<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveComponent").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// A call into a kept store that did not end well.
pub struct CallFailure<T: 'static> {
    failure: ExecutionFailure,
    instance: Option<Box<LiveComponent<T>>>,
}

impl<T> CallFailure<T> {
    fn new(failure: ExecutionFailure, instance: Option<LiveComponent<T>>) -> Self {
        Self { failure, instance: instance.map(Box::new) }
    }

    /// Tells who has to answer for the failure.
    #[must_use]
    pub fn blame(&self) -> Blame {
        self.failure.blame()
    }

    /// Returns why the call failed.
    #[must_use]
    pub const fn failure(&self) -> &ExecutionFailure {
        &self.failure
    }

    /// Gives the failure and, if the guest was not entered, the instance as it was.
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
