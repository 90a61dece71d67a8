//! Going easy on address space where the system limits it (`ulimit -v`).

use limits_core::WasmResult;
use limits_wasmtime::{AddressSpace, EngineBuilder};
use wasmtime::Engine;

/// Address space that a memory of a guest gets at most when it is made, where it is limited. One
/// that grows further is moved now and then, but runs where little of a large limit is used.
const MOST_AT_ONCE: u64 = 128 * 1024 * 1024;

/// Makes an engine for guests whose memory is limited to `max_memory` bytes.
///
/// # Errors
///
/// Those of [`EngineBuilder::build`].
pub(crate) fn engine(max_memory: u64) -> WasmResult<Engine> {
    let mode = AddressSpace::of_process(max_memory.min(MOST_AT_ONCE));
    EngineBuilder::new().address_space(mode).build()
}

/// Begins anew with an allocator that takes little address space, where that is limited: the C
/// library sets aside 64 MiB for each thread otherwise, which adds up to most of a gigabyte. It
/// can be told so only by its environment, when a process begins.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) fn spare() {
    use std::env;
    use std::os::unix::process::CommandExt as _;
    use std::process::Command;

    const ARENAS: &str = "MALLOC_ARENA_MAX";
    // Of our own: a loader may take the C library's variables away, and this would have no end.
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
    // Comes back only if it fails, and then things are as they were.
    let _ = again.args(line).env(ARENAS, "1").env(AGAIN, "1").exec();
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn spare() {}
