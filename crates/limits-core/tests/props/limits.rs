//! The builder of limits keeps each number in its own place.

use crate::amount;
use limits_core::{ResourceLimits, ResourceLimitsBuilder, WasmError};
use proptest::option;
use proptest::prelude::*;

/// What a caller may say; `None` is left unsaid.
#[derive(Clone, Debug)]
struct Said {
    max_fuel: Option<u64>,
    timeout_ms: Option<u64>,
    table_elements: Option<u64>,
    copy_bytes: Option<u64>,
    /// Instances, memories, tables, handles, resources.
    counts: [Option<u32>; 5],
}

fn said() -> impl Strategy<Value = Said> {
    (
        option::of(amount()),
        option::of(amount()),
        option::of(amount()),
        option::of(amount()),
        proptest::array::uniform5(option::of(any::<u32>())),
    )
        .prop_map(|(max_fuel, timeout_ms, table_elements, copy_bytes, counts)| Said {
            max_fuel,
            timeout_ms,
            table_elements,
            copy_bytes,
            counts,
        })
}

fn tell(mut builder: ResourceLimitsBuilder, said: &Said) -> ResourceLimitsBuilder {
    type Set64 = fn(ResourceLimitsBuilder, u64) -> ResourceLimitsBuilder;
    type Set32 = fn(ResourceLimitsBuilder, u32) -> ResourceLimitsBuilder;
    let amounts: [(Set64, _); 4] = [
        (ResourceLimitsBuilder::max_fuel, said.max_fuel),
        (ResourceLimitsBuilder::execution_timeout_ms, said.timeout_ms),
        (ResourceLimitsBuilder::max_table_elements, said.table_elements),
        (ResourceLimitsBuilder::max_copy_bytes, said.copy_bytes),
    ];
    let counts: [Set32; 5] = [
        ResourceLimitsBuilder::max_instances,
        ResourceLimitsBuilder::max_memories,
        ResourceLimitsBuilder::max_tables,
        ResourceLimitsBuilder::max_handles,
        ResourceLimitsBuilder::max_resources,
    ];
    for (set, value) in amounts {
        if let Some(value) = value {
            builder = set(builder, value);
        }
    }
    for (set, value) in counts.into_iter().zip(said.counts) {
        if let Some(value) = value {
            builder = set(builder, value);
        }
    }
    builder
}

proptest! {
    #[test]
    fn what_is_said_is_kept_and_the_rest_is_the_default(memory in amount(), said in said()) {
        let limits = tell(ResourceLimits::builder().memory_bytes(memory), &said).build().unwrap();
        prop_assert_eq!(limits.max_memory_bytes(), memory);
        prop_assert_eq!(limits.max_fuel_per_execution(), said.max_fuel.unwrap_or(1_000_000));
        prop_assert_eq!(limits.fuel().max_fuel(), limits.max_fuel_per_execution());
        prop_assert_eq!(limits.execution_timeout_ms(), said.timeout_ms.unwrap_or(100));
        prop_assert_eq!(limits.max_table_elements(), said.table_elements.unwrap_or(20_000));
        prop_assert_eq!(limits.max_copy_bytes(), said.copy_bytes.unwrap_or(1_048_576));
        let [instances, memories, tables, handles, resources] = said.counts;
        prop_assert_eq!(limits.max_instances(), instances.unwrap_or(128));
        prop_assert_eq!(limits.max_memories(), memories.unwrap_or(8));
        prop_assert_eq!(limits.max_tables(), tables.unwrap_or(32));
        prop_assert_eq!(limits.max_handles(), handles.unwrap_or(1_024));
        prop_assert_eq!(limits.max_resources(), resources.unwrap_or(1_024));
    }

    #[test]
    fn the_order_of_saying_does_not_matter(memory in amount(), said in said()) {
        let first = tell(ResourceLimits::builder().memory_bytes(memory), &said).build().unwrap();
        let last = tell(ResourceLimits::builder(), &said).memory_bytes(memory).build().unwrap();
        prop_assert_eq!(first, last);
    }

    #[test]
    fn the_last_word_counts(memory in amount(), before in said(), after in said()) {
        let start = || ResourceLimits::builder().memory_bytes(memory);
        let both = tell(tell(start(), &before), &after).build().unwrap();
        let merged = Said {
            max_fuel: after.max_fuel.or(before.max_fuel),
            timeout_ms: after.timeout_ms.or(before.timeout_ms),
            table_elements: after.table_elements.or(before.table_elements),
            copy_bytes: after.copy_bytes.or(before.copy_bytes),
            counts: core::array::from_fn(|i| after.counts[i].or(before.counts[i])),
        };
        prop_assert_eq!(both, tell(start(), &merged).build().unwrap());
    }

    #[test]
    fn nothing_makes_up_for_missing_memory(said in said()) {
        let refused = tell(ResourceLimits::builder(), &said).build();
        prop_assert!(matches!(refused, Err(WasmError::InvalidConfiguration { .. })), "{refused:?}");
    }
}
