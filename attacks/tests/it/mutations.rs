//! The mutations of the bombs, through the worker and through the command.

use attacks::Result;
use attacks::bombs::Bomb;
use attacks::command;
use attacks::guest_case::GuestCase;
use attacks::measured::Measured;
use attacks::outcome::Outcome::{Error, Rejected};
use attacks::stage::Stage;
use attacks::zoo::f::{GROWTH, SOON};
use limits_core::StructureLimits;
use limits_wasmtime::Structure;

use crate::section::alone;

/// The kept seeds, and those of them that the command is given, too: it takes the same way.
const SEEDS: u64 = 10;
const SEEDS_OF_THE_COMMAND: u64 = 2;

/// Returns a fault, if the bomb did not end as it must.
fn fault(component: &[u8], measured: Result<Measured>) -> Option<String> {
    let measured = match measured {
        Ok(measured) => measured,
        Err(error) => return Some(error.to_string()),
    };
    // One that passes the count may be small enough to be compiled; it has nothing to call.
    let is_harmless = measured.outcome() == Some(Error)
        && measured.message.contains("exports no function `run`")
        && Structure::of(component, &StructureLimits::default()).is_ok();
    if measured.outcome() != Some(Rejected) && !is_harmless {
        return Some(format!("ended as {:?}: {}", measured.outcome(), measured.message));
    }
    let time = measured.compile.max(measured.whole);
    (time > SOON || measured.growth > GROWTH)
        .then(|| format!("took {time:?} and {} bytes", measured.growth))
}

/// Carries out a mutation in both ways.
fn faults_of(bomb: Bomb, seed: u64, stage: &Stage) -> Vec<(&'static str, String)> {
    let component = bomb.mutation(seed);
    let case = GuestCase::new(component.clone(), &[Rejected, Error]);
    let in_a_host = fault(&component, stage.attack(&case));
    let in_the_command = (seed < SEEDS_OF_THE_COMMAND)
        .then(|| command::attack(&case))
        .and_then(|measured| fault(&component, measured));
    [("in a host", in_a_host), ("in the command", in_the_command)]
        .into_iter()
        .filter_map(|(way, fault)| Some((way, fault?)))
        .collect()
}

#[test]
fn each_mutation_of_a_bomb_is_rejected_soon_and_beside_the_host() {
    let mut faults = Vec::new();
    for bomb in Bomb::ALL {
        for seed in 0..SEEDS {
            for (way, fault) in alone(|stage| faults_of(bomb, seed, stage)) {
                faults.push(format!("{bomb:?}, seed {seed}, {way}: {fault}"));
            }
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}
