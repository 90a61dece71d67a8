//! Guards keep what an operation used if it succeeds, and give it back if not.

use core::future::{pending, ready};
use core::panic::AssertUnwindSafe;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::{Context, Poll, Waker};
use std::io;
use std::panic::catch_unwind;
use std::pin::pin;
use std::sync::Arc;

use limits_core::{Permission, QuotaResource, QuotaType, WasmError};
use quota_enforce::{
    CheckedResource, ComponentHandle, EnforceError, QuotaRegistry, guard, guard_async, with_quota,
};

use crate::{Notebook, thousand};

/// An embedder's error that can hold ours.
#[derive(Debug)]
enum AppError {
    Io(io::Error),
    Refused(EnforceError),
    Later,
}

impl From<io::Error> for AppError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<EnforceError> for AppError {
    fn from(error: EnforceError) -> Self {
        Self::Refused(error)
    }
}

fn storage(handle: &ComponentHandle) -> u64 {
    handle.usage().storage_used
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).expect("a length")
}

fn failing() -> io::Result<()> {
    Err(io::Error::other("disk full"))
}

#[test]
fn a_success_keeps_the_units_and_a_failure_hands_them_back() {
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    let write = Permission::FilesystemWrite;
    let quota = QuotaType::Storage(400);
    let written: Result<_, EnforceError> = guard(&handle, "/data/x", write, quota, |_| Ok(7));
    assert_eq!(written, Ok(7));
    assert_eq!(storage(&handle), 400);

    let failed: Result<(), AppError> = guard(&handle, "/data/x", write, quota, |_| Ok(failing()?));
    assert!(matches!(failed, Err(AppError::Io(error)) if error.to_string() == "disk full"));
    assert_eq!(storage(&handle), 400);
}

#[test]
fn a_refused_operation_does_not_run() {
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    let mut ran = false;
    let mut run = |resource, permission, bytes| -> Result<(), AppError> {
        guard(&handle, resource, permission, QuotaType::Storage(bytes), |_| {
            ran = true;
            Ok(())
        })
    };
    let refused = run("/data/x", "write", 1_001).unwrap_err();
    assert!(matches!(refused, AppError::Refused(EnforceError::Quota(_))));
    let refused = run("/etc/x", "write", 1).unwrap_err();
    assert!(matches!(refused, AppError::Refused(EnforceError::Capability(_))));
    let refused = run("/data/x", "wirte", 1).unwrap_err();
    assert!(matches!(refused, AppError::Refused(EnforceError::Permission(_))));
    assert!(!ran);
    assert_eq!(storage(&handle), 0);
}

#[test]
fn a_panic_hands_back() {
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let write = Permission::FilesystemWrite;
        let operation =
            |_: CheckedResource<'_>| -> Result<(), EnforceError> { panic!("on purpose") };
        guard(&handle, "/data/x", write, QuotaType::Storage(400), operation)
    }));
    assert!(panicked.is_err());
    assert_eq!(storage(&handle), 0);
}

#[test]
fn the_last_units_go_to_one_of_many() {
    // Checked before and counted after the operation, 16 threads got 9 600 of 1 000 bytes.
    const THREADS: usize = 16;
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    // The number of takers that were refused or are in their operation: none ends before all asked.
    let asked = AtomicUsize::new(0);
    let succeeded = std::thread::scope(|scope| {
        let write = || {
            let write = Permission::FilesystemWrite;
            let written = guard(&handle, "/data/x", write, QuotaType::Storage(600), |_| {
                asked.fetch_add(1, Ordering::SeqCst);
                while asked.load(Ordering::SeqCst) < THREADS {
                    std::thread::yield_now();
                }
                Ok::<_, EnforceError>(())
            });
            if written.is_err() {
                asked.fetch_add(1, Ordering::SeqCst);
            }
            written.is_ok()
        };
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(write)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).filter(|done| *done).count()
    });
    assert_eq!(succeeded, 1);
    assert_eq!(storage(&handle), 600);
}

#[test]
fn a_dropped_future_hands_back() {
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    let write = Permission::FilesystemWrite;
    let waits = |_| async {
        pending::<()>().await;
        Ok::<_, EnforceError>(())
    };
    {
        let mut future =
            pin!(guard_async(handle.clone(), "/data/x", write, QuotaType::Storage(400), waits));
        assert_eq!(storage(&handle), 0, "nothing happens before the first poll");
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(future.as_mut().poll(&mut context), Poll::Pending);
        assert_eq!(storage(&handle), 400);
    }
    assert_eq!(storage(&handle), 0);
}

#[test]
fn guarded_futures_can_move_between_threads() {
    fn is_send<T: Send>(future: T) -> T {
        future
    }
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    let operation = |_| ready(Ok::<_, EnforceError>(3));
    let write = Permission::FilesystemWrite;
    let quota = QuotaType::Storage(4);
    let future =
        is_send(guard_async(handle.clone(), String::from("/data/x"), write, quota, operation));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let value = runtime.block_on(async { tokio::spawn(future).await.unwrap() });
    assert_eq!(value, Ok(3));
    assert_eq!(storage(&handle), 4);
}

#[test]
fn less_than_was_taken_can_be_kept() {
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    let grant = handle.reserve(QuotaType::NetworkBandwidth(800)).unwrap();
    grant.commit_actual(QuotaType::NetworkBandwidth(50));
    assert_eq!(handle.usage().network_bandwidth_used, 50);
    let all = [QuotaType::NetworkBandwidth(100), QuotaType::Storage(10)];
    let grant = handle.reserve_all(&all).unwrap();
    std::thread::spawn(move || grant.commit()).join().unwrap();
    assert_eq!(handle.usage().network_bandwidth_used, 150);
    assert_eq!(storage(&handle), 10);
}

#[test]
fn the_remainder_can_be_taken_and_its_size_is_known() {
    let notebook = Arc::new(Notebook::default());
    let builder = QuotaRegistry::builder().audit(Arc::<Notebook>::clone(&notebook)).audit_grants();
    let (registry, handle, _clock) = thousand(builder);
    notebook.take();
    let network = QuotaResource::NetworkBandwidth;
    let grant = handle.reserve_up_to(QuotaType::NetworkBandwidth(700)).unwrap();
    assert_eq!((grant.amount(network), grant.amount(QuotaResource::Storage)), (700, 0));
    assert_eq!(format!("{grant:?}"), "Grant { network_bandwidth: 700, observed: false }");
    grant.commit();
    let grant = handle.reserve_up_to(QuotaType::NetworkBandwidth(700)).unwrap();
    assert_eq!(grant.amount(network), 300);
    let refused = handle.reserve_up_to(QuotaType::NetworkBandwidth(700)).unwrap_err();
    assert_eq!(refused.as_quota().unwrap().requested(), 700);
    drop(grant);
    assert_eq!(handle.usage().network_bandwidth_used, 700);
    let nothing = handle.reserve_up_to(QuotaType::None).unwrap();
    assert_eq!(format!("{nothing:?}"), "Grant { observed: false }");
    assert_eq!(
        notebook.take(),
        [
            "a quota_granted 700 bytes of network bandwidth",
            "a quota_granted 300 bytes of network bandwidth",
            "a threshold network_bandwidth normal -> critical at 1000",
            "a quota_denied network bandwidth quota of 1000 bytes per 1s exceeded: 1000 used, \
             700 more requested; retry in 1s",
        ]
    );
    registry.unregister("a").unwrap();
    assert!(handle.reserve_up_to(QuotaType::None).is_err());
}

#[test]
fn the_macro_works_in_tail_position_with_questions_inside() {
    fn write(handle: &ComponentHandle, fail: bool) -> Result<usize, AppError> {
        let data = [0_u8; 10];
        with_quota!(handle, "/data/x", "write", QuotaType::Storage(10) => {
            if fail {
                failing()?;
            }
            Ok(data.len())
        })
    }
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    assert_eq!(write(&handle, false).unwrap(), 10);
    assert!(matches!(write(&handle, true), Err(AppError::Io(_))));
    assert_eq!(storage(&handle), 10);
}

#[test]
fn the_macro_works_as_a_statement_with_a_question_behind() {
    // Regression: the original design could not be compiled here: nothing said which error the
    // operation has.
    fn write_twice(handle: &ComponentHandle) -> Result<(), AppError> {
        with_quota!(handle, "/data/x", "write", QuotaType::Storage(600) => -> Result<(), AppError> {
            Ok(())
        })?;
        with_quota!(handle, "/data/y", "write", QuotaType::Storage(600) => -> Result<(), AppError> {
            failing()?;
            Ok(())
        })?;
        Ok(())
    }
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    let error = write_twice(&handle).unwrap_err();
    assert!(
        matches!(error, AppError::Refused(EnforceError::Quota(refused)) if refused.used() == 600)
    );
}

#[test]
fn the_macro_evaluates_each_part_once_and_lets_the_operation_move_them() {
    // Regression: the original design evaluated the quota twice, so an operation could not move its
    // data.
    fn send(handle: &ComponentHandle, message: Vec<u8>) -> Result<Vec<u8>, EnforceError> {
        let mut evaluated = 0;
        let mut count = |quota| {
            evaluated += 1;
            quota
        };
        let sent = with_quota!(
            handle,
            "topic",
            Permission::MessagingSend,
            count(QuotaType::MessageRate(length(&message)))
            => { Ok(message) }
        );
        assert_eq!(evaluated, 1);
        sent
    }
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    assert_eq!(send(&handle, vec![1, 2]).unwrap(), [1, 2]);
    assert_eq!(handle.usage().message_count, 2);
}

#[test]
fn an_early_return_leaves_the_operation_and_its_result_decides() {
    fn write(handle: &ComponentHandle, early: Option<bool>) -> Result<u8, AppError> {
        let written = with_quota!(handle, "/data/x", "write", QuotaType::Storage(100) => {
            match early {
                Some(true) => return Ok(1),
                Some(false) => return Err(AppError::Later),
                None => {}
            }
            Ok(2)
        });
        // Reached whatever the operation did.
        handle.consume(QuotaType::MessageRate(1))?;
        written
    }
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    assert_eq!(write(&handle, None).unwrap(), 2);
    assert_eq!(write(&handle, Some(true)).unwrap(), 1);
    assert!(matches!(write(&handle, Some(false)), Err(AppError::Later)));
    assert_eq!(storage(&handle), 200);
    assert_eq!(handle.usage().message_count, 3);
}

#[tokio::test]
async fn the_macro_works_with_operations_that_wait() {
    // Regression: the original design could not hold an `.await`.
    async fn transfer(
        handle: &ComponentHandle,
        data: Vec<u8>,
        fail: bool,
    ) -> Result<usize, AppError> {
        let quota = QuotaType::NetworkBandwidth(length(&data));
        with_quota!(handle, "example.com:443", "connect", quota => async {
            tokio::task::yield_now().await;
            if fail {
                failing()?;
            }
            Ok(data.len())
        })
        .await
    }
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    assert_eq!(transfer(&handle, vec![0; 300], false).await.unwrap(), 300);
    assert!(matches!(transfer(&handle, vec![0; 300], true).await, Err(AppError::Io(_))));
    let refused = transfer(&handle, vec![0; 701], false).await.unwrap_err();
    assert!(matches!(refused, AppError::Refused(EnforceError::Quota(_))));
    assert_eq!(handle.usage().network_bandwidth_used, 300);

    let moved = [0_u8; 5];
    let future = with_quota!(handle.clone(), "h:1", "connect", QuotaType::NetworkBandwidth(5)
        => async move { Ok::<_, EnforceError>(moved.len()) });
    assert_eq!(tokio::spawn(future).await.unwrap(), Ok(5));
    with_quota!(&handle, "h:1", "connect", QuotaType::None => async -> Result<(), AppError> {
        tokio::task::yield_now().await;
        Ok(())
    })
    .await
    .unwrap();
}

#[test]
fn any_error_type_that_can_hold_ours_will_do() {
    let (_registry, handle, _clock) = thousand(QuotaRegistry::builder());
    let quota = QuotaType::Storage(2_000);
    let boxed: Result<(), Box<dyn core::error::Error + Send + Sync>> =
        with_quota!(&handle, "/data/x", "write", quota => { Ok(()) });
    let error = boxed.unwrap_err();
    assert!(error.downcast_ref::<EnforceError>().unwrap().as_quota().is_some());
    let runtime: Result<(), WasmError> =
        with_quota!(&handle, "/data/x", "write", quota => { Ok(()) });
    assert!(matches!(runtime, Err(WasmError::Quota(refused)) if refused.requested() == 2_000));
}
