//! What happens each time control passes between guest and host.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use limits_core::QuotaError;
use wasmtime::{
    AsContext as _, AsContextMut as _, CallHook, CallHookHandler, Result, StoreContextMut, Trap,
};

use crate::meter::Verdict;
use crate::state::HasLimits;

/// Holds the guest against the clock wherever it is entered or comes back from the host.
///
/// Fuel sees neither host functions nor the runtime's own work: a guest that loops over
/// `clocks.now` or a failing `memory.grow` burns almost none. So the clock is read here too.
///
/// # Invariants
///
/// - I3: the store's fuel is changed only where the guest has written its counter back and reads it
///   again: as a host function that charged returns or calls into the guest, and on the return of a
///   fuel yield. At other returns (`memory.grow`, `table.grow`) the count is in a register, what the store holds
///   is stale, and writing it would hand the guest fuel that it has used.
#[derive(Debug)]
pub(crate) struct Hook;

/// Why the hook or the driver ended an execution. Travels through the guest as an error.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Stop {
    Deadline,
    Cancelled,
    /// The account has no CPU time left. Never raised inside the guest.
    Quota(QuotaError),
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

enum Next {
    Continue,
    Park,
}

fn on_event<T: HasLimits>(cx: &mut StoreContextMut<'_, T>, event: CallHook) -> Result<Next> {
    cx.data_mut().limits().limiter.settle();
    match event {
        CallHook::CallingHost => {
            // Never less than what is really left: a count in a register is only ever higher.
            let left = cx.as_context().get_fuel().unwrap_or(0);
            let limits = cx.data_mut().limits();
            limits.meter.forget_yield();
            // The store has one unit more than the guest may use.
            limits.meter.note_fuel(left.saturating_sub(1));
            if left == 0 {
                // Straight code looks at its fuel nowhere, and could call the host for nothing.
                return Err(Trap::OutOfFuel.into());
            }
            Ok(Next::Continue)
        }
        CallHook::CallingWasm => {
            let meter = &mut cx.data_mut().limits().meter;
            meter.forget_yield();
            meter.note_entry();
            take_charge(cx)?;
            check(cx)?;
            Ok(Next::Continue)
        }
        CallHook::ReturningFromHost => {
            take_charge(cx)?;
            let verdict = check(cx)?;
            let fuel = cx.as_context().get_fuel().unwrap_or(0);
            if let Some(interval) = cx.data_mut().limits().meter.steer(fuel) {
                cx.as_context_mut().fuel_async_yield_interval(Some(interval))?;
            }
            Ok(if verdict == Verdict::Park { Next::Park } else { Next::Continue })
        }
        CallHook::ReturningFromWasm => {
            cx.data_mut().limits().meter.forget_yield();
            Ok(Next::Continue)
        }
    }
}

/// Ends the guest if it is cancelled or its deadline has passed.
fn check<T: HasLimits>(cx: &mut StoreContextMut<'_, T>) -> Result<Verdict> {
    let limits = cx.data_mut().limits();
    if limits.cancel.is_cancelled() {
        return Err(Stop::Cancelled.into());
    }
    match limits.meter.check() {
        // Out of fuel comes first in the order of blame.
        Verdict::Expired => Err(match cx.as_context().get_fuel() {
            Ok(0) => Trap::OutOfFuel.into(),
            _ => Stop::Deadline.into(),
        }),
        verdict => Ok(verdict),
    }
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
            Ok(Next::Continue) => Box::pin(Done),
            Ok(Next::Park) => {
                cx.data_mut().limits().meter.park();
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

/// Suspends the guest once. The driver, which knows from the [`Turn`], goes to the runtime and comes
/// back; the wake is for whatever a host has put between the driver and the guest.
///
/// [`Turn`]: crate::meter::Turn
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
