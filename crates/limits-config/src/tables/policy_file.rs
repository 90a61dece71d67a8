//! The tables of the operator's policy file.

use std::collections::BTreeMap;

use limits_core::CapabilitySet;
use serde::Deserialize;

use crate::grammar::component_name::ComponentName;
use crate::grammar::weight::Weight;
use crate::settings::declared::Declared;
use crate::settings::section::Rules;
use crate::settings::table::{CpuConfig, HostCeilings, HostConfig, MemoryConfig, QuotaSection};
use crate::tables::capabilities;
use crate::tables::cluster_table::{self, ClusterTable};
use crate::tables::compile_settings::CompileSettings;
use crate::tables::sha256::Sha256;
use crate::toml::document::FileGrammar;

/// The operator's policy file.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PolicyFile {
    /// Ceilings over the sum of all components.
    pub(crate) host: HostCeilings,
    /// The structure that a component may have, and the budget of compiling it.
    pub(crate) compile: CompileSettings,
    /// The store of rates that several hosts share. Without this table nothing is shared.
    #[serde(deserialize_with = "cluster_table::some")]
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "ClusterTable"))]
    pub(crate) cluster: Option<ClusterTable>,
    /// Ceilings over every single component.
    pub(crate) ceiling: Ceiling,
    /// Overrides by the identity that the host gives a component; by default its name.
    #[cfg_attr(
        any(test, feature = "schema"),
        schemars(with = "BTreeMap<crate::grammar::schema::Name, Override>")
    )]
    pub(crate) component: BTreeMap<ComponentName, Override>,
}

/// Ceilings over every single component. A key that is absent bounds nothing.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Ceiling {
    /// The most that one execution may use.
    resources: ResourceRules,
    /// The most that a component may use over time.
    quota: Rules<QuotaSection>,
    /// The most that a component may access. Without this table its own list counts.
    #[serde(deserialize_with = "capabilities::some")]
    #[cfg_attr(
        any(test, feature = "schema"),
        schemars(with = "crate::tables::schema::Capabilities")
    )]
    pub(crate) capabilities: Option<CapabilitySet>,
}

/// The settings of one component, in place of those that it asks for.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Override {
    /// The SHA-256 of the component's bytes. Only an override with a matching one may pass the
    /// ceiling.
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "crate::grammar::schema::Sha256"))]
    pub(crate) sha256: Option<Sha256>,
    /// The parts that the component gets of the host's threads while others want them, beside those
    /// of the others, 1 to 10000; 1 without this key.
    #[cfg_attr(any(test, feature = "schema"), schemars(with = "crate::grammar::schema::Weight"))]
    pub(crate) weight: Option<Weight>,
    /// The resources that one execution may use.
    resources: ResourceRules,
    /// The resources that the component may use over time.
    quota: Rules<QuotaSection>,
    /// The most that the component may access. Without this table its own list counts.
    #[serde(deserialize_with = "capabilities::some")]
    #[cfg_attr(
        any(test, feature = "schema"),
        schemars(with = "crate::tables::schema::Capabilities")
    )]
    pub(crate) capabilities: Option<CapabilitySet>,
}

/// `[resources]` where nothing is required.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[cfg_attr(any(test, feature = "schema"), derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
struct ResourceRules {
    /// The memory of one execution.
    memory: Rules<MemoryConfig>,
    /// The CPU of one execution.
    cpu: Rules<CpuConfig>,
    /// The resources that the host holds for one execution.
    host: Rules<HostConfig>,
}

impl ResourceRules {
    fn declared(&self, quota: &Rules<QuotaSection>) -> Declared {
        let tables = [&self.memory.declared, &self.cpu.declared, &self.host.declared];
        tables.into_iter().cloned().fold(quota.declared.clone(), Declared::merge)
    }
}

impl Ceiling {
    pub(crate) fn declared(&self) -> Declared {
        self.resources.declared(&self.quota)
    }
}

impl Override {
    pub(crate) fn declared(&self) -> Declared {
        self.resources.declared(&self.quota)
    }
}

impl FileGrammar for PolicyFile {
    fn on_missing(key: &str) -> Option<&'static str> {
        match key {
            "cluster.url" => Some("the store, such as `url = \"redis://127.0.0.1:6379\"`"),
            "cluster.master" => Some("the name of the primary that `sentinels` know"),
            _ => None,
        }
    }

    fn on_misplaced(path: &[&str]) -> Option<String> {
        match path {
            [table @ ("resources" | "quota" | "capabilities")] => {
                Some(format!("write `[ceiling.{table}]`"))
            }
            ["ceiling", "host"] | ["component", _, "host"] => {
                Some(String::from("`[host]` stands by itself"))
            }
            ["ceiling", table @ ("compile" | "cluster")]
            | ["component", _, table @ ("compile" | "cluster")] => {
                Some(format!("`[{table}]` stands by itself"))
            }
            ["cluster", "on_store_loss", "messages"] => Some(String::from("write `message_rate`")),
            ["cluster", "on_store_loss", "network"] => {
                Some(String::from("write `network_bandwidth`"))
            }
            ["cluster", "on_store_loss", "storage" | "storage_entries" | "memory"] => Some(
                String::from("storage and memory are counted on each host, and are not shared"),
            ),
            ["weight"] | ["host" | "ceiling", "weight"] => {
                Some(String::from("write `weight` in `[component.\"ID\"]`"))
            }
            ["host", "quota"] => Some(String::from("write its keys directly under `[host]`")),
            _ => None,
        }
    }
}
