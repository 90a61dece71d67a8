//! Programs that are killed in the middle of a write: nothing is lost, nothing leaks.

use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use limits_core::ResourceQuota;

use crate::fixture::Fixture;
use crate::program::{Ending, Program, limits};
use crate::quoted::{component, open, run};
use crate::tree::usage;

/// Executions that end by their deadline.
const KILLS: u64 = 1_000;
/// Executions at a time.
const INSTANCES: u64 = 4;

#[test]
fn a_thousand_kills_in_mid_write_leave_the_use_equal_to_a_new_count() {
    let fixture = Fixture::empty();
    // Small enough that writes are refused as well.
    let component = component(ResourceQuota::new().with_storage(300_000));
    let program = Program::compile("quota/churn");
    let next = Arc::new(AtomicU64::new(0));
    let wasi = open(&component, &fixture);
    for round in 0..10 {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_time()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let instance = || {
                let (program, wasi, next) = (program.clone(), wasi.clone(), Arc::clone(&next));
                async move {
                    while next.load(Ordering::Relaxed) < (round + 1) * KILLS / 10 {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        let (limits, arg) = (limits(2 + seed % 8), seed.to_string());
                        let ran = run(&program, &limits, &wasi, &[&arg]).await;
                        assert_eq!(ran.ending, Ending::Timeout);
                    }
                }
            };
            let running: Vec<_> = (0..INSTANCES).map(|_| tokio::spawn(instance())).collect();
            for instance in running {
                instance.await.expect("no panic");
            }
        });
        // Waits for the threads that still write.
        drop(runtime);
        let used = component.usage();
        let counted = usage(&fixture.data(), 4_096);
        assert_eq!((used.storage_used, used.storage_entries_used), counted, "round {round}");
        assert!(used.storage_used <= 300_000);
    }
    assert!(next.load(Ordering::Relaxed) >= KILLS);
    assert_ne!(component.usage().storage_used, 0, "the programs wrote something");
}
