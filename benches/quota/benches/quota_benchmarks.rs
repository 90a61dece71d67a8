//! Quota check, quota update and concurrent access, under the names of the original design.
//!
//! For ratios take `quota-ratios`, which interleaves what it compares; these are for watching one
//! operation from change to change.

use core::hint::black_box;
use std::thread;
use std::time::Instant;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use limits_core::{Permission, QuotaType};
use limits_quota_benches::{FILE, THREE, exhausted, governor, registry, tracker};

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
    let registry = registry(100).expect("a registry");
    group.bench_function("look-up", |bencher| {
        bencher.iter(|| registry.lookup(black_box("component-17")));
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
    let take = |tracker: &limits_core::QuotaTracker| {
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
    group.finish();
}

/// Runs each operation `count` times on a thread of its own, and returns the time for both.
fn both(count: u64, one: &(impl Fn() + Sync), other: &(impl Fn() + Sync)) -> core::time::Duration {
    let begun = Instant::now();
    thread::scope(|scope| {
        scope.spawn(|| (0..count).for_each(|_| one()));
        scope.spawn(|| (0..count).for_each(|_| other()));
    });
    begun.elapsed()
}

criterion_group!(benches, quota_check, quota_update, concurrent_access);
criterion_main!(benches);
