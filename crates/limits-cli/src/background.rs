//! Long work on a thread that an interrupt abandons.

use core::any::Any;

use tokio::sync::oneshot;

use crate::interrupt::Interrupt;
use crate::outcome::failure::Failure;

/// Does `work` on a thread of its own and waits for it or for an interrupt. Foreign files are read,
/// hashed, parsed and compiled here, so that the command reacts to Ctrl-C meanwhile. An abandoned
/// thread ends with the process.
///
/// The runtime's blocking threads are no substitute: where the system has no thread left, the
/// runtime queues the work behind threads that never end, without an error.
///
/// # Errors
///
/// [`Failure::Host`] if there is no thread left or the work panics; [`Failure::Interrupted`].
pub(crate) async fn in_background<T: Send + 'static>(
    what: &'static str,
    interrupt: &Interrupt,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    let (done, result) = oneshot::channel();
    let thread = std::thread::Builder::new()
        .name(String::from(what))
        .spawn(move || {
            // An interrupt has made the result useless.
            let _ = done.send(work());
        })
        .map_err(|error| Failure::no_thread(&error))?;
    match interrupt.or(result).await {
        Err(by) => Err(Failure::Interrupted { by }),
        Ok(Ok(result)) => Ok(result),
        // The thread is unwinding, so this wait is short.
        Ok(Err(_)) => {
            let words = thread.join().err().map_or_else(String::new, |panic| words(&*panic));
            Err(Failure::Host { what, reason: words })
        }
    }
}

/// Returns the message of a panic.
pub(crate) fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("it panicked: {}", text.unwrap_or("without words"))
}

#[cfg(test)]
mod tests {
    use super::in_background;
    use crate::interrupt::Interrupt;
    use crate::outcome::failure::Failure;

    #[tokio::test]
    async fn a_panic_in_the_background_is_the_hosts_failure() {
        let interrupt = Interrupt::listen().unwrap();
        assert_eq!(in_background("adding", &interrupt, || 1 + 1).await.unwrap(), 2);
        let failure = in_background("adding", &interrupt, || -> u32 { panic!("no {}", "sum") });
        let failure = failure.await.unwrap_err();
        assert!(matches!(failure, Failure::Host { .. }));
        assert_eq!(failure.to_string(), "adding failed: it panicked: no sum");
    }

    #[tokio::test]
    async fn work_that_never_ends_does_not_hold_up_an_interrupt() {
        let interrupt = Interrupt::listen().unwrap();
        let (_never, wait) = std::sync::mpsc::channel::<()>();
        let endless = in_background("waiting", &interrupt, move || wait.recv());
        let (failure, ()) = tokio::join!(endless, async { interrupt.stop("a test") });
        assert!(matches!(failure, Err(Failure::Interrupted { by: "a test" })));
    }
}
