//! The report of `calibrate`.

use core::time::Duration;

use limits_config::{EffectiveConfig, Origin, SettingKey, format_size};
use limits_wasmtime::{Calibration, Distribution, ExecutionReport};
use serde::Serialize;

use crate::outcome::Outcome;
use crate::outcome::classify::{Ending, Problem};
use crate::report::console::{Reported, Text};
use crate::report::model::{Runs, outcome_name};
use crate::report::text::{BOLD, WARNING, colour, line, table};
use crate::units::{grouped, milliseconds};

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

/// Limits that fit the measured runs.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
struct Suggestion {
    max_bytes: u64,
    max_fuel: u64,
    timeout_ms: u64,
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
            too_tight: Vec::new(),
            section: String::new(),
            exit_code: ending.exit_code,
        }
    }

    pub(crate) fn new(
        component: String,
        effective: &EffectiveConfig,
        runs: Runs,
        measured: &[ExecutionReport],
        headroom: f64,
    ) -> Self {
        let mut report = Self::not_run(Some(component), Ending::success(), runs);
        let Some(calibration) = Calibration::from_reports(measured) else { return report };
        // Memory has been given, so the limits are complete.
        if let Ok(limits) = calibration.suggest(headroom).build() {
            let suggested = Suggestion {
                max_bytes: limits.max_memory_bytes(),
                max_fuel: limits.max_fuel_per_execution(),
                timeout_ms: limits.execution_timeout_ms(),
            };
            report.section = section(&report, suggested, headroom);
            report.suggested = Some(suggested);
        }
        report.too_tight = too_tight(
            effective,
            calibration.peak_memory_bytes.max,
            calibration.fuel.max,
            calibration.wall_time.max,
        );
        Self {
            fuel: Some(Spread::of(calibration.fuel, |units| units)),
            peak_memory: Some(Spread::of(calibration.peak_memory_bytes, |bytes| bytes)),
            cpu_ms: Some(Spread::of(calibration.cpu_time, milliseconds)),
            wall_ms: Some(Spread::of(calibration.wall_time, milliseconds)),
            ..report
        }
    }
}

fn too_tight(effective: &EffectiveConfig, memory: u64, fuel: u64, wall: Duration) -> Vec<TooTight> {
    let wall_us = u64::try_from(wall.as_micros()).unwrap_or(u64::MAX);
    let limits = effective.limits();
    let origin = |key| {
        let mut settings = effective.settings();
        settings.find(|setting| setting.key == key).map_or(Origin::Default, |found| found.origin)
    };
    let row = |key: SettingKey, limit, needed, shown: &dyn Fn(u64) -> String| TooTight {
        key: key.as_str(),
        limit,
        needed,
        origin: origin(key),
        shown: too_tight_in_words(&shown(limit), &shown(needed), origin(key)),
    };
    [
        row(SettingKey::MaxBytes, limits.max_memory_bytes(), memory, &format_size),
        row(SettingKey::MaxFuel, limits.max_fuel_per_execution(), fuel, &grouped),
        row(SettingKey::TimeoutMs, limits.execution_timeout_ms(), wall_us.div_ceil(1_000), &|ms| {
            format!("{} ms", grouped(ms))
        }),
    ]
    .into_iter()
    .filter(|row| row.limit < row.needed)
    .collect()
}

fn too_tight_in_words(limit: &str, needed: &str, origin: Origin) -> String {
    let set_by = match origin {
        Origin::Policy => "by the policy, which has to change",
        Origin::Component => "by the component",
        _ => "by default",
    };
    format!("{limit}, set {set_by}, is less than the {needed} used")
}

/// Renders the section to paste into Component.toml.
fn section(calibration: &CalibrationReport, suggested: Suggestion, headroom: f64) -> String {
    let Suggestion { max_bytes, max_fuel, timeout_ms } = suggested;
    let name = calibration.component.as_deref().unwrap_or_default();
    let count = calibration.runs.count;
    let runs = if count == 1 { "run" } else { "runs" };
    format!(
        "# {headroom} times the most that {count} {runs} of {name} used.\n\
         [resources.memory]\n\
         max_bytes = {} # {} KiB\n\
         \n\
         [resources.cpu]\n\
         max_fuel = {}\n\
         timeout_ms = {timeout_ms}\n",
        grouped(max_bytes),
        grouped(max_bytes / 1024),
        grouped(max_fuel),
    )
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
    for TooTight { key, shown, .. } in &calibration.too_tight {
        text.push_str(&line("tight", &format!("{WARNING}{key}{WARNING:#}: {shown}")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{CalibrationReport, Suggestion, section, too_tight};
    use crate::outcome::Outcome;
    use crate::outcome::classify::Ending;
    use crate::report::model::Runs;
    use core::time::Duration;
    use limits_config::{ComponentConfig, Policy};

    #[test]
    fn a_limit_below_what_was_used_is_named() {
        let config = ComponentConfig::from_toml(
            "[component]\nname = \"a\"\nversion = \"1.0.0\"\n[resources.memory]\n\
             max_bytes = 65536\n",
        )
        .unwrap();
        let policy = Policy::from_toml("[ceiling]\nresources.cpu.max_fuel = 100\n").unwrap();
        let config = policy.apply(&config, &config.component.name, None);
        assert!(too_tight(&config, 65_536, 100, Duration::from_millis(100)).is_empty());
        let rows = too_tight(&config, 65_537, 101, Duration::from_micros(100_001));
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
            ]
        );
    }

    #[test]
    fn the_section_is_valid_in_a_component_file() {
        let mut runs = Runs::default();
        runs.add(Outcome::Success);
        let calibration =
            CalibrationReport::not_run(Some(String::from("a")), Ending::success(), runs);
        let suggested = Suggestion { max_bytes: 131_072, max_fuel: 1_220_000, timeout_ms: 46 };
        let pasted = section(&calibration, suggested, 1.5);
        assert!(pasted.starts_with("# 1.5 times the most that 1 run of a used.\n"));
        let config = ComponentConfig::from_toml(&format!(
            "[component]\nname = \"a\"\nversion = \"1.0.0\"\n{pasted}"
        ))
        .unwrap();
        let limits = config.effective().limits();
        assert_eq!(limits.max_memory_bytes(), 131_072);
        assert_eq!(limits.max_fuel_per_execution(), 1_220_000);
        assert_eq!(limits.execution_timeout_ms(), 46);
    }
}
