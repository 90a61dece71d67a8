//! The guests that compete for the threads of this process, and the slice that each of them gets.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;

/// Length of a slice: the time that a guest runs before the runtime gets its thread back.
pub(crate) const SLICE: Duration = Duration::from_micros(250);

/// The number of guests up to which each gets a whole slice.
const FEW: u64 = 8;

/// The shortest slice. A trip through the runtime costs some 2 % of it.
const LEAST_SLICE: Duration = Duration::from_micros(25);

/// The guests that used up their last slice and want another. Of the process, since its threads
/// are: a host with several runtimes gets shorter slices than it needs.
static COMPUTING: AtomicU64 = AtomicU64::new(0);

/// A guest's place among those that compute.
///
/// # Invariants
///
/// - I10: the guests that are counted are those that used up a slice and have not ended, waited or
///   been dropped since.
#[derive(Debug)]
pub(crate) struct Place(());

impl Place {
    pub(crate) fn take() -> Self {
        // Relaxed: a number for a length, which orders nothing.
        COMPUTING.fetch_add(1, Ordering::Relaxed);
        Self(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        COMPUTING.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Returns the length of a slice that begins now.
///
/// A runtime's other tasks wait for the slices of all guests that are before them in its queue, and
/// so does a guest whose deadline has passed. With many guests, slices are shorter, so that a round
/// of them lasts as long as one of a few.
#[inline]
pub(crate) fn slice() -> Duration {
    slice_among(COMPUTING.load(Ordering::Relaxed))
}

/// Returns the number of guests that compute.
#[cfg(test)]
pub(crate) fn computing() -> u64 {
    COMPUTING.load(Ordering::Relaxed)
}

#[inline]
fn slice_among(guests: u64) -> Duration {
    // The way of each pass of a short call: without a division.
    if guests <= FEW { SLICE } else { slice_among_many(guests) }
}

#[cold]
fn slice_among_many(guests: u64) -> Duration {
    let micros = u64::try_from(SLICE.as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(micros.saturating_mul(FEW) / guests).max(LEAST_SLICE)
}

#[cfg(test)]
mod tests {
    use super::{LEAST_SLICE, SLICE, computing, slice_among};
    use crate::cancel::CancelHandle;
    use crate::cpu_account::TimeUse;
    use crate::driver::drive;
    use crate::moment::Moment;
    use crate::yield_waker::KeptWaker;
    use core::future::poll_fn;
    use core::pin::{Pin, pin};
    use core::task::Poll;
    use core::time::Duration;
    use std::time::Instant;
    use tokio::sync::oneshot;

    #[test]
    fn a_round_of_many_guests_lasts_as_long_as_one_of_a_few() {
        assert_eq!(slice_among(0), SLICE);
        assert_eq!(slice_among(8), SLICE);
        assert!(slice_among(9) < SLICE);
        assert_eq!(slice_among(16), SLICE / 2);
        assert_eq!(slice_among(40) * 40, SLICE * 8);
        assert_eq!(slice_among(100), LEAST_SLICE);
        assert_eq!(slice_among(u64::MAX), Duration::from_micros(25));
    }

    /// Runs a guest that computes for more than a slice, and then waits for `bell`. It tells `seen`
    /// how many guests compute after that slice.
    async fn compute_and_wait(seen: &mut u64, bell: oneshot::Receiver<()>) {
        let mut has_computed = false;
        let guest = async {
            poll_fn(|cx| {
                if has_computed {
                    return Poll::Ready(());
                }
                has_computed = true;
                let began = Instant::now();
                while began.elapsed() < 2 * SLICE {}
                cx.waker().wake_by_ref();
                Poll::Pending
            })
            .await;
            *seen = computing();
            let _ = bell.await;
        };
        let mut time = TimeUse::default();
        let guest = pin!(guest);
        let cancel = CancelHandle::new();
        let mut yields = KeptWaker::renew(None, &cancel);
        cancel.clock().start(Moment::now(), u64::MAX);
        let _ = drive(guest, &cancel, None, &mut time, &mut yields, None).await;
    }

    /// I10, of a guest that waits, of one that ends and of one that is dropped.
    #[tokio::test]
    async fn i10_a_guest_counts_while_it_computes_and_no_longer() {
        let before = computing();
        let mut seen = 0;
        let (ring, bell) = oneshot::channel();
        {
            let mut run = pin!(compute_and_wait(&mut seen, bell));
            while computing() == before {
                assert!(poll_once(run.as_mut()).await.is_pending());
            }
            while computing() != before {
                assert!(poll_once(run.as_mut()).await.is_pending());
            }
            ring.send(()).unwrap();
            run.await;
        }
        assert_eq!((seen, computing()), (before + 1, before));
        let (_ring, bell) = oneshot::channel();
        {
            let mut run = pin!(compute_and_wait(&mut seen, bell));
            while computing() == before {
                assert!(poll_once(run.as_mut()).await.is_pending());
            }
        }
        assert_eq!(computing(), before, "of a dropped one");
    }

    /// Polls a future once, and lets the runtime run.
    async fn poll_once(mut future: Pin<&mut impl Future>) -> Poll<()> {
        let polled = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).map(|_| ()))).await;
        tokio::task::yield_now().await;
        polled
    }
}
