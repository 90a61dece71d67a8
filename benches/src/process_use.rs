//! What this process has used, by `/proc`.

use core::num::TryFromIntError;
use core::time::Duration;
use std::fs;
use std::io;

use rustix::time::{ClockId, clock_gettime};

/// Returns the CPU time of this thread, in milliseconds. On a busy machine it varies less than the
/// time that passes.
///
/// # Errors
///
/// If the clock is out of range.
pub fn thread_ms() -> Result<f64, TryFromIntError> {
    let now = Duration::try_from(clock_gettime(ClockId::ThreadCPUTime))?;
    Ok(now.as_secs_f64() * 1e3)
}

/// The use of all threads of this process.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "figures of a measurement")]
pub struct ThreadUse {
    /// CPU time.
    pub cpu: Duration,
    /// The times that a thread slept: voluntary context switches.
    pub sleeps: u64,
}

impl ThreadUse {
    /// Reads what the threads have used so far.
    ///
    /// # Errors
    ///
    /// If there is no `/proc`.
    pub fn now() -> io::Result<Self> {
        let mut total = Self::default();
        for thread in fs::read_dir("/proc/self/task")? {
            let thread = thread?.path();
            let run = fs::read_to_string(thread.join("schedstat"))?;
            let ns = run.split_whitespace().next().and_then(|ns| ns.parse().ok()).unwrap_or(0);
            total.cpu += Duration::from_nanos(ns);
            let status = fs::read_to_string(thread.join("status"))?;
            let sleeps =
                status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
            total.sleeps += sleeps.and_then(|n| n.trim().parse::<u64>().ok()).unwrap_or(0);
        }
        Ok(total)
    }

    /// Returns the use since an earlier reading.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Self {
        Self {
            cpu: self.cpu.saturating_sub(earlier.cpu),
            sleeps: self.sleeps.saturating_sub(earlier.sleeps),
        }
    }
}

/// Returns the resident memory of this process, in KiB.
///
/// # Errors
///
/// If there is no `/proc`.
pub fn resident_kib() -> io::Result<f64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok());
    kib.ok_or_else(|| io::Error::other("no VmRSS in /proc/self/status"))
}
