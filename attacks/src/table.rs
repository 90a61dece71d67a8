//! The table of all vectors, as Markdown.

use core::fmt::Write as _;
use core::time::Duration;

use crate::measured::Measured;
use crate::outcome::Outcome;
use crate::sources::{Tests, has_row};
use crate::stage::Stage;
use crate::vector::{Kind, Vector};
use crate::zoo::SECTIONS;
use crate::{Result, command};

/// The table, and the number of vectors that are not contained.
#[derive(Debug)]
#[non_exhaustive]
pub struct Table {
    /// The table, as Markdown.
    pub markdown: String,
    /// The vectors that are not contained, with the reason.
    pub faults: Vec<String>,
}

/// Carries out all attacks in both ways and writes the table of them. `progress` hears the name of
/// each vector before it.
///
/// # Errors
///
/// If an attack could not be carried out.
pub fn table(mut progress: impl FnMut(&str)) -> Result<Table> {
    let stage = Stage::new()?;
    let tests = Tests::read()?;
    let mut table = Table {
        markdown: String::from(
            "| vector | attack | outcome | ms late, in a host / in the command | MiB of the host, \
             in a host / in the command | verdict |\n|---|---|---|---|---|---|\n",
        ),
        faults: Vec::new(),
    };
    for (_, _, vectors) in SECTIONS {
        for vector in vectors() {
            progress(&vector.name());
            let row = Row::of(&vector, &stage, &tests)?;
            let verdict = if row.faults.is_empty() { row.verdict } else { "NOT CONTAINED" };
            // Writing to a string does not fail.
            let _ = writeln!(
                table.markdown,
                "| {} | {} | {} | {} | {} | {verdict} |",
                vector.id, vector.title, row.outcome, row.late, row.memory
            );
            table
                .faults
                .extend(row.faults.iter().map(|fault| format!("{}: {fault}", vector.name())));
        }
    }
    stage.end();
    Ok(table)
}

struct Row {
    outcome: String,
    late: String,
    memory: String,
    verdict: &'static str,
    faults: Vec<String>,
}

impl Row {
    fn of(vector: &Vector, stage: &Stage, tests: &Tests) -> Result<Self> {
        let plain = |outcome: String, verdict, fault: Option<String>| Self {
            outcome,
            late: String::new(),
            memory: String::new(),
            verdict,
            faults: fault.into_iter().collect(),
        };
        Ok(match &vector.kind {
            Kind::Guest(case) => {
                let both = [stage.attack(case)?, command::attack(case)?];
                let faults = both.iter().flat_map(|measured| measured.judge(case)).collect();
                Self { faults, verdict: "contained", ..Self::measured(&both) }
            }
            Kind::Off(case) => {
                let error = stage.refuse(case)?;
                let fault = (!error.contains(case.error)).then_some(error);
                plain(String::from("error"), "switched off", fault)
            }
            Kind::File(case) => {
                let ended = command::file(case)?;
                let is_right = ended.outcome == case.ends && ended.message.contains(case.says);
                let fault = (!is_right).then(|| format!("{}: {}", ended.outcome, ended.message));
                let memory = format!("/ {}", mib(ended.peak));
                // A file that looks hostile and is allowed.
                let is_accepted = ended.outcome == Outcome::Success;
                let verdict = if is_accepted { "harmless" } else { "refused" };
                Self { memory, ..plain(ended.outcome.to_string(), verdict, fault) }
            }
            Kind::Host { row } => {
                let fault = (!has_row(row)?).then(|| format!("limits.md has no row `{row}`"));
                plain(String::new(), "the host's, in [limits](limits.md)", fault)
            }
            Kind::Elsewhere { test } => {
                let fault = (!tests.has(test)).then(|| format!("there is no test `{test}`"));
                plain(format!("`{test}`"), "tested", fault)
            }
        })
    }

    fn measured(both: &[Measured; 2]) -> Self {
        let each = |show: fn(&Measured) -> String| both.each_ref().map(show);
        let [here, there] = each(outcomes);
        let outcome = if here == there { here } else { format!("{here} / {there}") };
        Self {
            outcome,
            late: each(|measured| late(measured.lateness())).join(" / "),
            memory: each(|measured| mib(measured.growth)).join(" / "),
            verdict: "",
            faults: Vec::new(),
        }
    }
}

fn outcomes(measured: &Measured) -> String {
    measured.outcomes.keys().map(|outcome: &Outcome| outcome.name()).collect::<Vec<_>>().join(", ")
}

fn late(time: Duration) -> String {
    match time {
        Duration::ZERO => String::from("-"),
        _ => format!("{:.1}", time.as_secs_f64() * 1_000.0),
    }
}

fn mib(bytes: u64) -> String {
    format!("{}", bytes.div_ceil(1 << 20))
}
