//! Progress of long work, on a terminal only: a redirected stderr holds the guest's lines and the
//! report alone.

use core::future::Future;
use core::pin::pin;
use core::time::Duration;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Work shorter than this shows no progress.
const QUIET: Duration = Duration::from_millis(300);
const TICK: Duration = Duration::from_millis(100);

/// Waits for `work`, with a note on stderr while it takes long. `note` returns it, as it is then.
pub(crate) async fn with_note<T>(
    is_shown: bool,
    note: impl Fn() -> String,
    work: impl Future<Output = T>,
) -> T {
    let mut work = pin!(work);
    if !is_shown {
        return work.await;
    }
    if let Ok(done) = tokio::time::timeout(QUIET, work.as_mut()).await {
        return done;
    }
    let spinner = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    spinner.set_style(ProgressStyle::default_spinner());
    spinner.enable_steady_tick(TICK);
    let done = loop {
        spinner.set_message(note());
        if let Ok(done) = tokio::time::timeout(TICK, work.as_mut()).await {
            break done;
        }
    };
    spinner.finish_and_clear();
    done
}

/// A bar of runs on stderr, once all of them together take long.
pub(crate) struct RunBar {
    is_shown: bool,
    count: u64,
    since: Instant,
    bar: Option<ProgressBar>,
}

impl RunBar {
    pub(crate) fn new(is_shown: bool, count: u64) -> Self {
        Self { is_shown, count, since: Instant::now(), bar: None }
    }

    /// Waits for the run after the first `done` ones.
    pub(crate) async fn during<T>(&mut self, done: u64, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        if self.is_shown {
            let quiet = QUIET.saturating_sub(self.since.elapsed());
            match tokio::time::timeout(quiet, work.as_mut()).await {
                Ok(finished) => return finished,
                Err(_) => self.show(done),
            }
        }
        work.await
    }

    fn show(&mut self, done: u64) {
        let bar = self.bar.get_or_insert_with(|| {
            let target = ProgressDrawTarget::stderr();
            let bar = ProgressBar::with_draw_target(Some(self.count), target);
            // The template is a constant; without it the default bar does as well.
            if let Ok(style) = ProgressStyle::with_template("run {pos}/{len} {bar:30} {eta} left") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(TICK);
            bar
        });
        bar.set_position(done);
    }
}

impl Drop for RunBar {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
