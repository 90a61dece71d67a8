//! The time of executions inside a poll of another one.

use core::cell::Cell;

/// The time of executions that ran inside the poll of another one, because a host function ran
/// another guest.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Nested {
    /// Time that they held the thread, in nanoseconds.
    pub(crate) ran: u64,
    /// The part of it that an account has been charged for, in nanoseconds.
    pub(crate) charged: u64,
}

impl Nested {
    const NONE: Self = Self { ran: 0, charged: 0 };

    #[inline]
    const fn and(self, other: Self) -> Self {
        Self {
            ran: self.ran.saturating_add(other.ran),
            charged: self.charged.saturating_add(other.charged),
        }
    }
}

thread_local! {
    /// The time spent inside the poll that this thread is in. No poll leaves its thread, so a
    /// thread local fits.
    static SPENT: Cell<Nested> = const { Cell::new(Nested::NONE) };
    /// The poll that this thread is in has a slot of its runtime.
    static HAS_SLOT: Cell<bool> = const { Cell::new(false) };
}

/// Runs `poll` and returns the time spent by executions inside it. They use the slot of this one if
/// it `has_slot`, or that of one around it.
#[inline]
pub(crate) fn measure<R>(has_slot: bool, poll: impl FnOnce() -> R) -> (R, Nested) {
    // Restores the outer poll's sum when a host function panics as well.
    struct Outer(Nested, bool);
    impl Drop for Outer {
        #[inline]
        fn drop(&mut self) {
            SPENT.set(self.0);
            HAS_SLOT.set(self.1);
        }
    }
    let outer = Outer(SPENT.replace(Nested::NONE), HAS_SLOT.get());
    HAS_SLOT.set(outer.1 || has_slot);
    let output = poll();
    let spent = SPENT.get();
    drop(outer);
    (output, spent)
}

/// Adds to the time spent inside the poll around this one, if there is one.
#[inline]
pub(crate) fn add(spent: Nested) {
    SPENT.set(SPENT.get().and(spent));
}

/// Tells whether this is inside the poll of an execution that has a slot of its runtime.
#[inline]
pub(crate) fn has_slot() -> bool {
    HAS_SLOT.get()
}

#[cfg(test)]
mod tests {
    use super::{Nested, add, has_slot, measure};

    const fn spent(ran: u64, charged: u64) -> Nested {
        Nested { ran, charged }
    }

    #[test]
    fn a_poll_sees_what_was_spent_inside_it_and_nothing_else() {
        add(spent(7, 7));
        assert!(!has_slot());
        let ((), outer) = measure(true, || {
            add(spent(1, 0));
            let ((), inner) = measure(true, || add(spent(10, 5)));
            assert_eq!(inner, spent(10, 5));
            assert!(has_slot());
            add(spent(2, 2));
        });
        assert_eq!(outer, spent(3, 2));
    }

    #[test]
    fn a_panic_inside_a_poll_does_not_lose_what_the_poll_around_it_knows() {
        let ((), outer) = measure(true, || {
            add(spent(1, 1));
            let died = std::panic::catch_unwind(|| {
                measure(true, || {
                    add(spent(50, 50));
                    std::panic::resume_unwind(Box::new(()));
                })
            });
            assert!(died.is_err() && has_slot());
        });
        assert!(!has_slot());
        assert_eq!(outer, spent(1, 1));
    }
}
