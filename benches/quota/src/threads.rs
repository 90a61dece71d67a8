//! The throughput of takes against the number of threads.

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::thread;
use std::time::Instant;

use ::governor::DefaultDirectRateLimiter;
use bench_report::{Report, Rounds, Series};
use quota_enforce::{ComponentHandle, EnforceError};

use crate::batch::Span;
use crate::operations::take;
use crate::{governor, registry};

const PLOT: &str = "quota-threads";
const THREADS: [u32; 4] = [1, 2, 4, 8];
/// The time for which each thread takes, if it has a core: short, so that other programs seldom
/// come between.
const BATCH: Duration = Duration::from_millis(2);

/// A limiter on cache lines of its own.
#[repr(align(128))]
struct Apart(DefaultDirectRateLimiter);

/// Measures the throughput of one component, and of one for each thread, beside `governor`, and
/// adds the lines, in millions of takes a second.
///
/// # Errors
///
/// None, as long as the components can be registered.
pub fn report(rounds: usize, report: &mut Report) -> Result<(), EnforceError> {
    let registry = registry(8)?;
    let components = registry.list();
    let governors = [(); 8].map(|()| Apart(governor()));
    let lines: [(&str, &(dyn Fn(usize) -> bool + Sync)); 4] = [
        ("one component", &|_| take_some(&components[0])),
        ("own components", &|thread| take_some(&components[thread])),
        ("governor, one", &|_| check_some(&governors[0])),
        ("governor, own", &|thread| check_some(&governors[thread])),
    ];
    let mut measured = lines.map(|_| Rounds::new(THREADS.len()));
    for _ in 0..rounds {
        for ((_, work), measured) in lines.iter().zip(&mut measured) {
            measured.push(THREADS.map(|threads| throughput(threads, *work)));
        }
    }
    for ((line, _), measured) in lines.iter().zip(&measured) {
        let points = (0..).zip(THREADS).map(|(at, n)| (f64::from(n), measured.median(at)));
        let points = points.filter(|(_, millions)| millions.is_finite()).collect();
        report.series(Series { plot: PLOT.to_owned(), line: (*line).to_owned(), points });
    }
    Ok(())
}

const SOME: u32 = 100;

fn take_some(component: &ComponentHandle) -> bool {
    (0..SOME).all(|_| take(component))
}

fn check_some(governor: &Apart) -> bool {
    (0..SOME).all(|_| governor.0.check().is_ok())
}

/// Returns millions of operations a second, if the threads had as many cores as they could use.
fn throughput(threads: u32, work: &(dyn Fn(usize) -> bool + Sync)) -> Option<f64> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let on_each_core = threads.div_ceil(u32::try_from(cores).unwrap_or(1));
    let is_over = &AtomicBool::new(false);
    let (done, on_core, time) = thread::scope(|scope| {
        let begun = Instant::now();
        let threads: Vec<_> = (0..)
            .take(usize::try_from(threads).unwrap_or(1))
            .map(|number| {
                scope.spawn(move || {
                    let mut done = 0_u32;
                    let span = Span::of(|| {
                        while !is_over.load(Ordering::Relaxed) {
                            assert!(work(number), "what is measured did not happen");
                            done += SOME;
                        }
                    });
                    (done, span.on_core())
                })
            })
            .collect();
        thread::sleep(BATCH * on_each_core);
        is_over.store(true, Ordering::Relaxed);
        let ended = threads.into_iter().map(|thread| thread.join().expect("no batch panics"));
        let sums = ended.fold((0.0, Duration::ZERO), |(all, time), (done, on_core)| {
            (all + f64::from(done), time + on_core)
        });
        (sums.0, sums.1, begun.elapsed())
    });
    let could = time * u32::try_from(cores).unwrap_or(1).min(threads);
    let had_cores = on_core.as_secs_f64() > 0.9 * could.as_secs_f64();
    had_cores.then(|| done / time.as_secs_f64() / 1e6)
}
