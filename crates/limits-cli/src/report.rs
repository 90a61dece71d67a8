//! What is reported about a run. The keys here are the keys of the JSON.

use core::time::Duration;
use std::collections::BTreeMap;

use limits_config::{EffectiveConfig, Origin, Setting, SettingKey};
use limits_core::Allowance;
use limits_wasmtime::ExecutionReport;
use serde::{Serialize, Serializer};

use crate::ending::{Ending, Problem};
use crate::ledger::{Ledger, Usage};
use crate::outcome::Outcome;

/// One execution, as far as it went.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) ending: Ending,
    /// What an invoked function returned, in WAVE.
    pub(crate) result: Option<String>,
    pub(crate) used: ExecutionReport,
}

/// The report of `run`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    /// The name in the file; null if there is no valid file.
    pub(crate) component: Option<String>,
    #[serde(serialize_with = "outcome_name")]
    pub(crate) outcome: Outcome,
    pub(crate) result: Option<String>,
    pub(crate) error: Option<Problem>,
    /// These four are null if no limits were known.
    pub(crate) fuel: Option<FuelUse>,
    pub(crate) memory: Option<MemoryUse>,
    pub(crate) time: Option<TimeUse>,
    /// What all runs used of the quotas that this command enforces; null as well then.
    pub(crate) quota: Option<QuotaUse>,
    /// The effective limits, by the key that sets them.
    #[serde(serialize_with = "by_key")]
    pub(crate) limits: Vec<Limit>,
    /// What the policy changed, in words.
    pub(crate) policy: Vec<String>,
    /// Keys that are declared, but that this command does not enforce.
    pub(crate) not_enforced: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) runs: Option<Runs>,
    #[serde(skip)]
    pub(crate) exit_code: u8,
}

/// Fuel, in units.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FuelUse {
    pub(crate) max: u64,
    pub(crate) consumed: u64,
    pub(crate) remaining: u64,
    pub(crate) percent: f64,
    /// Whether `consumed` is exact; if not, it is an upper bound.
    pub(crate) exact: bool,
}

/// Memory of the guest, in bytes.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct MemoryUse {
    pub(crate) max: u64,
    pub(crate) peak: u64,
    /// How many times a memory or table was refused to grow.
    pub(crate) refusals: u64,
}

/// Time from the start of instantiation, in milliseconds.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct TimeUse {
    pub(crate) timeout_ms: u64,
    pub(crate) wall_ms: f64,
    pub(crate) cpu_ms: f64,
    /// Of `wall_ms`, what the guest waited for CPU time of the quota.
    pub(crate) throttled_ms: f64,
}

/// What all runs together used of the component's quotas.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct QuotaUse {
    /// In bytes: the most that live runs had at one time.
    pub(crate) memory: OneQuota<u64>,
    /// In milliseconds: the most that was counted in one period.
    pub(crate) cpu_time: OneQuota<f64>,
    #[serde(skip)]
    pub(crate) period: Duration,
}

/// The use of one quota.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct OneQuota<T> {
    pub(crate) used: T,
    /// None is no limit.
    #[serde(serialize_with = "or_unlimited")]
    pub(crate) limit: Option<T>,
    pub(crate) percent: f64,
    /// How often the quota refused.
    pub(crate) denied: u64,
}

impl QuotaUse {
    /// Returns what was counted in `ledger`, whose quotas have this period.
    pub(crate) fn of(ledger: &Ledger, period: Duration) -> Self {
        Self {
            memory: OneQuota::of(ledger.memory(), |bytes| bytes),
            cpu_time: OneQuota::of(ledger.cpu_time(), |us| milliseconds(Duration::from_micros(us))),
            period,
        }
    }
}

impl<T> OneQuota<T> {
    fn of(usage: Usage, unit: impl Fn(u64) -> T) -> Self {
        Self {
            used: unit(usage.most.used()),
            limit: usage.most.limit().at_most().map(&unit),
            percent: three_decimals(usage.most.percentage()),
            denied: usage.denied,
        }
    }
}

/// An effective limit and who set it.
#[derive(Clone, Debug)]
pub(crate) struct Limit {
    pub(crate) key: &'static str,
    pub(crate) value: Allowance,
    pub(crate) origin: Origin,
    /// The value as people read it.
    pub(crate) shown: String,
}

/// How several executions ended.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Runs {
    pub(crate) count: u64,
    pub(crate) by_outcome: BTreeMap<&'static str, u64>,
}

impl Runs {
    pub(crate) fn add(&mut self, outcome: Outcome) {
        self.count += 1;
        *self.by_outcome.entry(outcome.name()).or_default() += 1;
    }
}

impl Report {
    /// Reports that nothing ran, under `config` if that is known.
    pub(crate) fn of_nothing(config: Option<(&str, &EffectiveConfig)>, ending: Ending) -> Self {
        let Ending { outcome, exit_code, problem } = ending;
        let limits = config.map(|(_, config)| config.limits());
        Self {
            component: config.map(|(name, _)| String::from(name)),
            outcome,
            result: None,
            error: problem,
            fuel: limits.map(|limits| FuelUse {
                max: limits.max_fuel_per_execution(),
                consumed: 0,
                remaining: limits.max_fuel_per_execution(),
                percent: 0.0,
                exact: true,
            }),
            memory: limits.map(|limits| MemoryUse {
                max: limits.max_memory_bytes(),
                peak: 0,
                refusals: 0,
            }),
            time: limits.map(|limits| TimeUse {
                timeout_ms: limits.execution_timeout_ms(),
                wall_ms: 0.0,
                cpu_ms: 0.0,
                throttled_ms: 0.0,
            }),
            quota: config.map(|(_, config)| {
                let quota = config.quota();
                QuotaUse::of(&Ledger::new(quota), quota.reset_period)
            }),
            limits: config.map_or_else(Vec::new, |(_, config)| enforced(config)),
            policy: config.map_or_else(Vec::new, |(_, config)| changes(config)),
            not_enforced: config.map_or_else(Vec::new, |(_, config)| not_enforced(config)),
            runs: None,
            exit_code,
        }
    }

    /// Reports one execution under `config`.
    pub(crate) fn of_run(name: &str, config: &EffectiveConfig, run: Run) -> Self {
        let Run { ending, result, used } = run;
        let timeout_ms = config.limits().execution_timeout_ms();
        Self {
            result,
            fuel: Some(FuelUse {
                max: used.fuel.max_fuel(),
                consumed: used.fuel.consumed(),
                remaining: used.fuel.remaining(),
                percent: three_decimals(used.fuel.usage_percentage()),
                exact: used.fuel_exact,
            }),
            memory: Some(MemoryUse {
                max: used.max_memory_bytes,
                peak: used.peak_memory_bytes,
                refusals: used.refusals,
            }),
            time: Some(TimeUse {
                timeout_ms,
                wall_ms: milliseconds(used.wall_time),
                cpu_ms: milliseconds(used.cpu_time),
                throttled_ms: milliseconds(used.throttled_time),
            }),
            ..Self::of_nothing(Some((name, config)), ending)
        }
    }
}

/// Lists the limits of an execution, all of which the command enforces.
pub(crate) fn enforced(config: &EffectiveConfig) -> Vec<Limit> {
    settings(config, false)
}

/// Lists the quotas, of which it enforces those that [`is_enforced`] names.
pub(crate) fn quotas(config: &EffectiveConfig) -> Vec<Limit> {
    settings(config, true)
}

fn settings(config: &EffectiveConfig, are_quotas: bool) -> Vec<Limit> {
    config
        .settings()
        .filter(|setting| setting.key.is_quota() == are_quotas)
        .map(|setting: Setting| Limit {
            key: setting.key.as_str(),
            value: setting.value,
            origin: setting.origin,
            shown: setting.to_string(),
        })
        .collect()
}

/// Tells whether `run` enforces a quota: memory and CPU time, in the period that is set.
pub(crate) fn is_enforced(quota: &Limit) -> bool {
    [SettingKey::QuotaMemory, SettingKey::CpuTime, SettingKey::Period]
        .iter()
        .any(|key| key.as_str() == quota.key)
}

/// Says in words what the policy changed.
pub(crate) fn changes(config: &EffectiveConfig) -> Vec<String> {
    config.changes().iter().map(|change| limits_wasmtime::printable(&change.to_string())).collect()
}

/// Lists what was declared, by the component or the policy, but is not enforced here.
pub(crate) fn not_enforced(config: &EffectiveConfig) -> Vec<String> {
    let quotas = settings(config, true)
        .into_iter()
        .filter(|quota| quota.origin != Origin::Default && !is_enforced(quota))
        .map(|quota| String::from(quota.key));
    let capabilities = config
        .capabilities()
        .iter()
        .filter(|(_, patterns)| !patterns.is_empty())
        .map(|(permission, _)| format!("capabilities.{permission}"));
    quotas.chain(capabilities).collect()
}

/// Returns a duration in milliseconds, to the microsecond.
pub(crate) fn milliseconds(duration: Duration) -> f64 {
    three_decimals(duration.as_secs_f64() * 1e3)
}

/// Rounds for display.
pub(crate) fn three_decimals(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

pub(crate) fn outcome_name<S: Serializer>(outcome: &Outcome, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(outcome.name())
}

pub(crate) fn by_key<S: Serializer>(limits: &[Limit], s: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Row {
        value: Value,
        origin: Origin,
    }
    s.collect_map(
        limits
            .iter()
            .map(|limit| (limit.key, Row { value: Value(limit.value), origin: limit.origin })),
    )
}

/// The word for no bound.
const UNLIMITED: &str = "unlimited";

/// A number, or the word for no bound.
struct Value(Allowance);

fn or_unlimited<T: Serialize, S: Serializer>(limit: &Option<T>, s: S) -> Result<S::Ok, S::Error> {
    match limit {
        Some(limit) => limit.serialize(s),
        None => s.serialize_str(UNLIMITED),
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self.0.at_most() {
            Some(units) => s.serialize_u64(units),
            None => s.serialize_str(UNLIMITED),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Report, Runs, milliseconds};
    use crate::ending::Ending;
    use crate::outcome::Outcome;
    use core::time::Duration;
    use limits_config::ComponentConfig;
    use serde_json::json;

    #[test]
    fn the_keys_are_those_that_are_documented() {
        let config = ComponentConfig::from_str(
            "[component]\nname = \"a\"\nversion = \"1.0.0\"\n[resources.memory]\n\
             max_bytes = 65536\n[quota]\nmemory = \"unlimited\"\ncpu_time = \"500ms/s\"\n\
             message_rate = 5\nstorage = \"unlimited\"\n\
             [capabilities]\nfilesystem.read = [\"/a\"]\n",
        )
        .unwrap();
        let ending = Ending::because(Outcome::Error, "no");
        let mut report = Report::of_nothing(Some(("a", &config.effective())), ending);
        let mut runs = Runs::default();
        runs.add(Outcome::Error);
        runs.add(Outcome::Success);
        report.runs = Some(runs);
        let json = serde_json::to_value(&report).unwrap();
        let limit = |key: &str| json["limits"][key].clone();
        assert_eq!(
            limit("resources.memory.max_bytes"),
            json!({"value": 65_536, "origin": "component"})
        );
        assert_eq!(limit("resources.cpu.timeout_ms"), json!({"value": 100, "origin": "default"}));
        assert_eq!(json["limits"].as_object().unwrap().len(), 10);
        let mut rest = json;
        rest["limits"].take();
        assert_eq!(
            rest,
            json!({
                "component": "a",
                "outcome": "error",
                "result": null,
                "error": {"message": "no", "limit": null, "used": null, "requested": null},
                "fuel": {
                    "max": 1_000_000, "consumed": 0, "remaining": 1_000_000, "percent": 0.0,
                    "exact": true
                },
                "memory": {"max": 65_536, "peak": 0, "refusals": 0},
                "time": {"timeout_ms": 100, "wall_ms": 0.0, "cpu_ms": 0.0, "throttled_ms": 0.0},
                "quota": {
                    "memory": {"used": 0, "limit": "unlimited", "percent": 0.0, "denied": 0},
                    "cpu_time": {"used": 0.0, "limit": 500.0, "percent": 0.0, "denied": 0}
                },
                "limits": null,
                "policy": [],
                "not_enforced": [
                    "quota.storage", "quota.message_rate", "capabilities.filesystem.read"
                ],
                "runs": {"count": 2, "by_outcome": {"error": 1, "success": 1}},
            })
        );
    }

    #[test]
    fn all_keys_are_there_even_if_nothing_is_known() {
        let json =
            serde_json::to_value(Report::of_nothing(None, Ending::because(Outcome::Error, "no")))
                .unwrap();
        let keys: Vec<&String> = json.as_object().unwrap().keys().collect();
        assert_eq!(
            keys,
            [
                "component",
                "error",
                "fuel",
                "limits",
                "memory",
                "not_enforced",
                "outcome",
                "policy",
                "quota",
                "result",
                "time"
            ]
        );
        assert_eq!((&json["fuel"], &json["limits"]), (&json!(null), &json!({})));
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "both are the same decimal number")]
    fn time_is_rounded_to_the_microsecond() {
        assert_eq!(milliseconds(Duration::from_nanos(1_234_567)), 1.235);
        assert_eq!(milliseconds(Duration::ZERO), 0.0);
    }
}
