//! Resident memory of processes, threads and descriptors, as Linux counts them.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::time::Duration;
use std::fs;
use std::sync::Arc;
use std::thread::JoinHandle;

/// The time between two samples.
const PERIOD: Duration = Duration::from_millis(2);

/// Returns the resident bytes of this process, or 0 if `/proc` does not tell.
#[must_use]
pub fn resident_bytes() -> u64 {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 =
        statm.split_whitespace().nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages.saturating_mul(u64::try_from(rustix::param::page_size()).unwrap_or(4096))
}

/// Returns the most resident bytes that a process has had since it runs its own program, if it is
/// still there. Between its making and that, a child shares the memory of its parent.
#[must_use]
pub fn peak_of(process: u32) -> Option<u64> {
    let program = |of: &str| fs::read_link(format!("/proc/{of}/exe"));
    let is_child = process != std::process::id();
    if is_child && program(&process.to_string()).ok()? == program("self").ok()? {
        return None;
    }
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib.saturating_mul(1024))
}

/// Returns the number of threads of this process.
#[must_use]
pub fn threads() -> usize {
    fs::read_dir("/proc/self/task").map_or(0, Iterator::count)
}

/// Returns the number of descriptors of this process, that of the question included.
#[must_use]
pub fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

/// The growth of this process, watched by a thread.
#[derive(Debug)]
pub struct Growth {
    start: u64,
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
}

// Statistics: no other memory depends on them.
#[derive(Debug, Default)]
struct Shared {
    peak: AtomicU64,
    is_over: AtomicBool,
}

impl Growth {
    /// Begins to watch.
    #[must_use]
    pub fn watch() -> Self {
        let shared = Arc::new(Shared::default());
        let start = resident_bytes();
        let thread = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                while !shared.is_over.load(Ordering::Relaxed) {
                    shared.peak.fetch_max(resident_bytes(), Ordering::Relaxed);
                    std::thread::sleep(PERIOD);
                }
            }
        });
        Self { start, shared, thread }
    }

    /// Ends the watch and returns the growth at its peak, in bytes.
    #[must_use]
    pub fn end(self) -> u64 {
        self.shared.peak.fetch_max(resident_bytes(), Ordering::Relaxed);
        self.shared.is_over.store(true, Ordering::Relaxed);
        // The thread does not panic.
        let _ = self.thread.join();
        self.shared.peak.load(Ordering::Relaxed).saturating_sub(self.start)
    }
}

#[cfg(test)]
mod tests {
    use super::{Growth, peak_of, resident_bytes};

    #[test]
    fn memory_that_is_touched_and_given_back_is_seen() {
        let watched = Growth::watch();
        let bytes = core::hint::black_box(vec![1_u8; 64 << 20]);
        assert!(resident_bytes() > 32 << 20);
        let peak = peak_of(std::process::id()).unwrap();
        drop(bytes);
        assert!(watched.end() > 32 << 20);
        assert!(peak > 32 << 20);
    }
}
