//! Guests that compute and call no host function, some 60 ms each, and the hosts that run them.

use core::error::Error;
use core::time::Duration;
use std::time::Instant;

use limits_core::ResourceLimits;
use limits_wasmtime::ComponentExecutor;
use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime::{Engine, Store};

use crate::fixed_interval::{Driven, drive};
use crate::{Guest, roomy, wrap};

/// A guest that computes.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "one kind of work")]
pub struct CpuGuest {
    /// A word for the kind of its work.
    pub name: &'static str,
    /// Its core module, which exports `run`.
    pub module: String,
}

/// Returns one guest of each kind.
#[must_use]
pub fn kinds() -> Vec<CpuGuest> {
    let looped = |head: &str, times: u32, body: &str| {
        format!(
            r#"{head}
               (func (export "run") (local $i i32) (local $x i32) (local $v v128)
                 (loop $l
                   {body}
                   (local.set $i (i32.add (local.get $i) (i32.const 1)))
                   (br_if $l (i32.lt_u (local.get $i) (i32.const {times})))))"#
        )
    };
    let guest = |name, module| CpuGuest { name, module };
    vec![
        guest("tight loop", looped("", 120_000_000, "")),
        guest(
            "call-heavy",
            r#"(func $fib (param i32) (result i32)
                 (if (result i32) (i32.lt_u (local.get 0) (i32.const 2)) (then (local.get 0))
                   (else (i32.add
                     (call $fib (i32.sub (local.get 0) (i32.const 1)))
                     (call $fib (i32.sub (local.get 0) (i32.const 2)))))))
               (func (export "run") (drop (call $fib (i32.const 36))))"#
                .to_owned(),
        ),
        guest(
            "indirect calls",
            looped(
                r#"(type $t (func (param i32) (result i32)))
                   (func $a (type $t) (i32.add (local.get 0) (i32.const 1)))
                   (func $b (type $t) (i32.xor (local.get 0) (i32.const 85)))
                   (func $c (type $t) (i32.mul (local.get 0) (i32.const 5)))
                   (func $d (type $t) (i32.rotl (local.get 0) (i32.const 7)))
                   (table 4 4 funcref)
                   (elem (i32.const 0) $a $b $c $d)"#,
                30_000_000,
                "(local.set $x (call_indirect (type $t) (local.get $x)
                   (i32.and (local.get $i) (i32.const 3))))",
            ),
        ),
        guest(
            "loads and stores in order over 1 MiB",
            looped(
                "(memory 17)",
                110_000_000,
                "(i32.store (i32.and (i32.shl (local.get $i) (i32.const 2)) (i32.const 0xfffff))
                   (local.tee $x (i32.add (local.get $x)
                     (i32.load offset=64
                       (i32.and (i32.shl (local.get $i) (i32.const 2)) (i32.const 0xfffff))))))",
            ),
        ),
        guest(
            "loads and stores at computed addresses in 64 KiB",
            looped(
                "(memory 2)",
                55_000_000,
                "(local.set $x (i32.add (i32.mul (local.get $x) (i32.const 1664525))
                   (i32.const 1013904223)))
                 (i32.store (i32.and (local.get $x) (i32.const 0xfffc))
                   (i32.add (local.get $i)
                     (i32.load (i32.and (i32.shr_u (local.get $x) (i32.const 8))
                       (i32.const 0xfffc)))))",
            ),
        ),
        guest(
            "memory.copy of 4 KiB at once",
            looped(
                "(memory 2)",
                2_000_000,
                "(memory.copy (i32.const 0) (i32.const 65536) (i32.const 4096))",
            ),
        ),
        guest(
            "memory.copy of 64 KiB at once in 16 MiB",
            looped(
                "(memory 256)",
                45_000,
                "(memory.copy
                   (i32.and (i32.shl (local.get $i) (i32.const 16)) (i32.const 0x7fffff))
                   (i32.add (i32.const 0x800000)
                     (i32.and (i32.shl (local.get $i) (i32.const 16)) (i32.const 0x7fffff)))
                   (i32.const 65536))",
            ),
        ),
        guest(
            "SIMD over 64 KiB",
            looped(
                "(memory 2)",
                20_000_000,
                "(local.set $v (f32x4.add (local.get $v)
                   (f32x4.mul (v128.load
                     (i32.and (i32.shl (local.get $i) (i32.const 4)) (i32.const 0xfff0)))
                     (v128.const f32x4 1.5 0.5 0.25 2.0))))",
            ),
        ),
    ]
}

/// A guest on Wasmtime with fuel, written by hand: without limiter, deadline and report.
#[derive(Clone)]
pub struct Bare {
    engine: Engine,
    pre: InstancePre<()>,
}

impl core::fmt::Debug for Bare {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Bare").finish_non_exhaustive()
    }
}

impl Bare {
    /// Compiles a core module on `engine`.
    ///
    /// # Errors
    ///
    /// If it does not compile.
    pub fn new(engine: &Engine, module: &str) -> Result<Self, Box<dyn Error>> {
        let component = Component::from_binary(engine, &wat::parse_str(wrap(module))?)?;
        let pre = Linker::new(engine).instantiate_pre(&component)?;
        Ok(Self { engine: engine.clone(), pre })
    }

    /// Runs `run` with all fuel that there is, under a driver that looks at the clock after each
    /// `interval` of fuel, and returns how long after `timeout` the driver stopped it, if it did.
    ///
    /// # Errors
    ///
    /// If the guest traps.
    pub async fn run_until(
        &self,
        interval: u64,
        timeout: Duration,
    ) -> Result<Option<Duration>, Box<dyn Error>> {
        let deadline = Instant::now() + timeout;
        let mut store = Store::new(&self.engine, ());
        store.set_fuel(u64::MAX)?;
        store.fuel_async_yield_interval(Some(interval))?;
        let call = async {
            let instance = self.pre.instantiate_async(&mut store).await?;
            let run = instance.get_typed_func::<(), ()>(&mut store, "run")?;
            run.call_async(&mut store, ()).await
        };
        match drive(call, deadline).await {
            Driven::Ended(ended) => ended.map(|()| None).map_err(Into::into),
            Driven::Stopped(late) => Ok(Some(late)),
        }
    }

    /// Runs `run` with all fuel that there is.
    ///
    /// With an `interval`, the guest yields to the runtime after so much fuel, and the call is
    /// under a timeout: the least that keeps a deadline.
    ///
    /// # Errors
    ///
    /// If the guest traps.
    pub async fn run(&self, interval: Option<u64>) -> Result<(), Box<dyn Error>> {
        let mut store = Store::new(&self.engine, ());
        store.set_fuel(u64::MAX)?;
        store.fuel_async_yield_interval(interval)?;
        let call = async {
            let instance = self.pre.instantiate_async(&mut store).await?;
            let run = instance.get_typed_func::<(), ()>(&mut store, "run")?;
            run.call_async(&mut store, ()).await
        };
        match interval {
            None => call.await?,
            Some(_) => tokio::time::timeout(Duration::from_secs(60), call).await??,
        }
        Ok(())
    }
}

/// Compiles a guest for our executor, which may choose the longest interval between two looks.
///
/// # Errors
///
/// If it does not compile.
pub fn limited(
    engine: &Engine,
    guest: &CpuGuest,
    longest: Option<u64>,
) -> Result<Guest, Box<dyn Error>> {
    let executor = ComponentExecutor::new(engine.clone())?;
    let executor = match longest {
        Some(longest) => executor.with_longest_interval(longest),
        None => executor,
    };
    Guest::by(executor, guest.name, &wrap(&guest.module))
}

/// Limits that no guest of this module meets.
///
/// # Errors
///
/// None: all values are in range.
pub fn limits() -> Result<ResourceLimits, Box<dyn Error>> {
    Ok(roomy().execution_timeout_ms(60_000).build()?)
}
