//! Less use of address space where the system limits it (`ulimit -v`).

use limits_wasmtime::{AddressSpace, EngineBuilder};

/// The address space that a new memory reserves at most, where it is limited. A memory that grows
/// further is moved, but a large limit of which little is used fits.
const MOST_AT_ONCE: u64 = 128 * 1024 * 1024;

/// Begins an engine for guests whose memory is limited to `max_memory` bytes.
pub(crate) fn engine(max_memory: u64) -> EngineBuilder {
    let mode = AddressSpace::of_process(max_memory.min(MOST_AT_ONCE));
    EngineBuilder::new().address_space(mode)
}

/// Executes the command again with an allocator that takes little address space, where that is
/// limited: the C library otherwise reserves 64 MiB for each thread, most of a gigabyte in total.
/// It reads this setting from the environment, only when a process starts.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) fn spare() {
    use std::env;
    use std::os::unix::process::CommandExt as _;
    use std::process::Command;

    const ARENAS: &str = "MALLOC_ARENA_MAX";
    // A second variable: a loader may remove the C library's, and the loop would have no end.
    const AGAIN: &str = "WASM_LIMITS_BEGUN_ANEW";
    let has = |name| env::var_os(name).is_some();
    if has(AGAIN) || has(ARENAS) || AddressSpace::of_process(0) == AddressSpace::Wide {
        return;
    }
    let Ok(ourselves) = env::current_exe() else { return };
    let mut line = env::args_os();
    let mut again = Command::new(ourselves);
    if let Some(name) = line.next() {
        again.arg0(name);
    }
    // Returns only on failure; the command then goes on without.
    let _ = again.args(line).env(ARENAS, "1").env(AGAIN, "1").exec();
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn spare() {}
