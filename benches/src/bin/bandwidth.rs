//! Bytes of guests over real sockets: whether a quota is used up and none is silent for long, and
//! the cost of its metering.
//!
//! `cargo run --release -p limits-benches --bin bandwidth` prints rows of
//! `docs/performance.md`. The peers have a thread of their own.

use core::error::Error;
use core::net::SocketAddr;
use core::time::Duration;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use bench_report::{Options, Report, Rounds, Row, Target};
use limits_benches::net_host::{Copy, PlainNet, QuotaNet};
use tokio::runtime::Runtime;

type Failure = Box<dyn Error + Send + Sync>;

/// Streams that share one quota.
const STREAMS: usize = 16;
/// The seconds of which their bytes are counted, after two in which they begin.
const SECONDS: u32 = 10;
/// The bandwidths that they share, in bytes per second.
const BANDWIDTHS: [u64; 3] = [100_000, 10 << 20, 100 << 20];

/// Bytes of one copy.
const COPIED: u64 = 256 << 20;
/// Rounds of copies, each on both hosts.
const ROUNDS: usize = 15;
/// The places of the hosts in a round.
const OURS: usize = 0;
const PLAIN: usize = 1;
/// Above what a copy reaches.
const ENOUGH: u64 = 30_000_000_000;

fn main() -> Result<(), Failure> {
    let options = Options::from_env();
    let mut report = Report::new(options.clone());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let seconds = if options.is_quick { 1 } else { SECONDS };
    for bandwidth in BANDWIDTHS {
        let (ratio, silence) = share(&runtime, bandwidth, seconds)?;
        let name = format!("16 guests on {bandwidth} bytes a second");
        let row = Row::new("bytes over the network", &format!("{name}: used"), "%");
        report.row(row.measured(ratio * 100.0));
        let row = Row::new("bytes over the network", &format!("{name}: longest silence"), "ms");
        report.row(row.measured(silence.as_secs_f64() * 1e3));
    }
    let copied = if options.is_quick { 1 << 20 } else { COPIED };
    for (name, in_parts) in [("as there is room", false), ("in parts of 4 KiB", true)] {
        let rounds = copies(&runtime, in_parts, copied, options.rounds(ROUNDS))?;
        let name = format!("copy of 256 MiB over TCP, {name}");
        let row = Row::new("bytes over the network", &name, "ms");
        let row = row.compared(&rounds, OURS, "wasmtime-wasi", PLAIN);
        report.row(row.target(Target::Ratio(1.05)));
    }
    Ok(report.finish()?)
}

/// Lets guests send on one quota, and returns the part of it that they used, and the longest time
/// for which a peer heard nothing of its guest.
fn share(runtime: &Runtime, bandwidth: u64, seconds: u32) -> Result<(f64, Duration), Failure> {
    let (listener, address) = listen()?;
    let heard: Arc<Mutex<Vec<(Instant, usize, u64)>>> = Arc::default();
    let peers = Arc::clone(&heard);
    thread::spawn(move || {
        for stream in 0..STREAMS {
            let Ok((mut peer, _)) = listener.accept() else { return };
            let peers = Arc::clone(&peers);
            thread::spawn(move || {
                let mut buffer = vec![0; 64 << 10];
                while let Ok(bytes @ 1..) = peer.read(&mut buffer) {
                    let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
                    peers.lock().expect("no thread panics").push((Instant::now(), stream, bytes));
                }
            });
        }
    });
    let host = Arc::new(QuotaNet::new(bandwidth)?);
    // Windows begin with the host's registry, a little before.
    let start = Instant::now() + Duration::from_secs(2);
    let end = start + Duration::from_secs(seconds.into());
    runtime.block_on(async {
        let mut guests = Vec::new();
        for _ in 0..STREAMS {
            let host = Arc::clone(&host);
            guests.push(tokio::spawn(async move { host.send(address.port()).await }));
        }
        tokio::time::sleep_until((end + Duration::from_millis(300)).into()).await;
        guests.iter().for_each(tokio::task::JoinHandle::abort);
    });
    let heard = heard.lock().expect("no thread panics");
    let counted = heard.iter().filter(|it| (start..end).contains(&it.0));
    let bytes: u64 = counted.map(|it| it.2).sum();
    let mut longest = Duration::ZERO;
    for stream in 0..STREAMS {
        let mut last = start;
        let times = heard.iter().filter(|it| it.1 == stream).map(|it| it.0);
        for at in times.filter(|at| *at >= start).chain([end]).map(|at| at.min(end)) {
            longest = longest.max(at.saturating_duration_since(last));
            last = last.max(at);
        }
    }
    Ok((float(bytes) / float(bandwidth.saturating_mul(seconds.into())), longest))
}

/// Copies on both hosts in turn, and returns the milliseconds.
fn copies(
    runtime: &Runtime,
    in_parts: bool,
    copied: u64,
    rounds: usize,
) -> Result<Rounds, Failure> {
    let (plain, quotas) = (PlainNet::new()?, QuotaNet::new(ENOUGH)?);
    let mut found = Rounds::new(2);
    // The first round fills caches.
    for round in 0..=rounds {
        let mut times = [None; 2];
        // The order changes, so that what one leaves behind is no advantage of the other.
        for turn in 0..2 {
            let host = (round + turn) % 2;
            let copy = peers(in_parts, copied)?;
            let start = Instant::now();
            let bytes = runtime.block_on(async {
                if host == OURS { quotas.copy(copy).await } else { plain.copy(copy).await }
            })?;
            times[host] = Some(start.elapsed().as_secs_f64() * 1e3);
            if bytes != copied {
                return Err(format!("{bytes} of {copied} bytes were copied").into());
            }
        }
        if round > 0 {
            found.push(times);
        }
    }
    Ok(found)
}

/// Starts a peer that sends, and one that reads to the end.
fn peers(in_parts: bool, copied: u64) -> Result<Copy, Failure> {
    let ((sends, source), (reads, sink)) = (listen()?, listen()?);
    thread::spawn(move || -> std::io::Result<()> {
        let (mut peer, _) = sends.accept()?;
        let buffer = vec![7; 64 << 10];
        for _ in 0..copied / (64 << 10) {
            peer.write_all(&buffer)?;
        }
        Ok(())
    });
    thread::spawn(move || -> std::io::Result<()> {
        let (mut peer, _) = reads.accept()?;
        let mut buffer = vec![0; 64 << 10];
        while peer.read(&mut buffer)? > 0 {}
        Ok(())
    });
    Ok(Copy { source: source.port(), sink: sink.port(), in_parts })
}

fn listen() -> Result<(TcpListener, SocketAddr), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Bytes of a measurement, as exact as a ratio needs.
fn float(bytes: u64) -> f64 {
    Duration::from_nanos(bytes).as_secs_f64() * 1e9
}
