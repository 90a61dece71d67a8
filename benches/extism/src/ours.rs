//! The guest within limits of ours.

use core::error::Error;
use core::time::Duration;
use std::time::Instant;

use limits_core::{ExecutionOutcome, ResourceLimits};
use limits_wasmtime::{
    ComponentExecutor, LimitState, LiveFunction, LiveSlot, PreparedComponent, create_engine,
};
use tokio::runtime::Runtime;
use wasmtime::component::Linker;

use crate::{FUEL, MEMORY_PAGES, TIMEOUT_MS};

/// The guest, compiled and linked, and one instance that is kept.
pub(crate) struct Ours {
    runtime: Runtime,
    executor: ComponentExecutor,
    component: PreparedComponent<LimitState>,
    limits: ResourceLimits,
    slot: LiveSlot<LimitState>,
    run: LiveFunction<(), (u32,)>,
    busy: LiveFunction<(), (u32,)>,
}

fn limits(timeout_ms: u64) -> Result<ResourceLimits, Box<dyn Error>> {
    let builder = ResourceLimits::builder()
        .memory_bytes(u64::from(MEMORY_PAGES) << 16)
        .max_fuel(FUEL)
        .execution_timeout_ms(timeout_ms);
    Ok(builder.build()?)
}

impl Ours {
    pub(crate) fn new(guest: &str) -> Result<Self, Box<dyn Error>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let executor = ComponentExecutor::new(create_engine()?)?;
        let lifted = ["run", "loop", "spin"].map(|name| {
            format!(r#"(func (export "{name}") (result u32) (canon lift (core func $i "{name}")))"#)
        });
        let text = format!(
            "(component (core module $m {guest}) (core instance $i (instantiate $m)) {})",
            lifted.concat()
        );
        let component = executor.compile(&wat::parse_str(text)?)?;
        let component = executor.prepare(&component, &Linker::new(executor.engine()))?;
        let limits = limits(60_000)?;
        let (slot, run, busy) = runtime.block_on(async {
            let live = executor.instantiate(&component, &limits, LimitState::new()).await?;
            let mut slot = LiveSlot::new(live.output);
            let run = slot.func("run").await?;
            let busy = slot.func("loop").await?;
            Ok::<_, Box<dyn Error>>((slot, run, busy))
        })?;
        Ok(Self { runtime, executor, component, limits, slot, run, busy })
    }

    pub(crate) fn cold(&self) -> Result<(), Box<dyn Error>> {
        let state = LimitState::new();
        let ran: Result<_, _> = self.runtime.block_on(self.executor.execute_with_limits(
            &self.component,
            &self.limits,
            state,
            "run",
            (),
        ));
        let (_zero,): (u32,) = ran?.output;
        Ok(())
    }

    pub(crate) fn kept(&mut self, name: &str) -> Result<(), Box<dyn Error>> {
        let function = if name == "run" { &mut self.run } else { &mut self.busy };
        self.runtime.block_on(function.call(&mut self.slot, ()))?;
        Ok(())
    }

    pub(crate) fn spin(&self) -> Result<Duration, Box<dyn Error>> {
        let limits = limits(TIMEOUT_MS)?;
        let began = Instant::now();
        let state = LimitState::new();
        let ran = self.runtime.block_on(self.executor.execute_with_limits::<_, _, (u32,)>(
            &self.component,
            &limits,
            state,
            "spin",
            (),
        ));
        match ran {
            Err(failure) if failure.error().outcome() == ExecutionOutcome::Timeout => {
                Ok(began.elapsed())
            }
            Err(failure) => Err(failure.into()),
            Ok(_) => Err("the guest ended by itself".into()),
        }
    }
}
