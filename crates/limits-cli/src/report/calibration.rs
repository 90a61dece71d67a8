//! The report of `calibrate`.

use core::time::Duration;
use std::collections::BTreeMap;

use limits_config::{EffectiveConfig, Origin, Setting, SettingKey, Unit, format_size};
use limits_wasmtime::{Calibration, Distribution, ExecutionReport};
use serde::Serialize;

use crate::guest::account::{AccountUse, Mode};
use crate::inputs::manifest::Terms;
use crate::outcome::Outcome;
use crate::outcome::classify::{Ending, Problem};
use crate::report::console::{Reported, Text};
use crate::report::model::{Runs, outcome_name};
use crate::report::refusal::Refusal;
use crate::report::suggestion::{MEASURED, Needs, Suggestion, peak};
use crate::report::text::{BOLD, WARNING, colour, line, table};
use crate::units::{grouped, milliseconds};

/// The note on runs in which nothing was refused.
const OBSERVED: &str = "nothing above was refused: the capabilities would have";

/// The report of `calibrate`. The keys here are the keys of the JSON.
#[derive(Debug, Serialize)]
pub(crate) struct CalibrationReport {
    component: Option<String>,
    #[serde(serialize_with = "outcome_name")]
    outcome: Outcome,
    error: Option<Problem>,
    runs: Runs,
    fuel: Option<Spread<u64>>,
    peak_memory: Option<Spread<u64>>,
    cpu_ms: Option<Spread<f64>>,
    wall_ms: Option<Spread<f64>>,
    suggested: Option<Suggestion>,
    /// False if the runs were only observed: nothing was refused.
    enforced: bool,
    refusals: Vec<Refusal>,
    too_tight: Vec<TooTight>,
    /// The section to paste into Component.toml, if limits are suggested.
    #[serde(skip)]
    section: String,
    #[serde(skip)]
    exit_code: u8,
}

impl Reported for CalibrationReport {
    const COMMAND: &'static str = "calibrate";

    fn text(&self) -> Text {
        Text { stdout: self.section.clone(), stderr: render(self) }
    }

    fn exit_code(&self) -> u8 {
        self.exit_code
    }

    fn end_as(&mut self, ending: Ending) {
        (self.outcome, self.exit_code, self.error) =
            (ending.outcome, ending.exit_code, ending.problem);
    }
}

/// A distribution as it is shown: numbers, or times in milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
struct Spread<T> {
    min: T,
    median: T,
    p99: T,
    max: T,
}

impl<T> Spread<T> {
    fn of<M>(measured: Distribution<M>, shown: impl Fn(M) -> T) -> Self {
        let Distribution { min, median, p99, max, .. } = measured;
        Self { min: shown(min), median: shown(median), p99: shown(p99), max: shown(max) }
    }

    fn row(self, label: &str, shown: impl Fn(T) -> String) -> [String; 6] {
        let Self { min, median, p99, max } = self;
        [String::from(label), shown(min), shown(median), shown(p99), shown(max), String::new()]
    }
}

/// A limit in force that is below the highest use.
#[derive(Clone, Debug, Serialize)]
struct TooTight {
    key: &'static str,
    limit: u64,
    needed: u64,
    origin: Origin,
    #[serde(skip)]
    shown: String,
}

impl CalibrationReport {
    pub(crate) fn not_run(component: Option<String>, ending: Ending, runs: Runs) -> Self {
        Self {
            component,
            outcome: ending.outcome,
            error: ending.problem,
            runs,
            fuel: None,
            peak_memory: None,
            cpu_ms: None,
            wall_ms: None,
            suggested: None,
            enforced: true,
            refusals: Vec::new(),
            too_tight: Vec::new(),
            section: String::new(),
            exit_code: ending.exit_code,
        }
    }

    pub(crate) fn new(
        terms: &Terms,
        runs: Runs,
        measured: &[ExecutionReport],
        needs: Needs,
        headroom: f64,
    ) -> Self {
        let Terms { name, effective, .. } = terms;
        let mut report = Self::not_run(Some(name.clone()), Ending::success(), runs);
        let Some(calibration) = Calibration::from_reports(measured) else { return report };
        let most = [
            (SettingKey::MaxBytes, calibration.peak_memory_bytes.max),
            (SettingKey::MaxFuel, calibration.fuel.max),
            (SettingKey::TimeoutMs, microseconds(calibration.wall_time.max).div_ceil(1_000)),
        ];
        report.too_tight = too_tight(effective, &most, &needs.used);
        // Memory has been given, so the limits are complete.
        if let Ok(limits) = calibration.suggest(headroom).build() {
            let cpu_us = microseconds(calibration.cpu_time.max);
            let suggested = Suggestion::new(&limits, cpu_us, needs, effective, headroom);
            report.section = suggested.section(&report.first_line(headroom));
            report.suggested = Some(suggested);
        }
        Self {
            fuel: Some(Spread::of(calibration.fuel, |units| units)),
            peak_memory: Some(Spread::of(calibration.peak_memory_bytes, |bytes| bytes)),
            cpu_ms: Some(Spread::of(calibration.cpu_time, milliseconds)),
            wall_ms: Some(Spread::of(calibration.wall_time, milliseconds)),
            ..report
        }
    }

    /// Adds the refusals by all runs, which had no effect if these were only observed.
    pub(crate) fn with_refusals(self, refusals: Vec<Refusal>, mode: Mode) -> Self {
        Self { refusals, enforced: mode == Mode::Enforce, ..self }
    }

    /// Returns the first line of the section to paste into Component.toml.
    fn first_line(&self, headroom: f64) -> String {
        let (count, name) = (self.runs.count, self.component.as_deref().unwrap_or_default());
        let runs = if count == 1 { "run" } else { "runs" };
        format!("{headroom} times the most that {count} {runs} of {name} used.")
    }
}

fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Lists the settings in force that are below the most of one run, or of all runs together.
fn too_tight(
    effective: &EffectiveConfig,
    of_one_run: &[(SettingKey, u64)],
    used: &AccountUse,
) -> Vec<TooTight> {
    let of_account = MEASURED.map(|(resource, key)| (key, peak(used, resource)));
    let needs: BTreeMap<&str, u64> = of_one_run
        .iter()
        .copied()
        .chain(of_account)
        .map(|(key, needed)| (key.as_str(), needed))
        .collect();
    let row = |Setting { key, value, origin, .. }: Setting| {
        let (limit, needed) = (value.at_most()?, *needs.get(key.as_str())?);
        let shown = |number: u64| match key.unit() {
            Unit::Bytes => format_size(number),
            Unit::Milliseconds => format!("{} ms", grouped(number)),
            _ => grouped(number),
        };
        (limit < needed).then(|| TooTight {
            key: key.as_str(),
            limit,
            needed,
            origin,
            shown: too_tight_in_words(&shown(limit), &shown(needed), origin),
        })
    };
    effective.settings().filter_map(row).collect()
}

fn too_tight_in_words(limit: &str, needed: &str, origin: Origin) -> String {
    let set_by = match origin {
        Origin::Policy => "by the policy, which has to change",
        Origin::Component => "by the component",
        _ => "by default",
    };
    format!("{limit}, set {set_by}, is less than the {needed} used")
}

fn render(calibration: &CalibrationReport) -> String {
    let style = colour(calibration.outcome);
    let outcome = calibration.outcome.name();
    let name = calibration.component.as_deref().unwrap_or_default();
    let count = calibration.runs.count;
    let mut text = match calibration.exit_code {
        0 => format!("{style}{outcome}{style:#} {BOLD}{name}{BOLD:#}, {count} runs\n"),
        code => format!("{style}{outcome}{style:#} {BOLD}{name}{BOLD:#} (exit code {code})\n"),
    };
    if let Some(problem) = &calibration.error {
        let which = match count {
            0 => String::from("why"),
            count => format!("run {count}"),
        };
        text.push_str(&line(&which, &problem.message));
    }
    let ms = |ms: f64| format!("{ms:.3} ms");
    let rows: Vec<[String; 6]> = [
        calibration.fuel.map(|fuel| fuel.row("fuel", grouped)),
        calibration.peak_memory.map(|memory| memory.row("memory", format_size)),
        calibration.cpu_ms.map(|time| time.row("cpu", ms)),
        calibration.wall_ms.map(|time| time.row("wall", ms)),
    ]
    .into_iter()
    .flatten()
    .collect();
    if !rows.is_empty() {
        text.push_str(&table(&["", "min", "median", "p99", "max", ""].map(String::from), &rows));
    }
    for refusal in &calibration.refusals {
        text.push_str(&line("refused", &refusal.text()));
    }
    if !calibration.enforced {
        text.push_str(&line("observed", OBSERVED));
    }
    for TooTight { key, shown, .. } in &calibration.too_tight {
        text.push_str(&line("tight", &format!("{WARNING}{key}{WARNING:#}: {shown}")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::too_tight;
    use crate::report::suggestion::tests::used;
    use limits_config::{ComponentConfig, Policy, SettingKey};
    use limits_core::QuotaResource;

    #[test]
    fn a_limit_below_what_was_used_is_named() {
        let config = ComponentConfig::from_toml(
            "[component]\nname = \"a\"\nversion = \"1.0.0\"\n[resources.memory]\n\
             max_bytes = 65536\n[quota]\nstorage = 5_000\n",
        )
        .unwrap();
        let policy = Policy::from_toml("[ceiling]\nresources.cpu.max_fuel = 100\n").unwrap();
        let config = policy.apply(&config, &config.component.name, None);
        let tight = |more: u64| {
            let one_run = [
                (SettingKey::MaxBytes, 65_536 + more),
                (SettingKey::MaxFuel, 100 + more),
                (SettingKey::TimeoutMs, 100 + more),
            ];
            too_tight(&config, &one_run, &used(&[(QuotaResource::Storage, 5_000 + more)]))
        };
        assert!(tight(0).is_empty());
        let rows = tight(1);
        let shown: Vec<String> =
            rows.iter().map(|row| format!("{}: {}", row.key, row.shown)).collect();
        assert_eq!(
            shown,
            [
                "resources.memory.max_bytes: 65536 (64 KiB), set by the component, is less than \
                 the 65537 (64 KiB) used",
                "resources.cpu.max_fuel: 100, set by the policy, which has to change, is less \
                 than the 101 used",
                "resources.cpu.timeout_ms: 100 ms, set by default, is less than the 101 ms used",
                "quota.storage: 5000 (4.88 KiB), set by the component, is less than the 5001 \
                 (4.88 KiB) used",
            ]
        );
    }
}
