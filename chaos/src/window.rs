//! Windows of the store's clock.

use core::time::Duration;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

/// The epoch of windows, in microseconds since 1970.
const EPOCH_US: u64 = 0;

/// Returns the time of the machine's clock in microseconds since 1970.
#[must_use]
pub fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// The windows of one period.
#[derive(Clone, Copy, Debug)]
pub struct Windows {
    period_us: u64,
}

impl Windows {
    /// Returns the windows of a period, of 1 µs at least.
    #[must_use]
    pub fn new(period: Duration) -> Self {
        Self { period_us: u64::try_from(period.as_micros()).unwrap_or(u64::MAX).max(1) }
    }

    /// Returns the number of the window at a time in microseconds since 1970.
    #[must_use]
    pub const fn at(self, unix_us: u64) -> u64 {
        unix_us.saturating_sub(EPOCH_US) / self.period_us
    }

    /// Returns the number of the window that goes on.
    #[must_use]
    pub fn now(self) -> u64 {
        self.at(now_us())
    }

    /// Returns the time, in microseconds since 1970, at which some hundredths of a window are over.
    #[must_use]
    pub const fn moment_us(self, window: u64, percent: u64) -> u64 {
        EPOCH_US + window * self.period_us + self.period_us * percent / 100
    }

    /// Sleeps until a moment of a window; not at all if it is past.
    pub fn sleep_until(self, window: u64, percent: u64) {
        sleep_until_us(self.moment_us(window, percent));
    }
}

/// Sleeps until a time in microseconds since 1970.
pub fn sleep_until_us(moment: u64) {
    while let Some(left @ 1..) = moment.checked_sub(now_us()) {
        thread::sleep(Duration::from_micros(left));
    }
}

#[cfg(test)]
mod tests {
    use super::{EPOCH_US, Windows};
    use core::time::Duration;

    #[test]
    fn windows_are_numbered_and_a_moment_is_inside_of_its_window() {
        let windows = Windows::new(Duration::from_millis(200));
        assert_eq!(windows.at(EPOCH_US + 199_999), 0);
        assert_eq!(windows.at(EPOCH_US + 200_000), 1);
        assert_eq!(windows.moment_us(3, 50), EPOCH_US + 700_000);
        assert_eq!(windows.at(windows.moment_us(7, 0)), 7);
    }
}
