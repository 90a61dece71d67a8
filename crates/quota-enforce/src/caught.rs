//! Calls into code that may panic.

use core::panic::AssertUnwindSafe;
use std::panic::catch_unwind;

/// Calls code of the host, a sink or a writer; `None` if it panicked. The program's panic hook has
/// run then.
///
/// No panic unwinds out of this call. A payload that panics as it is dropped is caught a second
/// time, and the payload of that panic is leaked: dropping it could panic again, and the caller may
/// be a destructor that runs during another panic, where one more would abort the process.
pub(crate) fn caught<T>(call: impl FnOnce() -> T) -> Option<T> {
    // The caller uses nothing again that the panic may have left inconsistent.
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(value) => Some(value),
        Err(payload) => {
            if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
                core::mem::forget(second);
            }
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::caught;
    use std::panic::panic_any;

    /// Panics whenever it is dropped, with another of its kind.
    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            panic_any(Self);
        }
    }

    #[test]
    fn nothing_unwinds_out_whatever_a_panic_carries() {
        assert_eq!(caught(|| 7), Some(7));
        assert_eq!(caught(|| panic!("on purpose")), None::<()>);
        assert_eq!(caught(|| panic_any(Bomb)), None::<()>);
    }
}
