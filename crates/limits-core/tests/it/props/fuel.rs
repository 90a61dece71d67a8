//! Fuel against a model that divides where the code multiplies.

use super::{amount, numbers};
use limits_core::{FuelConfig, FuelMetrics, WasmError};
use proptest::prelude::*;

/// The relative error that a display percentage may have: a few roundings of a double.
const ROUNDING: f64 = 1e-12;

/// The largest whole percentage that `consumed` of `max` reaches.
fn percent_reached(max: u64, consumed: u64) -> u128 {
    if max == 0 { 100 } else { u128::from(consumed) * 100 / u128::from(max) }
}

/// Percentages that matter, and any other.
fn percent() -> impl Strategy<Value = u32> {
    prop_oneof![0..=120_u32, any::<u32>()]
}

/// A maximum with a consumption near one of its percentages, where thresholds are decided.
fn near_a_threshold() -> impl Strategy<Value = (u64, u64, u32)> {
    (amount(), 0..=100_u32, 0..=4_u64).prop_map(|(max, percent, step)| {
        let exact = u128::from(max) * u128::from(percent) / 100;
        let exact = u64::try_from(exact).expect("at most max");
        (max, exact.saturating_add(step).saturating_sub(2), percent)
    })
}

proptest! {
    #[test]
    fn remaining_and_consumed_fuel_add_up_to_the_maximum(max in amount(), consumed in amount()) {
        let fuel = FuelMetrics::new(max, consumed);
        prop_assert_eq!((fuel.max_fuel(), fuel.consumed()), (max, consumed));
        let left = i128::from(max) - i128::from(consumed);
        prop_assert_eq!(i128::from(fuel.remaining()), left.max(0));
        prop_assert_eq!(fuel.remaining() + consumed.min(max), max);
    }

    #[test]
    fn a_threshold_is_exact_for_any_numbers(max in amount(), consumed in amount(), percent in percent()) {
        let reached = u128::from(percent) <= percent_reached(max, consumed);
        prop_assert_eq!(FuelMetrics::new(max, consumed).exceeds_threshold(percent), reached);
    }

    #[test]
    fn a_threshold_is_exact_next_to_itself((max, consumed, percent) in near_a_threshold()) {
        let reached = u128::from(percent) <= percent_reached(max, consumed);
        prop_assert_eq!(FuelMetrics::new(max, consumed).exceeds_threshold(percent), reached);
    }

    #[test]
    fn more_use_never_falls_below_a_threshold(
        max in amount(), a in amount(), b in amount(), percent in percent(),
    ) {
        let (less, more) =
            (FuelMetrics::new(max, a.min(b)), FuelMetrics::new(max, a.max(b)));
        prop_assert!(less.remaining() >= more.remaining());
        prop_assert!(less.usage_percentage() <= more.usage_percentage());
        prop_assert!(!less.is_exhausted() || more.is_exhausted());
        prop_assert!(!less.exceeds_threshold(percent) || more.exceeds_threshold(percent));
    }

    #[test]
    fn reaching_a_threshold_reaches_every_lower_one(
        max in amount(), consumed in amount(), a in percent(), b in percent(),
    ) {
        let fuel = FuelMetrics::new(max, consumed);
        prop_assert!(!fuel.exceeds_threshold(a.max(b)) || fuel.exceeds_threshold(a.min(b)));
    }

    #[test]
    fn exhausted_means_nothing_left_and_a_hundred_percent(max in amount(), consumed in amount()) {
        let fuel = FuelMetrics::new(max, consumed);
        prop_assert_eq!(fuel.is_exhausted(), fuel.remaining() == 0);
        prop_assert_eq!(fuel.is_exhausted(), fuel.exceeds_threshold(100));
        // One way only: the float may round the last unit away, the integers may not.
        prop_assert!(!fuel.is_exhausted() || fuel.usage_percentage() >= 100.0);
    }

    #[test]
    fn the_percentage_is_finite_and_within_its_whole_number(max in amount(), consumed in amount()) {
        let shown = FuelMetrics::new(max, consumed).usage_percentage();
        prop_assert!(shown.is_finite() && shown >= 0.0, "{shown}");
        // A ratio past u32 is only known to be that large; all others lie between two neighbours.
        let whole = u32::try_from(percent_reached(max, consumed)).unwrap_or(u32::MAX);
        let floor = f64::from(whole);
        prop_assert!(shown >= floor * (1.0 - ROUNDING), "{shown} % is under {whole} %");
        if whole < u32::MAX {
            prop_assert!(shown <= (floor + 1.0) * (1.0 + ROUNDING), "{shown} % is over {whole} % + 1");
        }
    }

    #[test]
    fn the_text_holds_both_numbers_as_they_are(max in amount(), consumed in amount()) {
        let fuel = FuelMetrics::new(max, consumed);
        let text = fuel.to_string();
        let (counts, percentage) = text.split_once('(').unwrap();
        prop_assert_eq!(numbers(counts), [consumed, max]);
        prop_assert_eq!(percentage, format!("{:.1} %)", fuel.usage_percentage()));
    }

    #[test]
    fn running_out_keeps_the_numbers(max in amount(), consumed in amount()) {
        let error = WasmError::out_of_fuel(FuelMetrics::new(max, consumed));
        let text = error.to_string();
        let (counts, _percentage) = text.split_once('(').unwrap();
        prop_assert_eq!(numbers(counts), [consumed, max]);
        let kept = matches!(error, WasmError::OutOfFuel { max_fuel: m, consumed: c } if (m, c) == (max, consumed));
        prop_assert!(kept, "{error:?}");
    }

    #[test]
    fn a_timeout_keeps_the_numbers(ms in amount(), fuel in proptest::option::of(amount())) {
        let text = WasmError::execution_timeout(ms, fuel).to_string();
        prop_assert_eq!(numbers(&text), core::iter::once(ms).chain(fuel).collect::<Vec<_>>());
    }

    #[test]
    fn any_amount_is_a_fuel_limit(max in amount()) {
        prop_assert_eq!(FuelConfig::new(max).max_fuel(), max);
    }
}
