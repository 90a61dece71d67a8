//! Quota check, quota update and concurrent access, under the names of the original design, and the
//! cost of a registry.
//!
//! For ratios take `quota-ratios`, which interleaves what it compares; these are for watching one
//! operation from change to change.

use core::hint::black_box;
use core::time::Duration;
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use limits_core::{CapabilitySet, Permission, QuotaTracker, QuotaType};
use limits_quota_benches::{FILE, THREE, exhausted, governor, quota, registry, tracker};
use quota_enforce::SecurityContext;

const RESOURCES: [(&str, QuotaType); 5] = [
    ("storage", QuotaType::Storage(1)),
    ("message rate", QuotaType::MessageRate(1)),
    ("network bandwidth", QuotaType::NetworkBandwidth(1)),
    ("CPU time", QuotaType::CpuTimeMicros(1)),
    ("memory", QuotaType::Memory(1)),
];

fn quota_check(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("quota check");
    let (tracker, exhausted) = (tracker(), exhausted());
    for (name, quota) in RESOURCES {
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
            bencher.iter(|| tracker.peek(black_box(quota)));
        });
    }
    group.bench_function("denial", |bencher| {
        bencher.iter(|| exhausted.consume(black_box(QuotaType::MessageRate(1))));
    });
    group.finish();
}

fn quota_update(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("quota update");
    let (tracker, governor) = (tracker(), governor());
    for (name, quota) in RESOURCES {
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
            bencher.iter(|| tracker.consume(black_box(quota)));
        });
    }
    group.bench_function("three at once", |bencher| {
        bencher.iter(|| tracker.reserve_all(black_box(&THREE)).map(|taken| taken.commit()));
    });
    group.bench_function("governor", |bencher| bencher.iter(|| governor.check()));
    let registry = registry(100).expect("a registry");
    let handle = registry.lookup("component-17").expect("it is registered");
    group.bench_function("file write", |bencher| {
        bencher.iter(|| {
            let bytes = black_box(QuotaType::Storage(4_096));
            let granted = handle.authorize(Permission::FilesystemWrite, black_box(FILE), bytes);
            granted.map(|granted| granted.commit())
        });
    });
    group.finish();
}

fn concurrent_access(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("concurrent access");
    let (first, second, governor) = (tracker(), tracker(), governor());
    let take = |tracker: &QuotaTracker| {
        let _ = black_box(tracker.consume(black_box(QuotaType::MessageRate(1))));
    };
    let check = || {
        let _ = black_box(governor.check());
    };
    group.bench_function("two components", |bencher| {
        bencher.iter_custom(|count| both(count, &|| take(&first), &|| take(&second)));
    });
    group.bench_function("one component", |bencher| {
        bencher.iter_custom(|count| both(count, &|| take(&first), &|| take(&first)));
    });
    group.bench_function("governor", |bencher| {
        bencher.iter_custom(|count| both(count, &check, &check));
    });
    group.bench_function("1000 checks", |bencher| {
        let check = || {
            let _ = black_box(first.check_message_rate(black_box(1)));
        };
        bencher.iter_custom(|count| thousand(count, &check));
    });
    group.bench_function("1000 takes", |bencher| {
        bencher.iter_custom(|count| thousand(count, &|| take(&first)));
    });
    group.finish();
}

fn many_components(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("many components");
    for count in [100, 100_000] {
        let registry = registry(count).expect("a registry");
        let ids: Vec<_> = registry.list().iter().map(|handle| handle.id().to_owned()).collect();
        // Far apart, so that what was looked up last is of no use to the next.
        let mut order = (0..count).cycle().step_by(61);
        group.bench_function(BenchmarkId::new("look-up", count), |bencher| {
            bencher.iter(|| registry.lookup(&ids[order.next().unwrap_or_default()]));
        });
        group.bench_function(BenchmarkId::new("register and unregister", count), |bencher| {
            bencher.iter(|| {
                let context = SecurityContext::with_quota("new", CapabilitySet::new(), quota());
                registry.register(context).and_then(|_| registry.unregister("new"))
            });
        });
    }
    group.finish();
}

/// Lets eight threads do an operation 1000 times between them, `count` times over. Returns the time
/// from when they are let go to when the last one is done, added up.
fn thousand(count: u64, operation: &(impl Fn() + Sync)) -> Duration {
    const THREADS: usize = 8;
    let barrier = Barrier::new(THREADS + 1);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..count {
                    barrier.wait();
                    (0..1_000 / THREADS).for_each(|_| operation());
                    barrier.wait();
                }
            });
        }
        let once = |_| {
            let begun = Instant::now();
            barrier.wait();
            barrier.wait();
            begun.elapsed()
        };
        (0..count).map(once).sum()
    })
}

/// Runs each operation `count` times on a thread of its own, and returns the time for both.
fn both(count: u64, one: &(impl Fn() + Sync), other: &(impl Fn() + Sync)) -> Duration {
    let begun = Instant::now();
    thread::scope(|scope| {
        scope.spawn(|| (0..count).for_each(|_| one()));
        scope.spawn(|| (0..count).for_each(|_| other()));
    });
    begun.elapsed()
}

criterion_group!(benches, quota_check, quota_update, concurrent_access, many_components);
criterion_main!(benches);
