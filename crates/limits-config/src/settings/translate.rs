//! Settings as types of limits-core.

use core::str::FromStr;

use limits_core::{Allowance, ResourceLimits, ResourceQuota};

use crate::grammar::value::Value;
use crate::settings::declared::Declared;
use crate::settings::rates::{is_rate, per_period};
use crate::settings::row::Becomes;
use crate::settings::table::SettingKey;

/// Returns the limits of one execution. A limit that is not given has its default, and memory that
/// is not given is not allowed.
pub(crate) fn limits(settings: &Declared) -> ResourceLimits {
    let mut limits = ResourceLimits::builder();
    let mut memory_bytes = 0;
    for (key, value) in settings.iter() {
        match (key.row().becomes, value) {
            (Becomes::Memory, Value::Amount(Allowance::AtMost(bytes))) => memory_bytes = bytes,
            (Becomes::Limit(set), Value::Amount(Allowance::AtMost(number))) => {
                limits = set(limits, number);
            }
            (Becomes::CountLimit(set), Value::Amount(Allowance::AtMost(number))) => {
                // A count has 32 bits in the file and in its field, so nothing is lost.
                limits = set(limits, u32::try_from(number).unwrap_or(u32::MAX));
            }
            _ => {}
        }
    }
    limits.build_with_memory(memory_bytes)
}

/// Returns a quota, with rates as amounts per period, rounded down. `period` is its own key.
pub(crate) fn quota(settings: &Declared, period: SettingKey) -> ResourceQuota {
    let window = settings.window(period);
    let mut quota = ResourceQuota::new().with_reset_period(window);
    for (key, value) in settings.iter() {
        if let (Becomes::Quota(part), Value::Amount(amount)) = (key.row().becomes, value) {
            *part(&mut quota) = if is_rate(key) { per_period(amount, window) } else { amount };
        }
    }
    quota
}

/// Returns the policy that a key has as a word.
pub(crate) fn policy<P: Default + FromStr>(settings: &Declared, key: SettingKey) -> P {
    match (key.row().becomes, settings.get(key)) {
        (Becomes::Policy, Some(Value::Word(word))) => word.parse().unwrap_or_default(),
        _ => P::default(),
    }
}
