//! The resources that this process uses.

use core::time::Duration;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use rustix::time::{ClockId, clock_gettime};

use crate::protocol::{Allowance, Failed, Used};

/// The resources that this process uses. Its files are opened before the process may open none.
#[derive(Debug)]
pub(super) struct Vitals {
    statm: File,
    status: File,
    page: u64,
    /// The memory that was in use when the files were opened: not the component's.
    at_start: u64,
}

impl Vitals {
    pub(super) fn open() -> io::Result<Self> {
        let mut vitals = Self {
            statm: File::open("/proc/self/statm")?,
            status: File::open("/proc/self/status")?,
            page: u64::try_from(rustix::param::page_size()).map_err(io::Error::other)?,
            at_start: 0,
        };
        vitals.at_start = vitals.resident()?;
        Ok(vitals)
    }

    /// Returns the resident memory that a process with this allowance may reach, in bytes.
    pub(super) const fn most_memory(&self, allowance: Allowance) -> u64 {
        self.at_start.saturating_add(allowance.memory_bytes)
    }

    /// Returns the resource of which `used` is more than the allowance. The watchdog does not see
    /// the time between its looks; this sees all of it.
    pub(super) fn spent(&self, allowance: Allowance, used: Used) -> Option<Failed> {
        if used.cpu_time() > Duration::from_millis(allowance.cpu_ms) {
            Some(Failed::Cpu)
        } else if used.peak_memory > self.most_memory(allowance) {
            Some(Failed::Memory)
        } else {
            None
        }
    }

    /// Returns the CPU time of all threads since the start of the process.
    pub(super) fn cpu_time() -> Duration {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
    }

    /// Returns the address space in bytes.
    pub(super) fn address_space(&self) -> io::Result<u64> {
        self.pages(0)
    }

    /// Returns the memory in use (resident) in bytes.
    pub(super) fn resident(&self) -> io::Result<u64> {
        self.pages(1)
    }

    fn pages(&self, column: usize) -> io::Result<u64> {
        let mut text = [0; 256];
        let length = self.statm.read_at(&mut text, 0)?;
        let text = core::str::from_utf8(&text[..length]).map_err(io::Error::other)?;
        let pages: Option<u64> =
            text.split_ascii_whitespace().nth(column).and_then(|pages| pages.parse().ok());
        let pages = pages.ok_or_else(|| io::Error::other("/proc/self/statm has another form"))?;
        Ok(pages.saturating_mul(self.page))
    }

    /// Returns the CPU time and the peak of resident memory so far.
    pub(super) fn used(&self) -> Used {
        let cpu_us = u64::try_from(Self::cpu_time().as_micros()).unwrap_or(u64::MAX);
        Used { cpu_us, peak_memory: self.peak().unwrap_or(0) }
    }

    fn peak(&self) -> Option<u64> {
        let mut text = vec![0; 8_192];
        let length = self.status.read_at(&mut text, 0).ok()?;
        let text = core::str::from_utf8(&text[..length]).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kib.saturating_mul(1_024))
    }
}

#[cfg(test)]
mod tests {
    use super::Vitals;
    use crate::protocol::{Allowance, Failed, Used};

    #[test]
    fn a_process_has_used_something() {
        let vitals = Vitals::open().unwrap();
        let resident = vitals.resident().unwrap();
        assert!(resident > 100_000 && resident < vitals.address_space().unwrap());
        assert!(vitals.used().peak_memory > 100_000);
    }
    #[test]
    fn use_past_the_allowance_is_spent_between_two_looks_as_well() {
        let vitals = Vitals::open().unwrap();
        let allowance = Allowance { cpu_ms: 5, memory_bytes: 1_000 };
        let spent = |cpu_us, more_memory| {
            let peak_memory = vitals.at_start + more_memory;
            vitals.spent(allowance, Used { cpu_us, peak_memory })
        };
        assert!(spent(5_000, 1_000).is_none());
        assert!(matches!(spent(5_001, 1_000), Some(Failed::Cpu)));
        assert!(matches!(spent(5_000, 1_001), Some(Failed::Memory)));
    }
}
