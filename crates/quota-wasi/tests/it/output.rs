//! stdout and stderr, cut at a limit and held to a rate.

use core::time::Duration;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tokio::io::AsyncWriteExt as _;
use tokio::time::Instant;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

use crate::guest::Guest;
use crate::host::{limits, roomy};
use limits_core::ResourceLimitsBuilder;
use quota_wasi::StoreUsage;

async fn talker(
    limits: ResourceLimitsBuilder,
    stdout: impl StdoutStream + 'static,
    stderr: impl StdoutStream + 'static,
) -> (Guest, StoreUsage) {
    let dir = tempfile::tempdir().unwrap();
    let quota = roomy(dir.path()).store(&limits.build().unwrap());
    let usage = quota.usage();
    let guest = Guest::with(quota, |quota, mut builder| {
        builder.stdout(quota.stdout(stdout)).stderr(quota.stderr(stderr));
        builder
    });
    (guest.await, usage)
}

#[tokio::test]
async fn output_past_its_limit_is_cut_and_counted_and_the_guest_goes_on() {
    // I25: both streams together.
    let (out, err) = (MemoryOutputPipe::new(1_000), MemoryOutputPipe::new(1_000));
    let limits = limits().max_output_bytes(10);
    let (mut guest, usage) = talker(limits, out.clone(), err.clone()).await;
    let (stdout, stderr) = (guest.stdout().await, guest.stderr().await);
    guest.put(stdout, b"123456").await.unwrap();
    guest.put(stderr, b"abcdef").await.unwrap();
    guest.put(stdout, b"789").await.unwrap();
    assert!(guest.check_write(stdout).await.unwrap() > 0);
    guest.start_write(stdout, b"0").await.unwrap();
    guest.blocking_flush(stdout).await.unwrap();
    assert_eq!((out.contents(), err.contents()), ("123456".into(), "abcd".into()));
    assert_eq!((usage.output_bytes(), usage.output_cut_bytes()), (10, 6));
    drop(guest);
    assert_eq!(usage.output_cut_bytes(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_guest_that_writes_too_fast_waits() {
    // I26: by the runtime's clock, which stands still but for waiting.
    let (out, err) = (MemoryOutputPipe::new(100_000), MemoryOutputPipe::new(100_000));
    let limits = limits().max_output_rate(1_000);
    let (mut guest, usage) = talker(limits, out.clone(), err.clone()).await;
    let (stdout, stderr) = (guest.stdout().await, guest.stderr().await);
    let start = Instant::now();
    for _ in 0..5 {
        guest.put(stdout, &[b'x'; 1_000]).await.unwrap();
        guest.put(stderr, &[b'y'; 1_000]).await.unwrap();
    }
    assert_eq!((out.contents().len(), err.contents().len()), (5_000, 5_000));
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(9_750) && took < Duration::from_secs(11), "{took:?}");
    // What it polls for is not ready before its time either.
    while guest.check_write(stdout).await.unwrap() > 0 {
        guest.start_write(stdout, &[b'z'; 100]).await.unwrap();
    }
    let start = Instant::now();
    guest.wait_for(stdout).await;
    assert!(start.elapsed() > Duration::ZERO);
    assert!(guest.check_write(stdout).await.unwrap() > 0);
    assert_eq!(usage.output_cut_bytes(), 0);
}

#[tokio::test(start_paused = true)]
async fn zeros_that_a_stream_permitted_are_written_though_the_other_has_written_since() {
    let dir = tempfile::tempdir().unwrap();
    let quota = roomy(dir.path()).store(&limits().max_output_rate(1_000).build().unwrap());
    let pipe = MemoryOutputPipe::new(100_000);
    let mut stdout = quota.stdout(pipe.clone()).p2_stream();
    let mut stderr = quota.stderr(MemoryOutputPipe::new(100_000)).p2_stream();
    let permitted = stdout.check_write().unwrap();
    while stderr.check_write().unwrap() > 0 {
        stderr.write(Bytes::from_static(&[b'x'; 100])).unwrap();
    }
    stdout.write_zeroes(permitted).unwrap();
    assert_eq!(pipe.contents(), vec![0; permitted]);
    // More than any check permits.
    assert!(matches!(stdout.write_zeroes(126), Err(StreamError::Trap(_))));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_loses_to_the_other_more_than_ten_times_does_not_trap() {
    let (out, err) = (MemoryOutputPipe::new(1 << 20), MemoryOutputPipe::new(1 << 20));
    let dir = tempfile::tempdir().unwrap();
    let limits = limits().max_output_rate(1_000).build().unwrap();
    let quota = roomy(dir.path()).store(&limits);
    let mut other = quota.stderr(err).p2_stream();
    let mut guest = Guest::with(quota, |quota, mut builder| {
        builder.stdout(quota.stdout(out.clone()));
        builder
    })
    .await;
    let stdout = guest.stdout().await;
    let rival = async move {
        for _ in 0..100 {
            other.write_ready().await.unwrap();
            other.write(Bytes::from_static(&[b'y'; 125])).unwrap();
        }
    };
    let (written, ()) = tokio::join!(guest.put(stdout, &[b'x'; 4_000]), rival);
    written.unwrap();
    assert_eq!(out.contents().len(), 4_000);
}

/// A stream whose reader stands still.
#[derive(Clone, Default)]
struct Stalled(Arc<Mutex<Vec<usize>>>);

impl IsTerminal for Stalled {
    fn is_terminal(&self) -> bool {
        true
    }
}

impl StdoutStream for Stalled {
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        Box::new(tokio::io::empty())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl Pollable for Stalled {
    async fn ready(&mut self) {
        core::future::pending::<()>().await;
    }
}

#[async_trait]
impl OutputStream for Stalled {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.0.lock().unwrap().push(bytes.len());
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(0)
    }
}

/// GHSA-5m8g-xhq4-4h93: each of them took memory of the host.
#[tokio::test]
async fn empty_writes_do_not_reach_a_stream_whose_reader_stands_still() {
    let stalled = Stalled::default();
    let writes = Arc::clone(&stalled.0);
    let (mut guest, _) = talker(limits(), stalled, MemoryOutputPipe::new(1)).await;
    let stdout = guest.stdout().await;
    assert_eq!(guest.check_write(stdout).await, Ok(0));
    for _ in 0..100 {
        guest.start_write(stdout, b"").await.unwrap();
    }
    assert!(writes.lock().unwrap().is_empty());
}

#[tokio::test]
async fn output_that_is_cut_does_not_wait_for_a_reader() {
    let limits = limits().max_output_bytes(0);
    let (mut guest, usage) = talker(limits, Stalled::default(), Stalled::default()).await;
    let stdout = guest.stdout().await;
    guest.put(stdout, b"text").await.unwrap();
    guest.wait_for(stdout).await;
    assert_eq!((usage.output_bytes(), usage.output_cut_bytes()), (0, 4));
}

#[tokio::test(start_paused = true)]
async fn a_host_that_writes_to_the_stream_itself_is_held_to_the_same() {
    let (out, dir) = (MemoryOutputPipe::new(1 << 20), tempfile::tempdir().unwrap());
    let limits = limits().max_output_bytes(2_000).max_output_rate(1_000).build().unwrap();
    let quota = roomy(dir.path()).store(&limits);
    let stdout = quota.stdout(out.clone());
    assert!(!stdout.is_terminal());
    let mut writer = Box::into_pin(stdout.async_stream());
    let start = Instant::now();
    writer.write_all(&[b'x'; 3_000]).await.unwrap();
    writer.flush().await.unwrap();
    assert_eq!(out.contents().len(), 2_000);
    assert!(start.elapsed() >= Duration::from_millis(1_750), "{:?}", start.elapsed());
    let usage = quota.usage();
    assert_eq!((usage.output_bytes(), usage.output_cut_bytes()), (2_000, 1_000));
}
