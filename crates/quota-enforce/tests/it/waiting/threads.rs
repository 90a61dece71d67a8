//! Many tasks on several threads that wait for each other's units.

use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::sync::Arc;

use limits_core::{QuotaTracker, QuotaType, QuotaUsage, ResourceQuota};
use quota_enforce::QuotaRegistry;
use tokio::time::Instant;

use crate::context;

/// A lost wake-up lets a task wait until its deadline and fail.
// I10 I11 I12
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_task_is_served_and_no_limit_is_passed() {
    const LIMIT: u64 = 100;
    for has_parent in [false, true] {
        let limits = ResourceQuota::new().with_storage(LIMIT).with_memory(LIMIT);
        let parent = Arc::new(QuotaTracker::new(limits));
        let builder = QuotaRegistry::builder();
        let builder = if has_parent { builder.parent(parent) } else { builder };
        let registry = builder.build();
        let handles = ["a", "b", "c"].map(|id| registry.register(context(id, limits)).unwrap());
        let held = Arc::new(AtomicU64::new(0));
        let mut tasks = tokio::task::JoinSet::new();
        for task in 0..12_usize {
            let (handle, held) = (handles[task % 3].clone(), Arc::clone(&held));
            tasks.spawn(async move {
                for round in 0..1_000_u64 {
                    let amount = 1 + (round * 37 + u64::try_from(task).unwrap() * 11) % LIMIT;
                    let deadline = Instant::now() + Duration::from_secs(120);
                    let quota = QuotaType::Storage(amount);
                    match round % 5 {
                        // Dropped while it waits, or just after.
                        0 => {
                            let wait = handle.reserve_wait(quota, deadline);
                            let _ = tokio::time::timeout(Duration::ZERO, wait).await;
                        }
                        // Holds a part of both for a moment, also where it is refused.
                        1 => drop(handle.reserve_all(&[quota, QuotaType::Memory(amount)])),
                        2 => drop(handle.reserve_up_to_wait(quota, deadline).await.unwrap()),
                        3 => {
                            let mut grant = handle.reserve_wait(quota, deadline).await.unwrap();
                            grant.settle(QuotaType::Storage(amount / 2));
                            handle.release(QuotaType::Storage(amount / 2)).unwrap();
                        }
                        _ => {
                            let grant = handle.reserve_wait(quota, deadline).await.unwrap();
                            let most = if has_parent { LIMIT } else { 3 * LIMIT };
                            let sum = held.fetch_add(amount, Ordering::SeqCst) + amount;
                            assert!(sum <= most, "{sum} held");
                            tokio::task::yield_now().await;
                            held.fetch_sub(amount, Ordering::SeqCst);
                            drop(grant);
                        }
                    }
                }
            });
        }
        while let Some(ended) = tasks.join_next().await {
            ended.unwrap();
        }
        for handle in &handles {
            assert_eq!(handle.usage(), QuotaUsage::default());
        }
    }
}
