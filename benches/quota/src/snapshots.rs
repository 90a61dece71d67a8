//! Takes while another thread takes snapshots of all components.

use core::hint::spin_loop;
use core::sync::atomic::{AtomicU8, Ordering};
use core::time::Duration;
use std::thread;
use std::time::Instant;

use bench_report::{Report, Rounds, Row, Target};
use quota_enforce::{ComponentHandle, EnforceError, QuotaRegistry};

use crate::many::shuffled;
use crate::operations::take;
use crate::registry;

const GROUP: &str = "quotas: takes beside snapshots of 100 000 components";
const COMPONENTS: usize = 100_000;
/// Their number with `--quick`.
const FEW: usize = 1_000;
/// Components that are taken from; the others are idle.
const BUSY: usize = 1_000;
/// Takes in a batch, each timed alone: some 20 ms.
const TAKES: usize = 500_000;

/// The work of the other thread.
mod work {
    pub(super) const SPIN: u8 = 0;
    pub(super) const SNAPSHOTS: u8 = 1;
    pub(super) const END: u8 = 2;
}

/// Measures takes beside snapshots and beside a thread that spins, and adds the rows; with
/// `is_quick`, of few components.
///
/// # Errors
///
/// None, as long as the components can be registered.
pub fn report(rounds: usize, is_quick: bool, report: &mut Report) -> Result<(), EnforceError> {
    let components = if is_quick { FEW } else { COMPONENTS };
    let registry = registry(components)?;
    let mut busy = Vec::new();
    for number in shuffled(components).into_iter().take(BUSY) {
        busy.push(registry.lookup(&format!("component-{number}"))?);
    }
    let (wanted, doing) = (&AtomicU8::new(work::SPIN), &AtomicU8::new(work::SPIN));
    let (mut mean, mut p99, mut worst) = (Rounds::new(2), Rounds::new(2), Rounds::new(2));
    let snapshots = thread::scope(|scope| {
        let other = scope.spawn(|| beside(&registry, wanted, doing));
        for round in 0..=rounds {
            let [with, without] = [work::SNAPSHOTS, work::SPIN].map(|other| {
                wanted.store(other, Ordering::Release);
                while doing.load(Ordering::Acquire) != other {
                    thread::yield_now();
                }
                takes(&busy)
            });
            if round > 0 {
                mean.push([Some(with.mean), Some(without.mean)]);
                p99.push([Some(with.p99), Some(without.p99)]);
                worst.push([Some(with.p9999), Some(without.p9999)]);
            }
        }
        wanted.store(work::END, Ordering::Release);
        other.join().expect("no snapshot panics")
    });
    let row = |title, rounds: &Rounds| {
        Row::new(GROUP, title, "ns").compared(rounds, 0, "beside a thread that spins", 1)
    };
    report.row(row("a take and two looks at the time, mean", &mean).target(Target::Ratio(1.1)));
    report.row(row("99 % of them", &p99).target(Target::Ratio(1.2)));
    report.row(row("9 999 of 10 000", &worst));
    report.row(Row::new(GROUP, "a snapshot", "ms").measured(snapshots));
    Ok(())
}

/// Takes snapshots or spins, as wanted. Returns the median time of a snapshot in milliseconds.
fn beside(registry: &QuotaRegistry, wanted: &AtomicU8, doing: &AtomicU8) -> f64 {
    let mut times = Rounds::new(1);
    loop {
        let work = wanted.load(Ordering::Acquire);
        doing.store(work, Ordering::Release);
        match work {
            work::SPIN => (0..100).for_each(|_| spin_loop()),
            work::SNAPSHOTS => {
                let begun = Instant::now();
                assert!(!registry.snapshots().is_empty());
                times.push([Some(begun.elapsed().as_secs_f64() * 1e3)]);
            }
            _ => return times.median(0),
        }
    }
}

/// The times of takes, in nanoseconds.
struct Times {
    mean: f64,
    p99: f64,
    p9999: f64,
}

fn takes(busy: &[ComponentHandle]) -> Times {
    let begun = Instant::now();
    let mut times = Vec::with_capacity(TAKES);
    let mut last = Duration::ZERO;
    for handle in busy.iter().cycle().take(TAKES) {
        assert!(take(handle), "what is measured did not happen");
        let now = begun.elapsed();
        times.push((now - last).as_secs_f64() * 1e9);
        last = now;
    }
    times.sort_unstable_by(f64::total_cmp);
    let at = |place: usize| times.get(place).copied().unwrap_or(f64::NAN);
    Times {
        // Of all but the last hundredth, in which the thread had no core.
        mean: times.iter().take(TAKES * 99 / 100).sum::<f64>() / 495_000.0,
        p99: at(TAKES * 99 / 100),
        p9999: at(TAKES / 10_000 * 9_999),
    }
}
