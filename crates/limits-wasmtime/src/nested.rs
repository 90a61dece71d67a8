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
    /// The time spent inside the poll that this thread is in, if it is in one. No poll leaves its
    /// thread, so a thread local fits.
    static SPENT: Cell<Option<Nested>> = const { Cell::new(None) };
}

/// Runs `poll` and returns the time spent by executions inside it.
#[inline]
pub(crate) fn measure<R>(poll: impl FnOnce() -> R) -> (R, Nested) {
    // Restores the outer poll's sum when a host function panics as well.
    struct Outer(Option<Nested>);
    impl Drop for Outer {
        #[inline]
        fn drop(&mut self) {
            SPENT.set(self.0);
        }
    }
    let outer = Outer(SPENT.replace(Some(Nested::NONE)));
    let output = poll();
    let spent = SPENT.get().unwrap_or_default();
    drop(outer);
    (output, spent)
}

/// Adds to the time spent inside the poll around this one, if there is one.
#[inline]
pub(crate) fn add(spent: Nested) {
    SPENT.set(SPENT.get().map(|before| before.and(spent)));
}

/// Tells whether this is inside the poll of another execution.
#[inline]
pub(crate) fn is_inside() -> bool {
    SPENT.get().is_some()
}

#[cfg(test)]
mod tests {
    use super::{Nested, add, is_inside, measure};

    const fn spent(ran: u64, charged: u64) -> Nested {
        Nested { ran, charged }
    }

    #[test]
    fn a_poll_sees_what_was_spent_inside_it_and_nothing_else() {
        add(spent(7, 7));
        assert!(!is_inside());
        let ((), outer) = measure(|| {
            add(spent(1, 0));
            let ((), inner) = measure(|| add(spent(10, 5)));
            assert_eq!(inner, spent(10, 5));
            assert!(is_inside());
            add(spent(2, 2));
        });
        assert_eq!(outer, spent(3, 2));
    }

    #[test]
    fn a_panic_inside_a_poll_does_not_lose_what_the_poll_around_it_knows() {
        let ((), outer) = measure(|| {
            add(spent(1, 1));
            let died = std::panic::catch_unwind(|| {
                measure(|| {
                    add(spent(50, 50));
                    std::panic::resume_unwind(Box::new(()));
                })
            });
            assert!(died.is_err() && is_inside());
        });
        assert!(!is_inside());
        assert_eq!(outer, spent(1, 1));
    }
}
