//! A thread that asks for the whole limit, and takes nothing.

use core::time::Duration;
use std::io;
use std::sync::{Arc, PoisonError};
use std::thread;

use limits_core::QuotaType;
use quota_enforce::ComponentHandle;
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout};

use crate::messages::Quota;
use crate::spec::{Greed, HostSpec};
use crate::window::{now_us, sleep_until_us};

/// The pause between two questions.
const PAUSE: Duration = Duration::from_millis(1);
/// The time after which a wait is dropped.
const PATIENCE: Duration = Duration::from_millis(3);
/// The deadline of such a wait.
const DEADLINE: Duration = Duration::from_secs(5);

/// A thread that asks for the whole limit, and takes nothing.
#[derive(Debug)]
pub(crate) struct Greedy {
    quota: Quota,
    greed: Greed,
    runtime: Handle,
}

impl Greedy {
    pub(crate) fn new(quota: &Quota, greed: Greed, runtime: Handle) -> Self {
        Self { quota: Arc::clone(quota), greed, runtime }
    }

    /// Asks until the time of the host is over.
    pub(crate) fn run(&self, spec: &HostSpec) -> io::Result<()> {
        sleep_until_us(spec.takes_us.start);
        let all = QuotaType::MessageRate(spec.limit);
        let windows = spec.windows();
        while now_us() < spec.takes_us.end {
            match self.greed {
                Greed::OnceIn(every) => {
                    let next = (windows.now() + 1).next_multiple_of(every.max(1));
                    let moment = windows.moment_us(next, 50);
                    if moment >= spec.takes_us.end {
                        break;
                    }
                    sleep_until_us(moment);
                    drop(self.component()?.reserve(all));
                }
                Greed::Always => {
                    drop(self.component()?.reserve(all));
                    thread::sleep(PAUSE);
                }
                Greed::Waits => {
                    let component = self.component()?;
                    let wait = async {
                        let wait = component.reserve_wait(all, Instant::now() + DEADLINE);
                        timeout(PATIENCE, wait).await.is_ok()
                    };
                    // Most waits are dropped before they are granted.
                    let _was_granted = self.runtime.block_on(wait);
                    thread::sleep(PAUSE);
                }
            }
        }
        Ok(())
    }

    fn component(&self) -> io::Result<ComponentHandle> {
        let quota = self.quota.read().unwrap_or_else(PoisonError::into_inner);
        quota.0.first().cloned().ok_or_else(|| io::Error::other("there is no component"))
    }
}
