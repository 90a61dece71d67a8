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
/// There is none that connects, starts or names something, and those of [`REFUSED`] fail. All
/// descriptors but the two pipes, standard error and two files of /proc are closed by then.
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

/// System calls that fail as without permission: glibc's allocator looks at a setting of the kernel
/// before it gives memory back, and does without.
const REFUSED: &[i64] = &[libc::SYS_openat];

/// Calls that map memory, with the place of their protection among the arguments: it must not be
/// executable.
const MAPPING: &[(i64, u8)] = &[(libc::SYS_mmap, 2), (libc::SYS_mprotect, 2)];

/// Applies the filters to all threads: another system call ends the process. Returns false if the
/// kernel has no such filters.
pub(super) fn apply() -> Result<bool, Restriction> {
    // The kernel obeys the strictest answer of all filters. The second one forbids to set another.
    for program in [refusing(), allowing()] {
        let program = program.map_err(Restriction::of(WHAT))?;
        match apply_filter_all_threads(&program) {
            Ok(()) => {}
            Err(Error::Seccomp(error)) if is_unsupported(error.raw_os_error()) => {
                return Ok(false);
            }
            Err(error) => return Err(Restriction::of(WHAT)(error)),
        }
    }
    Ok(true)
}

fn is_unsupported(error: Option<i32>) -> bool {
    let unsupported = [Errno::NOSYS, Errno::INVAL];
    unsupported.iter().any(|errno| error == Some(errno.raw_os_error()))
}

/// Makes calls of [`REFUSED`] fail.
fn refusing() -> Result<BpfProgram, BackendError> {
    let rules = REFUSED.iter().map(|call| (*call, Vec::new())).collect();
    let denied = SeccompAction::Errno(Errno::ACCESS.raw_os_error().unsigned_abs());
    compile(rules, SeccompAction::Allow, denied)
}

/// Ends the process at any call that is not listed.
fn allowing() -> Result<BpfProgram, BackendError> {
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
    compile(rules?, SeccompAction::KillProcess, SeccompAction::Allow)
}

fn compile(
    rules: BTreeMap<i64, Vec<SeccompRule>>,
    otherwise: SeccompAction,
    listed: SeccompAction,
) -> Result<BpfProgram, BackendError> {
    SeccompFilter::new(rules, otherwise, listed, std::env::consts::ARCH.try_into()?)?.try_into()
}
