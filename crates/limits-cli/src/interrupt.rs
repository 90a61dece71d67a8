//! Ctrl-C: stops the guest and still reports.

use core::future::Future;
use core::pin::pin;
use core::task::Poll;
use std::io;

use limits_wasmtime::CancelHandle;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::outcome::Outcome;

/// Whether the user asked to stop.
#[derive(Clone)]
pub(crate) struct Interrupt {
    pressed: watch::Receiver<bool>,
}

/// Stops listening on drop.
pub(crate) struct Watch(AbortHandle);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Interrupt {
    /// Listens to Ctrl-C from now on. The second one ends the process at once.
    ///
    /// # Errors
    ///
    /// The system's, if it does not let us listen.
    pub(crate) fn listen() -> io::Result<Self> {
        let (sender, pressed) = watch::channel(false);
        #[cfg(unix)]
        let mut presses =
            tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?;
        #[cfg(windows)]
        let mut presses = tokio::signal::windows::ctrl_c()?;
        tokio::spawn(async move {
            presses.recv().await;
            // Kept alive by this task for as long as anybody may ask.
            sender.send_replace(true);
            presses.recv().await;
            std::process::exit(i32::from(Outcome::Cancelled.exit_code()));
        });
        Ok(Self { pressed })
    }

    /// Tells whether the user asked to stop.
    pub(crate) fn is_pressed(&self) -> bool {
        *self.pressed.borrow()
    }

    /// Cancels an execution when the user asks to stop, from another thread: the guest's own may
    /// be busy.
    pub(crate) fn cancels(&self, execution: CancelHandle) -> Watch {
        let mut pressed = self.pressed.clone();
        let task = tokio::spawn(async move {
            if pressed.wait_for(|pressed| *pressed).await.is_ok() {
                execution.cancel();
            }
        });
        Watch(task.abort_handle())
    }

    /// Waits for `work`, or for the user to ask to stop, whichever comes first.
    pub(crate) async fn or<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut pressed = self.pressed.clone();
        let mut stop = pin!(async move { pressed.wait_for(|pressed| *pressed).await.is_ok() });
        let mut work = pin!(work);
        let mut is_listening = true;
        core::future::poll_fn(|cx| {
            if let Poll::Ready(done) = work.as_mut().poll(cx) {
                return Poll::Ready(Some(done));
            }
            if is_listening && let Poll::Ready(is_pressed) = stop.as_mut().poll(cx) {
                is_listening = false;
                if is_pressed {
                    return Poll::Ready(None);
                }
            }
            Poll::Pending
        })
        .await
    }
}
