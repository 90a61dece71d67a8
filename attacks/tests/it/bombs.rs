//! The bombs against the count of a component's structure.

use attacks::bombs::{Bomb, SMALL};
use limits_core::{Rejection, StructureLimits, WasmError};
use limits_wasmtime::Structure;

use crate::section::alone;

/// The kept seeds: ten mutations of each bomb.
const SEEDS: core::ops::Range<u64> = 0..10;

/// A component that no limit on its structure refuses. The budget of compiling ends it within two
/// seconds, as it is small.
const LEFT_TO_THE_BUDGET: &str = "small";

/// Returns the key of the limit that refuses a component.
fn verdict(component: &[u8]) -> String {
    match Structure::of(component, &StructureLimits::default()) {
        Err(WasmError::Rejected(Rejection::Structure { count, .. })) => String::from(count.key()),
        Err(error) => error.to_string(),
        Ok(structure) if structure.code_bytes() <= SMALL => String::from(LEFT_TO_THE_BUDGET),
        Ok(structure) => format!("none, with {} bytes to compile", structure.code_bytes()),
    }
}

/// The verdict on a bomb's seed.
type Exception = (u64, &'static str);

/// Each bomb with the verdicts on the large one, on its mutations, and on those that differ.
const VERDICTS: [(Bomb, &str, &str, &[Exception]); Bomb::ALL.len()] = [
    (
        Bomb::Diamonds,
        "max_locals",
        "max_locals",
        &[
            (2, "max_local_blocks"),
            (4, "max_local_blocks"),
            (6, "max_local_blocks"),
            (7, "max_local_blocks"),
        ],
    ),
    (Bomb::Loops, "max_loop_nesting", "max_loop_nesting", &[]),
    (Bomb::Nesting, "max_blocks", "max_blocks", &[]),
    (Bomb::Straight, "max_body_bytes", "max_body_bytes", &[]),
    (Bomb::Calls, "max_calls", "max_calls", &[(1, "max_body_bytes"), (5, "max_body_bytes")]),
    (Bomb::FlatLoops, "max_blocks", "max_blocks", &[]),
    (Bomb::Elements, "max_elements", "max_elements", &[(3, "max_computed_elements")]),
    (Bomb::Segments, "max_computed_segments", "max_computed_segments", &[]),
    (
        Bomb::Functions,
        "max_functions",
        "max_functions",
        &[(2, "small"), (3, "small"), (5, "small")],
    ),
    (Bomb::Constants, "max_constant_operators", "max_constant_operators", &[]),
    (Bomb::BranchTables, "max_branch_targets", "max_branch_targets", &[]),
    (Bomb::Values, "max_values", "max_values", &[]),
    (Bomb::Signatures, "max_types", "max_types", &[]),
    (Bomb::Globals, "max_globals", "max_globals", &[]),
    (Bomb::TypeTower, "max_type_nesting", "max_type_nesting", &[]),
    (
        Bomb::TypeGraph,
        "max_type_size",
        "small",
        &[(1, "max_type_size"), (3, "max_type_size"), (8, "max_type_size")],
    ),
    (Bomb::Instances, "max_component_instances", "max_component_instances", &[]),
];

#[test]
fn each_bomb_and_each_mutation_is_refused_by_its_limit_or_small() {
    for ((bomb, large, most, others), each) in VERDICTS.into_iter().zip(Bomb::ALL) {
        assert_eq!(bomb, each);
        // A bomb takes memory of this process while it is made, and attacks are measured by that.
        alone(|_| {
            assert_eq!(verdict(&bomb.large()), large, "{bomb:?}");
            for seed in SEEDS {
                let other = others.iter().find(|(other, _)| *other == seed);
                let expected = other.map_or(most, |(_, verdict)| verdict);
                assert_eq!(verdict(&bomb.mutation(seed)), expected, "{bomb:?}, seed {seed}");
            }
        });
    }
}
