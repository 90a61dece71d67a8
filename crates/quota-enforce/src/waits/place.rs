//! A waiter's place in a queue.

use core::sync::atomic::{Ordering, fence};
use std::sync::Arc;

use limits_core::{QuotaError, QuotaResource};
use tokio::time::{Instant, timeout_at};

use super::request::Request;
use super::slot::{Outcome, Slot};
use super::{Concerned, WaitList, Waits};
use crate::handle::ComponentHandle;

/// A waiter's place in a queue. Dropped, it is free, and so are units that were taken for it.
pub(crate) struct Place<'w> {
    component: &'w ComponentHandle,
    waits: &'w Waits,
    list: &'w WaitList,
    ticket: u64,
    slot: Arc<Slot>,
    is_in_queue: bool,
}

impl<'w> Place<'w> {
    /// Takes a place.
    pub(crate) fn join(
        component: &'w ComponentHandle,
        waits: &'w Waits,
        resource: QuotaResource,
        request: Request,
    ) -> Self {
        let list = waits.of(resource);
        let slot = Arc::<Slot>::default();
        let mut place = Self { component, waits, list, ticket: 0, slot, is_in_queue: true };
        waits.waiting.fetch_add(1, Ordering::Relaxed);
        list.waiting.fetch_add(1, Ordering::Relaxed);
        component.publish_wait(resource);
        fence(Ordering::SeqCst);
        place.ticket = list.change(|queue| {
            // Under the lock: the end of the registration is seen here, or sees this place.
            if component.is_registered() {
                queue.join(component, request, &place.slot)
            } else {
                place.slot.fill(Outcome::Unregistered);
                0
            }
        });
        place
    }

    /// Waits for the outcome until the deadline.
    ///
    /// # Errors
    ///
    /// The refusal for which it has waited until the deadline.
    pub(crate) async fn outcome(mut self, deadline: Instant) -> Result<Outcome, QuotaError> {
        loop {
            if let Some(outcome) = self.slot.take() {
                self.is_in_queue = false;
                return Ok(outcome);
            }
            let now = Instant::now();
            let alarm = self.list.lock().alarm(self.component, self.ticket);
            let is_late = now >= deadline;
            if is_late || alarm.is_some_and(|alarm| now >= alarm) {
                self.list.offer(Concerned::All);
            }
            if is_late {
                if let Some(refused) = self.leave() {
                    return Err(refused);
                }
                continue;
            }
            if alarm.is_none_or(|alarm| now < alarm) {
                let until = alarm.map_or(deadline, |alarm| alarm.min(deadline));
                // A timeout is no error: the loop looks at the time.
                let _woken = timeout_at(until, self.slot.woken()).await;
            }
        }
    }

    /// Leaves the queue and returns the refusal; `None` if the outcome is there.
    fn leave(&mut self) -> Option<QuotaError> {
        let left = self.list.change(|queue| queue.leave(self.component, self.ticket));
        self.is_in_queue = false;
        left
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if self.is_in_queue {
            self.leave();
        }
        // Relaxed: a thread that still sees the waiter looks through the queue in vain.
        self.list.waiting.fetch_sub(1, Ordering::Relaxed);
        self.waits.waiting.fetch_sub(1, Ordering::Relaxed);
        // After the counters: dropped units are offered to others, through the queue if need be.
        drop(self.slot.take());
    }
}
