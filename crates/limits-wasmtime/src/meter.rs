//! The fuel and the deadline of one execution, as seen from inside the store.

use core::time::Duration;
use std::sync::Arc;

use limits_core::{ResourceLimits, WasmError};

use crate::fuel_interval::{FuelInterval, LEAST_INTERVAL, LONGEST_INTERVAL};
use crate::slice_clock::SliceClock;

/// The meter of a store. Until an executor arms it, it allows nothing.
#[derive(Debug)]
pub(crate) struct Meter {
    armed: Option<ArmedMeter>,
    /// The longest interval of each execution.
    longest_interval: u64,
}

impl Default for Meter {
    fn default() -> Self {
        Self { armed: None, longest_interval: LONGEST_INTERVAL }
    }
}

#[derive(Debug)]
struct ArmedMeter {
    clock: Arc<SliceClock>,
    max_fuel: u64,
    interval: FuelInterval,
    /// The time to the deadline as the clock was last read.
    time_left: Option<Duration>,
    /// Fuel left when the guest last called out, less the charges since.
    fuel_left: u64,
    /// Fuel that host functions charged and that is not yet taken from the store.
    charged: u64,
    /// Code of the guest has run.
    entered: bool,
    /// The guest is entered next, right after the clock was read.
    entry_is_timed: bool,
    /// The time from the start until the store had its instance.
    instantiated_after: Option<Duration>,
}

/// The step that the hook takes before the guest runs on.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum NextStep {
    Continue,
    /// Give the thread back to the runtime first.
    Park,
    /// Fail: the deadline has passed.
    Expire,
}

impl Meter {
    /// Sets the longest interval of the executions that start from now on.
    pub(crate) const fn set_longest_interval(&mut self, units: u64) {
        self.longest_interval = units;
    }

    /// Starts an execution: fresh fuel, fresh deadline.
    #[inline]
    pub(crate) fn arm(&mut self, limits: &ResourceLimits) -> Arc<SliceClock> {
        let timeout = Duration::from_millis(limits.execution_timeout_ms());
        let clock = SliceClock::start_in(self.armed.take().map(|armed| armed.clock), timeout);
        let max_fuel = limits.max_fuel_per_execution();
        self.armed = Some(ArmedMeter {
            clock: Arc::clone(&clock),
            max_fuel,
            interval: FuelInterval::start(max_fuel, timeout, self.longest_interval),
            time_left: Some(timeout),
            fuel_left: max_fuel,
            charged: 0,
            entered: false,
            entry_is_timed: false,
            instantiated_after: None,
        });
        clock
    }

    /// Notes that the store has its instance, from now on or, if `is_kept`, from an earlier
    /// execution.
    #[inline]
    pub(crate) fn note_instance(&mut self, is_kept: bool) {
        if let Some(armed) = &mut self.armed {
            let after = if is_kept { Duration::ZERO } else { armed.clock.elapsed() };
            armed.instantiated_after = Some(after);
        }
    }

    /// Notes that the store has its instance from now on, and that nothing but the call's own entry
    /// comes next. Where the slice goes on, that entry need not read the clock again.
    #[inline]
    pub(crate) fn note_instance_and_call(&mut self) {
        if let Some(armed) = &mut self.armed {
            let now = armed.clock.now();
            let after = now.saturating_duration_since(armed.clock.started());
            armed.instantiated_after = Some(after);
            armed.entry_is_timed = !armed.clock.is_expired(now) && !armed.clock.is_slice_over(now);
        }
    }

    /// Notes that the driver has just read the clock, and that nothing but the call's own entry
    /// comes next. That entry need not read it again.
    #[inline]
    pub(crate) const fn note_immediate_call(&mut self) {
        if let Some(armed) = &mut self.armed {
            armed.entry_is_timed = true;
        }
    }

    /// Returns the time from the start until the store had its instance, if it has one.
    #[inline]
    pub(crate) fn instantiated_after(&self) -> Option<Duration> {
        self.armed.as_ref()?.instantiated_after
    }

    /// Notes that code of the guest is about to run. Returns whether the clock is to be read.
    #[inline]
    pub(crate) const fn note_entry(&mut self) -> bool {
        match &mut self.armed {
            Some(armed) => {
                armed.entered = true;
                !core::mem::replace(&mut armed.entry_is_timed, false)
            }
            None => true,
        }
    }

    /// Tells whether code of the guest has run in this execution.
    #[inline]
    pub(crate) fn is_entered(&self) -> bool {
        self.armed.as_ref().is_some_and(|armed| armed.entered)
    }

    /// Returns the fuel that the guest may burn between two looks at the clock.
    #[inline]
    pub(crate) fn interval(&self) -> u64 {
        self.armed.as_ref().map_or(LEAST_INTERVAL, |armed| armed.interval.get())
    }

    /// Notes the fuel that is left as the guest calls out.
    #[inline]
    pub(crate) const fn note_fuel(&mut self, left: u64) {
        if let Some(armed) = &mut self.armed {
            armed.fuel_left = left;
        }
    }

    pub(crate) fn fuel_left(&self) -> u64 {
        self.armed.as_ref().map_or(0, |armed| armed.fuel_left)
    }

    pub(crate) fn time_left(&self) -> Option<Duration> {
        let clock = &self.armed.as_ref()?.clock;
        clock.time_left(clock.now())
    }

    /// Takes `units` of fuel for work that the host does on the guest's behalf.
    pub(crate) const fn charge(&mut self, units: u64) -> Result<(), WasmError> {
        let Some(armed) = &mut self.armed else {
            return Err(WasmError::OutOfFuel { max_fuel: 0, consumed: units });
        };
        armed.charged = armed.charged.saturating_add(units);
        match armed.fuel_left.checked_sub(units) {
            Some(left) => {
                armed.fuel_left = left;
                Ok(())
            }
            None => {
                armed.fuel_left = 0;
                Err(WasmError::OutOfFuel { max_fuel: armed.max_fuel, consumed: armed.max_fuel })
            }
        }
    }

    /// Returns the fuel charged by host functions since the last call, and forgets it.
    #[inline]
    pub(crate) const fn take_charge(&mut self) -> u64 {
        match &mut self.armed {
            Some(armed) => {
                let charged = core::mem::replace(&mut armed.charged, 0);
                armed.interval.skip(charged);
                charged
            }
            None => 0,
        }
    }

    /// Reads the clock as the guest is about to run on. A meter that was never armed has no time.
    pub(crate) fn check(&mut self) -> NextStep {
        let Some(armed) = &mut self.armed else {
            return NextStep::Expire;
        };
        let now = armed.clock.now();
        armed.time_left = armed.clock.time_left(now);
        if armed.clock.is_expired(now) {
            NextStep::Expire
        } else if armed.clock.is_slice_over(now) {
            NextStep::Park
        } else {
            NextStep::Continue
        }
    }

    /// Asks the driver to go to the runtime.
    pub(crate) fn park(&self) {
        if let Some(armed) = &self.armed {
            armed.clock.park();
        }
    }

    /// If the guest comes back from a yield, with `fuel` in the store, returns the interval to go
    /// on with where it changes. To be called after a [`check`](Self::check).
    pub(crate) fn steer(&mut self, fuel: u64) -> Option<u64> {
        let armed = self.armed.as_mut()?;
        if !armed.clock.take_yielded() {
            return None;
        }
        armed.interval.steer(fuel, armed.clock.ran(), armed.time_left)
    }

    /// Forgets a yield: something other than its return came first.
    #[inline]
    pub(crate) fn forget_yield(&self) {
        if let Some(armed) = &self.armed {
            let _ = armed.clock.take_yielded();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Meter, NextStep};
    use core::time::Duration;
    use limits_core::ResourceLimits;

    fn armed(max_fuel: u64, timeout_ms: u64) -> Meter {
        let limits = ResourceLimits::builder().memory_bytes(0).max_fuel(max_fuel);
        let mut meter = Meter::default();
        let _ = meter.arm(&limits.execution_timeout_ms(timeout_ms).build().unwrap());
        meter
    }

    #[test]
    fn the_longest_timeout_does_not_panic() {
        assert_eq!(armed(1, u64::MAX).check(), NextStep::Continue);
    }

    #[test]
    fn no_time_left_is_expired() {
        assert_eq!(armed(1, 0).check(), NextStep::Expire);
        assert_eq!(armed(1, 0).time_left(), Some(Duration::ZERO));
    }

    #[test]
    fn a_charge_past_the_fuel_is_refused_and_still_taken() {
        let mut meter = armed(100, 1_000);
        assert!(meter.charge(60).is_ok());
        assert_eq!(meter.fuel_left(), 40);
        assert_eq!(
            meter.charge(41).unwrap_err().to_string(),
            "out of fuel: 100 of 100 fuel (100.0 %)"
        );
        assert_eq!(meter.take_charge(), 101);
        assert_eq!(meter.take_charge(), 0);
    }

    #[test]
    fn an_unarmed_meter_has_nothing_to_give() {
        let mut meter = Meter::default();
        assert_eq!((meter.fuel_left(), meter.time_left()), (0, None));
        assert!(meter.charge(1).is_err());
        assert_eq!(meter.check(), NextStep::Expire);
    }
}
