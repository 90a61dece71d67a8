//! Messages, or CPU time, of a component, taken by one thread.

use std::sync::{Arc, PoisonError, RwLock};

use limits_core::QuotaType;
use quota_enforce::{ComponentHandle, Grant};

use crate::spec::{HostSpec, Taking};
use crate::taker::{Take, Taken};
use crate::window::now_us;
use crate::witness_clock::WitnessClock;
use crate::witness_store::InForce;

/// The components of the membership that goes on, and their clock.
pub(crate) type Quota = Arc<RwLock<(Vec<ComponentHandle>, Arc<WitnessClock>)>>;

/// The most grants that a thread holds.
const MOST_HELD: usize = 64;

/// The messages of one thread.
#[derive(Debug)]
pub(crate) struct Messages {
    quota: Quota,
    in_force: Arc<InForce>,
    /// The number of the thread, which takes for a component of that number.
    thread: usize,
    taking: Taking,
    longest_us: u64,
    /// Grants with the times at which they end, in microseconds since 1970.
    held: Vec<(u64, Held)>,
}

#[derive(Debug)]
enum Held {
    /// It will be committed; it is counted already.
    Kept(Grant),
    /// It will be dropped.
    HandedBack(Grant),
}

impl Messages {
    pub(crate) fn new(
        quota: &Quota,
        in_force: &Arc<InForce>,
        spec: &HostSpec,
        thread: usize,
    ) -> Self {
        Self {
            quota: Arc::clone(quota),
            in_force: Arc::clone(in_force),
            thread,
            taking: spec.taking,
            longest_us: spec.period_us * 3 / 2,
            held: Vec::new(),
        }
    }

    /// Ends the grants whose time has come.
    fn end_held(&mut self) {
        let now = now_us();
        let is_full = self.held.len() >= MOST_HELD;
        let ended = self.held.extract_if(.., |(end, _)| *end <= now || is_full);
        for (_, held) in ended {
            match held {
                Held::Kept(grant) => grant.commit(),
                Held::HandedBack(grant) => drop(grant),
            }
        }
    }

    fn reserve(&mut self, handle: &ComponentHandle) -> Option<u64> {
        self.end_held();
        let grant = handle.reserve(QuotaType::MessageRate(1)).ok()?;
        let instant = WitnessClock::last_reading().unwrap_or_else(now_us);
        let is_kept = fastrand::bool();
        let held = if is_kept { Held::Kept(grant) } else { Held::HandedBack(grant) };
        self.held.push((now_us() + fastrand::u64(..self.longest_us), held));
        is_kept.then_some(instant)
    }
}

impl Take for Messages {
    fn take(&mut self) -> Option<Taken> {
        let (handle, clock) = {
            let quota = self.quota.read().unwrap_or_else(PoisonError::into_inner);
            let (handles, clock) = &*quota;
            (handles.get(self.thread % handles.len().max(1))?.clone(), Arc::clone(clock))
        };
        clock.begin_take();
        let instant_us = match self.taking {
            Taking::Consume => {
                handle.consume(QuotaType::MessageRate(1)).ok()?;
                WitnessClock::last_reading().unwrap_or_else(now_us)
            }
            Taking::Reserve => self.reserve(&handle)?,
            Taking::Charge(slice) => {
                handle.peek(QuotaType::CpuTimeMicros(1)).ok()?;
                handle.charge(QuotaType::CpuTimeMicros(slice));
                // Not before it was counted.
                now_us()
            }
        };
        let units = self.amount();
        Some(Taken { instant_us, units, is_late: !self.in_force.includes(instant_us) })
    }

    fn amount(&self) -> u64 {
        if let Taking::Charge(slice) = self.taking { slice } else { 1 }
    }
}
