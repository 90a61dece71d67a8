//! Adjustments between settings in effect: each is lowered to what the others leave room for.

use core::time::Duration;

use limits_core::Allowance;

use crate::grammar::value::Value;
use crate::resolve::change::{Change, Rule};
use crate::settings::rates::{countable, is_rate, vanishes};
use crate::settings::setting::Setting;
use crate::settings::table::SettingKey;

/// Lowers settings that other settings leave no room for, and rates that cannot be counted.
pub(crate) fn reconcile(settings: &mut [Setting], changes: &mut Vec<Change>) {
    if let (Some(quota), Some(limit)) =
        (find(settings, SettingKey::QuotaMemory), find(settings, SettingKey::MaxBytes))
        && quota.value.amount() < limit.value.amount()
    {
        lower(settings, changes, SettingKey::MaxBytes, quota.value, quota);
    }
    let Some(period) = find(settings, SettingKey::Period) else { return };
    let window = period.value.at_most().map_or(Duration::MAX, Duration::from_millis);
    let rates: Vec<(SettingKey, Allowance)> = settings
        .iter()
        .filter(|setting| is_rate(setting.key))
        .filter_map(|setting| Some((setting.key, setting.value.amount()?)))
        .collect();
    for (key, _) in rates.iter().filter(|(_, rate)| vanishes(*rate, window)) {
        lower(settings, changes, *key, Value::number(0), period);
    }
    for (key, rate) in rates {
        let most = countable(key, rate, window);
        if most == rate {
            continue;
        }
        let (wanted, most) = (rate.into(), most.into());
        changes.push(Change::Uncountable { key, wanted, most, period: window });
        for setting in settings.iter_mut().filter(|setting| setting.key == key) {
            setting.value = most;
        }
    }
}

fn find(settings: &[Setting], key: SettingKey) -> Option<Setting> {
    settings.iter().copied().find(|setting| setting.key == key)
}

/// Lowers a setting because of another one, by the rule of that one.
fn lower(
    settings: &mut [Setting],
    changes: &mut Vec<Change>,
    key: SettingKey,
    to: Value,
    because: Setting,
) {
    let rule = changes.iter().find_map(|change| match change {
        Change::Setting { key, rule, .. } if *key == because.key => Some(rule.clone()),
        _ => None,
    });
    let rule = rule.unwrap_or_else(|| Rule {
        table: String::from("Component.toml"),
        key: because.key.as_str(),
    });
    for setting in settings.iter_mut().filter(|setting| setting.key == key) {
        changes.push(Change::Setting { key, from: setting.value, to, rule: rule.clone() });
        setting.value = to;
        setting.origin = because.origin;
    }
}
