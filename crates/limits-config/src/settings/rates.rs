//! Rates per second as amounts per period.

use core::time::Duration;

use limits_core::{Allowance, ResourceQuota};

use crate::grammar::kind::Kind;
use crate::settings::declared::Declared;
use crate::settings::row::Becomes;
use crate::settings::table::SettingKey;

const NANOS_PER_SECOND: u128 = 1_000_000_000;

/// Tells whether a setting is counted in windows.
pub(crate) const fn is_rate(key: SettingKey) -> bool {
    matches!(key.row().kind, Kind::Bandwidth | Kind::Messages | Kind::CpuTime)
}

/// Converts an amount per second into one per period, rounded down.
pub(crate) fn per_period(per_second: Allowance, period: Duration) -> Allowance {
    let Allowance::AtMost(units) = per_second else { return Allowance::Unlimited };
    // At most 2^64 units by 2^87 nanoseconds (one day is below 2^47) fits 128 bits; a longer
    // period than a day saturates.
    let amount = u128::from(units).saturating_mul(period.as_nanos()) / NANOS_PER_SECOND;
    Allowance::AtMost(u64::try_from(amount).unwrap_or(u64::MAX))
}

/// Tells whether a rate that is not zero comes out as zero in a period.
pub(crate) fn vanishes(rate: Allowance, period: Duration) -> bool {
    let nothing = Allowance::AtMost(0);
    rate != nothing && per_period(rate, period) == nothing
}

/// Lowers a rate per second to the most that a tracker counts in a window of this period.
pub(crate) fn countable(key: SettingKey, rate: Allowance, period: Duration) -> Allowance {
    let (Becomes::Quota(part), Allowance::AtMost(units)) = (key.row().becomes, rate) else {
        return rate;
    };
    let mut quota = ResourceQuota::new().with_reset_period(period);
    *part(&mut quota) = Allowance::AtMost(u64::MAX);
    let Allowance::AtMost(most) = *part(&mut quota.enforced()) else { return rate };
    let per_second = u128::from(most).saturating_mul(NANOS_PER_SECOND) / period.as_nanos().max(1);
    Allowance::AtMost(u64::try_from(per_second).map_or(units, |most| most.min(units)))
}

/// Lowers rates to the most that is counted in the period of their table.
pub(crate) fn with_countable_rates(settings: Declared, period: SettingKey) -> Declared {
    let window = settings.window(period);
    let counted = settings.iter().map(|(key, value)| match value.amount() {
        Some(rate) if is_rate(key) => (key, countable(key, rate, window).into()),
        _ => (key, value),
    });
    counted.collect()
}
