//! The report of `run`. The fields are the keys of the JSON.

use core::time::Duration;
use std::collections::BTreeMap;

use limits_config::{HostCeilings, Origin, Setting, SettingKey};
use serde::{Serialize, Serializer};

use crate::guest::account::{AccountUse, PeakUse, RunAccount};
use crate::guest::session::RunRecord;
use crate::inputs::manifest::Terms;
use crate::outcome::Outcome;
use crate::outcome::classify::{Ending, Problem};
use crate::report::settings::{by_key, changes, enforced, not_enforced};
use crate::units::{milliseconds, three_decimals};

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
    /// The use of the quotas by all runs; null if no limits were known.
    pub(crate) quota: Option<QuotaUse>,
    /// The use of the host's ceilings; null if there are none.
    pub(crate) host: Option<HostUse>,
    /// The effective limits, by the key that sets them.
    #[serde(serialize_with = "by_key")]
    pub(crate) limits: Vec<Setting>,
    /// Sentences on the changes by the policy.
    pub(crate) policy: Vec<String>,
    /// Keys that are declared, but that this command does not enforce.
    pub(crate) not_enforced: Vec<String>,
    /// Whether the guest was entered: otherwise the text has no table of zeros.
    #[serde(skip)]
    pub(crate) has_run: bool,
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
    /// The number of refused growths of memories and tables.
    pub(crate) refusals: u64,
}

/// Time from the start of instantiation, in milliseconds.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct TimeUse {
    pub(crate) timeout_ms: u64,
    pub(crate) wall_ms: f64,
    pub(crate) cpu_ms: f64,
    /// The part of `wall_ms` that the guest waited for CPU time of the quota.
    pub(crate) throttled_ms: f64,
}

/// The use of the component's quotas by all runs together.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct QuotaUse {
    /// Bytes of all live runs at one time, at most.
    pub(crate) memory: OneQuota<u64>,
    /// Milliseconds in one period, at most.
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
    /// The number of denials.
    pub(crate) denied: u64,
}

/// The use of the ceilings over all components of the host, by all runs together.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct HostUse {
    pub(crate) memory: OneCeiling<u64>,
    pub(crate) cpu_time: OneCeiling<f64>,
    #[serde(skip)]
    pub(crate) period: Duration,
}

/// The use of one ceiling, and the origin of the ceiling.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct OneCeiling<T> {
    #[serde(flatten)]
    pub(crate) quota: OneQuota<T>,
    pub(crate) origin: Origin,
}

impl From<AccountUse> for QuotaUse {
    fn from(used: AccountUse) -> Self {
        Self {
            memory: OneQuota::of(used.memory, |bytes| bytes),
            cpu_time: OneQuota::of(used.cpu_time, |us| milliseconds(Duration::from_micros(us))),
            period: used.period,
        }
    }
}

impl HostUse {
    fn new(used: AccountUse, ceilings: &HostCeilings) -> Self {
        let set_by = |key| {
            let setting = ceilings.settings().find(|setting| setting.key == key);
            setting.map_or(Origin::Default, |setting| setting.origin)
        };
        let QuotaUse { memory, cpu_time, period } = QuotaUse::from(used);
        Self {
            memory: OneCeiling { quota: memory, origin: set_by(SettingKey::HostMemory) },
            cpu_time: OneCeiling { quota: cpu_time, origin: set_by(SettingKey::HostCpuTime) },
            period,
        }
    }
}

impl<T> OneQuota<T> {
    fn of(usage: PeakUse, unit: impl Fn(u64) -> T) -> Self {
        Self {
            used: unit(usage.peak.used()),
            limit: usage.peak.limit().at_most().map(&unit),
            percent: three_decimals(usage.peak.percentage()),
            denied: usage.denied,
        }
    }
}

/// The outcomes of several runs.
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
    /// Makes the report of a command that ran nothing, under `terms` if these are known.
    pub(crate) fn not_run(terms: Option<&Terms>, ending: Ending) -> Self {
        let Ending { outcome, exit_code, problem } = ending;
        let limits = terms.map(|terms| terms.effective.limits());
        let report = Self {
            component: terms.map(|terms| terms.name.clone()),
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
            quota: None,
            host: None,
            limits: terms.map_or_else(Vec::new, |terms| enforced(&terms.effective)),
            policy: terms.map_or_else(Vec::new, changes),
            not_enforced: terms.map_or_else(Vec::new, not_enforced),
            has_run: false,
            runs: None,
            exit_code,
        };
        match terms {
            Some(terms) => report.with(AccountUse::unused(terms), terms),
            None => report,
        }
    }

    /// Adds the use of `account` by all runs.
    pub(crate) fn with_use(self, account: &RunAccount, terms: &Terms) -> Self {
        self.with((account.component(), account.host()), terms)
    }

    fn with(self, (own, host): (AccountUse, Option<AccountUse>), terms: &Terms) -> Self {
        Self {
            quota: Some(QuotaUse::from(own)),
            host: host.map(|used| HostUse::new(used, &terms.host)),
            ..self
        }
    }

    /// Makes the report of one run under `terms`.
    pub(crate) fn of_run(terms: &Terms, run: RunRecord) -> Self {
        let RunRecord { ending, result, used } = run;
        let timeout_ms = terms.effective.limits().execution_timeout_ms();
        Self {
            result,
            has_run: ending.outcome != Outcome::Error || used.slices > 0,
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
            ..Self::not_run(Some(terms), ending)
        }
    }
}

pub(crate) fn outcome_name<S: Serializer>(outcome: &Outcome, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(outcome.name())
}

/// The value without a limit.
const UNLIMITED: &str = "unlimited";

fn or_unlimited<T: Serialize, S: Serializer>(limit: &Option<T>, s: S) -> Result<S::Ok, S::Error> {
    match limit {
        Some(limit) => limit.serialize(s),
        None => s.serialize_str(UNLIMITED),
    }
}

#[cfg(test)]
mod tests {
    use super::{Report, Runs, enforced};
    use crate::inputs::manifest::Terms;
    use crate::outcome::Outcome;
    use crate::outcome::classify::Ending;
    use limits_config::{ComponentConfig, Policy};
    use serde_json::json;

    #[test]
    fn the_keys_are_those_that_are_documented() {
        let config = ComponentConfig::from_toml(
            "[component]\nname = \"a\"\nversion = \"1.0.0\"\n[resources.memory]\n\
             max_bytes = 65536\n[quota]\nmemory = \"unlimited\"\ncpu_time = \"500ms/s\"\n\
             message_rate = 5\nstorage = \"unlimited\"\n\
             [capabilities]\nfilesystem.read = [\"/a\"]\n",
        )
        .unwrap();
        let ending = Ending::because(Outcome::Error, "no");
        let host = "[host]\nmemory = 131_072\nstorage = \"1GB\"\nperiod = \"2s\"";
        let terms = Terms {
            name: String::from("a"),
            effective: config.effective(),
            host: *Policy::from_toml(host).unwrap().host(),
            note: None,
        };
        let mut report = Report::not_run(Some(&terms), ending);
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
        assert_eq!(json["limits"].as_object().unwrap().len(), enforced(&config.effective()).len());
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
                "host": {
                    "memory": {
                        "used": 0, "limit": 131_072, "percent": 0.0, "denied": 0,
                        "origin": "policy"
                    },
                    "cpu_time": {
                        "used": 0.0, "limit": "unlimited", "percent": 0.0, "denied": 0,
                        "origin": "default"
                    }
                },
                "limits": null,
                "policy": [],
                "not_enforced": [
                    "quota.storage", "quota.message_rate", "host.storage",
                    "capabilities.filesystem.read"
                ],
                "runs": {"count": 2, "by_outcome": {"error": 1, "success": 1}},
            })
        );
    }

    #[test]
    fn all_keys_are_there_even_if_nothing_is_known() {
        let json =
            serde_json::to_value(Report::not_run(None, Ending::because(Outcome::Error, "no")))
                .unwrap();
        let keys: Vec<&String> = json.as_object().unwrap().keys().collect();
        assert_eq!(
            keys,
            [
                "component",
                "error",
                "fuel",
                "host",
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
        assert_eq!((&json["quota"], &json["host"]), (&json!(null), &json!(null)));
    }
}
