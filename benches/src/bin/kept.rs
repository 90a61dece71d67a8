//! A call into a kept instance, against the same call on Wasmtime with fresh fuel and nothing else.
//!
//! `cargo run --release -p limits-benches --bin kept` prints the median of interleaved rounds in
//! nanoseconds a call, and the ratio to hand-written Wasmtime. The row with two reads of the clock
//! is the least for a call that has a deadline and a report of its time.

use core::error::Error;
use core::hint::black_box;
use core::time::Duration;
use std::time::Instant;

use limits_core::ResourceLimits;
use limits_wasmtime::{ComponentExecutor, LimitState, LiveFunction, LiveSlot, create_engine};
use wasmtime::component::{Component, Linker, TypedFunc};
use wasmtime::{Engine, Store};

const SUM: &str = r#"(component
    (core module $m (global $n (mut i32) (i32.const 0))
      (func (export "add") (param i32) (result i32)
        (global.set $n (i32.add (global.get $n) (local.get 0)))
        (global.get $n)))
    (core instance $i (instantiate $m))
    (func (export "add") (param "n" u32) (result u32) (canon lift (core func $i "add"))))"#;

const ROUNDS: usize = 200;
const CALLS: u32 = 2_000;
const FUEL: u64 = 1_000_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(compare())
}

async fn compare() -> Result<(), Box<dyn Error>> {
    let engine = create_engine()?;
    let bytes = wat::parse_str(SUM)?;
    let mut peer = Peer::new(&engine, &bytes).await?;
    let mut kept = Kept::new(engine, &bytes).await?;
    let mut rows: [(&str, Vec<Duration>); 5] = [
        "wasmtime",
        "wasmtime, two clock reads",
        "wasmtime, timeout",
        "slot.call",
        "function.call",
    ]
    .map(|name| (name, Vec::new()));
    for _ in 0..ROUNDS {
        for (row, (_, times)) in rows.iter_mut().enumerate() {
            let began = Instant::now();
            for _ in 0..CALLS {
                let sum = match row {
                    0 => peer.call().await?,
                    1 => {
                        black_box(Instant::now());
                        let sum = peer.call().await?;
                        black_box(Instant::now());
                        sum
                    }
                    2 => tokio::time::timeout(Duration::from_secs(1), peer.call()).await??,
                    3 => kept.slot.call::<_, (u32,)>("add", (1_u32,)).await?.output,
                    _ => kept.add.call(&mut kept.slot, (1,)).await?.output,
                };
                black_box(sum);
            }
            times.push(began.elapsed() / CALLS);
        }
    }
    let medians = rows.map(|(name, mut times)| {
        times.sort_unstable();
        (name, times.get(ROUNDS / 2).copied().unwrap_or_default())
    });
    let least = medians.first().map_or(Duration::ZERO, |(_, median)| *median);
    for (name, median) in medians {
        let ratio = median.as_secs_f64() / least.as_secs_f64();
        #[expect(clippy::print_stdout, reason = "a program")]
        {
            println!("{name:<26} {:>6} ns  {ratio:.2}", median.as_nanos());
        }
    }
    Ok(())
}

/// The call as a host writes it by hand, on the same engine.
struct Peer {
    store: Store<()>,
    add: TypedFunc<(u32,), (u32,)>,
}

impl Peer {
    async fn new(engine: &Engine, bytes: &[u8]) -> wasmtime::Result<Self> {
        let component = Component::from_binary(engine, bytes)?;
        let mut store = Store::new(engine, ());
        store.set_fuel(FUEL)?;
        let instance = Linker::new(engine).instantiate_async(&mut store, &component).await?;
        let add = instance.get_typed_func(&mut store, "add")?;
        Ok(Self { store, add })
    }

    async fn call(&mut self) -> wasmtime::Result<(u32,)> {
        self.store.set_fuel(FUEL)?;
        self.add.call_async(&mut self.store, (1,)).await
    }
}

/// The same call within limits.
struct Kept {
    slot: LiveSlot<LimitState>,
    add: LiveFunction<(u32,), (u32,)>,
}

impl Kept {
    async fn new(engine: Engine, bytes: &[u8]) -> Result<Self, Box<dyn Error>> {
        let executor = ComponentExecutor::new(engine)?;
        let linker = Linker::new(executor.engine());
        let component = executor.prepare(&executor.compile(bytes)?, &linker)?;
        let limits = ResourceLimits::builder()
            .memory_bytes(0)
            .max_fuel(FUEL)
            .execution_timeout_ms(60_000)
            .build()?;
        let live = executor.instantiate(&component, &limits, LimitState::new()).await?.output;
        let mut slot = LiveSlot::new(live);
        let add = slot.func("add").await?;
        Ok(Self { slot, add })
    }
}
