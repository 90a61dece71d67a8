//! Limits, quotas and capabilities that fit measured runs.

use std::collections::BTreeMap;

use limits_config::{EffectiveConfig, SettingKey};
use limits_core::{Permission, QuotaResource, ResourceLimits};
use limits_wasmtime::Calibration;
use serde::{Serialize, Serializer};

use crate::guest::account::AccountUse;
use crate::report::toml::{amount_line, patterns_line};
use crate::units::grouped;

/// Milliseconds of CPU time that one run can use in a second: it has one thread.
const WHOLE_CORE: u64 = 1_000;
/// The least of it worth suggesting: below it the system's scheduler decides, and a run without CPU
/// time waits for the next second.
const LEAST_CPU_MS: u64 = 10;
/// Stored bytes are suggested in whole units of this size.
const KIB: u64 = 1_024;

/// The resources whose highest use tells how large a quota must be, with their keys.
pub(crate) const MEASURED: [(QuotaResource, SettingKey); 5] = [
    (QuotaResource::Storage, SettingKey::Storage),
    (QuotaResource::StorageEntries, SettingKey::StorageEntries),
    (QuotaResource::MessageRate, SettingKey::MessageRate),
    (QuotaResource::NetworkBandwidth, SettingKey::NetworkBandwidth),
    (QuotaResource::Memory, SettingKey::QuotaMemory),
];

/// Limits, quotas and capabilities that fit the measured runs. The fields are keys of the JSON.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Suggestion {
    max_bytes: u64,
    max_fuel: u64,
    timeout_ms: u64,
    /// The quotas by their key in `[quota]`: bytes, entries, and units per second.
    #[serde(serialize_with = "by_name")]
    quota: Vec<(SettingKey, u64)>,
    /// The patterns of each permission that was used.
    #[serde(serialize_with = "by_permission")]
    capabilities: BTreeMap<Permission, Vec<String>>,
    /// Sentences on refusals, for comments.
    #[serde(skip)]
    refused: Vec<String>,
}

/// The needs of the measured runs, beside those of each of them.
#[derive(Clone, Debug)]
pub(crate) struct Needs {
    /// The use of the quotas by all runs.
    pub(crate) used: AccountUse,
    /// The patterns of each permission that grant what was requested.
    pub(crate) capabilities: BTreeMap<Permission, Vec<String>>,
    /// Sentences on what was refused, in one line each.
    pub(crate) refused: Vec<String>,
}

impl Suggestion {
    /// Makes a suggestion of `headroom` times the most that was used: `limits` have it already,
    /// `cpu_us` are the microseconds of CPU time of one run.
    pub(crate) fn new(
        limits: &ResourceLimits,
        cpu_us: u64,
        needs: Needs,
        effective: &EffectiveConfig,
        headroom: f64,
    ) -> Self {
        let max_bytes = limits.max_memory_bytes();
        let Needs { used, capabilities, refused } = needs;
        let needed = |(resource, key): (QuotaResource, SettingKey)| {
            let needed = Calibration::times(peak(&used, resource), headroom);
            let needed = match key {
                SettingKey::Storage => needed.checked_next_multiple_of(KIB).unwrap_or(u64::MAX),
                // A quota below the memory of one run contradicts it.
                SettingKey::QuotaMemory => needed.max(max_bytes),
                _ => needed,
            };
            (needed > 0 || key == SettingKey::QuotaMemory).then_some((key, needed))
        };
        let mut quota: Vec<(SettingKey, u64)> = MEASURED.into_iter().filter_map(needed).collect();
        let cpu_ms = Calibration::times(cpu_us, headroom).div_ceil(1_000);
        // A rate that comes out as zero in one period is an error.
        let period_ms = u64::try_from(effective.quota().reset_period.as_millis());
        let least = WHOLE_CORE.div_ceil(period_ms.unwrap_or(u64::MAX).max(1));
        quota.push((SettingKey::CpuTime, cpu_ms.clamp(LEAST_CPU_MS, WHOLE_CORE).max(least)));
        Self {
            max_bytes,
            max_fuel: limits.max_fuel_per_execution(),
            timeout_ms: limits.execution_timeout_ms(),
            quota,
            capabilities,
            refused,
        }
    }

    /// Renders the tables to paste into Component.toml, after a first line. Refusals are comments.
    pub(crate) fn section(&self, first: &str) -> String {
        let Self { max_bytes, max_fuel, timeout_ms, quota, capabilities, refused } = self;
        let mut text = format!(
            "# {first}\n\
             [resources.memory]\n\
             max_bytes = {} # {} KiB\n\
             \n\
             [resources.cpu]\n\
             max_fuel = {}\n\
             timeout_ms = {timeout_ms}\n\
             \n\
             [quota]\n",
            grouped(*max_bytes),
            grouped(max_bytes / KIB),
            grouped(*max_fuel),
        );
        for (key, amount) in quota {
            let note = match key {
                SettingKey::CpuTime => " # one run a second",
                SettingKey::QuotaMemory => ", one run at a time",
                _ => "",
            };
            text.push_str(&format!("{}{note}\n", amount_line(*key, *amount)));
        }
        if !capabilities.is_empty() || !refused.is_empty() {
            text.push_str("\n[capabilities]\n");
        }
        for (permission, patterns) in capabilities {
            text.push_str(&format!("{}\n", patterns_line(*permission, patterns)));
        }
        for refusal in refused {
            text.push_str(&format!("# {refusal}\n"));
        }
        text
    }
}

/// Returns the highest use of a resource.
pub(crate) fn peak(used: &AccountUse, resource: QuotaResource) -> u64 {
    let mut peaks = used.peaks.iter();
    peaks.find(|one| one.resource == resource).map_or(0, |one| one.peak.used())
}

fn by_name<S: Serializer>(quota: &[(SettingKey, u64)], s: S) -> Result<S::Ok, S::Error> {
    s.collect_map(quota.iter().map(|(key, amount)| {
        (key.as_str().rsplit_once('.').map_or(key.as_str(), |(_, name)| name), amount)
    }))
}

fn by_permission<S: Serializer>(
    patterns: &BTreeMap<Permission, Vec<String>>,
    s: S,
) -> Result<S::Ok, S::Error> {
    s.collect_map(patterns.iter().map(|(permission, patterns)| (permission.as_str(), patterns)))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{Needs, Suggestion};
    use crate::guest::account::{AccountUse, PeakUse};
    use core::time::Duration;
    use limits_config::ComponentConfig;
    use limits_core::{Allowance, Permission, QuotaResource, QuotaResourceStatus, ResourceLimits};
    use std::collections::BTreeMap;

    /// An account of these highest uses.
    pub(crate) fn used(peaks: &[(QuotaResource, u64)]) -> AccountUse {
        let peaks = peaks.iter().map(|(resource, used)| PeakUse {
            resource: *resource,
            peak: QuotaResourceStatus::new(*used, Allowance::Unlimited),
            denied: 0,
        });
        AccountUse { peaks: peaks.collect(), period: Duration::from_secs(1) }
    }

    fn config(tables: &str) -> ComponentConfig {
        let head = "[component]\nname = \"a\"\nversion = \"1.0.0\"\n";
        ComponentConfig::from_toml(&format!("{head}{tables}")).unwrap()
    }

    fn suggestion(cpu_us: u64, peaks: &[(QuotaResource, u64)], quota: &str) -> Suggestion {
        let limits = ResourceLimits::builder()
            .memory_bytes(131_072)
            .max_fuel(1_220_000)
            .execution_timeout_ms(46)
            .build()
            .unwrap();
        let read = vec![String::from("/data/*"), String::from("/say \"x\"")];
        let needs = Needs {
            used: used(peaks),
            capabilities: BTreeMap::from([(Permission::FilesystemRead, read)]),
            refused: vec![String::from("refused: filesystem.write of `/etc/x` once")],
        };
        let declared = config(&format!("[resources.memory]\nmax_bytes = 1\n[quota]\n{quota}"));
        Suggestion::new(&limits, cpu_us, needs, &declared.effective(), 1.5)
    }

    #[test]
    fn the_section_is_valid_in_a_component_file() {
        let peaks = [
            (QuotaResource::Storage, 10_000),
            (QuotaResource::StorageEntries, 3),
            (QuotaResource::Memory, 65_536),
            (QuotaResource::CpuTime, 999_999),
        ];
        let pasted = suggestion(20_001, &peaks, "").section("1.5 times");
        assert_eq!(
            pasted,
            "# 1.5 times\n\
             [resources.memory]\n\
             max_bytes = 131_072 # 128 KiB\n\
             \n\
             [resources.cpu]\n\
             max_fuel = 1_220_000\n\
             timeout_ms = 46\n\
             \n\
             [quota]\n\
             storage = 15_360 # 15 KiB\n\
             storage_entries = 5\n\
             memory = 131_072 # 128 KiB, one run at a time\n\
             cpu_time = \"31ms/s\" # one run a second\n\
             \n\
             [capabilities]\n\
             filesystem.read = [\"/data/*\", \"/say \\\"x\\\"\"]\n\
             # refused: filesystem.write of `/etc/x` once\n"
        );
        let config = config(&pasted);
        let (limits, quota) = (config.effective().limits(), config.effective().quota());
        assert_eq!(limits.max_memory_bytes(), 131_072);
        assert_eq!(limits.max_fuel_per_execution(), 1_220_000);
        assert_eq!(limits.execution_timeout_ms(), 46);
        assert_eq!(quota.max_storage_bytes, Allowance::AtMost(15_360));
        assert_eq!(quota.max_storage_entries, Allowance::AtMost(5));
        assert_eq!(quota.max_memory_bytes, Allowance::AtMost(131_072));
        assert_eq!(quota.max_cpu_time_ms, Allowance::AtMost(31));
        assert!(config.capabilities.check(Permission::FilesystemRead, "/data/a").is_allowed());
    }

    #[test]
    fn a_run_uses_at_most_one_core_and_a_rate_never_vanishes_in_its_period() {
        let cpu_time = |cpu_us, quota: &str| {
            let suggestion = serde_json::to_value(suggestion(cpu_us, &[], quota)).unwrap();
            suggestion["quota"]["cpu_time"].clone()
        };
        assert_eq!(cpu_time(5_000_000, ""), 1_000);
        assert_eq!(cpu_time(7_000, ""), 11);
        assert_eq!(cpu_time(0, ""), 10);
        assert_eq!(cpu_time(0, "period = \"30ms\""), 34);
        assert_eq!(cpu_time(0, "period = \"10s\""), 10);
    }

    #[test]
    fn a_quota_that_was_not_used_is_not_suggested() {
        let json = serde_json::to_value(suggestion(1, &[(QuotaResource::Storage, 0)], "")).unwrap();
        assert_eq!(json["quota"], serde_json::json!({"memory": 131_072, "cpu_time": 10}));
        assert_eq!(json["capabilities"]["filesystem.read"][0], "/data/*");
        // Three runs at the same time had more memory than one.
        let peaks = [(QuotaResource::Memory, 300_000)];
        let json = serde_json::to_value(suggestion(1, &peaks, "")).unwrap();
        assert_eq!(json["quota"]["memory"], 450_000);
    }
}
