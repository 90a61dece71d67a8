//! Fuel: the work of a guest, counted in the runtime's instructions.

use core::fmt;

/// Fuel of one execution by default, in units.
pub(crate) const DEFAULT_MAX_FUEL: u64 = 1_000_000;

/// The fuel of one execution.
///
/// Fuel is deterministic for one version of the runtime and its cost table: the same guest with the
/// same input burns the same fuel on every machine. It is not time. On Wasmtime 48 most operators
/// cost 1 and bulk operations cost 1 per byte, so 1 000 000 units are about a quarter of a
/// millisecond in a tight loop, and far more for a guest that misses the cache; the deadline bounds
/// time.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct FuelConfig {
    max_fuel: u64,
}

impl FuelConfig {
    /// Allows `max_fuel` units for each execution. Zero allows no instruction at all.
    #[must_use]
    pub const fn new(max_fuel: u64) -> Self {
        Self { max_fuel }
    }

    /// Returns the fuel that each execution gets, in units.
    #[must_use]
    pub const fn max_fuel(&self) -> u64 {
        self.max_fuel
    }
}

impl Default for FuelConfig {
    /// Allows [`ResourceLimits::DEFAULT_MAX_FUEL`](crate::ResourceLimits::DEFAULT_MAX_FUEL).
    fn default() -> Self {
        Self::new(DEFAULT_MAX_FUEL)
    }
}

/// The fuel that an execution had, and the fuel that it consumed.
///
/// ```
/// use limits_core::FuelMetrics;
///
/// let fuel = FuelMetrics::new(1_000_000, 750_000);
/// assert_eq!(fuel.remaining(), 250_000);
/// assert!(fuel.exceeds_threshold(75));
/// assert!(!fuel.is_exhausted());
/// assert_eq!(fuel.to_string(), "750000 of 1000000 fuel (75.0 %)");
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct FuelMetrics {
    max_fuel: u64,
    consumed: u64,
}

impl FuelMetrics {
    /// Returns the metrics of an execution that consumed `consumed` of `max_fuel` units.
    ///
    /// `consumed` may be more than `max_fuel`, since a runtime that checks at intervals can
    /// overrun, and is reported unchanged; only [`remaining`](Self::remaining) stops at zero.
    #[must_use]
    pub const fn new(max_fuel: u64, consumed: u64) -> Self {
        Self { max_fuel, consumed }
    }

    /// Returns the fuel that was allowed, in units.
    #[must_use]
    pub const fn max_fuel(&self) -> u64 {
        self.max_fuel
    }

    /// Returns the fuel consumed, in units.
    #[must_use]
    pub const fn consumed(&self) -> u64 {
        self.consumed
    }

    /// Returns the fuel left, in units; zero after an overrun.
    #[must_use]
    pub const fn remaining(&self) -> u64 {
        self.max_fuel.saturating_sub(self.consumed)
    }

    /// Returns the consumed part in percent, for display: more than 100 after an overrun, and 100
    /// for a maximum of zero, which is exhausted from the start.
    ///
    /// Rounded to a float; decisions use [`exceeds_threshold`](Self::exceeds_threshold) and
    /// [`is_exhausted`](Self::is_exhausted), which compute in integers.
    #[must_use]
    #[expect(clippy::as_conversions, reason = "display only; no lossless conversion exists")]
    pub fn usage_percentage(&self) -> f64 {
        if self.max_fuel == 0 {
            return 100.0;
        }
        self.consumed as f64 / self.max_fuel as f64 * 100.0
    }

    /// Returns whether no fuel is left. True from the start if the maximum is zero.
    #[must_use]
    pub const fn is_exhausted(&self) -> bool {
        self.consumed >= self.max_fuel
    }

    /// Returns whether at least `percent` of the fuel is consumed. Exact for every `u64`.
    ///
    /// A threshold of 0 is always reached; a maximum of zero counts as 100 % used, as in
    /// [`usage_percentage`](Self::usage_percentage).
    #[must_use]
    pub fn exceeds_threshold(&self, percent: u32) -> bool {
        if self.max_fuel == 0 {
            return percent <= 100;
        }
        u128::from(self.consumed) * 100 >= u128::from(self.max_fuel) * u128::from(percent)
    }
}

impl fmt::Display for FuelMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} fuel ({:.1} %)", self.consumed, self.max_fuel, self.usage_percentage())
    }
}

#[cfg(test)]
mod tests {
    use super::{FuelConfig, FuelMetrics};
    use crate::execution::limits::ResourceLimits;

    #[test]
    fn test_fuel_config_new() {
        assert_eq!(FuelConfig::new(5_000_000).max_fuel(), 5_000_000);
    }

    #[test]
    fn test_fuel_config_default() {
        assert_eq!(FuelConfig::default().max_fuel(), ResourceLimits::DEFAULT_MAX_FUEL);
    }

    #[test]
    fn test_fuel_metrics_new() {
        let fuel = FuelMetrics::new(1_000, 300);
        assert_eq!((fuel.max_fuel(), fuel.consumed(), fuel.remaining()), (1_000, 300, 700));
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "these quotients are exact")]
    fn test_fuel_metrics_usage_percentage() {
        assert_eq!(FuelMetrics::new(1_000, 0).usage_percentage(), 0.0);
        assert_eq!(FuelMetrics::new(1_000, 750).usage_percentage(), 75.0);
        assert_eq!(FuelMetrics::new(1_000, 1_000).usage_percentage(), 100.0);
    }

    /// Regression: a limit of zero reported 0 % and so never raised an alarm.
    #[test]
    #[expect(clippy::float_cmp, reason = "the constant is returned as it is")]
    fn test_fuel_metrics_zero_max() {
        let fuel = FuelMetrics::new(0, 0);
        assert_eq!(fuel.usage_percentage(), 100.0);
        assert_eq!(fuel.remaining(), 0);
        assert!(fuel.is_exhausted());
        assert!(fuel.exceeds_threshold(100));
        assert!(!fuel.exceeds_threshold(101));
    }

    #[test]
    fn test_fuel_metrics_is_exhausted() {
        assert!(!FuelMetrics::new(1_000, 999).is_exhausted());
        assert!(FuelMetrics::new(1_000, 1_000).is_exhausted());
        assert!(FuelMetrics::new(1_000, 1_001).is_exhausted());
    }

    #[test]
    fn test_fuel_metrics_exceeds_threshold() {
        let fuel = FuelMetrics::new(1_000, 750);
        assert!(fuel.exceeds_threshold(75));
        assert!(!fuel.exceeds_threshold(76));
        assert!(fuel.exceeds_threshold(0));
    }

    #[test]
    fn a_threshold_is_exact_where_a_float_would_round() {
        // 89.999…9 %: the float rounds to 90.
        let max = u64::MAX - 5;
        let just_below = max / 10 * 9 - 1;
        assert!(!FuelMetrics::new(max, just_below).exceeds_threshold(90));
        assert!(FuelMetrics::new(u64::MAX, u64::MAX).exceeds_threshold(100));
        assert!(!FuelMetrics::new(u64::MAX, u64::MAX - 1).exceeds_threshold(100));
    }

    #[test]
    fn test_fuel_metrics_remaining_saturating() {
        assert_eq!(FuelMetrics::new(1_000, 1_500).remaining(), 0);
        assert_eq!(FuelMetrics::new(u64::MAX, 0).remaining(), u64::MAX);
    }
}
