//! Two hundred guests that spin, and a light one beside them: first in turn with all of them, then
//! with fair slices.
//!
//! `cargo run -q -p fair-neighbours` prints the median of the light one's times on standard error,
//! and on standard output what came of it.

use core::error::Error;
use core::time::Duration;
use std::io::{Write as _, stderr, stdout};
use std::time::Instant;

use limits_config::{ComponentConfig, Policy};
use limits_wasmtime::limits_core::ResourceLimits;
use limits_wasmtime::wasmtime::component::Linker;
use limits_wasmtime::{ComponentExecutor, LimitState, PreparedComponent, Share, create_engine};

type Result<T> = core::result::Result<T, Box<dyn Error + Send + Sync>>;

/// A guest that spins, and one that works for some 0.1 ms.
const GUESTS: [&str; 2] = [
    "(loop $l br $l)",
    "(local $i i32) (loop $l
       (local.set $i (i32.add (local.get $i) (i32.const 1)))
       (br_if $l (i32.lt_u (local.get $i) (i32.const 100000))))",
];
const SPINNERS: usize = 200;
const CALLS: usize = 21;

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<()> {
    let policy = Policy::from_toml(include_str!("../policy.toml"))?;
    let [hog, light] = ["hog", "light"].map(|name| share(&policy, name));
    let (hog, light) = (hog?, light?);
    let in_turn = ComponentExecutor::new(create_engine()?)?;
    let in_turn = median(&in_turn, &hog, &light).await?;
    let fair = ComponentExecutor::new(create_engine()?)?.with_fair_slices();
    let fair = median(&fair, &hog, &light).await?;
    writeln!(stderr(), "in turn {in_turn:.1?}, with fair slices {fair:.1?}")?;
    let part = if fair < in_turn / 5 { "less than" } else { "no less than" };
    writeln!(
        stdout(),
        "beside {SPINNERS} spinners, a light execution that has its turn when it is due takes \
         {part} a fifth of the time that it takes in turn"
    )?;
    Ok(())
}

/// Returns the share that the policy gives a component.
fn share(policy: &Policy, name: &str) -> Result<Share> {
    let file = format!(
        "component = {{ name = \"{name}\", version = \"1.0.0\" }}
         resources.memory.max_bytes = \"1MiB\""
    );
    let config = ComponentConfig::from_toml(&file)?;
    Ok(Share::new(policy.apply(&config, &config.component.name, None).weight()))
}

/// Returns the median time of the light guest's executions beside those of the hog.
async fn median(executor: &ComponentExecutor, hog: &Share, light: &Share) -> Result<Duration> {
    let prepare = |body: &str| -> Result<PreparedComponent<LimitState>> {
        let text = format!(
            r#"(component (core module $m (func (export "run") {body}))
                 (core instance $i (instantiate $m))
                 (func (export "run") (canon lift (core func $i "run"))))"#
        );
        let component = executor.compile(&wat::parse_str(text)?)?;
        Ok(executor.prepare(&component, &Linker::new(executor.engine()))?)
    };
    let [spin, work] = GUESTS.map(prepare);
    let (spin, work) = (spin?, work?);
    let limits = ResourceLimits::builder()
        .memory_bytes(0)
        .max_fuel(u64::MAX)
        .execution_timeout_ms(60_000)
        .build()?;
    let mut spinners = Vec::new();
    for _ in 0..SPINNERS {
        let (executor, spin) = (executor.clone(), spin.clone());
        let state = LimitState::new().with_share(hog.clone());
        spinners.push(tokio::spawn(async move {
            executor.execute_with_limits::<_, _, ()>(&spin, &limits, state, "run", ()).await
        }));
    }
    let mut times = Vec::new();
    for _ in 0..CALLS {
        tokio::time::sleep(Duration::from_millis(5)).await;
        let state = LimitState::new().with_share(light.clone());
        let began = Instant::now();
        let (executor, work) = (executor.clone(), work.clone());
        let run = async move {
            executor.execute_with_limits::<_, _, ()>(&work, &limits, state, "run", ()).await
        };
        // A task of its own, so that it runs on a worker, as the spinners do.
        tokio::spawn(run).await??;
        times.push(began.elapsed());
    }
    spinners.iter().for_each(tokio::task::JoinHandle::abort);
    times.sort();
    times.get(CALLS / 2).copied().ok_or_else(|| "no calls".into())
}
