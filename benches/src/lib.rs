//! Guests and hosts that the measurements share.

pub mod cold;
pub mod cpu_guest;
pub mod fixed_interval;
pub mod hogs;
pub mod http_client;
pub mod http_guest;
pub mod http_host;
pub mod live_stores;
pub mod net_guest;
pub mod net_host;
pub mod plot;
pub mod process_use;
pub mod wasi_guest;
pub mod wasi_host;

use limits_core::{ResourceLimits, ResourceLimitsBuilder};
use limits_wasmtime::{
    ComponentExecutor, ExecutionFailure, ExecutionResult, HasLimits, LimitState, PreparedComponent,
    create_engine, resource_table,
};
use wasmtime::Engine;
use wasmtime::component::{Linker, ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

/// A host with all of WASI 0.2 and nothing behind it.
pub struct Host {
    limits: LimitState,
    table: ResourceTable,
    wasi: WasiCtx,
}

impl core::fmt::Debug for Host {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Host").finish_non_exhaustive()
    }
}

impl Host {
    /// Makes a host for a store within `limits`.
    #[must_use]
    pub fn new(limits: &ResourceLimits) -> Self {
        Self {
            limits: LimitState::new(),
            table: resource_table(limits),
            wasi: WasiCtx::builder().build(),
        }
    }
}

impl HasLimits for Host {
    fn limits(&mut self) -> &mut LimitState {
        &mut self.limits
    }
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

/// Limits that leave only the deadline to meet.
pub fn roomy() -> ResourceLimitsBuilder {
    ResourceLimits::builder().memory_bytes(80 << 20).max_fuel(u64::MAX)
}

/// A component that is ready to run, with its executor.
#[derive(Clone, Debug)]
pub struct Guest {
    /// A word for the guest's behaviour.
    pub name: &'static str,
    executor: ComponentExecutor,
    component: PreparedComponent<Host>,
}

impl Guest {
    /// Compiles and links the component of this text.
    ///
    /// # Errors
    ///
    /// If the text is not a component that runs here.
    pub fn new(name: &'static str, text: &str) -> Result<Self, Box<dyn core::error::Error>> {
        Self::on(create_engine()?, name, text)
    }

    /// Like [`new`](Self::new), on an engine of the caller's.
    ///
    /// # Errors
    ///
    /// As `new`.
    pub fn on(
        engine: Engine,
        name: &'static str,
        text: &str,
    ) -> Result<Self, Box<dyn core::error::Error>> {
        Self::by(ComponentExecutor::new(engine)?, name, text)
    }

    /// Like [`new`](Self::new), for an executor of the caller's.
    ///
    /// # Errors
    ///
    /// As `new`.
    pub fn by(
        executor: ComponentExecutor,
        name: &'static str,
        text: &str,
    ) -> Result<Self, Box<dyn core::error::Error>> {
        let mut linker = Linker::new(executor.engine());
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        let component = executor.compile(&wat::parse_str(text)?)?;
        let component = executor.prepare(&component, &linker)?;
        Ok(Self { name, executor, component })
    }

    /// Calls the export `run`.
    ///
    /// # Errors
    ///
    /// As the execution ends.
    pub async fn run(
        &self,
        limits: &ResourceLimits,
    ) -> Result<ExecutionResult<()>, ExecutionFailure> {
        let host = Host::new(limits);
        self.executor.execute_with_limits(&self.component, limits, host, "run", ()).await
    }
}

/// Lifts `run` of a core module without imports.
#[must_use]
pub fn wrap(module: &str) -> String {
    format!(
        r#"(component (core module $m {module}) (core instance $i (instantiate $m))
             (func (export "run") (canon lift (core func $i "run"))))"#
    )
}

/// A core module whose `run` loads from computed addresses, without end.
pub const RANDOM_LOADS: &str = r#"(memory 1024)
    (func (export "run") (local $x i32) (local $page i32)
      ;; In pieces: the first touch of all of it at once can take as long as a deadline.
      (loop $fill
        (memory.fill (i32.shl (local.get $page) (i32.const 16)) (i32.const 1) (i32.const 65536))
        (local.set $page (i32.add (local.get $page) (i32.const 1)))
        (br_if $fill (i32.lt_u (local.get $page) (i32.const 1024))))
      (loop $l
        (local.set $x (i32.add
          (i32.mul (local.get $x) (i32.const 1664525)) (i32.const 1013904223)))
        (local.set $x (i32.add (local.get $x)
          (i32.load8_u (i32.shr_u (local.get $x) (i32.const 6)))))
        br $l))"#;

/// The guests that never end, each staying away from the clock in its own way.
///
/// # Errors
///
/// If one of them does not compile.
pub fn stallers() -> Result<Vec<Guest>, Box<dyn core::error::Error>> {
    let clock = r#"(component
        (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
          (export "now" (func (result u64)))))
        (core func $now (canon lower (func $clock "now")))
        (core module $m (import "h" "now" (func $now (result i64)))
          (func (export "run") (loop $l (drop (call $now)) br $l)))
        (core instance $i (instantiate $m (with "h" (instance (export "now" (func $now))))))
        (func (export "run") (canon lift (core func $i "run"))))"#;
    let random = r#"(component
        (import "wasi:random/random@0.2.0" (instance $random
          (export "get-random-bytes" (func (param "len" u64) (result (list u8))))))
        (core module $libc (memory (export "mem") 1)
          (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024))
        (core instance $libc (instantiate $libc))
        (core func $bytes (canon lower (func $random "get-random-bytes")
          (memory (core memory $libc "mem")) (realloc (core func $libc "realloc"))))
        (core module $m (import "h" "bytes" (func $bytes (param i64 i32)))
          (func (export "run") (loop $l (call $bytes (i64.const 4096) (i32.const 8)) br $l)))
        (core instance $i (instantiate $m (with "h" (instance (export "bytes" (func $bytes))))))
        (func (export "run") (canon lift (core func $i "run"))))"#;
    let sleep = r#"(component
        (import "wasi:io/poll@0.2.0" (instance $poll
          (export "pollable" (type $p (sub resource)))
          (export "[method]pollable.block" (func (param "self" (borrow $p))))))
        (alias export $poll "pollable" (type $pollable))
        (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
          (alias outer 1 $pollable (type $p0))
          (export "pollable" (type $p (eq $p0)))
          (export "subscribe-duration" (func (param "when" u64) (result (own $p))))))
        (core func $block (canon lower (func $poll "[method]pollable.block")))
        (core func $wait (canon lower (func $clock "subscribe-duration")))
        (core module $m
          (import "h" "block" (func $block (param i32)))
          (import "h" "wait" (func $wait (param i64) (result i32)))
          (func (export "run") (call $block (call $wait (i64.const 1000000000000)))))
        (core instance $i (instantiate $m (with "h" (instance
          (export "block" (func $block)) (export "wait" (func $wait))))))
        (func (export "run") (canon lift (core func $i "run"))))"#;
    let core = [
        ("spin", r#"(func (export "run") (loop $l br $l))"#),
        (
            "call",
            r#"(func $f (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
               (func (export "run") (loop $l (drop (call $f (i32.const 1))) br $l))"#,
        ),
        ("random loads over 64 MiB", RANDOM_LOADS),
        (
            // Earns trust with cheap code, then spends it on a chain of dependent loads that miss
            // every cache and the TLB: the worst that fuel can be made to cost.
            "cheap code, then missing loads",
            r#"(memory 1024)
               (func $cheap (local $i i32)
                 (loop $l
                   (local.set $i (i32.add (local.get $i) (i32.const 1)))
                   (br_if $l (i32.lt_u (local.get $i) (i32.const 8000000)))))
               (func $chase (param $x i32) (result i32) (local $i i32)
                 (loop $l
                   (local.set $x (i32.load (i32.load (i32.load (i32.load
                     (i32.load (i32.load (i32.load (i32.load (local.get $x))))))))))
                   (local.set $i (i32.add (local.get $i) (i32.const 1)))
                   (br_if $l (i32.lt_u (local.get $i) (i32.const 6000))))
                 (local.get $x))
               (func (export "run") (local $page i32) (local $x i32)
                 ;; Every page points some 37 MB further on, round and round.
                 (loop $l
                   (i32.store (i32.shl (local.get $page) (i32.const 12))
                     (i32.shl (i32.and
                       (i32.add (local.get $page) (i32.const 9241)) (i32.const 16383))
                       (i32.const 12)))
                   (local.set $page (i32.add (local.get $page) (i32.const 1)))
                   (br_if $l (i32.lt_u (local.get $page) (i32.const 16384))))
                 (loop $l
                   (call $cheap)
                   (local.set $x (call $chase (local.get $x)))
                   br $l))"#,
        ),
        (
            "failing memory.grow",
            r#"(memory 1 1)
               (func (export "run") (loop $l (drop (memory.grow (i32.const 9))) br $l))"#,
        ),
    ];
    let mut guests = Vec::new();
    for (name, module) in core {
        guests.push(Guest::new(name, &wrap(module))?);
    }
    guests.push(Guest::new("clocks.now", clock)?);
    guests.push(Guest::new("get-random-bytes(4096)", random)?);
    guests.push(Guest::new("asynchronous sleep", sleep)?);
    Ok(guests)
}
