//! The least driver that keeps a deadline: it looks at the clock whenever a guest that computes
//! yields, and goes to the runtime after a slice.

use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::time::Instant;

/// The time after which the thread goes back to the runtime, as that of our driver.
const SLICE: Duration = Duration::from_micros(250);

/// The end of a guest.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "the two ends of a guest that computes")]
pub enum Driven<R> {
    /// The guest came to an end.
    Ended(R),
    /// The driver stopped it so long after its deadline.
    Stopped(Duration),
}

/// Polls `guest` to its end or its deadline.
pub async fn drive<F: Future>(guest: F, deadline: Instant) -> Driven<F::Output> {
    let mut guest = pin!(guest);
    loop {
        let ended = poll_fn(|_| Poll::Ready(slice(guest.as_mut(), deadline))).await;
        match ended {
            Some(driven) => return driven,
            None => tokio::task::yield_now().await,
        }
    }
}

/// Polls `guest` again and again until it ends, its deadline has passed, or its slice is over.
fn slice<F: Future>(mut guest: Pin<&mut F>, deadline: Instant) -> Option<Driven<F::Output>> {
    let began = Instant::now();
    loop {
        // A guest that computes yields only.
        let polled = guest.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        if let Poll::Ready(output) = polled {
            return Some(Driven::Ended(output));
        }
        let now = Instant::now();
        if now >= deadline {
            return Some(Driven::Stopped(now.saturating_duration_since(deadline)));
        }
        if now.saturating_duration_since(began) >= SLICE {
            return None;
        }
    }
}
