//! `wasm-limits calibrate`.

use limits_config::{EffectiveConfig, Origin, SettingKey, format_size};
use limits_core::{ResourceLimits, WasmResult};
use limits_wasmtime::ExecutionReport;
use serde::{Serialize, Serializer};

use crate::args::{CalibrateArgs, GuestArgs};
use crate::distribution::Distribution;
use crate::guest::account::RunAccount;
use crate::guest::session::{RunRecord, Session};
use crate::headroom::Headroom;
use crate::inputs::manifest::{Manifest, Terms};
use crate::interrupt::Interrupt;
use crate::outcome::Outcome;
use crate::outcome::classify::{Ending, Problem};
use crate::outcome::failure::Failure;
use crate::progress::RunBar;
use crate::report::console::{Console, Reported, Text};
use crate::report::model::{Runs, outcome_name};
use crate::report::text::{BOLD, WARNING, colour, line, table};
use crate::units::{grouped, three_decimals};

/// Memory that a measured run has at least: 256 MiB.
const GENEROUS_MEMORY: u64 = 256 * 1024 * 1024;
/// Memory that a measured run has at most: 4 GiB, all that one 32-bit memory can have.
const MOST_MEMORY: u64 = 4 * 1024 * 1024 * 1024;
/// How much more memory than its file says a measured run has.
const GENEROUS_FACTOR: u64 = 10;
/// Guests grow by pages of this size.
const PAGE: u64 = 64 * 1024;
/// The least timeout worth suggesting, in milliseconds: below it the system's scheduler decides.
const LEAST_TIMEOUT_MS: u64 = 10;

/// The report of `calibrate`. The keys here are the keys of the JSON.
#[derive(Debug, Serialize)]
pub(crate) struct Calibration {
    component: Option<String>,
    #[serde(serialize_with = "outcome_name")]
    outcome: Outcome,
    error: Option<Problem>,
    runs: Runs,
    fuel: Option<Spread>,
    peak_memory: Option<Spread>,
    cpu_ms: Option<Spread>,
    wall_ms: Option<Spread>,
    suggested: Option<Suggestion>,
    too_tight: Vec<TooTight>,
    /// The section to paste, where something is suggested.
    #[serde(skip)]
    section: String,
    #[serde(skip)]
    exit_code: u8,
}

impl Reported for Calibration {
    fn text(&self) -> Text {
        Text { printed: self.section.clone(), said: render(self) }
    }

    fn exit_code(&self) -> u8 {
        self.exit_code
    }

    fn end_as(&mut self, ending: Ending) {
        (self.outcome, self.exit_code, self.error) =
            (ending.outcome, ending.exit_code, ending.problem);
    }
}

/// A distribution, in the unit that it is measured in; time in microseconds.
#[derive(Clone, Copy, Debug)]
struct Spread {
    of: Distribution,
    is_time: bool,
}

impl Serialize for Spread {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let names = ["min", "median", "p99", "max"];
        if self.is_time {
            s.collect_map(names.into_iter().zip(self.of.quartet().map(milliseconds)))
        } else {
            s.collect_map(names.into_iter().zip(self.of.quartet()))
        }
    }
}

/// Limits that fit what was measured.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
struct Suggestion {
    max_bytes: u64,
    max_fuel: u64,
    timeout_ms: u64,
}

/// A limit in force that is less than what a measured run used.
#[derive(Clone, Debug, Serialize)]
struct TooTight {
    key: &'static str,
    limit: u64,
    needed: u64,
    origin: Origin,
    #[serde(skip)]
    shown: String,
}

/// Measures the component and suggests limits. Returns the exit code.
pub(crate) async fn calibrate(
    args: &CalibrateArgs,
    console: &mut Console,
    interrupt: &Interrupt,
) -> u8 {
    let GuestArgs { manifest: files, dirs, .. } = &args.guest;
    let manifest = Manifest::load(files, interrupt).await;
    let calibration = match console.open_report(&args.output, files, &manifest, dirs) {
        Ok(()) => measure(args, manifest, console, interrupt).await,
        Err(failure) => Calibration::not_run(None, Ending::from(&failure), Runs::default()),
    };
    console.publish(calibration)
}

async fn measure(
    args: &CalibrateArgs,
    manifest: Result<Manifest, Failure>,
    console: &Console,
    interrupt: &Interrupt,
) -> Calibration {
    let Manifest { terms, file, .. } = match manifest {
        Ok(manifest) => manifest,
        Err(failure) => {
            return Calibration::not_run(None, Ending::from(&failure), Runs::default());
        }
    };
    let Terms { name, effective, .. } = &terms;
    let ran = async {
        let account = RunAccount::unlimited(&terms)?;
        let is_shown = console.shows_progress();
        let session =
            Session::open(name, file?, &args.guest, &effective.limits(), interrupt, is_shown)
                .await?;
        repeat(args, console, interrupt, &session, &account, effective).await
    };
    match ran.await {
        Ok((None, runs, measured)) => {
            Calibration::new(terms.name, &terms.effective, runs, &measured, args.headroom)
        }
        Ok((Some(ending), runs, _)) => Calibration::not_run(Some(terms.name), ending, runs),
        Err(failure) => {
            Calibration::not_run(Some(terms.name), Ending::from(&failure), Runs::default())
        }
    }
}

/// Runs as often as wanted, but not beyond a run that does not succeed: what it used says
/// nothing about what it needs.
async fn repeat(
    args: &CalibrateArgs,
    console: &Console,
    interrupt: &Interrupt,
    session: &Session,
    account: &RunAccount,
    effective: &EffectiveConfig,
) -> Result<(Option<Ending>, Runs, Vec<ExecutionReport>), Failure> {
    let limits = generous(&effective.limits(), args.timeout)?;
    let stdio = console.stdio().without_output().map_err(|error| Failure::no_thread(&error))?;
    let count = u64::from(args.runs.get());
    let mut bar = RunBar::new(console.shows_progress(), count);
    let mut runs = Runs::default();
    let mut measured = Vec::new();
    while runs.count < count {
        let stdio = stdio.rewound();
        let run = session.run(&limits, account, &stdio, interrupt);
        let RunRecord { ending, used, .. } = bar.during(runs.count, run).await?;
        runs.add(ending.outcome);
        if ending.outcome != Outcome::Success {
            return Ok((Some(ending), runs, measured));
        }
        measured.push(used);
        if let (Some(by), true) = (interrupt.stopped_by(), runs.count < count) {
            let ending = Ending::stopped_between_runs(by, runs.count, count);
            return Ok((Some(ending), runs, measured));
        }
    }
    Ok((None, runs, measured))
}

/// Returns limits that a well-meant run does not meet: no bound on fuel, ten times the memory
/// (256 MiB to 4 GiB), and the timeout of the command line. The bounds on counts stay; an error
/// names the one that is met.
fn generous(limits: &ResourceLimits, timeout_ms: u64) -> WasmResult<ResourceLimits> {
    let memory = limits.max_memory_bytes();
    let more = memory.saturating_mul(GENEROUS_FACTOR).clamp(GENEROUS_MEMORY, MOST_MEMORY);
    ResourceLimits::builder()
        .memory_bytes(more.max(memory))
        .max_fuel(u64::MAX)
        .execution_timeout_ms(timeout_ms)
        .max_instances(limits.max_instances())
        .max_memories(limits.max_memories())
        .max_tables(limits.max_tables())
        .max_table_elements(limits.max_table_elements())
        .max_copy_bytes(limits.max_copy_bytes())
        .max_handles(limits.max_handles())
        .max_resources(limits.max_resources())
        .build()
}

impl Calibration {
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

    fn new(
        component: String,
        effective: &EffectiveConfig,
        runs: Runs,
        measured: &[ExecutionReport],
        headroom: Headroom,
    ) -> Self {
        let spread = |is_time, of: fn(&ExecutionReport) -> u64| {
            Distribution::of(measured.iter().map(of).collect()).map(|of| Spread { of, is_time })
        };
        let fuel = spread(false, |used| used.fuel.consumed());
        let peak_memory = spread(false, |used| used.peak_memory_bytes);
        let cpu_ms = spread(true, |used| microseconds(used.cpu_time));
        let wall_ms = spread(true, |used| microseconds(used.wall_time));
        let most = [peak_memory, fuel, wall_ms].map(|spread| spread.map(|spread| spread.of.max));
        let mut calibration = Self::not_run(Some(component), Ending::success(), runs);
        if let [Some(memory), Some(fuel), Some(wall_us)] = most {
            let suggested = Suggestion::fitting(memory, fuel, wall_us, headroom);
            calibration.section = section(&calibration, suggested, headroom);
            calibration.suggested = Some(suggested);
            calibration.too_tight = too_tight(effective, memory, fuel, wall_us);
        }
        Self { fuel, peak_memory, cpu_ms, wall_ms, ..calibration }
    }
}

impl Suggestion {
    fn fitting(memory: u64, fuel: u64, wall_us: u64, headroom: Headroom) -> Self {
        Self {
            max_bytes: headroom.over(memory).checked_next_multiple_of(PAGE).unwrap_or(u64::MAX),
            max_fuel: three_digits(headroom.over(fuel)),
            timeout_ms: headroom.over(wall_us).div_ceil(1_000).max(LEAST_TIMEOUT_MS),
        }
    }
}

fn too_tight(effective: &EffectiveConfig, memory: u64, fuel: u64, wall_us: u64) -> Vec<TooTight> {
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

/// Rounds up to three digits and zeros.
fn three_digits(number: u64) -> u64 {
    let mut unit: u64 = 1;
    while number / unit >= 1_000 {
        unit *= 10;
    }
    number.checked_next_multiple_of(unit).unwrap_or(u64::MAX)
}

fn microseconds(duration: core::time::Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn milliseconds(microseconds: u64) -> f64 {
    three_decimals(core::time::Duration::from_micros(microseconds).as_secs_f64() * 1e3)
}

/// Renders the section to paste into Component.toml.
fn section(calibration: &Calibration, suggested: Suggestion, headroom: Headroom) -> String {
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

fn render(calibration: &Calibration) -> String {
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
    let row = |label: &str, spread: Option<Spread>, show: &dyn Fn(u64) -> String| {
        let [min, median, p99, max] = spread?.of.quartet().map(show);
        Some([String::from(label), min, median, p99, max, String::new()])
    };
    let ms = |us: u64| format!("{:.3} ms", milliseconds(us));
    let rows: Vec<[String; 6]> = [
        row("fuel", calibration.fuel, &grouped),
        row("memory", calibration.peak_memory, &format_size),
        row("cpu", calibration.cpu_ms, &ms),
        row("wall", calibration.wall_ms, &ms),
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
    use super::{Calibration, GENEROUS_MEMORY, MOST_MEMORY, Suggestion, generous, section};
    use super::{three_digits, too_tight};
    use crate::outcome::Outcome;
    use crate::outcome::classify::Ending;
    use crate::report::model::Runs;
    use limits_config::{ComponentConfig, Policy};
    use limits_core::ResourceLimits;

    #[test]
    fn a_suggestion_is_rounded_up_to_what_people_write() {
        let headroom = "1.5".parse().unwrap();
        assert_eq!(
            Suggestion::fitting(65_536, 812_345, 30_100, headroom),
            Suggestion { max_bytes: 131_072, max_fuel: 1_220_000, timeout_ms: 46 }
        );
        assert_eq!(
            Suggestion::fitting(0, 0, 0, headroom),
            Suggestion { max_bytes: 0, max_fuel: 0, timeout_ms: 10 }
        );
        assert_eq!(Suggestion::fitting(u64::MAX, 1, 1, headroom).max_bytes, u64::MAX);
    }

    #[test]
    fn three_digits_are_kept_and_nothing_wraps() {
        let rounded = [0, 7, 999, 1_000, 1_001, 123_456, u64::MAX].map(three_digits);
        assert_eq!(rounded, [0, 7, 999, 1_000, 1_010, 124_000, u64::MAX]);
    }

    #[test]
    fn generous_limits_are_never_below_the_files() {
        let of = |bytes| {
            let limits = ResourceLimits::builder().memory_bytes(bytes).max_handles(3).build();
            generous(&limits.unwrap(), 60_000).unwrap()
        };
        assert_eq!(of(1).max_memory_bytes(), GENEROUS_MEMORY);
        assert_eq!(of(100 << 20).max_memory_bytes(), 1_000 << 20);
        assert_eq!(of(2 << 30).max_memory_bytes(), MOST_MEMORY);
        assert_eq!(of(8 << 30).max_memory_bytes(), 8 << 30);
        assert_eq!(of(1).max_fuel_per_execution(), u64::MAX);
        assert_eq!((of(1).execution_timeout_ms(), of(1).max_handles()), (60_000, 3));
    }

    #[test]
    fn a_limit_below_what_was_used_is_named() {
        let config = ComponentConfig::from_toml(
            "[component]\nname = \"a\"\nversion = \"1.0.0\"\n[resources.memory]\n\
             max_bytes = 65536\n",
        )
        .unwrap();
        let policy = Policy::from_toml("[ceiling]\nresources.cpu.max_fuel = 100\n").unwrap();
        let config = policy.apply(&config, &config.component.name, None);
        assert!(too_tight(&config, 65_536, 100, 100_000).is_empty());
        let rows = too_tight(&config, 65_537, 101, 100_001);
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
        let calibration = Calibration::not_run(Some(String::from("a")), Ending::success(), runs);
        let suggested = Suggestion { max_bytes: 131_072, max_fuel: 1_220_000, timeout_ms: 46 };
        let pasted = section(&calibration, suggested, "1.5".parse().unwrap());
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
