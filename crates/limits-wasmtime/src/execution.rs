//! One execution in a store: armed, driven, finished, and announced to its account.

use core::pin::pin;
use core::time::Duration;

use limits_core::{ExecutionEnd, ExecutionOutcome, FuelMetrics, ResourceLimits, WasmError};
use tokio::sync::OwnedSemaphorePermit;
use wasmtime::{Store, Trap};

use crate::cancel::CancelHandle;
use crate::cpu_account::{CpuAccount, TimeUse};
use crate::driven::{Driven, Stopped};
use crate::driver::drive;
use crate::drop_store::drop_store;
use crate::error_map::{Circumstances, error_of, error_of_stop};
use crate::error_text::escaped;
use crate::failure::ExecutionFailure;
use crate::hook::Stop;
use crate::limiter::GrowthRefusal;
use crate::moment::Moment;
use crate::report::{ExecutionReport, ExecutionResult};
use crate::runtime_pool::RuntimePool;
use crate::state::{HasLimits, LimitState};
use crate::turns::Turns;
use crate::yield_waker::KeptWaker;

/// The fate of a store that may be kept when its execution has ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum StoreFate {
    /// It is kept if the guest came to its end.
    KeepAfterSuccess,
    /// It is kept if the guest came to its end, or was neither entered nor cancelled: then it is as
    /// it was.
    KeepUnlessEntered,
}

/// Runs one execution in an admitted store, and returns the store if its `fate` is to be kept.
///
/// `guest` is polled to its end, its deadline or its cancellation. The account hears of the end
/// before the store is dropped, and the permit is dropped after the store.
pub(crate) async fn run<T, R, F>(
    permit: Option<OwnedSemaphorePermit>,
    mut store: Store<T>,
    limits: &ResourceLimits,
    fate: StoreFate,
    pool: Option<&RuntimePool>,
    guest: F,
) -> (Result<ExecutionResult<R>, ExecutionFailure>, Option<Store<T>>)
where
    T: HasLimits + Send + 'static,
    F: AsyncFnOnce(&mut Store<T>) -> wasmtime::Result<R>,
{
    let cancel = store.data_mut().limits().cancel_handle();
    let mut execution = Execution::arm(&mut store, limits, &cancel, pool);
    let mut output = None;
    let driven = execution.drive(&mut store, &mut output, guest).await;
    let result = execution.finish(&mut store, driven, output);
    if execution.keeps(&mut store, fate, result.is_ok()) {
        return (result, Some(store));
    }
    drop_store(store, permit).await;
    (result, None)
}

/// Returns the failure of an execution that never entered the guest, and announces it.
pub(crate) fn never_started(
    error: WasmError,
    limits: &ResourceLimits,
    state: &LimitState,
) -> ExecutionFailure {
    if let Some(cpu) = &state.cpu {
        cpu.account.ended(&ExecutionEnd::new(error.outcome()));
    }
    let report = ExecutionReport {
        fuel: FuelMetrics::new(limits.max_fuel_per_execution(), 0),
        fuel_exact: true,
        max_memory_bytes: limits.max_memory_bytes(),
        peak_memory_bytes: state.peak_memory_bytes(),
        cpu_time: Duration::ZERO,
        wall_time: Duration::ZERO,
        instantiate_time: Duration::ZERO,
        throttled_time: Duration::ZERO,
        queued_time: Duration::ZERO,
        slices: 0,
        refusals: 0,
        last_refusal: None,
        last_quota_refusal: None,
    };
    ExecutionFailure::new(error, report)
}

/// Returns the fuel of a store: one unit more than the guest may use.
///
/// Compiled code looks at its fuel at loops and calls, not at its last instruction, and the
/// runtime reads an overrun back as zero. With one unit more, a guest that used exactly its fuel
/// has one left, and one that used more has none, wherever it looked last.
const fn fuel_of(limits: &ResourceLimits) -> u64 {
    limits.max_fuel_per_execution().saturating_add(1)
}

fn store_fuel<T: HasLimits>(store: &mut Store<T>, limits: &ResourceLimits) -> wasmtime::Result<()> {
    let interval = store.data_mut().limits().meter.interval();
    store.set_fuel(fuel_of(limits))?;
    store.fuel_async_yield_interval(Some(interval))
}

/// The end of an execution.
struct Ended {
    at: Moment,
    /// Fuel that it used, in units.
    consumed: u64,
    fuel_exact: bool,
}

/// One execution of a store. Announces its end to the account once, when it is finished or else
/// when it is dropped.
///
/// A store that an execution does not keep, or that has an execution which is dropped before its
/// end, must be dropped: no guest code runs in it again.
#[derive(Debug)]
pub(crate) struct Execution<'e> {
    limits: &'e ResourceLimits,
    /// The store's own handle, which also has its clock.
    cancel: &'e CancelHandle,
    /// The slots that it takes turns for.
    pool: Option<&'e RuntimePool>,
    cpu: Option<CpuAccount>,
    time: TimeUse,
    announced: bool,
    is_trapped: bool,
}

impl<'e> Execution<'e> {
    /// Starts the clock, and arms the store's meter and limiter; `cancel` is its own handle. With a
    /// pool it takes turns with the other guests there.
    pub(crate) fn arm<T: HasLimits>(
        store: &mut Store<T>,
        limits: &'e ResourceLimits,
        cancel: &'e CancelHandle,
        pool: Option<&'e RuntimePool>,
    ) -> Self {
        let state = store.data_mut().limits();
        state.arm(limits);
        Self {
            limits,
            cancel,
            pool,
            cpu: state.cpu.clone(),
            time: TimeUse::after(core::mem::take(&mut state.unbilled)),
            announced: false,
            is_trapped: false,
        }
    }

    /// Gives the store fresh fuel, and polls `guest` to its end, its deadline or its cancellation.
    ///
    /// If it came to its end, `output` has what it returned: each layer between would move it.
    pub(crate) async fn drive<T, R, F>(
        &mut self,
        store: &mut Store<T>,
        output: &mut Option<wasmtime::Result<R>>,
        guest: F,
    ) -> Driven
    where
        T: HasLimits,
        F: AsyncFnOnce(&mut Store<T>) -> wasmtime::Result<R>,
    {
        if let Err(error) = store_fuel(store, self.limits) {
            *output = Some(Err(error));
            return Driven::done(Moment::now());
        }
        let mut waker = KeptWaker::renew(store.data_mut().limits().waker.take(), self.cancel);
        let share = self.pool.and_then(|_| store.data_mut().limits().share.clone());
        let driven = {
            let guest = pin!(async { *output = Some(guest(store).await) });
            // After the guest, so that its slot is given back before the guest is dropped.
            let mut turns = self.pool.map(|pool| Turns::new(pool, share));
            let turns = turns.as_mut();
            drive(guest, self.cancel, self.cpu.as_ref(), &mut self.time, &mut waker, turns).await
        };
        store.data_mut().limits().waker = waker.retire();
        driven
    }

    /// Tells whether the store of the execution, which has ended, is to be kept.
    pub(crate) fn keeps<T: HasLimits>(
        &self,
        store: &mut Store<T>,
        fate: StoreFate,
        is_success: bool,
    ) -> bool {
        let state = store.data_mut().limits();
        match fate {
            StoreFate::KeepAfterSuccess => is_success,
            // Wasmtime refuses to enter a store in which a guest has trapped before. A cancellation
            // is for good: the store could only be refused again.
            StoreFate::KeepUnlessEntered => {
                let is_lost =
                    self.is_trapped || state.meter.is_entered() || state.cancel.is_cancelled();
                is_success || !is_lost
            }
        }
    }

    /// Reads from the store what it used, and makes the result of how the guest ended.
    #[inline]
    pub(crate) fn finish<T: HasLimits, R>(
        &mut self,
        store: &mut Store<T>,
        driven: Driven,
        output: Option<wasmtime::Result<R>>,
    ) -> Result<ExecutionResult<R>, ExecutionFailure> {
        let max_fuel = self.limits.max_fuel_per_execution();
        let left = store.get_fuel().unwrap_or(0);
        let state = store.data_mut().limits();
        // A charge is not yet taken from the store if the guest did not come back from the host.
        let charged = state.meter.take_charge();
        let burnt = fuel_of(self.limits).saturating_sub(left).saturating_add(charged);
        state.unbilled = core::mem::take(&mut self.time.unbilled);
        let is_in_time = !self.cancel.clock().is_expired(driven.at);
        match (driven.stopped, output) {
            (None, Some(Ok(output))) if burnt <= max_fuel && is_in_time => {
                let ended = Ended { at: driven.at, consumed: burnt, fuel_exact: true };
                self.tell(state, &ended, None);
                // Made last and in its place: it is large.
                Ok(ExecutionResult { output, report: self.report(state, &ended) })
            }
            (stopped, output) => {
                let error = output.and_then(wasmtime::Result::err);
                Err(self.fail(state, driven.at, burnt, stopped, error))
            }
        }
    }

    /// Makes the failure of a guest that was `stopped`, or ended with an `error`, or with neither:
    /// then it burnt too much, or was late.
    #[cold]
    fn fail(
        &mut self,
        state: &LimitState,
        at: Moment,
        burnt: u64,
        stopped: Option<Box<Stopped>>,
        error: Option<wasmtime::Error>,
    ) -> ExecutionFailure {
        self.is_trapped = error.as_ref().is_some_and(|error| error.is::<Trap>());
        let max_fuel = self.limits.max_fuel_per_execution();
        let fuel = FuelMetrics::new(max_fuel, burnt.min(max_fuel));
        let waited = self.time.waited();
        let (error, fuel_exact) = match (stopped, error) {
            (Some(stopped), _) => {
                let Stopped { stop, fuel_exact } = *stopped;
                (error_of_stop(stop, self.limits, fuel, waited), fuel_exact)
            }
            (None, Some(error)) => error_of(
                error,
                Circumstances {
                    limits: self.limits,
                    fuel,
                    instantiation_refusal: state.limiter.instantiation_refusal(),
                    refused: state.limiter.refused_by_others(),
                    waited,
                    entered: state.meter.is_entered(),
                },
            ),
            (None, None) if burnt > max_fuel => (WasmError::out_of_fuel(fuel), true),
            (None, None) if self.cancel.clock().is_expired(at) => {
                (error_of_stop(Stop::Deadline, self.limits, fuel, waited), true)
            }
            (None, None) => unreachable!("a future that ended left its output"),
        };
        // A guest that was not entered has no count in a register.
        let fuel_exact = fuel_exact || !state.meter.is_entered();
        let consumed = if fuel_exact {
            fuel.consumed()
        } else {
            fuel.consumed().saturating_add(state.meter.interval()).min(max_fuel)
        };
        // The error knows the same upper bound as the report.
        let error = match error {
            WasmError::ExecutionTimeout { timeout_ms, waited, .. } => {
                let fuel_consumed = Some(consumed);
                WasmError::ExecutionTimeout { timeout_ms, fuel_consumed, waited }
            }
            error => error,
        };
        let ended = Ended { at, consumed, fuel_exact };
        self.tell(state, &ended, Some(&error));
        ExecutionFailure::new(error, self.report(state, &ended))
    }

    /// Tells the account and the log of the end.
    #[inline]
    fn tell(&mut self, state: &LimitState, ended: &Ended, error: Option<&WasmError>) {
        let outcome = error.map_or(ExecutionOutcome::Success, WasmError::outcome);
        let wall_time = self.wall_time(ended.at);
        self.announce(outcome, wall_time);
        tracing::debug!(
            outcome = outcome.as_str(),
            error = error.map(|error| escaped(&error.to_string())),
            fuel = ended.consumed,
            fuel_exact = ended.fuel_exact,
            peak_memory_bytes = state.limiter.peak_bytes(),
            cpu_time = ?self.time.cpu_time(),
            wall_time = ?wall_time,
            "execution ended"
        );
    }

    #[inline]
    fn report(&self, state: &LimitState, ended: &Ended) -> ExecutionReport {
        let (last_refusal, last_quota_refusal) = match state.limiter.last_refusal() {
            Some(GrowthRefusal::Limit(refused)) => (Some(*refused), None),
            Some(GrowthRefusal::Quota(refused)) => (None, Some(*refused)),
            Some(GrowthRefusal::Host(_)) | None => (None, None),
        };
        let wall_time = self.wall_time(ended.at);
        let instantiated_after = state.meter.instantiated_after();
        ExecutionReport {
            fuel: FuelMetrics::new(self.limits.max_fuel_per_execution(), ended.consumed),
            fuel_exact: ended.fuel_exact,
            max_memory_bytes: state.limiter.max_bytes(),
            peak_memory_bytes: state.limiter.peak_bytes(),
            cpu_time: self.time.cpu_time(),
            wall_time,
            instantiate_time: instantiated_after.map_or(wall_time, |after| after.min(wall_time)),
            throttled_time: self.time.throttled(),
            queued_time: self.time.queued(),
            slices: self.time.slices,
            refusals: state.limiter.refusals(),
            last_refusal,
            last_quota_refusal,
        }
    }

    #[inline]
    fn wall_time(&self, at: Moment) -> Duration {
        at.since(self.cancel.clock().started())
    }

    fn announce(&mut self, outcome: ExecutionOutcome, wall_time: Duration) {
        self.announced = true;
        if let Some(cpu) = &self.cpu {
            let mut end = ExecutionEnd::new(outcome);
            end.cpu_time = self.time.cpu_time();
            end.throttled_time = self.time.throttled();
            end.queued_time = self.time.queued();
            end.wall_time = wall_time;
            cpu.account.ended(&end);
        }
    }
}

impl Drop for Execution<'_> {
    fn drop(&mut self) {
        if !self.announced {
            self.announce(ExecutionOutcome::Dropped, self.cancel.clock().elapsed());
        }
    }
}
