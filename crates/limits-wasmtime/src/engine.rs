//! An engine on which limits hold.

use core::fmt;

use limits_core::{ResourceLimits, WasmError, WasmResult};
use wasmtime::{Config, Engine, InstanceAllocationStrategy, WasmBacktraceDetails};

use crate::pool::Pool;
use crate::shortage::shortage;

/// Default bytes of each memory of a pool that stay resident: 64 KiB.
const DEFAULT_WARM: u64 = 64 * 1024;
/// Default stack of a guest: 512 KiB.
const DEFAULT_STACK: usize = 512 * 1024;
/// The smallest guest stack that real toolchains start with.
const LEAST_STACK: usize = 64 * 1024;
/// The largest guest stack; beyond it each concurrent call reserves too much address space.
const MOST_STACK: usize = 64 * 1024 * 1024;
/// Stack of host functions, on top of the guest's.
const HOST_STACK: usize = 1536 * 1024;
/// The largest memory: addresses are 32 bits wide.
pub(crate) const MOST_MEMORY: u64 = 4 * 1024 * 1024 * 1024;
/// Bytes of a page of WebAssembly.
const WASM_PAGE: u64 = 64 * 1024;
/// Default reservation of a tight engine for each memory: 16 MiB.
const DEFAULT_TIGHT: u64 = 16 * 1024 * 1024;
/// Additional reservation of a tight engine for a memory that has outgrown its first: 64 MiB.
/// Each growth past that copies the whole memory.
const TIGHT_GROWTH: u64 = 64 * 1024 * 1024;

/// The address space that an engine takes for each memory of a guest.
///
/// Address space is not memory: pages that a guest never touches cost none. But it is finite. A
/// process has 128 TiB of it on x86-64, less under `RLIMIT_AS` (`ulimit -v`), and the kernel
/// bounds the number of mappings (`vm.max_map_count`, 65 530 by default). Past either, executions
/// end with [`WasmError::HostExhausted`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "with guard regions or with bounds checks")]
pub enum AddressSpace {
    /// 4 GiB and 64 MiB of guard regions for each memory. Compiled code needs no bounds checks.
    Wide,
    /// The largest memory's bytes and one guard page of 64 KiB for each memory. Compiled code
    /// checks bounds at each access, and a memory's initial contents are copied at instantiation.
    /// The cost is in `docs/limits.md` of the repository.
    ///
    /// A memory that grows past `largest_memory` is moved, at most once for each 64 MiB that it
    /// grows by. Moving copies it in one step that nothing can interrupt, and needs address space
    /// for both copies until it is done.
    Tight {
        /// Bytes reserved for each memory: the largest memory limit among the engine's guests.
        largest_memory: u64,
    },
}

impl AddressSpace {
    /// Returns the mode that fits this process, for guests with memories of up to
    /// `largest_memory` bytes: [`Tight`](Self::Tight) if its address space is limited by
    /// `RLIMIT_AS`, else [`Wide`](Self::Wide).
    #[must_use]
    pub fn of_process(largest_memory: u64) -> Self {
        if is_limited() { Self::Tight { largest_memory } } else { Self::Wide }
    }
}

#[cfg(target_os = "linux")]
fn is_limited() -> bool {
    rustix::process::getrlimit(rustix::process::Resource::As).current.is_some()
}

#[cfg(not(target_os = "linux"))]
const fn is_limited() -> bool {
    false
}

/// Creates an engine with every switch set that the limits of this crate need.
///
/// Short for [`EngineBuilder::new().build()`](EngineBuilder). An engine is meant to live as long
/// as the process and to be shared by all components.
///
/// # Errors
///
/// [`WasmError::InvalidConfiguration`] if Wasmtime does not support this machine.
pub fn create_engine() -> WasmResult<Engine> {
    EngineBuilder::new().build()
}

/// Builds an engine with other settings than the defaults.
///
/// The switches that the limits depend on are fixed and set last: fuel on, component-model
/// concurrency off (calls into one store come one at a time), shared memory and garbage
/// collection off, and no backtraces, since a guest can make their formatting expensive through
/// the names of its functions.
///
/// ```
/// use limits_core::ResourceLimits;
/// use limits_wasmtime::EngineBuilder;
///
/// let limits = ResourceLimits::builder().memory_bytes(16 * 1024 * 1024).max_memories(2).build()?;
/// let engine = EngineBuilder::new()
///     .max_wasm_stack(1024 * 1024)
///     .pooling(20, &limits) // room for 20 stores, sized by their limits
///     .build()?;
/// # let _ = engine;
/// # Ok::<(), limits_core::WasmError>(())
/// ```
#[must_use = "a builder does nothing until it is built"]
pub struct EngineBuilder {
    config: Config,
    stack: usize,
    pool: Option<Pool>,
    warm_bytes: u64,
    address_space: Option<AddressSpace>,
}

/// The settings of an [`EngineBuilder`] but for those of [`EngineBuilder::configure`], as data that
/// another process can build the same engine from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "compiled code depends on these")]
pub struct EngineSettings {
    /// The size of the guest's stack, in bytes.
    pub stack: usize,
    /// The address space of a memory.
    pub address_space: AddressSpace,
}

impl fmt::Debug for EngineBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineBuilder")
            .field("stack", &self.stack)
            .field("pool", &self.pool)
            .field("address_space", &self.address_space)
            .finish_non_exhaustive()
    }
}

impl Default for EngineBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl EngineBuilder {
    /// Starts from the WebAssembly features that today's component toolchains emit: those of
    /// WebAssembly 2.0 with fixed-width SIMD and without `externref`, and multiple memories, which
    /// Wasmtime's own adapters between two components inside one need. The toolchains whose output
    /// needs more are in `docs/limits.md` of the repository.
    pub fn new() -> Self {
        let mut config = Config::new();
        config
            .wasm_tail_call(false)
            .wasm_relaxed_simd(false)
            .wasm_multi_memory(true)
            .wasm_memory64(false)
            .wasm_custom_page_sizes(false)
            .wasm_wide_arithmetic(false);
        Self {
            config,
            stack: DEFAULT_STACK,
            pool: None,
            warm_bytes: DEFAULT_WARM,
            address_space: None,
        }
    }

    /// Sets the size of the guest's stack, in bytes: 64 KiB to 64 MiB, default 512 KiB. A guest
    /// that needs more traps. Host functions have 1.5 MiB on top.
    pub const fn max_wasm_stack(mut self, bytes: usize) -> Self {
        self.stack = bytes;
        self
    }

    /// Sets the address space of a memory. By default the engine is [wide](AddressSpace::Wide);
    /// where the process has a finite `RLIMIT_AS` it is [tight](AddressSpace::Tight), for memories
    /// of up to 16 MiB or the pool's limit.
    ///
    /// A tight engine sets Wasmtime's options for memories itself, after
    /// [`configure`](Self::configure); a host that sets them chooses [`Wide`](AddressSpace::Wide).
    pub const fn address_space(mut self, mode: AddressSpace) -> Self {
        self.address_space = Some(mode);
        self
    }

    /// Allocates room for `stores` concurrent stores ahead, each within `limits`.
    ///
    /// Instantiation becomes several times cheaper, and the sum over all stores of this engine is
    /// bounded: one more fails with [`WasmError::HostBusy`]. For each of `stores` times
    /// [`ResourceLimits::max_memories`] the pool takes the [address space](AddressSpace) of a
    /// memory, but no memory.
    ///
    /// One pool serves components with different limits: pass [`ResourceLimits::max_of`] them all,
    /// and as `stores` the most executions and live instances at one time.
    pub const fn pooling(mut self, stores: u32, limits: &ResourceLimits) -> Self {
        self.pool = Some(Pool { stores, limits: *limits });
        self
    }

    /// Sets the bytes at the start of each memory of the pool that stay resident between
    /// executions, default 64 KiB, and of each table, where more than 4 KiB count as 4 KiB. The
    /// rest returns to the system.
    ///
    /// A guest takes no page faults for bytes that are resident. The pool clears them at the end of
    /// each execution, used or not.
    pub const fn warm_bytes(mut self, bytes: u64) -> Self {
        self.warm_bytes = bytes;
        self
    }

    /// Changes other settings of Wasmtime, such as WebAssembly features, the
    /// optimisation level or the compilation cache.
    ///
    /// The switches that the limits depend on are set after it and cannot be changed.
    pub fn configure(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self
    }

    /// Begins with settings of a builder, perhaps of another process. The pool is not among them:
    /// compiled code does not depend on it.
    pub fn from_settings(settings: EngineSettings) -> Self {
        Self::new().max_wasm_stack(settings.stack).address_space(settings.address_space)
    }

    /// Returns the settings that compiled code depends on, but for those of
    /// [`configure`](Self::configure).
    #[must_use]
    pub fn settings(&self) -> EngineSettings {
        EngineSettings { stack: self.stack, address_space: self.resolved_address_space() }
    }

    /// Returns the largest memory of the pool's guests, or the default.
    fn largest_memory(&self) -> u64 {
        self.pool.map_or(DEFAULT_TIGHT, |pool| pool.limits.max_memory_bytes())
    }

    fn resolved_address_space(&self) -> AddressSpace {
        self.address_space.unwrap_or_else(|| AddressSpace::of_process(self.largest_memory()))
    }

    /// Creates the engine.
    ///
    /// # Errors
    ///
    /// [`WasmError::InvalidConfiguration`] if the stack is out of its range, if the pool is larger
    /// than Wasmtime can address, or if Wasmtime refuses the configuration;
    /// [`WasmError::HostExhausted`] if the host lacks address space or mappings for the pool.
    pub fn build(mut self) -> WasmResult<Engine> {
        if !(LEAST_STACK..=MOST_STACK).contains(&self.stack) {
            return Err(invalid(format!(
                "a guest stack of {} bytes is out of range: {LEAST_STACK} to {MOST_STACK} bytes",
                self.stack
            )));
        }
        let largest = self.largest_memory();
        match self.resolved_address_space() {
            AddressSpace::Wide => {}
            AddressSpace::Tight { largest_memory } => {
                if self.pool.is_some() && largest_memory < largest {
                    return Err(invalid(format!(
                        "a pool of memories of {largest} bytes does not fit an address space for \
                         memories of {largest_memory} bytes"
                    )));
                }
                tighten(&mut self.config, largest_memory);
            }
        }
        if let Some(pool) = &self.pool {
            let pool = pool.config(self.warm_bytes)?;
            self.config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        }
        self.config
            .consume_fuel(true)
            .epoch_interruption(false)
            .wasm_component_model(true)
            .concurrency_support(false)
            .wasm_threads(false)
            .shared_memory(false)
            .wasm_gc(false)
            .wasm_function_references(false)
            .wasm_exceptions(false)
            .gc_support(false)
            .wasm_backtrace_max_frames(None)
            .wasm_backtrace_details(WasmBacktraceDetails::Disable)
            .max_wasm_stack(self.stack)
            .async_stack_size(self.stack.saturating_add(HOST_STACK));
        Engine::new(&self.config).map_err(|error| match (shortage(&error), self.pool) {
            (Some(shortage), None) => WasmError::HostExhausted(shortage),
            (Some(shortage), Some(pool)) => WasmError::HostExhausted(pool.lacks(&shortage)),
            (None, _) => invalid(format!("{error:#}")),
        })
    }
}

/// Configures memories that take little more address space than they have bytes.
fn tighten(config: &mut Config, largest_memory: u64) {
    let pages = largest_memory.min(MOST_MEMORY).div_ceil(WASM_PAGE);
    config
        .memory_reservation(pages.saturating_mul(WASM_PAGE))
        // A memory that is larger all the same moves as it grows, with room to grow on.
        .memory_may_move(true)
        .memory_reservation_for_growth(TIGHT_GROWTH)
        // Lets compiled code fold small constant offsets into one bounds check.
        .memory_guard_size(WASM_PAGE)
        .guard_before_linear_memory(false)
        // A copy-on-write image is one more mapping for each memory.
        .memory_init_cow(false);
}

/// Tells whether limits hold on `engine`.
pub(crate) fn check(engine: &Engine) -> WasmResult<()> {
    let wrong = if !engine.get_consume_fuel() {
        "fuel is off"
    } else if engine.get_concurrency_support() {
        "component-model concurrency is on"
    } else if engine.get_epoch_interruption() {
        "epoch interruption is on, which ends every execution at once"
    } else if engine.get_shared_memory() {
        "shared memory is on, which no limit sees"
    } else if engine.get_wasm_backtrace_max_frames() != 0 {
        "backtraces are on, which guests can blow up"
    } else {
        return Ok(());
    };
    Err(invalid(format!(
        "limits do not hold on this engine: {wrong}; make it with `create_engine` or \
         `EngineBuilder`"
    )))
}

fn invalid(reason: String) -> WasmError {
    WasmError::InvalidConfiguration { reason }
}

#[cfg(test)]
mod tests {
    use super::{AddressSpace, EngineBuilder, check, create_engine};
    use limits_core::ResourceLimits;
    use wasmtime::{Config, Engine, Store};

    #[test]
    fn test_create_engine() {
        assert!(create_engine().is_ok());
    }

    #[test]
    fn test_engine_fuel_enabled() {
        let mut store = Store::new(&create_engine().unwrap(), ());
        assert!(store.set_fuel(1_000).is_ok());
    }

    #[test]
    fn test_engine_fuel_consumed_zero_initially() {
        let mut store = Store::new(&create_engine().unwrap(), ());
        assert_eq!(store.get_fuel().unwrap(), 0);
        store.set_fuel(1_000).unwrap();
        assert_eq!(store.get_fuel().unwrap(), 1_000);
    }

    #[test]
    fn what_limits_depend_on_cannot_be_switched_off() {
        let engine = EngineBuilder::new()
            .configure(|config| {
                config.consume_fuel(false).concurrency_support(true).epoch_interruption(true);
                config.shared_memory(true).wasm_backtrace_max_frames(core::num::NonZero::new(9));
            })
            .build()
            .unwrap();
        assert!(check(&engine).is_ok());
    }

    #[test]
    fn an_engine_without_fuel_is_refused() {
        let engine = Engine::new(&Config::new()).unwrap();
        assert_eq!(
            check(&engine).unwrap_err().to_string(),
            "invalid configuration: limits do not hold on this engine: fuel is off; make it \
             with `create_engine` or `EngineBuilder`"
        );
    }

    #[test]
    fn a_stack_out_of_range_is_refused() {
        for bytes in [0, 65_535, usize::MAX] {
            let error = EngineBuilder::new().max_wasm_stack(bytes).build().unwrap_err();
            assert_eq!(
                error.to_string(),
                format!(
                    "invalid configuration: a guest stack of {bytes} bytes is out of range: \
                     65536 to 67108864 bytes"
                )
            );
        }
    }

    #[test]
    fn a_pool_of_memories_larger_than_the_address_space_for_each_is_refused() {
        let limits = ResourceLimits::builder().memory_bytes(2 << 20).build().unwrap();
        let tight = AddressSpace::Tight { largest_memory: 1 << 20 };
        let error = EngineBuilder::new().pooling(1, &limits).address_space(tight).build();
        assert_eq!(
            error.unwrap_err().to_string(),
            "invalid configuration: a pool of memories of 2097152 bytes does not fit an address \
             space for memories of 1048576 bytes"
        );
    }

    #[test]
    fn a_pool_beyond_counting_is_refused() {
        let limits = ResourceLimits::builder().memory_bytes(1 << 20).build().unwrap();
        let error = EngineBuilder::new().pooling(u32::MAX, &limits).build().unwrap_err();
        assert_eq!(
            error.to_string(),
            "invalid configuration: a pool of 4294967295 stores with 128 core instances each is \
             too large"
        );
    }
}
