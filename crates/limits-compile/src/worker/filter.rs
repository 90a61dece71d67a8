//! The system calls that a worker may make once it reads a stranger's bytes.

use std::collections::BTreeMap;

use rustix::io::Errno;
use seccompiler::{
    BackendError, BpfProgram, Error, SeccompAction, SeccompCmpArgLen, SeccompCmpOp,
    SeccompCondition, SeccompFilter, SeccompRule, apply_filter_all_threads,
};

use crate::worker::restriction::Restriction;

const WHAT: &str = "seccomp";

/// The system calls that compiling makes, and the end of a process, orderly or not.
///
/// There is none that opens, connects, starts or names something. All descriptors but the two pipes,
/// standard error and two files of /proc are closed by then.
const ALLOWED: &[i64] = &[
    libc::SYS_brk,
    libc::SYS_clock_getres,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_close,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_gettid,
    libc::SYS_lseek,
    libc::SYS_madvise,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_nanosleep,
    libc::SYS_pread64,
    libc::SYS_read,
    libc::SYS_restart_syscall,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_sigaltstack,
    libc::SYS_write,
    libc::SYS_writev,
];

/// Calls that fail instead of ending the process: the C library's allocator opens a file of /proc or
/// /sys now and then, and does without.
const REFUSED: &[i64] = &[libc::SYS_openat];

/// Calls that map memory, with the place of their protection among the arguments: it must not be
/// executable.
const MAPPING: &[(i64, u8)] = &[(libc::SYS_mmap, 2), (libc::SYS_mprotect, 2)];

/// Applies the filters to all threads: another system call ends the process. Returns false if the
/// kernel has no such filters.
pub(super) fn apply() -> Result<bool, Restriction> {
    let programs = refusals().and_then(|refusals| Ok([refusals, program()?]));
    let programs = programs.map_err(Restriction::of(WHAT))?;
    // Of two filters, the harsher one decides; the first still lets the second be applied.
    match programs.iter().try_for_each(|program| apply_filter_all_threads(program)) {
        Ok(()) => Ok(true),
        Err(Error::Seccomp(error)) if is_unsupported(error.raw_os_error()) => Ok(false),
        Err(error) => Err(Restriction::of(WHAT)(error)),
    }
}

fn is_unsupported(error: Option<i32>) -> bool {
    let unsupported = [Errno::NOSYS, Errno::INVAL];
    unsupported.iter().any(|errno| error == Some(errno.raw_os_error()))
}

fn refusals() -> Result<BpfProgram, BackendError> {
    let refused = REFUSED.iter().map(|call| (*call, Vec::new())).collect();
    let error = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    SeccompFilter::new(refused, SeccompAction::Allow, error, std::env::consts::ARCH.try_into()?)?
        .try_into()
}

fn program() -> Result<BpfProgram, BackendError> {
    let plain = ALLOWED.iter().chain(REFUSED).map(|call| Ok((*call, Vec::new())));
    let mapping = MAPPING.iter().map(|(call, argument)| {
        let executable = u64::from(libc::PROT_EXEC.unsigned_abs());
        let none = SeccompCmpOp::MaskedEq(executable);
        let condition = SeccompCondition::new(*argument, SeccompCmpArgLen::Dword, none, 0)?;
        Ok((*call, vec![SeccompRule::new(vec![condition])?]))
    });
    // A signal to its own process, as `abort` sends it.
    let own = u64::from(std::process::id());
    let to_itself = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, own)?;
    let signals = Ok((libc::SYS_tgkill, vec![SeccompRule::new(vec![to_itself])?]));
    let rules: Result<BTreeMap<i64, Vec<SeccompRule>>, BackendError> =
        plain.chain(mapping).chain([signals]).collect();
    SeccompFilter::new(
        rules?,
        SeccompAction::KillProcess,
        SeccompAction::Allow,
        std::env::consts::ARCH.try_into()?,
    )?
    .try_into()
}
