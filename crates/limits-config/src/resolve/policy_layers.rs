//! Resolves one setting from the component's file and the policy.

use limits_core::CapabilitySet;

use crate::grammar::value::Value;
use crate::resolve::change::Rule;
use crate::settings::declared::Declared;
use crate::settings::table::SettingKey;

/// The tables of a policy that apply to one component.
pub(crate) struct PolicyLayers<'a> {
    pub(crate) ceiling: PolicyTable<'a>,
    pub(crate) component_override: Option<(PolicyTable<'a>, HashPin)>,
}

/// A table of the policy with its name for reports.
pub(crate) struct PolicyTable<'a> {
    pub(crate) name: String,
    pub(crate) settings: Declared,
    pub(crate) capabilities: Option<&'a CapabilitySet>,
}

/// The `sha256` of an override, beside the hash of the component.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum HashPin {
    /// The override pins no hash: it counts up to the ceiling.
    Absent,
    /// The hashes are equal: it counts as it is.
    Matches,
    /// The hashes differ, or the component's is unknown: it can only lower.
    Differs,
}

/// One value after all layers.
pub(crate) struct Resolved {
    pub(crate) value: Value,
    /// The rule that decided it, unless the value is the one that the component asks for.
    pub(crate) rule: Option<Rule>,
    /// The value and the rule of an override without a hash that is above the ceiling.
    pub(crate) over_ceiling: Option<(Value, Rule)>,
}

impl PolicyTable<'_> {
    pub(crate) fn rule(&self, key: &'static str) -> Rule {
        Rule { table: self.name.clone(), key }
    }
}

impl PolicyLayers<'_> {
    /// Resolves one setting, for which the component asks for `from`.
    pub(crate) fn resolve_one(&self, key: SettingKey, from: Value) -> Resolved {
        let rank = |value| key.row().kind.rank(value);
        let mut resolved = Resolved { value: from, rule: None, over_ceiling: None };
        let mut pin = HashPin::Differs;
        if let Some((table, its_pin)) = &self.component_override
            && let Some(wanted) = table.settings.get(key)
            && (*its_pin != HashPin::Differs || rank(wanted) < rank(from))
        {
            pin = *its_pin;
            resolved.value = wanted;
            resolved.rule = Some(table.rule(key.as_str()));
        }
        if pin != HashPin::Matches
            && let Some(most) = self.ceiling.settings.get(key)
            && rank(most) < rank(resolved.value)
        {
            let lifted = resolved.rule.replace(self.ceiling.rule(key.as_str()));
            resolved.over_ceiling =
                lifted.filter(|_| pin == HashPin::Absent).map(|rule| (resolved.value, rule));
            resolved.value = most;
        }
        resolved.rule = resolved.rule.filter(|_| resolved.value != from);
        resolved
    }
}
