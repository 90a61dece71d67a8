//! An export of a live instance that is found and checked once.

use core::fmt;
use core::future::Future;

use limits_core::InvalidCall;
use wasmtime::component::{ComponentNamedList, Lift, Lower, TypedFunc};

use crate::cancel::CancelHandle;
use crate::export::call_typed;
use crate::failure::ExecutionFailure;
use crate::live::LiveComponent;
use crate::live_slot::LiveSlot;
use crate::report::ExecutionResult;
use crate::state::HasLimits;

/// An exported function that is found and type-checked once, and called many times.
///
/// Made by [`LiveComponent::func`](crate::LiveComponent::func) or [`LiveSlot::func`]. It holds no
/// instance, and keeps none alive: each call names the slot. A call through it allocates nothing
/// beyond what Wasmtime does, unless the guest waits.
///
/// Where the slot has another instance than at the call before, because it replaced a lost one, the
/// call finds and checks the function there.
///
/// ```
/// # use limits_wasmtime::{ComponentExecutor, LimitState, LiveSlot, create_engine};
/// # use limits_wasmtime::limits_core::ResourceLimits;
/// # use limits_wasmtime::wasmtime::component::Linker;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let bytes = wat::parse_str(r#"(component
/// #   (core module $m (global $n (mut i32) (i32.const 0))
/// #     (func (export "add") (param i32) (result i32)
/// #       (global.set $n (i32.add (global.get $n) (local.get 0))) (global.get $n)))
/// #   (core instance $i (instantiate $m))
/// #   (func (export "add") (param "n" u32) (result u32) (canon lift (core func $i "add"))))"#)?;
/// # let executor = ComponentExecutor::new(create_engine()?)?;
/// # let linker = Linker::new(executor.engine());
/// # let component = executor.prepare(&executor.compile(&bytes)?, &linker)?;
/// # let limits = ResourceLimits::builder().memory_bytes(0).build()?;
/// let mut live = executor.instantiate(&component, &limits, LimitState::new()).await?.output;
/// let mut add = live.func::<(u32,), (u32,)>("add")?;
/// let mut slot = LiveSlot::new(live);
/// assert_eq!(add.call(&mut slot, (40,)).await?.output, (40,));
/// assert_eq!(add.call(&mut slot, (2,)).await?.output, (42,));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct LiveFunction<P, R> {
    export: Box<str>,
    function: TypedFunc<P, R>,
    /// Tells the store that `function` belongs to from others.
    identity: CancelHandle,
}

impl<P, R> LiveFunction<P, R> {
    pub(crate) fn new(export: &str, function: TypedFunc<P, R>, identity: CancelHandle) -> Self {
        Self { export: Box::from(export), function, identity }
    }

    /// Returns the name of the export.
    #[must_use]
    pub const fn export(&self) -> &str {
        &self.export
    }
}

impl<P, R> LiveFunction<P, R>
where
    P: ComponentNamedList + Lower + Send + Sync,
    R: ComponentNamedList + Lift + Send + Sync + 'static,
{
    /// Calls the function in the instance of `slot`, as [`LiveSlot::call`] does.
    ///
    /// # Errors
    ///
    /// As `LiveSlot::call`.
    ///
    /// # Panics
    ///
    /// As `LiveSlot::call`.
    // Not `async`: another layer would copy the report, the largest part of a short call's cost.
    pub fn call<'c, T: HasLimits + Send + 'static>(
        &'c mut self,
        slot: &'c mut LiveSlot<T>,
        params: P,
    ) -> impl Future<Output = Result<ExecutionResult<R>, ExecutionFailure>> + use<'c, T, P, R> {
        slot.execute(
            move |live| self.bind(live),
            async |store, _, function| call_typed(store, function, params).await,
        )
    }

    /// Returns the function in the instance `live`.
    fn bind<T: HasLimits + Send + 'static>(
        &mut self,
        live: &mut LiveComponent<T>,
    ) -> Result<&TypedFunc<P, R>, InvalidCall> {
        if !live.identity.is_same(&self.identity) {
            self.function = live.typed(&self.export)?;
            self.identity = live.identity.clone();
        }
        Ok(&self.function)
    }
}

impl<P, R> fmt::Debug for LiveFunction<P, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveFunction").field("export", &self.export).finish_non_exhaustive()
    }
}
