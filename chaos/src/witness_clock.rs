//! A host's clock, which remembers when a take looked at it.
//!
//! A take is counted, and only then reads the clock and compares it with its lease's deadline. The
//! machine's time is noted before each reading is passed on, so the time that the last reading of a
//! granted take noted is an instant of the take: it was counted before, and not judged yet. A
//! thread that is stopped afterwards, on its way to the file of counts, cannot change that.

use core::cell::Cell;
use core::time::Duration;
use std::sync::Arc;

use limits_core::Clock;

use crate::spec::Plant;
use crate::window::now_us;

std::thread_local! {
    /// The machine's time at the last reading of this thread, in microseconds since 1970.
    static READ: Cell<Option<u64>> = const { Cell::new(None) };
    /// The clock's time at the begin of this thread's take.
    static BEGUN: Cell<Option<u64>> = const { Cell::new(None) };
}

/// A clock that notes its readings, and may lie.
#[derive(Debug)]
pub struct WitnessClock {
    inner: Arc<dyn Clock>,
    /// The only time that it shows.
    frozen: Option<u64>,
    shows_begin: bool,
}

impl WitnessClock {
    /// Returns a clock over another, which lies as the plants have it.
    #[must_use]
    pub fn new(inner: Arc<dyn Clock>, plants: &[Plant]) -> Self {
        Self {
            frozen: plants.contains(&Plant::NoDeadline).then(|| inner.now_ns()),
            shows_begin: plants.contains(&Plant::NoSecondLook),
            inner,
        }
    }

    /// Marks the begin of a take of this thread.
    pub fn begin_take(&self) {
        READ.set(None);
        if self.shows_begin {
            BEGUN.set(Some(self.inner.now_ns()));
            // A thread is stopped here rather than elsewhere.
            (0..200).for_each(|_| core::hint::spin_loop());
        }
    }

    /// Returns the machine's time at the last reading since the begin of the take, in microseconds
    /// since 1970; `None` if the take has not looked at the clock.
    #[must_use]
    pub fn last_reading() -> Option<u64> {
        READ.get()
    }
}

impl Clock for WitnessClock {
    fn now_ns(&self) -> u64 {
        READ.set(Some(now_us()));
        let begun = BEGUN.get().filter(|_| self.shows_begin);
        self.frozen.or(begun).unwrap_or_else(|| self.inner.now_ns())
    }

    fn lag(&self) -> Duration {
        self.inner.lag()
    }

    fn shortest_period(&self) -> Duration {
        self.inner.shortest_period()
    }
}

#[cfg(test)]
mod tests {
    use super::WitnessClock;
    use crate::spec::Plant;
    use crate::window::now_us;
    use core::time::Duration;
    use limits_core::{Clock as _, ManualClock};
    use std::sync::Arc;

    #[test]
    fn a_reading_is_noted_and_the_plants_lie() {
        let manual = Arc::new(ManualClock::new());
        manual.set_ns(7);
        let honest = WitnessClock::new(manual.clone(), &[]);
        let frozen = WitnessClock::new(manual.clone(), &[Plant::NoDeadline]);
        let early = WitnessClock::new(manual.clone(), &[Plant::NoSecondLook]);
        honest.begin_take();
        early.begin_take();
        assert_eq!(WitnessClock::last_reading(), None);
        manual.advance(Duration::from_nanos(5));
        let before = now_us();
        assert_eq!((honest.now_ns(), frozen.now_ns(), early.now_ns()), (12, 7, 7));
        assert!(WitnessClock::last_reading().unwrap() >= before);
    }
}
