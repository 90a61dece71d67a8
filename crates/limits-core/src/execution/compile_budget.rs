//! The resources that compiling one component may use.

use core::time::Duration;

const MIB: u64 = 1024 * 1024;

/// The resources that compiling one component may use, by its size.
///
/// Each is a part for every component and a part for each MiB of it. The wall-clock time is four
/// times the CPU time: a busy host compiles more slowly.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct CompileBudget {
    /// CPU time of all threads together, in milliseconds. Default 1 000.
    pub cpu_ms: u64,
    /// More CPU time for each MiB, in milliseconds. Default 3 000.
    pub cpu_ms_per_mib: u64,
    /// Memory, in bytes. Default 256 MiB.
    pub memory_bytes: u64,
    /// More memory for each MiB, in bytes. Default 64 MiB.
    pub memory_bytes_per_mib: u64,
    /// The most compilations at one time; further ones wait. Default 2.
    pub workers: u32,
}

impl Default for CompileBudget {
    fn default() -> Self {
        Self {
            cpu_ms: 1_000,
            cpu_ms_per_mib: 3_000,
            memory_bytes: 256 * MIB,
            memory_bytes_per_mib: 64 * MIB,
            workers: 2,
        }
    }
}

/// The share of a [`CompileBudget`] that a component of one size has.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct CompileAllowance {
    /// CPU time of all threads together.
    pub cpu: Duration,
    /// Wall-clock time.
    pub wall: Duration,
    /// Memory, in bytes.
    pub memory_bytes: u64,
}

impl CompileBudget {
    /// Returns the resources for a component of so many bytes.
    #[must_use]
    pub fn for_size(&self, bytes: u64) -> CompileAllowance {
        let share = |base: u64, per_mib: u64| {
            let more = u128::from(per_mib) * u128::from(bytes) / u128::from(MIB);
            u64::try_from(u128::from(base) + more).unwrap_or(u64::MAX)
        };
        let cpu_ms = share(self.cpu_ms, self.cpu_ms_per_mib);
        CompileAllowance {
            cpu: Duration::from_millis(cpu_ms),
            wall: Duration::from_millis(cpu_ms.saturating_mul(4)),
            memory_bytes: share(self.memory_bytes, self.memory_bytes_per_mib),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{CompileBudget, MIB};
    use core::time::Duration;

    #[test]
    fn a_budget_grows_with_the_size() {
        let budget = CompileBudget::default();
        let small = budget.for_size(MIB / 4);
        assert_eq!(small.cpu, Duration::from_millis(1_750));
        assert_eq!(small.wall, Duration::from_millis(7_000));
        assert_eq!(small.memory_bytes, 272 * MIB);
        assert_eq!(budget.for_size(10 * MIB).cpu, Duration::from_millis(31_000));
    }

    #[test]
    fn a_budget_beyond_counting_is_the_largest() {
        let budget = CompileBudget { cpu_ms_per_mib: u64::MAX, ..CompileBudget::default() };
        let most = budget.for_size(u64::MAX);
        assert_eq!(most.wall, Duration::from_millis(u64::MAX));
    }
}
