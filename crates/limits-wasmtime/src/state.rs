//! The state in the host's store data that keeps a guest within its limits.

use core::time::Duration;

use std::sync::Arc;

use limits_core::{Account, CpuTimePolicy, ResourceLimits, WasmResult};
use limits_fair::Share;
use wasmtime::component::ResourceTable;

use crate::cancel::CancelHandle;
use crate::cpu_account::{CpuAccount, UnbilledTime};
use crate::limiter::Limiter;
use crate::meter::Meter;
use crate::moment::Moment;
use crate::yield_waker::KeptWaker;

const NANOS_PER_MS: u64 = 1_000_000;

/// The limiter and the meter of one store, owned by the host's store data.
///
/// Put one into the store's `T` and implement [`HasLimits`] to find it there; the executor arms it.
/// Until then it allows nothing: a store that was never armed runs no guest.
///
/// Host functions reach it through the store data, to see the fuel and time left and to charge for
/// work.
#[derive(Debug)]
pub struct LimitState {
    pub(crate) limiter: Limiter,
    pub(crate) meter: Meter,
    pub(crate) cancel: CancelHandle,
    pub(crate) cpu: Option<CpuAccount>,
    /// CPU time of earlier executions: most calls into a kept instance are shorter than the unit
    /// that accounts count in.
    pub(crate) unbilled: UnbilledTime,
    pub(crate) share: Option<Share>,
    /// The waker of the last execution, for the next one.
    pub(crate) waker: Option<KeptWaker>,
}

impl Default for LimitState {
    fn default() -> Self {
        Self {
            limiter: Limiter::default(),
            meter: Meter::default(),
            cancel: CancelHandle::new(),
            cpu: None,
            unbilled: UnbilledTime::default(),
            share: None,
            waker: None,
        }
    }
}

impl LimitState {
    /// Returns a state that allows nothing until an executor arms it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts an execution: fresh fuel, fresh deadline.
    #[inline]
    pub(crate) fn arm(&mut self, limits: &ResourceLimits) {
        let timeout_nanos = limits.execution_timeout_ms().saturating_mul(NANOS_PER_MS);
        self.cancel.clock().start(Moment::now(), timeout_nanos);
        self.meter.arm(limits, timeout_nanos);
        self.limiter.begin_execution();
    }

    /// Notes that the store has its instance from now on.
    pub(crate) fn note_instantiated(&mut self) {
        self.meter.note_instance(self.cancel.clock().elapsed());
    }

    /// Notes that the store has its instance from now on, and that nothing but the call's own entry
    /// comes next. Where the slice goes on, that entry need not read the clock again.
    #[inline]
    pub(crate) fn note_instance_and_call(&mut self) {
        let (clock, now) = (self.cancel.clock(), Moment::now());
        self.meter.note_instance(now.since(clock.started()));
        if !clock.is_expired(now) && !clock.is_slice_over(now) {
            self.meter.note_immediate_call();
        }
    }

    /// Takes memory and CPU time from `account`, on top of the store's own limits.
    ///
    /// Memory is taken as it grows and released when the store is dropped; where the account
    /// refuses, the growth fails as it does at the store's own limit. CPU time is charged slice by
    /// slice after the fact, so each live store can overdraw by one slice. When there is none
    /// left, `policy` decides: the execution waits for the account's next window, or ends with the
    /// account's error. Where CPU time never comes (a quota of zero) it ends either way. The
    /// account hears of the end of each execution ([`Account::ended`]).
    ///
    /// To be called before the state is handed to the executor. One account may serve many stores:
    /// that is how a quota holds over all executions of a component.
    ///
    /// A `ComponentHandle` of quota-enforce can be passed as it is, a tracker after a coercion:
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use limits_wasmtime::limits_core::{
    ///     Account, CpuTimePolicy, QuotaTracker, ResourceLimits, ResourceQuota, WasmError,
    /// };
    /// # use limits_wasmtime::wasmtime::component::Linker;
    /// # use limits_wasmtime::{ComponentExecutor, LimitState, create_engine};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let bytes = wat::parse_str(r#"(component
    /// #   (core module $m (func (export "spin") (loop $l br $l)))
    /// #   (core instance $i (instantiate $m))
    /// #   (func (export "spin") (canon lift (core func $i "spin"))))"#)?;
    /// # let executor = ComponentExecutor::new(create_engine()?)?;
    /// # let linker = Linker::new(executor.engine());
    /// # let component = executor.prepare(&executor.compile(&bytes)?, &linker)?;
    /// # let limits = ResourceLimits::builder().memory_bytes(0).max_fuel(u64::MAX).build()?;
    /// // All executions with this account have 5 ms of CPU time in each second, together.
    /// let tracker = Arc::new(QuotaTracker::new(ResourceQuota::new().with_cpu_time(5)));
    /// let account: Arc<dyn Account> = Arc::<QuotaTracker>::clone(&tracker);
    ///
    /// let state = LimitState::new().with_account(account, CpuTimePolicy::Deny);
    /// let failure = executor
    ///     .execute_with_limits::<_, _, ()>(&component, &limits, state, "spin", ())
    ///     .await
    ///     .unwrap_err();
    /// assert!(matches!(failure.error(), WasmError::Quota(_)));
    /// assert!(tracker.usage().cpu_time_used_us >= 5_000);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_account(
        mut self,
        account: impl Into<Arc<dyn Account>>,
        policy: CpuTimePolicy,
    ) -> Self {
        let account = account.into();
        self.limiter.borrow_from(Arc::clone(&account));
        self.cpu = Some(CpuAccount { account, policy });
        self
    }

    /// Lets the executions of this store take their turns as a part of `share`, beside all others
    /// with that share. It has an effect on an executor
    /// [with fair slices](crate::ComponentExecutor::with_fair_slices); there, an execution without
    /// a share is a member of its own below the host, of weight 1.
    ///
    /// To be called before the state is handed to the executor.
    #[must_use]
    pub fn with_share(mut self, share: Share) -> Self {
        self.share = Some(share);
        self
    }

    /// Returns a handle that stops the executions of this store.
    #[must_use]
    pub fn cancel_handle(&self) -> CancelHandle {
        self.cancel.clone()
    }

    /// Returns the time left to the deadline of the current execution, or `None` if it has no
    /// deadline (a timeout beyond what the clock can express) or is not armed.
    ///
    /// Host functions that wait should bound their own waiting by it.
    #[must_use]
    pub fn remaining_time(&self) -> Option<Duration> {
        let left = || self.cancel.clock().time_left(Moment::now());
        self.meter.is_armed().then(left)?
    }

    /// Returns the fuel left as the guest called the host, less the charges since.
    #[must_use]
    pub fn remaining_fuel(&self) -> u64 {
        self.meter.fuel_left()
    }

    /// Takes `units` of fuel from the guest for work that a host function does for it.
    ///
    /// Host functions burn no fuel of their own: a loop over an expensive one is nearly free.
    /// Charge in proportion to the work, before doing it.
    ///
    /// # Errors
    ///
    /// [`OutOfFuel`](limits_core::WasmError::OutOfFuel) if that is more than is left. Return it
    /// from the host function. If the host function drops it, the guest is stopped all the same
    /// as the host function returns.
    pub fn charge_fuel(&mut self, units: u64) -> WasmResult<()> {
        self.meter.charge(units)
    }

    /// Returns the peak of the bytes of all memories and tables of the store together.
    #[must_use]
    pub fn peak_memory_bytes(&self) -> u64 {
        self.limiter.peak_bytes()
    }
}

/// Store data that carries a [`LimitState`].
///
/// A trait and not a wrapper type, so that the same data can implement other hosts' view traits,
/// as `wasmtime-wasi` asks for.
///
/// ```
/// use limits_wasmtime::{HasLimits, LimitState};
///
/// #[derive(Default)]
/// struct Host {
///     limits: LimitState,
///     greeting: String,
/// }
///
/// impl HasLimits for Host {
///     fn limits(&mut self) -> &mut LimitState {
///         &mut self.limits
///     }
/// }
/// ```
pub trait HasLimits {
    /// Returns the store's limits. Must be the same value every time.
    fn limits(&mut self) -> &mut LimitState;
}

impl HasLimits for LimitState {
    fn limits(&mut self) -> &mut LimitState {
        self
    }
}

/// Makes a resource table that holds at most [`ResourceLimits::max_resources`] entries.
///
/// Hosts that use one (`wasmtime-wasi` does) own it, so they must make it; Wasmtime's own bound
/// is a million entries. A guest that fills it is stopped with
/// [`LimitExceeded`](limits_core::WasmError::LimitExceeded).
#[must_use]
pub fn resource_table(limits: &ResourceLimits) -> ResourceTable {
    let mut table = ResourceTable::new();
    table.set_max_capacity(usize::try_from(limits.max_resources()).unwrap_or(usize::MAX));
    table
}

#[cfg(test)]
mod tests {
    use super::LimitState;
    use limits_core::ResourceLimits;

    #[test]
    fn a_timeout_of_more_nanoseconds_than_a_word_counts_is_no_deadline() {
        let armed = |timeout_ms: u64| {
            let limits = ResourceLimits::builder().memory_bytes(0);
            let mut state = LimitState::new();
            state.arm(&limits.execution_timeout_ms(timeout_ms).build().unwrap());
            state.remaining_time().map(|left| left.as_secs())
        };
        assert!(matches!(armed(60_000), Some(30..=60)), "a minute, and a slow machine");
        // A millionth of 2^64, rounded up.
        assert_eq!(armed(18_446_744_073_710), None);
        assert_eq!(armed(u64::MAX), None);
    }
}
