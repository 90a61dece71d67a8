//! The pool of an engine: sized by limits, checked against those of an execution.

use limits_core::{HostShortage, ResourceLimits, WasmError, WasmResult};
use wasmtime::{Engine, PoolingAllocationConfig};

use crate::engine::MOST_MEMORY;

/// Bytes of the host for the core instances of a component. Nothing is reserved for them: the
/// structure of components bounds them before they are compiled.
const MOST_INSTANCE_BYTES: usize = 1 << 30;
/// Bytes of each table that stay resident at most: 512 elements. Few guests have large tables, and
/// a pool has many for each store.
const WARM_TABLE: u64 = 4_096;

/// A pool that an engine is to have: room for stores at one time, each within the same limits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pool {
    pub(crate) stores: u32,
    pub(crate) limits: ResourceLimits,
}

impl Pool {
    /// Sizes Wasmtime's pool so that so many stores fit in it. `warm_bytes` of each memory stay
    /// resident, and a page of each table.
    pub(crate) fn config(&self, warm_bytes: u64) -> WasmResult<PoolingAllocationConfig> {
        let Self { stores, limits } = self;
        let total = |each: u32, what: &str| {
            stores.checked_mul(each).ok_or_else(|| {
                invalid(format!("a pool of {stores} stores with {each} {what} each is too large"))
            })
        };
        let mut pool = PoolingAllocationConfig::new();
        pool.total_component_instances(*stores)
            .total_stacks(*stores)
            .total_core_instances(total(limits.max_instances(), "core instances")?)
            .total_memories(total(limits.max_memories(), "memories")?)
            .total_tables(total(limits.max_tables(), "tables")?)
            .max_core_instances_per_component(limits.max_instances())
            .max_memories_per_component(limits.max_memories())
            .max_memories_per_module(limits.max_memories())
            .max_tables_per_component(limits.max_tables())
            .max_tables_per_module(limits.max_tables())
            .max_core_instance_size(MOST_INSTANCE_BYTES)
            .max_component_instance_size(MOST_INSTANCE_BYTES)
            .max_memory_size(size(limits.max_memory_bytes().min(MOST_MEMORY)))
            .table_elements(size(limits.max_table_elements()))
            .linear_memory_keep_resident(size(warm_bytes))
            .table_keep_resident(size(warm_bytes.min(WARM_TABLE)));
        Ok(pool)
    }

    /// Says of a shortage that it met this pool, and what to lower.
    pub(crate) fn lacks(&self, shortage: &HostShortage) -> HostShortage {
        let reason = format!(
            "a pool of {} stores with {} memories each: lower either, or choose \
             `AddressSpace::Tight`: {}",
            self.stores,
            self.limits.max_memories(),
            shortage.reason()
        );
        HostShortage::new(shortage.resource(), reason)
    }
}

/// The size of each memory and each table of a pool.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StoreSlot {
    memory_bytes: u64,
    table_elements: u64,
}

impl StoreSlot {
    /// Returns the slots of `engine`, if it has a pool.
    pub(crate) fn of(engine: &Engine) -> Option<Self> {
        let pool = engine.get_pooling_config()?;
        Some(Self {
            memory_bytes: bytes(pool.get_max_memory_size()),
            table_elements: bytes(pool.get_table_elements()),
        })
    }

    /// Refuses limits that a guest could not use up in this slot: its memory would stop growing
    /// below its limit, and nothing would tell why.
    ///
    /// Memories, tables and core instances past those of the slot are refused as the component is
    /// compiled.
    #[inline]
    pub(crate) fn check(&self, limits: &ResourceLimits) -> WasmResult<()> {
        let checks = [
            (limits.max_memory_bytes().min(MOST_MEMORY), self.memory_bytes, "bytes of memory"),
            (limits.max_table_elements(), self.table_elements, "table elements"),
        ];
        match checks.into_iter().find(|(wanted, room, _)| wanted > room) {
            None => Ok(()),
            Some((wanted, room, what)) => Err(invalid(format!(
                "a limit of {wanted} {what} is above the {room} that the engine's pool has for a \
                 store; size the pool by the largest limits (`ResourceLimits::max_of`)"
            ))),
        }
    }
}

fn invalid(reason: String) -> WasmError {
    WasmError::InvalidConfiguration { reason }
}

/// Narrows a size; on a platform where it does not fit, Wasmtime refuses the largest number.
fn size(units: u64) -> usize {
    usize::try_from(units).unwrap_or(usize::MAX)
}

fn bytes(size: usize) -> u64 {
    u64::try_from(size).unwrap_or(u64::MAX)
}
