//! One execution: from arming its store to its report.

use core::future::Future;
use core::time::Duration;
use std::sync::Arc;
use std::time::Instant;

use limits_core::{FuelMetrics, ResourceLimits, WasmError};
use wasmtime::Store;

use crate::blame::{Circumstances, blame, stopped};
use crate::cancel::CancelHandle;
use crate::drive::{Ended, Seen, drive};
use crate::failure::ExecutionFailure;
use crate::hook::Stop;
use crate::limiter::Refusal;
use crate::meter::Turn;
use crate::printable::printable;
use crate::report::{ExecutionReport, ExecutionResult};
use crate::state::{Credit, HasLimits};

/// Returns the fuel to give to the store: one unit more than the guest may use.
///
/// Compiled code looks at its fuel at loops and calls, not at its last instruction, and the
/// runtime reads an overrun back as zero. With one unit more, a guest that used exactly what it
/// may has one left, and one that used more has none, wherever it was looked at last.
fn grant(limits: &ResourceLimits) -> u64 {
    limits.max_fuel_per_execution().saturating_add(1)
}

/// An execution that never entered the guest.
pub(crate) fn unused(error: WasmError, limits: &ResourceLimits) -> ExecutionFailure {
    let report = ExecutionReport {
        fuel: FuelMetrics::new(limits.max_fuel_per_execution(), 0),
        fuel_exact: true,
        max_memory_bytes: limits.max_memory_bytes(),
        peak_memory_bytes: 0,
        cpu_time: Duration::ZERO,
        wall_time: Duration::ZERO,
        throttled_time: Duration::ZERO,
        slices: 0,
        refusals: 0,
        last_refusal: None,
        last_quota_refusal: None,
    };
    ExecutionFailure::new(error, report)
}

/// One execution of a store, from arming to the report.
#[derive(Debug)]
pub(crate) struct Run {
    limits: ResourceLimits,
    turn: Arc<Turn>,
    deadline: Option<Instant>,
    cancel: CancelHandle,
    credit: Option<Credit>,
}

impl Run {
    /// Gives the store fresh fuel and a fresh deadline. The clock runs from here.
    pub(crate) fn arm<T: HasLimits>(
        store: &mut Store<T>,
        limits: &ResourceLimits,
    ) -> Result<Self, ExecutionFailure> {
        let state = store.data_mut().limits();
        state.limiter.arm(limits);
        let (turn, deadline) = state.meter.arm(limits);
        let interval = state.meter.interval();
        let cancel = state.cancel.clone();
        let credit = state.credit.clone();
        store
            .set_fuel(grant(limits))
            .and_then(|()| store.fuel_async_yield_interval(Some(interval)))
            .map_err(|error| unused(WasmError::host(error.into_boxed_dyn_error()), limits))?;
        Ok(Self { limits: *limits, turn, deadline, cancel, credit })
    }

    pub(crate) async fn drive<F: Future>(&self, guest: F) -> (Ended<F::Output>, Seen) {
        let turn = Arc::clone(&self.turn);
        drive(guest, turn, self.deadline, &self.cancel, self.credit.clone()).await
    }

    /// Reads what the store used and says how the execution ended.
    pub(crate) fn settle<T: HasLimits, R>(
        self,
        store: &mut Store<T>,
        (ended, seen): (Ended<wasmtime::Result<R>>, Seen),
    ) -> Result<ExecutionResult<R>, ExecutionFailure> {
        let wall_time = self.turn.elapsed();
        let max_fuel = self.limits.max_fuel_per_execution();
        let left = store.get_fuel().unwrap_or(0);
        // What was charged and not yet taken: the guest did not come back from the host.
        let owed = store.data_mut().limits().meter.take_charge();
        let burnt = grant(&self.limits).saturating_sub(left).saturating_add(owed);
        let fuel = FuelMetrics::new(max_fuel, burnt.min(max_fuel));
        let state = store.data_mut().limits();
        let interval = state.meter.interval();
        let waited = seen.waited();
        let (outcome, fuel_exact) = match ended {
            Ended::Done { output: Ok(_), .. } if burnt > max_fuel => {
                (Err(WasmError::out_of_fuel(fuel)), true)
            }
            Ended::Done { output: Ok(_), late: true } => {
                (Err(stopped(Stop::Deadline, &self.limits, fuel, waited)), true)
            }
            Ended::Done { output: Ok(output), late: false } => (Ok(output), true),
            Ended::Done { output: Err(error), .. } => {
                let circumstances = Circumstances {
                    limits: &self.limits,
                    fuel,
                    unanswered: state.limiter.unanswered(),
                    refused: state.limiter.refused_by_others(),
                    waited,
                    entered: state.meter.is_entered(),
                };
                let (error, counted) = blame(error, circumstances);
                (Err(error), counted)
            }
            Ended::Stopped { stop, counted } => {
                (Err(stopped(stop, &self.limits, fuel, waited)), counted)
            }
        };
        let consumed = if fuel_exact {
            fuel.consumed()
        } else {
            fuel.consumed().saturating_add(interval).min(max_fuel)
        };
        // Of a count that lies in a register the report knows an upper bound, and the error no less.
        let outcome = outcome.map_err(|error| match error {
            WasmError::ExecutionTimeout { timeout_ms, waited, .. } => {
                let fuel_consumed = Some(consumed);
                WasmError::ExecutionTimeout { timeout_ms, fuel_consumed, waited }
            }
            error => error,
        });
        let report = ExecutionReport {
            fuel: FuelMetrics::new(max_fuel, consumed),
            fuel_exact,
            max_memory_bytes: state.limiter.max_bytes(),
            peak_memory_bytes: state.limiter.peak_bytes(),
            cpu_time: seen.cpu_time,
            wall_time,
            throttled_time: seen.throttled,
            slices: seen.slices,
            refusals: state.limiter.refusals(),
            last_refusal: match state.limiter.last_refusal() {
                Some(Refusal::Limit(refused)) => Some(*refused),
                _ => None,
            },
            last_quota_refusal: match state.limiter.last_refusal() {
                Some(Refusal::Quota(refused)) => Some(*refused),
                _ => None,
            },
        };
        tracing::debug!(
            error = outcome.as_ref().err().map(|error| printable(&error.to_string())),
            fuel = consumed,
            fuel_exact,
            peak_memory_bytes = report.peak_memory_bytes,
            cpu_time = ?report.cpu_time,
            wall_time = ?report.wall_time,
            "execution ended"
        );
        match outcome {
            Ok(output) => Ok(ExecutionResult { output, report }),
            Err(error) => Err(ExecutionFailure::new(error, report)),
        }
    }
}
