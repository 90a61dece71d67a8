//! A call into a kept instance, against the same call on Wasmtime with fresh fuel and nothing else.
//!
//! The least is what the promises of a call need: a reading of the clock at its start and one at
//! its end, for the deadline and the report, and a hook that may suspend the guest wherever control
//! passes between guest and host, here an empty one.

use core::error::Error;
use core::future::Future;
use core::hint::black_box;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use std::time::Instant;

use bench_report::{Options, Report, Rounds, Row, Target};
use limits_core::ResourceLimits;
use limits_wasmtime::{ComponentExecutor, LimitState, LiveFunction, LiveSlot, create_engine};
use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::Runtime;
use wasmtime::component::{Component, Linker, TypedFunc};
use wasmtime::{CallHook, CallHookHandler, Engine, Store, StoreContextMut};

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

const SUBJECTS: [Subject; 8] = [
    Subject::Bare,
    Subject::Clock,
    Subject::Hook,
    Subject::Least,
    Subject::Timeout,
    Subject::LiveCall,
    Subject::SlotCall,
    Subject::FunctionCall,
];

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Subject {
    /// Hand-written.
    Bare,
    /// With two readings of the clock.
    Clock,
    /// With an empty hook.
    Hook,
    /// With both.
    Least,
    /// Within `tokio::time::timeout`.
    Timeout,
    LiveCall,
    SlotCall,
    FunctionCall,
}

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let options = Options::from_env();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let rounds = options.rounds(ROUNDS);
    let only = options.rest.first().cloned();
    // In a task, as in a server.
    let (rounds, calls) = runtime.block_on(runtime.spawn(measure(rounds, only)))??;
    let mut report = Report::new(options);
    let row = |name, subject| {
        let compared = (place(subject), "Wasmtime, fuel set", place(Subject::Bare));
        Row::new("kept instance", name, "ns").compared(&rounds, compared.0, compared.1, compared.2)
    };
    let least = rounds.median(place(Subject::Least));
    report.row(row("two clock readings", Subject::Clock));
    report.row(row("an empty hook that may suspend", Subject::Hook));
    report.row(row("both", Subject::Least));
    report.row(row("tokio::time::timeout", Subject::Timeout));
    report.row(row("live.call", Subject::LiveCall).least(least));
    report.row(row("slot.call", Subject::SlotCall).least(least));
    let target = Target::RatioAndBeyond(1.3, 80.0);
    report.row(row("function.call", Subject::FunctionCall).least(least).target(target));
    let (bare, ours) = allocations(&runtime, calls)?;
    let mut row = Row::new("kept instance", "function.call", "allocations").measured(ours);
    row.peer_name = "Wasmtime, fuel set".to_owned();
    row.peer = Some(bare);
    // The runtime allocates with some of the trips to it.
    report.row(row.target(Target::Beyond(0.01)));
    Ok(report.finish()?)
}

fn place(subject: Subject) -> usize {
    SUBJECTS.iter().position(|other| *other == subject).unwrap_or(SUBJECTS.len())
}

/// Measures nanoseconds a call of each subject, or of the one named `only`.
async fn measure(count: usize, only: Option<String>) -> Result<(Rounds, Calls), Failure> {
    let mut calls = Calls::new().await?;
    let mut rounds = Rounds::new(SUBJECTS.len());
    for _ in 0..count {
        let mut round = Vec::with_capacity(SUBJECTS.len());
        for subject in SUBJECTS {
            if only.as_ref().is_some_and(|only| *only != format!("{subject:?}")) {
                round.push(None);
                continue;
            }
            let began = Instant::now();
            calls.batch(subject).await?;
            round.push(Some(began.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS)));
        }
        rounds.push(round);
    }
    Ok((rounds, calls))
}

/// Returns the allocations of a call by hand and of one by a found function.
fn allocations(runtime: &Runtime, mut calls: Calls) -> Result<(f64, f64), Failure> {
    let mut count = |subject| {
        let mut ended = Ok(());
        let counted = allocation_counter::measure(|| {
            ended = runtime.block_on(calls.batch(subject));
        });
        ended.map(|()| f64::from(u32::try_from(counted.count_total).unwrap_or(u32::MAX)))
    };
    let calls = f64::from(CALLS);
    Ok((count(Subject::Bare)? / calls, count(Subject::FunctionCall)? / calls))
}

struct Calls {
    bare: Peer,
    hooked: Peer,
    slot: LiveSlot<LimitState>,
    add: LiveFunction<(u32,), (u32,)>,
}

impl Calls {
    async fn new() -> Result<Self, Failure> {
        let engine = create_engine()?;
        let bytes = wat::parse_str(SUM)?;
        let (bare, mut hooked) =
            (Peer::new(&engine, &bytes).await?, Peer::new(&engine, &bytes).await?);
        hooked.store.call_hook_async(EmptyHook);
        let executor = ComponentExecutor::new(engine)?;
        let linker = Linker::new(executor.engine());
        let component = executor.prepare(&executor.compile(&bytes)?, &linker)?;
        let limits = ResourceLimits::builder()
            .memory_bytes(0)
            .max_fuel(FUEL)
            .execution_timeout_ms(60_000)
            .build()?;
        let live = executor.instantiate(&component, &limits, LimitState::new()).await?.output;
        let mut slot = LiveSlot::new(live);
        let add = slot.func("add").await?;
        Ok(Self { bare, hooked, slot, add })
    }

    async fn batch(&mut self, subject: Subject) -> Result<(), Failure> {
        if subject == Subject::LiveCall {
            return self.live_batch().await;
        }
        for _ in 0..CALLS {
            let sum = match subject {
                Subject::Bare => self.bare.call().await?,
                Subject::Clock => timed(self.bare.call()).await?,
                Subject::Hook => self.hooked.call().await?,
                Subject::Least => timed(self.hooked.call()).await?,
                Subject::Timeout => {
                    tokio::time::timeout(Duration::from_secs(1), self.bare.call()).await??
                }
                Subject::SlotCall => self.slot.call::<_, (u32,)>("add", (1_u32,)).await?.output,
                Subject::FunctionCall | Subject::LiveCall => {
                    self.add.call(&mut self.slot, (1,)).await?.output
                }
            };
            black_box(sum);
        }
        Ok(())
    }

    async fn live_batch(&mut self) -> Result<(), Failure> {
        let Some(mut live) = self.slot.take() else {
            return Err("the instance is lost".into());
        };
        for _ in 0..CALLS {
            let (again, result) = live.call::<_, (u32,)>("add", (1_u32,)).await?;
            live = again;
            black_box(result.output);
        }
        self.slot = LiveSlot::new(live);
        Ok(())
    }
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

async fn timed<R>(call: impl Future<Output = R>) -> R {
    black_box(clock_gettime(ClockId::Monotonic));
    let output = call.await;
    black_box(clock_gettime(ClockId::Monotonic));
    output
}

struct EmptyHook;

impl<T: Send> CallHookHandler<T> for EmptyHook {
    fn handle_call_event<'s, 'cx, 'out>(
        &'s self,
        _cx: StoreContextMut<'cx, T>,
        _event: CallHook,
    ) -> Pin<Box<dyn Future<Output = wasmtime::Result<()>> + Send + 'out>>
    where
        's: 'out,
        'cx: 'out,
        Self: 'out,
    {
        Box::pin(Done)
    }
}

struct Done;

impl Future for Done {
    type Output = wasmtime::Result<()>;

    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(Ok(()))
    }
}
