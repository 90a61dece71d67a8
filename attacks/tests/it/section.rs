//! One section: all its vectors, with all failures at the end.

use std::sync::{Mutex, OnceLock, PoisonError};

use attacks::command;
use attacks::measured::Measured;
use attacks::sources::{Tests, has_row};
use attacks::stage::Stage;
use attacks::vector::{Kind, Vector};
use attacks::zoo::{SECTIONS, f};

/// The most memory of a command that refuses a file, its own 40 MiB included.
const FILE_PEAK: u64 = 160 << 20;

/// Does something while no attack goes on. All that takes much memory of this process does so in
/// turn, since attacks are measured by it; components are made in this process for the command,
/// too.
pub(crate) fn alone<R>(work: impl FnOnce(&Stage) -> R) -> R {
    static STAGE: OnceLock<Mutex<Stage>> = OnceLock::new();
    let stage = STAGE.get_or_init(|| Mutex::new(Stage::new().unwrap()));
    // A test that failed leaves nothing half done.
    work(&stage.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Carries out the vectors of a section in both ways.
pub(crate) fn both_ways(letter: char) {
    let (_, _, vectors) = SECTIONS.iter().find(|(section, ..)| *section == letter).unwrap();
    let tests = Tests::read().unwrap();
    let faults: Vec<String> = vectors()
        .iter()
        .flat_map(|vector| {
            assert!(vector.id.starts_with(letter), "{} is in {letter}", vector.name());
            let faults = alone(|stage| faults_of(vector, stage, &tests));
            faults.into_iter().map(|fault| format!("{}: {fault}", vector.name()))
        })
        .collect();
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

fn faults_of(vector: &Vector, stage: &Stage, tests: &Tests) -> Vec<String> {
    let fault = |is_fault: bool, fault: String| is_fault.then_some(fault).into_iter().collect();
    match &vector.kind {
        Kind::Guest(case) => {
            let judged = |way: &str, measured: attacks::Result<Measured>| match measured {
                Ok(measured) => {
                    eprintln!("{} {way}: {measured:?}", vector.name());
                    let faults = measured.judge(case).into_iter();
                    faults.map(|fault| format!("{way}: {fault}")).collect()
                }
                Err(error) => vec![format!("{way}: {error}")],
            };
            let mut faults: Vec<String> = judged("in a host", stage.attack(case));
            faults.extend(judged("in the command", command::attack(case)));
            faults
        }
        Kind::Off(case) => {
            let mut texts = vec![stage.refuse(case).unwrap_or_else(|error| error.to_string())];
            texts.push(match command::refuse(case) {
                Ok(ended) => format!("{}: {}", ended.outcome, ended.message),
                Err(error) => error.to_string(),
            });
            texts.retain(|text| !text.contains(case.error));
            texts
        }
        Kind::File(case) => match command::file(case) {
            Ok(ended) => fault(
                ended.outcome != case.ends
                    || !ended.message.contains(case.says)
                    || ended.time > f::SOON
                    || ended.peak > FILE_PEAK,
                format!(
                    "{}: {} ({:?}, {} bytes)",
                    ended.outcome, ended.message, ended.time, ended.peak
                ),
            ),
            Err(error) => vec![error.to_string()],
        },
        Kind::Host { row } => {
            fault(!has_row(row).unwrap(), format!("docs/limits.md has no row `{row}`"))
        }
        Kind::Elsewhere { test } => fault(!tests.has(test), format!("there is no test `{test}`")),
    }
}
