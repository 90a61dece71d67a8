//! The report of a run for people.

use anstyle::{AnsiColor, Style};
use limits_config::{Origin, SettingKey, format_size};
use limits_core::Escaped;

use crate::guest::cluster::ClusterUse;
use crate::outcome::Outcome;
use crate::outcome::classify::Ending;
use crate::report::console::{Reported, Text};
use crate::report::level_use::LevelUse;
use crate::report::model::Report;
use crate::report::service_use::ServiceUse;
use crate::report::store_use::{DescriptorUse, ListingUse, OutputUse};
use crate::units::grouped;

/// Characters of a result that are shown; the JSON report has all of it.
const MOST_OF_A_RESULT: usize = 400;
/// Keys whose limits have a row of their own.
const IN_TABLE: [SettingKey; 3] =
    [SettingKey::MaxFuel, SettingKey::MaxBytes, SettingKey::TimeoutMs];

pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const WARNING: Style = AnsiColor::Yellow.on_default();

impl Reported for Report {
    const COMMAND: &'static str = "run";

    fn text(&self) -> Text {
        Text { stderr: render(self), ..Text::default() }
    }

    fn exit_code(&self) -> u8 {
        self.exit_code
    }

    fn end_as(&mut self, ending: Ending) {
        (self.outcome, self.exit_code, self.error) =
            (ending.outcome, ending.exit_code, ending.problem);
    }
}

/// Renders the report in lines, with colours, which [`crate::report::console`] removes unless the
/// output is a terminal.
pub(crate) fn render(report: &Report) -> String {
    let mut text = head(report);
    if let Some(result) = &report.result {
        text.push_str(&line("result", &cut(result)));
    }
    if let Some(problem) = &report.error {
        text.push_str(&line("why", &problem.message));
    }
    if report.has_run {
        text.push_str(&used(report));
        text.extend(report.phases.text().map(|phases| line("phases", &phases)));
        text.push_str(&quotas(report));
        for lease in report.cluster.iter().flat_map(ClusterUse::leases) {
            text.push_str(&line("cluster", &lease));
        }
        for refusal in &report.refusals {
            text.push_str(&line("refused", &refusal.text()));
        }
        for refused in &report.switched_off {
            text.push_str(&line("refused", &refused.line()));
        }
        if !report.enforced {
            let says = "nothing above was denied or refused: quotas and capabilities would have";
            text.push_str(&line("observed", says));
        }
    }
    text.extend(report.cluster.as_ref().map(|cluster| line("waited", &cluster.waited())));
    let mut others: Vec<String> = report
        .limits
        .iter()
        .filter(|limit| limit.origin != Origin::Default && !IN_TABLE.contains(&limit.key))
        .map(|limit| format!("{} = {} ({})", limit.key, limit, limit.origin))
        .collect();
    let compile = report.compile.iter().filter(|setting| setting.origin != Origin::Default);
    others.extend(compile.map(|set| format!("{} = {set} ({})", set.key, set.origin)));
    if !others.is_empty() {
        text.push_str(&line("also", &others.join(", ")));
    }
    for change in &report.policy {
        text.push_str(&line("policy", change));
    }
    if let Some(runs) = &report.runs {
        let by_outcome: Vec<String> =
            runs.by_outcome.iter().map(|(name, count)| format!("{count} {name}")).collect();
        text.push_str(&line("runs", &format!("{}: {}", runs.count, by_outcome.join(", "))));
    }
    text
}

/// Writes a label and a text, which starts at the same column in every line.
pub(crate) fn line(label: &str, text: &str) -> String {
    format!("  {DIM}{label:<8}{DIM:#} {text}\n")
}

/// Returns the colour of an outcome.
pub(crate) fn colour(outcome: Outcome) -> Style {
    match outcome {
        Outcome::Success => AnsiColor::Green.on_default().bold(),
        Outcome::Cancelled | Outcome::Exit => AnsiColor::Yellow.on_default().bold(),
        _ => AnsiColor::Red.on_default().bold(),
    }
}

fn head(report: &Report) -> String {
    let style = colour(report.outcome);
    let outcome = report.outcome.name();
    let component = match &report.component {
        Some(name) => format!(" {BOLD}{name}{BOLD:#}"),
        None => String::new(),
    };
    match report.exit_code {
        0 => format!("{style}{outcome}{style:#}{component}\n"),
        code => format!("{style}{outcome}{style:#}{component} {DIM}(exit code {code}){DIM:#}\n"),
    }
}

/// Writes the table of use: one row each for fuel, memory and time.
fn used(report: &Report) -> String {
    let (Some(fuel), Some(memory), Some(time)) = (&report.fuel, &report.memory, &report.time)
    else {
        return String::new();
    };
    let set_by = |key| {
        let limit = report.limits.iter().find(|limit| limit.key == key);
        limit.map_or_else(String::new, |limit| limit.origin.to_string())
    };
    let fuel_consumed = match fuel.exact {
        true => grouped(fuel.consumed),
        false => format!("at most {}", grouped(fuel.consumed)),
    };
    let rows = [
        [
            String::from("fuel"),
            fuel_consumed,
            grouped(fuel.max),
            percent(fuel.percent),
            set_by(IN_TABLE[0]),
        ],
        [
            String::from("memory"),
            format_size(memory.peak),
            format_size(memory.max),
            percent(share(memory.peak, memory.max)),
            set_by(IN_TABLE[1]),
        ],
        [
            String::from("time"),
            format!("{:.3} ms", time.wall_ms),
            format!("{} ms", grouped(time.timeout_ms)),
            percent(time_share(time.wall_ms, time.timeout_ms)),
            set_by(IN_TABLE[2]),
        ],
        [
            String::from("cpu"),
            format!("{:.3} ms", time.cpu_ms),
            String::new(),
            String::new(),
            String::new(),
        ],
    ];
    let header = ["", "used", "limit", "%", "set by"].map(String::from);
    let mut text = table(&header, &rows);
    if memory.refusals > 0 {
        let growths = if memory.refusals == 1 { "growth" } else { "growths" };
        let count = grouped(memory.refusals);
        text.push_str(&line(
            "refused",
            &format!("{WARNING}{count} {growths} of memory{WARNING:#}"),
        ));
    }
    let piled = [
        report.output.as_ref().and_then(OutputUse::line),
        report.descriptors.as_ref().and_then(DescriptorUse::line),
        report.listings.as_ref().and_then(ListingUse::line),
    ];
    let services = report.services.iter();
    let refusals = piled.into_iter().flatten().chain(services.flat_map(ServiceUse::refusals));
    for says in refusals {
        text.push_str(&line("refused", &format!("{WARNING}{says}{WARNING:#}")));
    }
    for (label, says) in [
        ("network", report.services.and_then(|used| used.network())),
        ("messages", report.services.and_then(|used| used.messages())),
    ] {
        text.extend(says.map(|says| line(label, &says)));
    }
    text
}

/// Writes the use of the quotas and ceilings by all runs together, one line each.
fn quotas(report: &Report) -> String {
    let (Some(quota), Some(time)) = (&report.quota, &report.time) else {
        return String::new();
    };
    let mut text: String = quota.lines().iter().map(|used| line("quota", used)).collect();
    for used in report.host.iter().flat_map(LevelUse::lines) {
        text.push_str(&line("host", &used));
    }
    if time.throttled_ms > 0.0 {
        let waited = format!("{WARNING}{:.3} ms{WARNING:#}", time.throttled_ms);
        // The executor does not count the two apart.
        let whose = if report.host.is_some() { "the quota or the host" } else { "the quota" };
        text.push_str(&line("waited", &format!("{waited} for CPU time of {whose}")));
    }
    if time.queued_ms > 0.0 {
        let waited = format!("{WARNING}{:.3} ms{WARNING:#}", time.queued_ms);
        text.push_str(&line("waited", &format!("{waited} for its turn on a thread")));
    }
    text
}

/// Aligns columns: the first to the left, numbers to the right, the last unchanged.
pub(crate) fn table<const N: usize>(header: &[String; N], rows: &[[String; N]]) -> String {
    let mut widths = [0; N];
    for row in core::iter::once(header).chain(rows) {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    widths[0] = widths[0].max(8);
    let mut text = String::new();
    for (index, row) in core::iter::once(header).chain(rows).enumerate() {
        let mut cells = String::new();
        for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
            let aligned = match column {
                0 => format!("{cell:<width$}"),
                last if last == N - 1 => format!("   {cell}"),
                _ => format!("   {cell:>width$}"),
            };
            cells.push_str(&aligned);
        }
        let cells = cells.trim_end();
        match index {
            0 => text.push_str(&format!("  {DIM}{cells}{DIM:#}\n")),
            _ => text.push_str(&format!("  {cells}\n")),
        }
    }
    text
}

fn percent(value: f64) -> String {
    format!("{value:.1}")
}

fn share(part: u64, whole: u64) -> f64 {
    limits_core::FuelMetrics::new(whole, part).usage_percentage()
}

fn time_share(wall_ms: f64, timeout_ms: u64) -> f64 {
    match u32::try_from(timeout_ms) {
        Ok(0) => 100.0,
        Ok(timeout_ms) => wall_ms / f64::from(timeout_ms) * 100.0,
        // No run takes a tenth of a per cent of 49 days.
        Err(_) => 0.0,
    }
}

fn cut(text: &str) -> String {
    let shown = Escaped::head(text, MOST_OF_A_RESULT);
    match text.char_indices().nth(MOST_OF_A_RESULT) {
        Some(_) => format!("{shown} ({} bytes in all)", text.len()),
        None => shown.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::{cut, render, table};
    use crate::guest::account::AccountUse;
    use crate::inputs::manifest::Terms;
    use crate::outcome::Outcome;
    use crate::outcome::classify::Ending;
    use crate::report::model::{Report, Runs};
    use crate::report::phases::Phases;
    use core::time::Duration;
    use limits_config::{ComponentConfig, Policy};
    use limits_core::{QuotaResource, QuotaResourceStatus};

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn a_report_is_readable_without_colours() {
        let config = ComponentConfig::from_toml(
            "[component]\nname = \"wordcount\"\nversion = \"1.0.0\"\n[resources.memory]\n\
             max_bytes = \"4MiB\"\nmax_tables = 3\n[resources.cpu]\ntimeout_ms = 50\n\
             [quota]\nmessage_rate = 5\n",
        )
        .unwrap();
        let ending = Ending::because(Outcome::Timeout, "execution timed out after 50 ms");
        let policy = "[host]\nmemory = \"16MiB\"\ncpu_time = \"2000ms/s\"";
        let terms = Terms {
            name: String::from("wordcount"),
            effective: config.effective(),
            host: *Policy::from_toml(policy).unwrap().host(),
            compile: Policy::from_toml("[compile]\nworkers = 1").unwrap().compile().clone(),
            cluster: None,
            note: None,
        };
        let mut report = Report::not_run(Some(&terms), ending);
        assert!(!plain(&render(&report)).contains(" used "), "nothing ran");
        report.has_run = true;
        report.result = Some(String::from("42"));
        let fuel = report.fuel.as_mut().unwrap();
        (fuel.consumed, fuel.percent, fuel.exact) = (123_456, 12.3456, false);
        let memory = report.memory.as_mut().unwrap();
        (memory.peak, memory.refusals) = (1_114_112, 2);
        let time = report.time.as_mut().unwrap();
        (time.wall_ms, time.cpu_ms) = (50.25, 3.0);
        (time.throttled_ms, time.queued_ms) = (40.5, 1.25);
        let (mut own, mut host) = AccountUse::unused(&terms);
        let set = |used: &mut AccountUse, resource: QuotaResource, units, denied| {
            let row = &mut used.peaks[resource.index()];
            row.peak = QuotaResourceStatus::new(units, row.peak.limit());
            row.denied = denied;
        };
        set(&mut own, QuotaResource::Memory, 8_388_608, 1);
        set(&mut own, QuotaResource::CpuTime, 3_250, 0);
        set(&mut own, QuotaResource::Storage, 4_100, 0);
        set(host.as_mut().unwrap(), QuotaResource::Memory, 16_777_216, 2);
        set(host.as_mut().unwrap(), QuotaResource::Storage, 4_100, 0);
        report = report.with((own, host), &terms);
        report.phases = Phases::loaded(Duration::from_micros(1_500));
        let mut runs = Runs::default();
        runs.add(Outcome::Timeout);
        report.runs = Some(runs);
        assert_eq!(
            plain(&render(&report)),
            "timeout wordcount (exit code 65)
  result   42
  why      execution timed out after 50 ms
                           used             limit       %   set by
  fuel          at most 123_456         1_000_000    12.3   default
  memory     1114112 (1.06 MiB)   4194304 (4 MiB)    26.6   component
  time                50.250 ms             50 ms   100.5   component
  cpu                  3.000 ms
  refused  2 growths of memory
  phases   load 1.500 ms
  quota    storage: 4100 (4 KiB) of 104857600 (100 MiB) at one time, 0.0 %
  quota    message rate: 0 of 5 in 1s, 0.0 %
  quota    CPU time: 3.250 ms of 1000 ms in 1s, 0.3 %
  quota    memory: 8388608 (8 MiB) of 268435456 (256 MiB) at one time, 3.1 %, denied once
  host     CPU time: 0.000 ms of 2000 ms in 1s, 0.0 %, set by policy
  host     memory: 16777216 (16 MiB) of 16777216 (16 MiB) at one time, 100.0 %, set by policy, denied 2 times
  waited   40.500 ms for CPU time of the quota or the host
  waited   1.250 ms for its turn on a thread
  also     resources.memory.max_tables = 3 (component), compile.workers = 1 (policy)
  runs     1: 1 timeout
"
        );
    }

    #[test]
    fn an_error_before_any_limit_is_two_lines() {
        let report = Report::not_run(None, Ending::because(Outcome::Error, "no such file"));
        assert_eq!(plain(&render(&report)), "error (exit code 71)\n  why      no such file\n");
    }

    #[test]
    fn columns_line_up() {
        let row = |cells: [&str; 3]| cells.map(String::from);
        assert_eq!(
            plain(&table(&row(["", "n", "by"]), &[row(["a", "100", "x"]), row(["b", "1", "yy"])])),
            "               n   by\n  a          100   x\n  b            1   yy\n"
        );
    }

    #[test]
    fn a_long_result_is_cut_and_a_hostile_one_escaped() {
        assert_eq!(cut("\"a\u{1b}\""), "\"a\\u{1b}\"");
        assert_eq!(cut(&"x".repeat(401)), format!("{}… (401 bytes in all)", "x".repeat(400)));
    }
}
