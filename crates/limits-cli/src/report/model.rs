//! The report of `run`. The fields are the keys of the JSON.

use std::collections::BTreeMap;

use limits_config::{CompileSetting, Setting};
use quota_wasi::StoreUsage;
use serde::{Serialize, Serializer};

use crate::guest::account::{AccountUse, Mode, RunAccount};
use crate::guest::cluster::ClusterUse;
use crate::guest::session::RunRecord;
use crate::inputs::manifest::Terms;
use crate::outcome::Outcome;
use crate::outcome::classify::{Ending, Problem};
use crate::report::level_use::{Level, LevelUse};
use crate::report::phases::Phases;
use crate::report::refusal::{Refusal, refusals};
use crate::report::service_use::ServiceUse;
use crate::report::settings::{self, by_key, changes, compile_by_key};
use crate::report::store_use::{DescriptorUse, ListingUse, OutputUse};
use crate::report::switched_off::SwitchedOff;
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
    /// False if quotas and capabilities were only observed: nothing counted as denied was refused.
    pub(crate) enforced: bool,
    /// These are null if no limits were known.
    pub(crate) fuel: Option<FuelUse>,
    pub(crate) memory: Option<MemoryUse>,
    pub(crate) time: Option<TimeUse>,
    /// Never null, but its phases may be.
    pub(crate) phases: Phases,
    pub(crate) output: Option<OutputUse>,
    pub(crate) descriptors: Option<DescriptorUse>,
    pub(crate) listings: Option<ListingUse>,
    pub(crate) services: Option<ServiceUse>,
    /// The use of the quotas by all runs; null if no limits were known.
    pub(crate) quota: Option<LevelUse>,
    /// The use of the host's ceilings; null if there are none.
    pub(crate) host: Option<LevelUse>,
    /// The use of the cluster by all runs; null if the policy has none.
    pub(crate) cluster: Option<ClusterUse>,
    /// The permissions that were refused.
    pub(crate) refusals: Vec<Refusal>,
    /// The services that the reported run called in vain.
    pub(crate) switched_off: Vec<SwitchedOff>,
    /// The effective limits, by the key that sets them.
    #[serde(serialize_with = "by_key")]
    pub(crate) limits: Vec<Setting>,
    /// The structure that components may have, and the budget of compiling one.
    #[serde(serialize_with = "compile_by_key")]
    pub(crate) compile: Vec<CompileSetting>,
    /// Sentences on the changes by the policy.
    pub(crate) policy: Vec<String>,
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
    /// The part of `wall_ms` that the guest waited for its turn on a thread.
    pub(crate) queued_ms: f64,
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
        let unused = StoreUsage::default();
        let report = Self {
            component: terms.map(|terms| terms.name.clone()),
            outcome,
            result: None,
            error: problem,
            enforced: true,
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
                queued_ms: 0.0,
            }),
            phases: Phases::default(),
            output: limits.map(|limits| OutputUse::new(&limits, &unused)),
            descriptors: limits.map(|limits| DescriptorUse::new(&limits, &unused)),
            listings: limits.map(|limits| ListingUse::new(&limits, &unused)),
            services: limits.map(|limits| ServiceUse::new(&limits, &unused)),
            quota: None,
            host: None,
            cluster: None,
            refusals: Vec::new(),
            switched_off: Vec::new(),
            limits: terms.map_or_else(Vec::new, |terms| settings::limits(&terms.effective)),
            compile: terms.map_or_else(Vec::new, |terms| terms.compile.settings().collect()),
            policy: terms.map_or_else(Vec::new, changes),
            has_run: false,
            runs: None,
            exit_code,
        };
        match terms {
            Some(terms) => report.with(AccountUse::unused(terms), terms),
            None => report,
        }
    }

    /// Adds the use of `account` by all runs, and its refusals.
    pub(crate) fn with_use(self, account: &RunAccount, terms: &Terms) -> Self {
        Self {
            enforced: account.mode() == Mode::Enforce,
            refusals: refusals(account, terms.effective.capabilities()),
            ..self.with((account.component(), account.host()), terms)
        }
    }

    /// Adds the use of the component's quotas, and of the host's ceilings if there are any.
    pub(crate) fn with(self, (own, host): (AccountUse, Option<AccountUse>), terms: &Terms) -> Self {
        let quotas: Vec<Setting> = terms.effective.settings().collect();
        let ceilings: Vec<Setting> = terms.host.settings().collect();
        Self {
            quota: Some(LevelUse::new(Level::Component, &own, &quotas)),
            host: host.map(|used| LevelUse::new(Level::Host, &used, &ceilings)),
            ..self
        }
    }

    /// Makes the report of one run under `terms`.
    pub(crate) fn of_run(terms: &Terms, run: RunRecord) -> Self {
        let RunRecord { ending, result, used, usage } = run;
        let limits = terms.effective.limits();
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
                timeout_ms: limits.execution_timeout_ms(),
                wall_ms: milliseconds(used.wall_time),
                cpu_ms: milliseconds(used.cpu_time),
                throttled_ms: milliseconds(used.throttled_time),
                queued_ms: milliseconds(used.queued_time),
            }),
            output: Some(OutputUse::new(&limits, &usage)),
            descriptors: Some(DescriptorUse::new(&limits, &usage)),
            listings: Some(ListingUse::new(&limits, &usage)),
            services: Some(ServiceUse::new(&limits, &usage)),
            switched_off: SwitchedOff::list(&usage),
            ..Self::not_run(Some(terms), ending)
        }
    }
}

pub(crate) fn outcome_name<S: Serializer>(outcome: &Outcome, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(outcome.name())
}

#[cfg(test)]
mod tests {
    use super::{Report, Runs, settings};
    use crate::inputs::manifest::Terms;
    use crate::outcome::Outcome;
    use crate::outcome::classify::Ending;
    use limits_config::{CompileKey, ComponentConfig, Policy};
    use serde_json::{Value, json};

    fn unused(limit: Value, origin: &str) -> Value {
        json!({"used": 0, "limit": limit, "percent": 0.0, "denied": 0, "origin": origin})
    }

    fn unused_time(limit: Value, origin: &str) -> Value {
        json!({"used": 0.0, "limit": limit, "percent": 0.0, "denied": 0, "origin": origin})
    }

    #[test]
    fn the_keys_are_those_that_are_documented() {
        let config = ComponentConfig::from_toml(
            "[component]\nname = \"a\"\nversion = \"1.0.0\"\n[resources.memory]\n\
             max_bytes = 65536\n[quota]\nmemory = \"unlimited\"\ncpu_time = \"500ms/s\"\n\
             message_rate = 5\nstorage = \"unlimited\"\n\
             [capabilities]\nfilesystem.read = [\"/a\"]\nnetwork.connect = [\"b:1\"]\n",
        )
        .unwrap();
        let ending = Ending::because(Outcome::Error, "no");
        let host = "[host]\nmemory = 131_072\nmessage_rate = 5\nperiod = \"2s\"";
        let terms = Terms {
            name: String::from("a"),
            effective: config.effective(),
            host: *Policy::from_toml(host).unwrap().host(),
            compile: Default::default(),
            cluster: None,
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
        assert_eq!(
            json["limits"].as_object().unwrap().len(),
            settings::limits(&config.effective()).len()
        );
        let mut rest = json;
        rest["limits"].take();
        let compile = rest["compile"].take();
        assert_eq!(compile["compile.workers"], json!({"value": 2, "origin": "default"}));
        assert_eq!(compile.as_object().unwrap().len(), CompileKey::ALL.len());
        assert_eq!(
            rest,
            json!({
                "component": "a",
                "outcome": "error",
                "result": null,
                "error": {"message": "no", "limit": null, "used": null, "requested": null},
                "enforced": true,
                "fuel": {
                    "max": 1_000_000, "consumed": 0, "remaining": 1_000_000, "percent": 0.0,
                    "exact": true
                },
                "memory": {"max": 65_536, "peak": 0, "refusals": 0},
                "time": {
                    "timeout_ms": 100, "wall_ms": 0.0, "cpu_ms": 0.0, "throttled_ms": 0.0,
                    "queued_ms": 0.0
                },
                "phases": {
                    "load_ms": null, "compile": null, "instantiate_ms": null, "run_ms": null
                },
                "output": {"max": 64 << 20, "bytes": 0, "cut": 0},
                "descriptors": {"max": 128, "peak": 0, "refused": 0},
                "listings": {"max": 65_536, "refused": 0},
                "services": {
                    "network": {"sent": 0, "received": 0, "dropped_datagrams": 0},
                    "sockets": {"max": 32, "peak": 0, "refused": 0},
                    "lookups": {"max": 256, "count": 0, "refused": 0},
                    "requests": {"max": 1_000, "count": 0, "refused": 0},
                    "messages": {"max_bytes": 262_144, "sent": 0, "refused": 0, "failed": 0},
                    "pairs": {"max_bytes": 1_048_576, "refused": 0},
                },
                "quota": {
                    "storage": unused(json!("unlimited"), "component"),
                    "storage_entries": unused(json!("unlimited"), "default"),
                    "message_rate": unused(json!(5), "component"),
                    "network_bandwidth": unused(json!(10_485_760), "default"),
                    "cpu_time": unused_time(json!(500.0), "component"),
                    "memory": unused(json!("unlimited"), "component"),
                },
                "host": {
                    "storage": unused(json!("unlimited"), "default"),
                    "storage_entries": unused(json!("unlimited"), "default"),
                    "message_rate": unused(json!(10), "policy"),
                    "network_bandwidth": unused(json!("unlimited"), "default"),
                    "cpu_time": unused_time(json!("unlimited"), "default"),
                    "memory": unused(json!(131_072), "policy"),
                },
                "cluster": null,
                "refusals": [],
                "switched_off": [],
                "limits": null,
                "compile": null,
                "policy": [],
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
                "cluster",
                "compile",
                "component",
                "descriptors",
                "enforced",
                "error",
                "fuel",
                "host",
                "limits",
                "listings",
                "memory",
                "outcome",
                "output",
                "phases",
                "policy",
                "quota",
                "refusals",
                "result",
                "services",
                "switched_off",
                "time"
            ]
        );
        assert_eq!((&json["fuel"], &json["limits"]), (&json!(null), &json!({})));
        assert_eq!((&json["quota"], &json["host"]), (&json!(null), &json!(null)));
    }
}
