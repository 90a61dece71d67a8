//! The fuel of one execution, as seen from inside the store.

use core::time::Duration;

use limits_core::{ResourceLimits, WasmError};

use crate::fuel_interval::{FuelInterval, LEAST_INTERVAL, LONGEST_INTERVAL};

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
    max_fuel: u64,
    interval: FuelInterval,
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

impl Meter {
    /// Sets the longest interval of the executions that start from now on.
    pub(crate) const fn set_longest_interval(&mut self, units: u64) {
        self.longest_interval = units;
    }

    /// Starts an execution with fresh fuel.
    #[inline]
    pub(crate) fn arm(&mut self, limits: &ResourceLimits, timeout_nanos: u64) {
        let max_fuel = limits.max_fuel_per_execution();
        self.armed = Some(ArmedMeter {
            max_fuel,
            interval: FuelInterval::start(max_fuel, timeout_nanos, self.longest_interval),
            fuel_left: max_fuel,
            charged: 0,
            entered: false,
            entry_is_timed: false,
            instantiated_after: None,
        });
    }

    /// Notes the time from the start until the store had its instance: zero if it is kept from an
    /// earlier execution.
    #[inline]
    pub(crate) const fn note_instance(&mut self, after: Duration) {
        if let Some(armed) = &mut self.armed {
            armed.instantiated_after = Some(after);
        }
    }

    /// Notes that the clock has just been read, and that nothing but the call's own entry comes
    /// next. That entry need not read it again.
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

    pub(crate) const fn is_armed(&self) -> bool {
        self.armed.is_some()
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

    /// Returns the interval to go on with if a deadline that is `left` nanoseconds away is near for
    /// the present one.
    #[inline]
    pub(crate) fn approach(&mut self, left: Option<u64>) -> Option<u64> {
        self.armed.as_mut()?.interval.approach(left)
    }

    /// Tells whether the guest, with `fuel` in the store, has burnt its interval. A poll also ends
    /// with a wake where a host function wakes its own task; the guest has burnt less then.
    #[inline]
    pub(crate) fn is_interval_over(&self, fuel: u64) -> bool {
        self.armed.as_ref().is_some_and(|armed| armed.interval.is_over(fuel))
    }

    /// As the guest comes back from a yield, returns the interval to go on with where it changes;
    /// see [`FuelInterval::steer`].
    #[inline]
    pub(crate) fn steer(&mut self, fuel: u64, ran: u64, left: Option<u64>) -> Option<u64> {
        self.armed.as_mut()?.interval.steer(fuel, ran, left)
    }
}

#[cfg(test)]
mod tests {
    use super::Meter;
    use limits_core::ResourceLimits;

    fn arm(meter: &mut Meter, max_fuel: u64) {
        let limits = ResourceLimits::builder().memory_bytes(0).max_fuel(max_fuel);
        meter.arm(&limits.build().unwrap(), 1_000_000_000);
    }

    #[test]
    fn a_charge_past_the_fuel_is_refused_and_still_taken() {
        let mut meter = Meter::default();
        arm(&mut meter, 100);
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
        assert_eq!((meter.fuel_left(), meter.is_armed()), (0, false));
        assert!(meter.charge(1).is_err());
    }
}
