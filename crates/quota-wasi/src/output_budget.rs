//! The bytes that stdout and stderr of one execution may still write, and when.

use core::task::{Poll, ready};
use core::time::Duration;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use crate::store_usage::StoreUsage;

/// The bytes that stdout and stderr of one execution may still write, and when.
///
/// # Invariants
///
/// - I25: the host's streams together get at most `max_output_bytes`, and every byte that a guest
///   has written either reached them or is counted as cut.
/// - I26: within any stretch of time they get at most `max_output_rate` times that time and a
///   quarter of a second, and one byte.
#[derive(Debug)]
pub(crate) struct OutputBudget {
    /// Bytes per second; not zero.
    rate: u64,
    state: Mutex<State>,
    usage: StoreUsage,
}

#[derive(Debug)]
struct State {
    left: u64,
    /// When all that was written would be through at the rate exactly; `None` for long ago.
    through: Option<Instant>,
}

/// The time by which a writer may be ahead of the rate, so that a timer's coarse steps do not
/// slow it down.
const AHEAD: Duration = Duration::from_millis(125);
/// The most bytes of one write.
const MOST: u64 = 64 * 1024;

impl OutputBudget {
    /// At a rate of zero, nothing may be written.
    pub(crate) fn new(bytes: u64, rate: u64, usage: StoreUsage) -> Self {
        let left = if rate == 0 { 0 } else { bytes };
        Self { rate: rate.max(1), state: Mutex::new(State { left, through: None }), usage }
    }

    /// Tells whether all further bytes are cut.
    pub(crate) fn is_spent(&self) -> bool {
        self.state().left == 0
    }

    /// Returns the most bytes of one write: an eighth of a second's.
    pub(crate) fn chunk(&self) -> usize {
        usize::try_from((self.rate / 8).clamp(1, MOST)).unwrap_or(usize::MAX)
    }

    /// Returns the time to wait before the next write; `None` for none.
    pub(crate) fn wait(&self) -> Option<Duration> {
        let through = self.state().through?;
        let ahead = through.saturating_duration_since(Instant::now());
        ahead.checked_sub(AHEAD).filter(|wait| !wait.is_zero())
    }

    /// Takes bytes that a guest writes, and returns how many of them the host's stream gets. The
    /// others are cut, at the end.
    pub(crate) fn take(&self, bytes: usize) -> usize {
        let wanted = u64::try_from(bytes).unwrap_or(u64::MAX);
        let mut state = self.state();
        let taken = wanted.min(state.left);
        state.left -= taken;
        self.pace(&mut state, taken);
        drop(state);
        self.usage.wrote_output(taken);
        self.usage.cut_output(wanted.saturating_sub(taken));
        usize::try_from(taken).unwrap_or(bytes)
    }

    /// Takes the bytes that `write` says it has written, of those that it gets.
    pub(crate) fn take_by(
        &self,
        bytes: &[u8],
        write: impl FnOnce(&[u8]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let mut state = self.state();
        let most = usize::try_from(state.left).unwrap_or(usize::MAX);
        let written = ready!(write(bytes.get(..most).unwrap_or(bytes)))?;
        let taken = u64::try_from(written).unwrap_or(u64::MAX).min(state.left);
        state.left -= taken;
        self.pace(&mut state, taken);
        drop(state);
        self.usage.wrote_output(taken);
        Poll::Ready(Ok(written))
    }

    fn pace(&self, state: &mut State, bytes: u64) {
        let now = Instant::now();
        let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(self.rate);
        let lasts = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        let from = state.through.map_or(now, |through| through.max(now));
        // Beyond what the clock can express, the writer waits for the longest time that it can.
        state.through = Some(from.checked_add(lasts).unwrap_or(from));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No panic leaves it half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::OutputBudget;
    use crate::store_usage::StoreUsage;
    use core::time::Duration;
    use tokio::time::{Instant, advance};

    #[tokio::test(start_paused = true)]
    async fn bytes_past_the_limit_are_cut_and_counted() {
        // I25: all bytes of one write, some, none.
        let usage = StoreUsage::default();
        let budget = OutputBudget::new(10, u64::MAX, usage.clone());
        assert_eq!([budget.take(6), budget.take(6), budget.take(6)], [6, 4, 0]);
        assert!(budget.is_spent());
        assert_eq!((usage.output_bytes(), usage.output_cut_bytes()), (10, 8));
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_written_at_a_rate_of_zero() {
        let budget = OutputBudget::new(10, 0, StoreUsage::default());
        assert!(budget.is_spent());
        assert_eq!(budget.take(1), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_writer_that_waits_as_it_is_told_keeps_the_rate() {
        // I26: over every stretch of ten seconds.
        let rate = 1_000;
        let budget = OutputBudget::new(u64::MAX, rate, StoreUsage::default());
        let start = Instant::now();
        let mut written: Vec<(Duration, u64)> = Vec::new();
        while start.elapsed() < Duration::from_secs(10) {
            while let Some(wait) = budget.wait() {
                advance(wait).await;
            }
            let bytes = budget.take(budget.chunk());
            written.push((start.elapsed(), u64::try_from(bytes).unwrap()));
        }
        for (index, (from, _)) in written.iter().enumerate() {
            let mut sum = 0;
            for (at, bytes) in written.iter().skip(index) {
                sum += bytes;
                let allowed = (*at - *from + Duration::from_millis(250)).as_millis() + 1;
                assert!(u128::from(sum) <= allowed, "{sum} bytes from {from:?} to {at:?}");
            }
        }
        let sum: u64 = written.iter().map(|(_, bytes)| bytes).sum();
        assert!(sum >= 10 * rate, "{sum}");
    }

    #[tokio::test(start_paused = true)]
    async fn time_that_passes_unused_is_not_saved_up() {
        let budget = OutputBudget::new(u64::MAX, 1_000, StoreUsage::default());
        advance(Duration::from_secs(60)).await;
        budget.take(1_000);
        assert_eq!(budget.wait(), Some(Duration::from_millis(875)));
    }
}
