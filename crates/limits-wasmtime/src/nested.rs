//! The time of executions inside a poll of another one.

use core::cell::Cell;
use core::time::Duration;

/// Time that executions took which ran inside the poll of another one: a host function had run
/// another guest.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Nested {
    /// How long they held the thread.
    pub(crate) ran: Duration,
    /// How much of that an account has been charged for.
    pub(crate) charged: Duration,
}

impl Nested {
    const NONE: Self = Self { ran: Duration::ZERO, charged: Duration::ZERO };

    const fn and(self, other: Self) -> Self {
        Self {
            ran: self.ran.saturating_add(other.ran),
            charged: self.charged.saturating_add(other.charged),
        }
    }
}

thread_local! {
    /// What was spent inside the poll that this thread is in. It is time and not identity, and no
    /// poll leaves its thread, so a thread local is where it belongs.
    static SPENT: Cell<Nested> = const { Cell::new(Nested::NONE) };
}

/// Runs `poll` and returns what executions inside it have spent.
pub(crate) fn measure<R>(poll: impl FnOnce() -> R) -> (R, Nested) {
    // Restores the outer poll's sum when a host function panics as well.
    struct Outer(Nested);
    impl Drop for Outer {
        fn drop(&mut self) {
            SPENT.set(self.0);
        }
    }
    let outer = Outer(SPENT.replace(Nested::NONE));
    let output = poll();
    let spent = SPENT.get();
    drop(outer);
    (output, spent)
}

/// Tells the poll around this one, if any, what was spent here.
pub(crate) fn spend(spent: Nested) {
    SPENT.set(SPENT.get().and(spent));
}

#[cfg(test)]
mod tests {
    use super::{Nested, measure, spend};
    use core::time::Duration;

    const fn spent(ran: u64, charged: u64) -> Nested {
        Nested { ran: Duration::from_millis(ran), charged: Duration::from_millis(charged) }
    }

    #[test]
    fn a_poll_sees_what_was_spent_inside_it_and_nothing_else() {
        spend(spent(7, 7));
        let ((), outer) = measure(|| {
            spend(spent(1, 0));
            let ((), inner) = measure(|| spend(spent(10, 5)));
            assert_eq!(inner, spent(10, 5));
            spend(spent(2, 2));
        });
        assert_eq!(outer, spent(3, 2));
    }

    #[test]
    fn a_panic_inside_a_poll_does_not_lose_what_the_poll_around_it_knows() {
        let ((), outer) = measure(|| {
            spend(spent(1, 1));
            let died = std::panic::catch_unwind(|| {
                measure(|| {
                    spend(spent(50, 50));
                    std::panic::resume_unwind(Box::new(()));
                })
            });
            assert!(died.is_err());
        });
        assert_eq!(outer, spent(1, 1));
    }
}
