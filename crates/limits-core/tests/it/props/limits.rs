//! The builder of limits keeps each number as its own limit.

use super::amount;
use limits_core::{ResourceLimits, ResourceLimitsBuilder, WasmError};
use proptest::option;
use proptest::prelude::*;

/// The settings of a caller; `None` is not set.
#[derive(Clone, Debug)]
struct Settings {
    max_fuel: Option<u64>,
    timeout_ms: Option<u64>,
    table_elements: Option<u64>,
    copy_bytes: Option<u64>,
    /// Instances, memories, tables, handles, resources.
    counts: [Option<u32>; 5],
}

fn settings() -> impl Strategy<Value = Settings> {
    (
        option::of(amount()),
        option::of(amount()),
        option::of(amount()),
        option::of(amount()),
        proptest::array::uniform5(option::of(any::<u32>())),
    )
        .prop_map(|(max_fuel, timeout_ms, table_elements, copy_bytes, counts)| Settings {
            max_fuel,
            timeout_ms,
            table_elements,
            copy_bytes,
            counts,
        })
}

fn set(mut builder: ResourceLimitsBuilder, settings: &Settings) -> ResourceLimitsBuilder {
    type Set64 = fn(ResourceLimitsBuilder, u64) -> ResourceLimitsBuilder;
    type Set32 = fn(ResourceLimitsBuilder, u32) -> ResourceLimitsBuilder;
    let amounts: [(Set64, _); 4] = [
        (ResourceLimitsBuilder::max_fuel, settings.max_fuel),
        (ResourceLimitsBuilder::execution_timeout_ms, settings.timeout_ms),
        (ResourceLimitsBuilder::max_table_elements, settings.table_elements),
        (ResourceLimitsBuilder::max_copy_bytes, settings.copy_bytes),
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
    for (set, value) in counts.into_iter().zip(settings.counts) {
        if let Some(value) = value {
            builder = set(builder, value);
        }
    }
    builder
}

proptest! {
    #[test]
    fn a_limit_that_is_set_is_kept_and_the_others_are_the_defaults(memory in amount(), settings in settings()) {
        let limits = set(ResourceLimits::builder().memory_bytes(memory), &settings).build().unwrap();
        prop_assert_eq!(limits.max_memory_bytes(), memory);
        prop_assert_eq!(limits.max_fuel_per_execution(), settings.max_fuel.unwrap_or(1_000_000));
        prop_assert_eq!(limits.fuel().max_fuel(), limits.max_fuel_per_execution());
        prop_assert_eq!(limits.execution_timeout_ms(), settings.timeout_ms.unwrap_or(100));
        prop_assert_eq!(limits.max_table_elements(), settings.table_elements.unwrap_or(20_000));
        prop_assert_eq!(limits.max_copy_bytes(), settings.copy_bytes.unwrap_or(1_048_576));
        let [instances, memories, tables, handles, resources] = settings.counts;
        prop_assert_eq!(limits.max_instances(), instances.unwrap_or(128));
        prop_assert_eq!(limits.max_memories(), memories.unwrap_or(8));
        prop_assert_eq!(limits.max_tables(), tables.unwrap_or(32));
        prop_assert_eq!(limits.max_handles(), handles.unwrap_or(1_024));
        prop_assert_eq!(limits.max_resources(), resources.unwrap_or(1_024));
    }

    #[test]
    fn the_order_of_setting_does_not_matter(memory in amount(), settings in settings()) {
        let first = set(ResourceLimits::builder().memory_bytes(memory), &settings).build().unwrap();
        let last = set(ResourceLimits::builder(), &settings).memory_bytes(memory).build().unwrap();
        prop_assert_eq!(first, last);
    }

    #[test]
    fn the_last_setting_counts(memory in amount(), before in settings(), after in settings()) {
        let start = || ResourceLimits::builder().memory_bytes(memory);
        let both = set(set(start(), &before), &after).build().unwrap();
        let merged = Settings {
            max_fuel: after.max_fuel.or(before.max_fuel),
            timeout_ms: after.timeout_ms.or(before.timeout_ms),
            table_elements: after.table_elements.or(before.table_elements),
            copy_bytes: after.copy_bytes.or(before.copy_bytes),
            counts: core::array::from_fn(|i| after.counts[i].or(before.counts[i])),
        };
        prop_assert_eq!(both, set(start(), &merged).build().unwrap());
    }

    #[test]
    fn no_other_limit_replaces_the_memory_limit(settings in settings()) {
        let refused = set(ResourceLimits::builder(), &settings).build();
        prop_assert!(matches!(refused, Err(WasmError::InvalidConfiguration { .. })), "{refused:?}");
    }
}
