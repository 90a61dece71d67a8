//! A thread that takes units, and counts what it got.
//!
//! At a rate, each granted take is in the file of counts before the next one. A thread that takes
//! flat out writes after 1 024 takes, so it must not be killed.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::thread;

use crate::history::{Counts, Recorder};
use crate::spec::{Demand, HostSpec};
use crate::window::{Windows, now_us, sleep_until_us};

/// The pause between two rounds of a rate: 1 ms.
const ROUND_US: u64 = 1_000;
/// A thread that is behind by more than this does not make up for it.
const MOST_BEHIND_US: u64 = 50_000;

/// Units that were granted.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "what a take knows")]
pub struct Taken {
    /// The instant of the take, in microseconds since 1970.
    pub instant_us: u64,
    /// The units.
    pub units: u64,
    /// Whether no lease that the host has received was in force at that instant.
    pub is_late: bool,
}

/// A quota to take from.
pub trait Take {
    /// Takes once; `None` if it is refused.
    fn take(&mut self) -> Option<Taken>;

    /// Returns the units that each take asks for.
    fn amount(&self) -> u64 {
        1
    }
}

/// The counts of a thread.
#[derive(Debug)]
pub struct Taker {
    windows: Windows,
    file: Recorder,
    counts: BTreeMap<u64, Counts>,
    /// The windows whose counts have changed, and the takes since they were written.
    unwritten: (BTreeSet<u64>, u64),
    /// The takes after which counts are written at the latest.
    patience: u64,
}

impl Taker {
    /// Returns a taker that writes into a file.
    #[must_use]
    pub fn new(file: Recorder, windows: Windows) -> Self {
        Self {
            windows,
            file,
            counts: BTreeMap::new(),
            unwritten: (BTreeSet::new(), 0),
            patience: 1,
        }
    }

    /// Takes at the demand of a host until its time is over.
    ///
    /// # Errors
    ///
    /// The counts cannot be written.
    pub fn run(&mut self, spec: &HostSpec, take: &mut impl Take) -> io::Result<()> {
        sleep_until_us(spec.takes_us.start);
        let end = spec.takes_us.end;
        match spec.demand {
            Demand::FlatOut => {
                self.patience = 1_024;
                while self.once(take)? < end {}
            }
            Demand::Rate(per_window) => {
                // Units that are due, in millionths, so that no demand is too small.
                let mut due = 0;
                let mut last = now_us();
                while last < end {
                    thread::sleep(Duration::from_micros(ROUND_US));
                    let now = now_us();
                    let passed = now.saturating_sub(last).min(MOST_BEHIND_US);
                    last = now;
                    due += passed * per_window * 1_000_000 / spec.period_us;
                    while due >= 1_000_000 {
                        due -= 1_000_000;
                        self.once(take)?;
                    }
                }
            }
            // It takes nothing, and has a thread of its own.
            Demand::Greedy(_) => {}
        }
        self.write()
    }

    /// Takes once, and returns the time after it.
    fn once(&mut self, take: &mut impl Take) -> io::Result<u64> {
        let taken = take.take();
        let asked = take.amount();
        let now = now_us();
        let window = self.windows.at(now);
        self.change(window, |counts| {
            counts.returned += taken.map_or(0, |taken| taken.units);
            counts.asked += asked;
        });
        if let Some(taken) = taken {
            self.change(self.windows.at(taken.instant_us), |counts| {
                counts.units += taken.units;
                counts.other += if taken.is_late { taken.units } else { 0 };
            });
        }
        self.unwritten.1 += 1;
        // A refused take may be lost.
        if self.unwritten.1 >= self.patience && (taken.is_some() || self.unwritten.1 >= 1_024) {
            self.write()?;
        }
        Ok(now)
    }

    fn change(&mut self, window: u64, change: impl FnOnce(&mut Counts)) {
        change(self.counts.entry(window).or_default());
        self.unwritten.0.insert(window);
    }

    fn write(&mut self) -> io::Result<()> {
        let (windows, _) = core::mem::take(&mut self.unwritten);
        for window in windows {
            self.file.write(window, self.counts.get(&window).copied().unwrap_or_default())?;
        }
        Ok(())
    }
}
