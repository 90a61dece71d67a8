//! What comes out where a component's file, the defaults and a policy each have a say.

use core::time::Duration;
use std::collections::BTreeSet;

use limits_core::{Allowance, CpuTimePolicy};

use crate::effective::{Change, Rule};
use crate::policy::{MemoryRules, Tables};
use crate::window::{self, RATES, Window};
use crate::{CapabilitiesSection, ComponentConfig, Origin, Setting, SettingKey, quota};

/// The tables of a policy that apply to one component.
pub(crate) struct Layers<'a> {
    pub(crate) ceiling: Table<'a>,
    pub(crate) over: Option<(Table<'a>, Pin)>,
}

/// A table of the policy with its name for the report.
pub(crate) struct Table<'a> {
    pub(crate) name: String,
    pub(crate) tables: Tables<'a>,
}

/// What an override may do.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Pin {
    /// It pins no hash: it counts up to the ceiling.
    Absent,
    /// Its hash matches: it counts as it is.
    Matches,
    /// Its hash is another one: it can only lower.
    Differs,
}

/// What the layers make of one value.
struct Decision<T> {
    value: T,
    /// What it is from, if it is not what the component asks for.
    rule: Option<Rule>,
    /// An override that pins no hash, and what it wanted beyond the ceiling.
    capped: Option<(T, Rule)>,
}

impl Table<'_> {
    pub(crate) fn rule(&self, key: &'static str) -> Rule {
        Rule { table: self.name.clone(), key }
    }
}

impl Layers<'_> {
    /// Decides a value of which less is stricter, `from` being what the component asks for.
    fn decide<T: Copy + Ord>(
        &self,
        key: &'static str,
        from: T,
        declared: impl Fn(Tables<'_>) -> Option<T>,
    ) -> Decision<T> {
        let mut decision = Decision { value: from, rule: None, capped: None };
        let mut pin = Pin::Differs;
        if let Some((table, its_pin)) = &self.over
            && let Some(wanted) = declared(table.tables)
            && (*its_pin != Pin::Differs || wanted < from)
        {
            pin = *its_pin;
            decision.value = wanted;
            decision.rule = Some(table.rule(key));
        }
        if pin != Pin::Matches
            && let Some(most) = declared(self.ceiling.tables)
            && most < decision.value
        {
            let over = decision.rule.replace(self.ceiling.rule(key));
            decision.capped =
                over.filter(|_| pin == Pin::Absent).map(|rule| (decision.value, rule));
            decision.value = most;
        }
        decision.rule = decision.rule.filter(|_| decision.value != from);
        decision
    }

    /// Decides each setting; `host_memory` is the ceiling over the memory of all components.
    pub(crate) fn settle(
        &self,
        config: &ComponentConfig,
        host_memory: Option<(Allowance, Rule)>,
        changes: &mut Vec<Change>,
    ) -> Vec<Setting> {
        let memory = MemoryRules::from(&config.resources.memory);
        let asked = Tables {
            memory: &memory,
            cpu: &config.resources.cpu,
            host: &config.resources.host,
            quota: &config.quota,
            capabilities: None,
        };
        let mut settings = Vec::with_capacity(SettingKey::COMPONENT.len());
        let mut max_bytes = Allowance::AtMost(0);
        for key in SettingKey::COMPONENT {
            let (from, origin) = match key.declared(asked) {
                Some(value) => (value, Origin::Component),
                None => (key.default(max_bytes), Origin::Default),
            };
            let mut decided = self.decide(key.as_str(), from, |tables| key.declared(tables));
            if key == SettingKey::Period {
                self.nest(&mut decided, from, &settings);
            }
            let mut setting = Setting { key, value: decided.value, origin };
            if let Some((wanted, rule)) = decided.capped {
                changes.push(Change::Capped { key, wanted, ceiling: setting.value, rule });
            }
            if let Some(rule) = decided.rule {
                setting.origin = Origin::Policy;
                changes.push(Change::Setting { key, from, to: setting.value, rule });
            }
            if key == SettingKey::MaxBytes {
                if let Some((most, rule)) = &host_memory
                    && *most < setting.value
                {
                    let (from, rule) = (setting.value, rule.clone());
                    changes.push(Change::Setting { key, from, to: *most, rule });
                    setting.value = *most;
                    setting.origin = Origin::Policy;
                }
                max_bytes = setting.value;
            }
            settings.push(setting);
        }
        reconcile(&mut settings, changes);
        settings
    }

    /// Makes the window in which rates are counted a part of the operator's, if the operator has
    /// written one of them: with a window of its own choice, a component would get more at once.
    fn nest(&self, period: &mut Decision<Allowance>, from: Allowance, settings: &[Setting]) {
        let Some((whole, rule)) = self.window() else { return };
        // A period always has an end.
        let Some(asked) = period.value.at_most() else { return };
        let is_rate = |setting: &&Setting| RATES.contains(&setting.key);
        let rates: Vec<Setting> = settings.iter().filter(is_rate).copied().collect();
        let nested = window::nested(asked, whole, &rates);
        if nested == asked {
            return;
        }
        let before = period.rule.replace(rule);
        if let Some((table, Pin::Absent)) = &self.over
            && nested < asked
            && before == Some(table.rule(SettingKey::Period.as_str()))
        {
            period.capped = before.map(|over| (period.value, over));
        }
        period.value = Allowance::AtMost(nested);
        period.rule = period.rule.take().filter(|_| period.value != from);
    }

    /// Returns the longest window, in milliseconds, that fits a whole number of times into each
    /// window in which the operator counts a rate of this component, and the rule of the shortest of
    /// these.
    fn window(&self) -> Option<(u64, Rule)> {
        let of = |table: &Table<'_>, counts: &dyn Fn(SettingKey) -> bool| {
            Window::of(table.tables, counts)
                .map(|Window { ms, key }| (ms, table.rule(key.as_str())))
        };
        let pinned = self.over.as_ref().filter(|(_, pin)| *pin == Pin::Matches);
        let lifted =
            |key: SettingKey| pinned.is_some_and(|(table, _)| key.declared(table.tables).is_some());
        if lifted(SettingKey::Period) {
            return None;
        }
        let over = self.over.as_ref().and_then(|(table, _)| of(table, &|_| true));
        let ceiling = of(&self.ceiling, &|key| !lifted(key));
        [ceiling, over].into_iter().flatten().reduce(|(one, first), (other, second)| {
            (window::common(one, other), if other < one { second } else { first })
        })
    }

    /// Decides what becomes of an execution without CPU time.
    pub(crate) fn cpu_time_policy(
        &self,
        config: &ComponentConfig,
        changes: &mut Vec<Change>,
    ) -> (CpuTimePolicy, Origin) {
        let asked = config.quota.cpu_time_policy;
        let from = asked.unwrap_or_default();
        let key = "quota.cpu_time_policy";
        let decided = self.decide(key, from, |tables| tables.quota.cpu_time_policy);
        if let Some((wanted, rule)) = decided.capped {
            let ceiling = decided.value;
            changes.push(Change::CpuTimePolicyCapped { wanted, ceiling, rule });
        }
        match decided.rule {
            Some(rule) => {
                changes.push(Change::CpuTimePolicy { from, to: decided.value, rule });
                (decided.value, Origin::Policy)
            }
            None if asked.is_some() => (from, Origin::Component),
            None => (from, Origin::Default),
        }
    }

    /// Decides each capability.
    pub(crate) fn grant(
        &self,
        asked: &CapabilitiesSection,
        changes: &mut Vec<Change>,
    ) -> CapabilitiesSection {
        let mut granted = asked.clone();
        let over = self.over.as_ref();
        let alone = over.is_some_and(|(table, pin)| {
            *pin == Pin::Matches && table.tables.capabilities.is_some()
        });
        let ceiling = Some(&self.ceiling).filter(|_| !alone);
        for table in ceiling.into_iter().chain(over.map(|(table, _)| table)) {
            let Some(capabilities) = table.tables.capabilities else { continue };
            let listed = capabilities.iter();
            for ((key, listed), (permission, patterns)) in listed.zip(granted.lists_mut()) {
                debug_assert_eq!(key, permission, "both go through the permissions in one order");
                let listed: BTreeSet<&str> = listed.iter().map(String::as_str).collect();
                if listed.contains("**") {
                    continue;
                }
                patterns.retain(|pattern| {
                    let kept = listed.contains(pattern.as_str());
                    if !kept {
                        let rule = table.rule("capabilities");
                        let pattern = pattern.clone();
                        changes.push(Change::Capability { permission, pattern, rule });
                    }
                    kept
                });
            }
        }
        granted
    }
}

/// Lowers what other settings leave no room for, and what cannot be counted.
fn reconcile(settings: &mut [Setting], changes: &mut Vec<Change>) {
    let find = |settings: &[Setting], key| settings.iter().copied().find(|one| one.key == key);
    let lower = |settings: &mut [Setting], changes: &mut Vec<Change>, key, to, because: Setting| {
        let decided = changes.iter().find_map(|change| match change {
            Change::Setting { key, rule, .. } if *key == because.key => Some(rule.clone()),
            _ => None,
        });
        let rule = decided.unwrap_or_else(|| Rule {
            table: String::from("Component.toml"),
            key: because.key.as_str(),
        });
        for setting in settings.iter_mut().filter(|setting| setting.key == key) {
            changes.push(Change::Setting { key, from: setting.value, to, rule: rule.clone() });
            setting.value = to;
            setting.origin = because.origin;
        }
    };
    if let (Some(quota), Some(limit)) =
        (find(settings, SettingKey::QuotaMemory), find(settings, SettingKey::MaxBytes))
        && quota.value < limit.value
    {
        lower(settings, changes, SettingKey::MaxBytes, quota.value, quota);
    }
    let Some(period) = find(settings, SettingKey::Period) else { return };
    let window = Duration::from_millis(period.value.at_most().unwrap_or(u64::MAX));
    for key in RATES {
        let nothing = Allowance::AtMost(0);
        if let Some(rate) = find(settings, key)
            && rate.value != nothing
            && quota::per_period(rate.value, window) == nothing
        {
            lower(settings, changes, key, nothing, period);
        }
    }
    for rate in settings.iter_mut().filter(|setting| RATES.contains(&setting.key)) {
        let (key, wanted) = (rate.key, rate.value);
        rate.value = quota::countable(key, wanted, window);
        if rate.value != wanted {
            changes.push(Change::Uncountable { key, wanted, most: rate.value, period: window });
        }
    }
}
