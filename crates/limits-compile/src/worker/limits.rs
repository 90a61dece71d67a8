//! The limits of the process that the kernel keeps.

use rustix::process::{
    DumpableBehavior, Resource, Rlimit, Signal, getppid, set_dumpable_behavior,
    set_parent_process_death_signal, setrlimit,
};
use rustix::thread::set_no_new_privs;

use crate::protocol::Allowance;
use crate::worker::restriction::Restriction;
use crate::worker::vitals::Vitals;

/// Address space that a thread's allocator reserves and does not use, in bytes.
const ARENA: u64 = 64 * 1024 * 1024;

/// Ends this process with its host, whose process is `host`.
pub(super) fn die_with(host: i32) -> Result<(), Restriction> {
    let what = "PR_SET_PDEATHSIG";
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(Restriction::of(what))?;
    // A host that had ended before sends no signal any more.
    match getppid() {
        Some(parent) if parent.as_raw_nonzero().get() == host => Ok(()),
        _ => Err(Restriction { what, reason: String::from("the host has ended") }),
    }
}

/// Takes what this process needs for nothing: privileges of programs that it starts, core files,
/// files, further descriptors.
pub(super) fn renounce() -> Result<(), Restriction> {
    set_no_new_privs(true).map_err(Restriction::of("PR_SET_NO_NEW_PRIVS"))?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(Restriction::of("PR_SET_DUMPABLE"))?;
    set(Resource::Core, "RLIMIT_CORE", 0, 0)?;
    set(Resource::Fsize, "RLIMIT_FSIZE", 0, 0)?;
    set(Resource::Nofile, "RLIMIT_NOFILE", 0, 0)
}

/// Bounds memory and CPU time by `allowance`, for so many threads, and takes the right to start
/// more. Returns whether this process may have all of that memory: it keeps a lower limit of its
/// host.
///
/// The watchdog ends the worker more exactly; these hold where it does not run.
pub(super) fn bound(
    allowance: Allowance,
    threads: u64,
    vitals: &Vitals,
) -> Result<bool, Restriction> {
    set(Resource::Nproc, "RLIMIT_NPROC", 0, 0)?;
    let taken = vitals.address_space().map_err(Restriction::of("RLIMIT_AS"))?;
    let arenas = ARENA.saturating_mul(threads.saturating_add(1));
    let memory = taken.saturating_add(arenas).saturating_add(allowance.memory_bytes);
    let had = rustix::process::getrlimit(Resource::As).current;
    set(Resource::As, "RLIMIT_AS", memory, memory)?;
    let seconds = allowance.cpu_ms.div_ceil(1_000).saturating_add(1);
    // The first ends the process by a signal of its own, which tells the host the reason.
    set(Resource::Cpu, "RLIMIT_CPU", seconds, seconds.saturating_add(1))?;
    Ok(had.is_none_or(|had| had >= memory))
}

/// Sets a limit, or keeps a lower one that the process has.
fn set(resource: Resource, what: &'static str, soft: u64, hard: u64) -> Result<(), Restriction> {
    let had = rustix::process::getrlimit(resource);
    let lower = |had: Option<u64>, wanted: u64| Some(had.map_or(wanted, |had| had.min(wanted)));
    let new = Rlimit { current: lower(had.current, soft), maximum: lower(had.maximum, hard) };
    setrlimit(resource, new).map_err(Restriction::of(what))
}
