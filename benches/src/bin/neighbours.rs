//! Hostile guests at their limits, and the calls of a well-behaved guest beside them.
//!
//! `cargo run -p limits-benches --bin neighbours` prints one JSON object, the data of
//! `docs/picture/neighbours.svg`. All guests share one process and a runtime with two workers.

use core::error::Error;
use core::time::Duration;
use std::fs;
use std::path::PathBuf;

use limits_benches::Host;
use limits_config::ComponentConfig;
use limits_core::{ResourceLimits, WasmError};
use limits_wasmtime::{ComponentExecutor, ExecutionFailure, PreparedComponent, create_engine};
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval};
use wasmtime::component::Linker;

const HOSTILE: [&str; 4] = ["burn", "spin", "sleep", "eat-memory"];
const RUN: &str = "wasi:cli/run@0.2.0#run";

/// The interval of the calls of the neighbour, and their total time.
const EVERY: Duration = Duration::from_millis(5);
const FOR: Duration = Duration::from_secs(1);

fn main() -> Result<(), Failure> {
    let executor = ComponentExecutor::new(create_engine()?)?;
    let neighbour = Guest::load(&executor, "greet")?;
    let hostile: Vec<Guest> =
        HOSTILE.iter().map(|name| Guest::load(&executor, name)).collect::<Result<_, _>>()?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let (alone, beside, ends) = runtime.block_on(async {
        let alone = tokio::spawn(neighbour.clone().calls()).await??;
        let until = Instant::now() + FOR;
        let attacks: Vec<JoinHandle<Ends>> =
            hostile.into_iter().map(|guest| tokio::spawn(guest.attack(until))).collect();
        let beside = tokio::spawn(neighbour.calls()).await??;
        let mut ends = Vec::new();
        for attack in attacks {
            ends.push(attack.await??);
        }
        Ok::<_, Failure>((alone, beside, ends))
    })?;
    #[expect(clippy::print_stdout, reason = "a program")]
    {
        println!("{{\n\"hostile\": [\n{}\n],", ends.join(",\n"));
        println!("\"alone_us\": {alone:?},\n\"beside_us\": {beside:?}\n}}");
    }
    Ok(())
}

type Failure = Box<dyn Error + Send + Sync>;
type Ends = Result<String, Failure>;

/// A guest of the examples under the limits of its file.
#[derive(Clone)]
struct Guest {
    name: &'static str,
    limits: ResourceLimits,
    executor: ComponentExecutor,
    component: PreparedComponent<Host>,
}

impl Guest {
    fn load(executor: &ComponentExecutor, name: &'static str) -> Result<Self, Failure> {
        let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples")).join(name);
        let limits = ComponentConfig::from_file(folder.join("Component.toml"))?.try_into()?;
        let text = fs::read_to_string(folder.join("component.wat"))?;
        let mut linker = Linker::new(executor.engine());
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        let component = executor.prepare(&executor.compile(&wat::parse_str(text)?)?, &linker)?;
        Ok(Self { name, limits, executor: executor.clone(), component })
    }

    /// Calls `greet` every few milliseconds; returns the microseconds from when a call was due to
    /// its answer.
    async fn calls(self) -> Result<Vec<u128>, Failure> {
        let mut due = interval(EVERY);
        let until = Instant::now() + FOR;
        let mut latencies = Vec::new();
        while Instant::now() < until {
            let due = due.tick().await;
            let host = Host::new(&self.limits);
            let name = String::from("world");
            let result = self
                .executor
                .execute_with_limits::<_, _, (String,)>(
                    &self.component,
                    &self.limits,
                    host,
                    "greet",
                    (name,),
                )
                .await?;
            if result.output.0 != "Hello, world!" {
                return Err("another greeting".into());
            }
            latencies.push(due.elapsed().as_micros());
        }
        Ok(latencies)
    }

    /// Runs the guest again and again; returns the report of the last execution, in JSON.
    async fn attack(self, until: Instant) -> Ends {
        let mut executions = 0_u64;
        loop {
            let host = Host::new(&self.limits);
            let run = self.executor.execute_with_limits::<_, _, (Result<(), ()>,)>(
                &self.component,
                &self.limits,
                host,
                RUN,
                (),
            );
            let failure = run.await.err().ok_or("a hostile guest came to an end")?;
            executions += 1;
            if Instant::now() >= until {
                return self.end(executions, &failure);
            }
        }
    }

    fn end(&self, executions: u64, failure: &ExecutionFailure) -> Ends {
        let report = failure.report();
        let outcome = match failure.error() {
            WasmError::OutOfFuel { .. } => "out_of_fuel",
            WasmError::ExecutionTimeout { .. } => "timeout",
            WasmError::Trap { .. } if report.refusals > 0 => "refused memory, trap",
            other => return Err(format!("{} ended otherwise: {other}", self.name).into()),
        };
        Ok(format!(
            "{{\"name\": \"{}\", \"outcome\": \"{outcome}\", \"executions\": {executions}, \
             \"fuel\": [{}, {}], \"memory\": [{}, {}], \"time_us\": [{}, {}]}}",
            self.name,
            report.fuel.consumed(),
            report.fuel.max_fuel(),
            report.peak_memory_bytes,
            report.max_memory_bytes,
            report.wall_time.as_micros(),
            self.limits.execution_timeout_ms() * 1_000,
        ))
    }
}
