//! The call hook: looks at deadline, cancellation and slice where control passes between guest and
//! host.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use limits_core::QuotaError;
use wasmtime::{
    AsContext as _, AsContextMut as _, CallHook, CallHookHandler, Result, StoreContextMut, Trap,
};

use crate::moment::Moment;
use crate::state::HasLimits;

/// Reads the clock wherever the guest is entered or comes back from the host.
///
/// Fuel covers neither host functions nor the runtime's own work: a guest that loops over
/// `clocks.now` or a failing `memory.grow` burns almost none.
///
/// # Invariants
///
/// - I3: the store's fuel is changed only where the guest has written its counter back and reads it
///   again: as a host function that charged returns or calls into the guest, and on the return of a
///   fuel yield. At other returns (`memory.grow`, `table.grow`) the count is in a register and the
///   store's is stale: writing it would refund fuel that the guest has used.
#[derive(Debug)]
pub(crate) struct Hook;

/// The reason for which the hook or the driver ended an execution. Travels through the guest as an
/// error.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Stop {
    Deadline,
    Cancelled,
    /// The account has no CPU time left. Never raised inside the guest. Boxed, since all ends move.
    Quota(Box<QuotaError>),
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deadline => f.write_str("deadline passed"),
            Self::Cancelled => f.write_str("cancelled"),
            Self::Quota(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl core::error::Error for Stop {}

/// Handles an event. Returns whether the guest is to be suspended before it runs on.
fn on_event<T: HasLimits>(cx: &mut StoreContextMut<'_, T>, event: CallHook) -> Result<bool> {
    cx.data_mut().limits().limiter.confirm_growth();
    match event {
        CallHook::CallingHost => {
            // Never less than what is really left: a count in a register is only ever higher.
            let left = cx.as_context().get_fuel().unwrap_or(0);
            let limits = cx.data_mut().limits();
            let _ = limits.cancel.clock().take_yielded();
            // The store has one unit more than the guest may use.
            limits.meter.note_fuel(left.saturating_sub(1));
            if left == 0 {
                // Straight code looks at its fuel nowhere, and could call the host for nothing.
                return Err(Trap::OutOfFuel.into());
            }
            Ok(false)
        }
        CallHook::CallingWasm => {
            let limits = cx.data_mut().limits();
            let _ = limits.cancel.clock().take_yielded();
            // Before a later slice the execution has waited, for its turn or for CPU time.
            let has_waited = limits.cancel.clock().is_later_slice();
            let is_to_be_timed = limits.meter.note_entry() || has_waited;
            take_charge(cx)?;
            if is_to_be_timed {
                let now = check(cx)?;
                let limits = cx.data_mut().limits();
                let left = limits.cancel.clock().nanos_left(now);
                if let Some(interval) = limits.meter.approach(left) {
                    cx.as_context_mut().fuel_async_yield_interval(Some(interval))?;
                }
            }
            Ok(false)
        }
        CallHook::ReturningFromHost => {
            take_charge(cx)?;
            let has_yielded = cx.data_mut().limits().cancel.clock().take_yielded();
            if !has_yielded {
                let now = check(cx)?;
                return Ok(cx.data_mut().limits().cancel.clock().is_slice_over(now));
            }
            let fuel = cx.as_context().get_fuel().unwrap_or(0);
            let limits = cx.data_mut().limits();
            // The driver has just looked at the clock, if this is a yield of the guest.
            let now = match limits.meter.is_interval_over(fuel) && !limits.cancel.is_cancelled() {
                true => limits.cancel.clock().poll_began(),
                false => check(cx)?,
            };
            steer(cx, fuel, now)?;
            Ok(cx.data_mut().limits().cancel.clock().is_slice_over(now))
        }
        CallHook::ReturningFromWasm => {
            let _ = cx.data_mut().limits().cancel.clock().take_yielded();
            Ok(false)
        }
    }
}

/// Reads the clock, and ends the guest if it is cancelled or its deadline has passed.
fn check<T: HasLimits>(cx: &mut StoreContextMut<'_, T>) -> Result<Moment> {
    let limits = cx.data_mut().limits();
    if limits.cancel.is_cancelled() {
        return Err(Stop::Cancelled.into());
    }
    let now = Moment::now();
    if limits.cancel.clock().is_expired(now) {
        // Out of fuel comes first in the order of causes.
        return Err(match cx.as_context().get_fuel() {
            Ok(0) => Trap::OutOfFuel.into(),
            _ => Stop::Deadline.into(),
        });
    }
    Ok(now)
}

/// Chooses the next interval of a guest that comes back from a yield with `fuel` in the store.
fn steer<T: HasLimits>(cx: &mut StoreContextMut<'_, T>, fuel: u64, now: Moment) -> Result<()> {
    let limits = cx.data_mut().limits();
    let clock = limits.cancel.clock();
    let left = clock.nanos_left(now);
    if let Some(interval) = limits.meter.steer(fuel, clock.ran(), left) {
        cx.as_context_mut().fuel_async_yield_interval(Some(interval))?;
    }
    Ok(())
}

/// Takes from the store the fuel that host functions charged.
///
/// A charge comes from a host function, and the next event after it is that function's return or
/// its call into the guest; the guest's counter is in the store at both (I3).
fn take_charge<T: HasLimits>(cx: &mut StoreContextMut<'_, T>) -> Result<()> {
    let charge = cx.data_mut().limits().meter.take_charge();
    if charge == 0 {
        return Ok(());
    }
    let mut cx = cx.as_context_mut();
    match cx.get_fuel()?.checked_sub(charge) {
        Some(left) => cx.set_fuel(left),
        None => {
            cx.set_fuel(0)?;
            Err(Trap::OutOfFuel.into())
        }
    }
}

impl<T: HasLimits + Send + 'static> CallHookHandler<T> for Hook {
    // Written out instead of `async fn` so that the common case allocates nothing: boxing a
    // future without fields is free.
    fn handle_call_event<'s, 'cx, 'out>(
        &'s self,
        mut cx: StoreContextMut<'cx, T>,
        event: CallHook,
    ) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 'out>>
    where
        's: 'out,
        'cx: 'out,
        Self: 'out,
    {
        match on_event(&mut cx, event) {
            Ok(false) => Box::pin(Done),
            Ok(true) => {
                cx.data_mut().limits().cancel.clock().park();
                Box::pin(Parked { resumed: false })
            }
            Err(error) => Box::pin(core::future::ready(Err(error))),
        }
    }
}

struct Done;

impl Future for Done {
    type Output = Result<()>;

    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(Ok(()))
    }
}

/// Suspends the guest once. The driver learns of it from the [`SliceClock`], goes to the runtime
/// and comes back. The wake is for a future that a host may have put between driver and guest.
///
/// [`SliceClock`]: crate::slice_clock::SliceClock
struct Parked {
    resumed: bool,
}

impl Future for Parked {
    type Output = Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.resumed {
            return Poll::Ready(Ok(()));
        }
        self.resumed = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
