//! The clock of leases.

use core::time::Duration;

use limits_core::{Clock, SystemClock};

/// A clock that goes on while the machine is suspended, for the deadlines of leases.
///
/// On Linux it reads `CLOCK_BOOTTIME`, elsewhere it is the [`SystemClock`], which may stand still
/// in suspension: a host that was suspended there could spend a lease that has ended meanwhile.
#[derive(Debug, Default)]
pub struct BootClock {
    fallback: SystemClock,
}

impl BootClock {
    /// Makes a clock.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Clock for BootClock {
    fn now_ns(&self) -> u64 {
        boot_ns().unwrap_or_else(|| self.fallback.now_ns())
    }

    fn lag(&self) -> Duration {
        Duration::ZERO
    }
}

#[cfg(target_os = "linux")]
fn boot_ns() -> Option<u64> {
    use rustix::time::{ClockId, clock_gettime};

    let time = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).ok()?;
    let nanoseconds = u64::try_from(time.tv_nsec).ok()?;
    seconds.checked_mul(1_000_000_000)?.checked_add(nanoseconds)
}

#[cfg(not(target_os = "linux"))]
const fn boot_ns() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::BootClock;
    use limits_core::Clock as _;

    #[test]
    fn it_never_goes_back_and_does_not_lag() {
        let clock = BootClock::new();
        let first = clock.now_ns();
        assert!(clock.now_ns() >= first && first > 0);
        assert!(clock.lag().is_zero() && clock.shortest_period().is_zero());
    }
}
