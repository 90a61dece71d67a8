//! The cost of a guest's HTTP requests beside the client of `wasmtime-wasi-http`.
//!
//! `cargo run --release -p limits-benches --bin http-requests` prints rows of
//! `docs/performance.md`. The server has threads of its own.

use core::error::Error;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Instant;

use bench_report::{Options, Report, Rounds, Row, Target};
use limits_benches::http_host::{PlainHttp, QuotaHttp};

type Failure = Box<dyn Error + Send + Sync>;

/// Rounds, each on both hosts.
const ROUNDS: usize = 21;
/// The places of the hosts in a round.
const OURS: usize = 0;
const PLAIN: usize = 1;
/// Above what the responses reach.
const ENOUGH: u64 = 30_000_000_000;

/// Requests of one execution.
struct Work {
    name: &'static str,
    requests: u32,
    body: usize,
    /// Whether the server keeps connections open.
    keeps: bool,
}

const WORKS: [Work; 3] = [
    Work { name: "1 KiB", requests: 1_000, body: 1 << 10, keeps: true },
    Work {
        name: "1 KiB, connections closed by the server",
        requests: 1_000,
        body: 1 << 10,
        keeps: false,
    },
    Work { name: "16 MiB", requests: 8, body: 16 << 20, keeps: true },
];

fn main() -> Result<(), Failure> {
    let options = Options::from_env();
    let mut report = Report::new(options.clone());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (plain, quotas) = (PlainHttp::new()?, QuotaHttp::new(ENOUGH)?);
    for work in &WORKS {
        let authority = serve(work)?;
        let mut rounds = Rounds::new(2);
        // The first round fills caches.
        for round in 0..=options.rounds(ROUNDS) {
            let mut times = [None; 2];
            // The order changes, so that what one leaves behind is no advantage of the other.
            for turn in 0..2 {
                let host = (round + turn) % 2;
                let start = Instant::now();
                let bytes = runtime.block_on(async {
                    match host {
                        OURS => quotas.fetch(&authority, work.requests).await,
                        _ => plain.fetch(&authority, work.requests).await,
                    }
                })?;
                times[host] = Some(start.elapsed().as_secs_f64() * 1e6 / f64::from(work.requests));
                let expected = u64::from(work.requests) * u64::try_from(work.body)?;
                if bytes != expected {
                    return Err(format!("{bytes} of {expected} bytes came").into());
                }
            }
            if round > 0 {
                rounds.push(times);
            }
        }
        let row = Row::new("HTTP requests of a guest", work.name, "us");
        let row = row.compared(&rounds, OURS, "wasmtime-wasi-http", PLAIN);
        report.row(row.target(Target::Ratio(1.1)));
    }
    Ok(report.finish()?)
}

/// Starts a server, and returns its authority.
fn serve(work: &Work) -> Result<String, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let authority = listener.local_addr()?.to_string();
    let close = if work.keeps { "" } else { "connection: close\r\n" };
    let mut response =
        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n{close}\r\n", work.body).into_bytes();
    response.resize(response.len() + work.body, b'.');
    let keeps = work.keeps;
    thread::spawn(move || {
        // Connections that are not kept are served one after the other.
        for peer in listener.incoming().flatten() {
            let response = response.clone();
            let answer = move || answer(peer, &response, keeps);
            if keeps {
                thread::spawn(answer);
            } else {
                let _broken = answer();
            }
        }
    });
    Ok(authority)
}

/// Answers requests without bodies.
fn answer(mut peer: TcpStream, response: &[u8], keeps: bool) -> std::io::Result<()> {
    peer.set_nodelay(true)?;
    let mut head = Vec::new();
    let mut buffer = [0; 4_096];
    loop {
        let read = peer.read(&mut buffer)?;
        head.extend_from_slice(&buffer[..read]);
        if read == 0 {
            return Ok(());
        }
        if head.ends_with(b"\r\n\r\n") {
            head.clear();
            peer.write_all(response)?;
            if !keeps {
                return Ok(());
            }
        }
    }
}
