//! The cost of a guest's HTTP requests beside the client of `wasmtime-wasi-http`.
//!
//! `cargo run --release -p limits-benches --bin http-requests` prints a table of
//! `docs/performance.md`. The server has threads of its own.

use core::error::Error;
use core::time::Duration;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Instant;

use limits_benches::http_host::{PlainHttp, QuotaHttp};

type Failure = Box<dyn Error + Send + Sync>;

/// Rounds, each on both hosts.
const ROUNDS: usize = 21;
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
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (plain, quotas) = (PlainHttp::new()?, QuotaHttp::new(ENOUGH)?);
    print("| response | plain | with quotas | ratio |\n|---|---|---|---|");
    for work in &WORKS {
        let authority = serve(work)?;
        let [mut plains, mut shaped] = [Vec::new(), Vec::new()];
        let mut ratios = Vec::new();
        for round in 0..=ROUNDS {
            let mut times = [Duration::ZERO; 2];
            for turn in 0..2 {
                let is_plain = (round + turn) % 2 == 0;
                let start = Instant::now();
                let bytes = runtime.block_on(async {
                    if is_plain {
                        plain.fetch(&authority, work.requests).await
                    } else {
                        quotas.fetch(&authority, work.requests).await
                    }
                })?;
                times[usize::from(!is_plain)] = start.elapsed() / work.requests;
                let expected = u64::from(work.requests) * u64::try_from(work.body)?;
                if bytes != expected {
                    return Err(format!("{bytes} of {expected} bytes came").into());
                }
            }
            // The first round fills caches.
            if round > 0 {
                plains.push(times[0]);
                shaped.push(times[1]);
                ratios.push(times[1].as_secs_f64() / times[0].as_secs_f64());
            }
        }
        ratios.sort_by(f64::total_cmp);
        plains.sort();
        shaped.sort();
        let middle = ROUNDS / 2;
        print(&format!(
            "| {} | {} us | {} us | {:.3}x |",
            work.name,
            plains[middle].as_micros(),
            shaped[middle].as_micros(),
            ratios[middle]
        ));
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "a program")]
fn print(line: &str) {
    println!("{line}");
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
