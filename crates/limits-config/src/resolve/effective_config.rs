//! The settings and capabilities that a component gets: file, defaults and policy together.

use core::num::NonZeroU32;

use limits_core::{
    Allowance, CapabilitySet, CpuTimePolicy, RatePolicy, ResourceLimits, ResourceQuota,
};

use crate::grammar::component_name::ComponentName;
use crate::grammar::value::Value;
use crate::resolve::adjust;
use crate::resolve::capability_grants;
use crate::resolve::change::{Change, Rule};
use crate::resolve::policy_layers::{HashPin, PolicyLayers};
use crate::resolve::rate_window;
use crate::settings::declared::Declared;
use crate::settings::setting::{Origin, Setting};
use crate::settings::table::SettingKey;
use crate::settings::translate;
use crate::tables::component_config::ComponentConfig;

/// The settings and capabilities that a component gets: its file, the defaults and the policy
/// together.
///
/// Made by [`ComponentConfig::effective`](crate::ComponentConfig::effective) and
/// [`Policy::apply`](crate::Policy::apply).
#[derive(Clone, Debug, Eq, PartialEq)]
#[must_use]
pub struct EffectiveConfig {
    id: ComponentName,
    /// One for each key, in the order of [`SettingKey::COMPONENT`].
    settings: Vec<Setting>,
    limits: ResourceLimits,
    quota: ResourceQuota,
    cpu_time_policy: CpuTimePolicy,
    network_policy: RatePolicy,
    message_policy: RatePolicy,
    capabilities: CapabilitySet,
    weight: NonZeroU32,
    changes: Vec<Change>,
}

impl EffectiveConfig {
    /// Resolves the configuration of a component; `host_memory` is the ceiling over the memory of
    /// all components, `weight` what its override says.
    pub(crate) fn resolve(
        id: ComponentName,
        config: &ComponentConfig,
        layers: &PolicyLayers<'_>,
        host_memory: Option<(Allowance, Rule)>,
        weight: NonZeroU32,
    ) -> Self {
        let mut changes = Vec::new();
        if let Some((table, HashPin::Differs)) = &layers.component_override {
            changes.push(Change::OtherHash { rule: table.rule("sha256") });
        }
        let settings = settings(&config.declared(), layers, host_memory, &mut changes);
        let capabilities = capability_grants::grant(layers, &config.capabilities, &mut changes);
        let values = settings.iter().map(|setting| (setting.key, setting.value)).collect();
        Self {
            id,
            settings,
            limits: translate::limits(&values),
            quota: translate::quota(&values, SettingKey::Period),
            cpu_time_policy: translate::policy(&values, SettingKey::CpuTimePolicy),
            network_policy: translate::policy(&values, SettingKey::NetworkPolicy),
            message_policy: translate::policy(&values, SettingKey::MessagePolicy),
            capabilities,
            weight,
            changes,
        }
    }

    /// Returns the identity under which quotas and overrides apply.
    #[must_use]
    pub const fn id(&self) -> &ComponentName {
        &self.id
    }

    /// Goes through all settings, in the order of [`SettingKey::COMPONENT`].
    pub fn settings(&self) -> impl Iterator<Item = Setting> {
        self.settings.iter().copied()
    }

    /// Returns one setting; `None` for a key of `[host]`, which is not of one component: see
    /// [`Policy::host`](crate::Policy::host).
    #[must_use]
    pub fn setting(&self, key: SettingKey) -> Option<Setting> {
        self.settings.iter().copied().find(|setting| setting.key == key)
    }

    /// Returns the value of one setting; `None` for a key of `[host]`.
    #[must_use]
    pub fn value(&self, key: SettingKey) -> Option<Value> {
        self.setting(key).map(|setting| setting.value)
    }

    /// Returns the limits of one execution.
    #[must_use]
    pub const fn limits(&self) -> ResourceLimits {
        self.limits
    }

    /// Returns the quota of the component, with rates as amounts per period, rounded down.
    #[must_use]
    pub const fn quota(&self) -> ResourceQuota {
        self.quota
    }

    /// Returns the policy for executions while the component has no CPU time left.
    #[must_use]
    pub const fn cpu_time_policy(&self) -> CpuTimePolicy {
        self.cpu_time_policy
    }

    /// Returns the policy for bytes above the component's network bandwidth.
    #[must_use]
    pub const fn network_policy(&self) -> RatePolicy {
        self.network_policy
    }

    /// Returns the policy for messages above the component's message rate.
    #[must_use]
    pub const fn message_policy(&self) -> RatePolicy {
        self.message_policy
    }

    /// Returns the resources that the component may access: the patterns of its file, restricted by
    /// those of the policy.
    ///
    /// [`iter`](CapabilitySet::iter) and [`patterns`](CapabilitySet::patterns) return those of the
    /// file, which the policy may not grant.
    #[must_use]
    pub const fn capabilities(&self) -> &CapabilitySet {
        &self.capabilities
    }

    /// Returns the parts that the component gets of the host's threads while others want them,
    /// beside those of the others: 1 to 10 000, 1 unless the policy has a `weight` for it. Its own
    /// file has none.
    #[must_use]
    pub const fn weight(&self) -> NonZeroU32 {
        self.weight
    }

    /// Returns the changes that the policy made, in the order of the file, and rates that cannot be
    /// counted. Without a policy there are only the latter.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }
}

/// Resolves all settings, in the order of the table.
fn settings(
    asked: &Declared,
    layers: &PolicyLayers<'_>,
    host_memory: Option<(Allowance, Rule)>,
    changes: &mut Vec<Change>,
) -> Vec<Setting> {
    let mut settings: Vec<Setting> = Vec::with_capacity(SettingKey::COMPONENT.len());
    // Some defaults follow settings above them in the table.
    let mut above = Declared::default();
    for key in SettingKey::COMPONENT.iter().copied() {
        let (from, origin) = match asked.get(key) {
            Some(value) => (value, Origin::Component),
            None => (above.default_of(key), Origin::Default),
        };
        let mut resolved = layers.resolve_one(key, from);
        if key == SettingKey::Period {
            rate_window::nest(layers, &mut resolved, from, &above);
        }
        let mut setting = Setting { key, value: resolved.value, origin };
        if let Some((wanted, rule)) = resolved.over_ceiling {
            changes.push(Change::Capped { key, wanted, ceiling: setting.value, rule });
        }
        if let Some(rule) = resolved.rule {
            setting.origin = Origin::Policy;
            changes.push(Change::Setting { key, from, to: setting.value, rule });
        }
        if key == SettingKey::MaxBytes
            && let Some((most, rule)) = &host_memory
            && setting.value.amount().is_some_and(|bytes| *most < bytes)
        {
            let (from, to) = (setting.value, Value::from(*most));
            changes.push(Change::Setting { key, from, to, rule: rule.clone() });
            setting.value = to;
            setting.origin = Origin::Policy;
        }
        above.set(key, Some(setting.value));
        settings.push(setting);
    }
    adjust::reconcile(&mut settings, changes);
    settings
}
