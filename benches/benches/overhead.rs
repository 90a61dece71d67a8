//! The cost of the limits, against the same guest on Wasmtime with fuel and nothing else.
//!
//! Each pair is one criterion group, so the ratio is within one run. `cold` is a fresh store,
//! instantiation and a call; in the others the call outweighs the rest.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use limits_benches::{Guest, roomy, wrap};
use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Store};

const NOTHING: &str = r#"(memory 1) (func (export "run"))"#;
const LOOP: &str = r#"(func (export "run") (local $i i32)
    (loop $l
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $l (i32.lt_u (local.get $i) (i32.const 20000000)))))"#;
const FIB: &str = r#"(func $fib (param i32) (result i32)
      (if (result i32) (i32.lt_u (local.get 0) (i32.const 2)) (then (local.get 0))
        (else (i32.add
          (call $fib (i32.sub (local.get 0) (i32.const 1)))
          (call $fib (i32.sub (local.get 0) (i32.const 2)))))))
    (func (export "run") (drop (call $fib (i32.const 27))))"#;

/// The same engine without our hook, limiter and yields.
struct Bare {
    engine: Engine,
    pre: wasmtime::component::InstancePre<()>,
}

impl Bare {
    fn new(module: &str) -> Self {
        let engine = limits_wasmtime::create_engine().expect("an engine");
        let bytes = wat::parse_str(wrap(module)).expect("text");
        let component = Component::from_binary(&engine, &bytes).expect("a component");
        let pre = Linker::new(&engine).instantiate_pre(&component).expect("no imports");
        Self { engine, pre }
    }

    async fn run(&self) {
        let mut store = Store::new(&self.engine, ());
        store.set_fuel(u64::MAX).expect("fuel is on");
        let instance = self.pre.instantiate_async(&mut store).await.expect("instantiates");
        let run = instance.get_typed_func::<(), ()>(&mut store, "run").expect("run");
        run.call_async(&mut store, ()).await.expect("ends");
    }
}

fn overhead(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let limits = roomy().execution_timeout_ms(60_000).build().expect("memory is given");
    for (name, module) in [("cold", NOTHING), ("loop", LOOP), ("fib", FIB)] {
        let mut group = criterion.benchmark_group(name);
        let bare = Bare::new(module);
        group.bench_function(BenchmarkId::from_parameter("wasmtime"), |bencher| {
            bencher.iter(|| runtime.block_on(bare.run()));
        });
        let guest = Guest::new(name, &wrap(module)).expect("a component");
        group.bench_function(BenchmarkId::from_parameter("limits"), |bencher| {
            bencher.iter(|| runtime.block_on(guest.run(&limits)).expect("ends"));
        });
        group.finish();
    }
}

criterion_group!(benches, overhead);
criterion_main!(benches);
