//! An execution ends by its deadline, and its neighbours keep running.

use core::sync::atomic::{AtomicBool, Ordering};
use core::task::Waker;
use core::time::Duration;
use std::sync::{Arc, Mutex};
use std::task::Wake;
use std::time::Instant;

use limits_wasmtime::limits_core::WasmError;
use limits_wasmtime::wasmtime::component::ResourceAny;
use limits_wasmtime::{AddressSpace, ComponentExecutor, EngineBuilder};

use crate::guest::{Guest, Host, roomy, wrap};

const SPIN: &str = r#"(func (export "run") (loop $l br $l))"#;

/// Guests that burn little fuel for their time, each in its own way.
fn stallers() -> [(&'static str, String); 7] {
    [
        ("spin", SPIN.into()),
        (
            "call",
            r#"(func $f (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
               (func (export "run") (loop $l (drop (call $f (i32.const 1))) br $l))"#
                .into(),
        ),
        (
            "grow in vain",
            r#"(memory 1 1)
               (func (export "run") (loop $l (drop (memory.grow (i32.const 9))) br $l))"#
                .into(),
        ),
        (
            "ask the time",
            r#"(import "host" "now" (func $now (result i64)))
               (func (export "run") (loop $l (drop (call $now)) br $l))"#
                .into(),
        ),
        (
            "sleep",
            r#"(import "host" "sleep" (func $sleep)) (func (export "run") (call $sleep))"#.into(),
        ),
        ("start", r#"(func $s (loop $l br $l)) (start $s) (func (export "run"))"#.into()),
        (
            "fill",
            r#"(memory 16)
               (func (export "run")
                 (loop $l (memory.fill (i32.const 0) (i32.const 1) (i32.const 1048576)) br $l))"#
                .into(),
        ),
    ]
}

async fn all_end_in_time() {
    for (name, module) in stallers() {
        let guest = Guest::core(&module);
        let begun = Instant::now();
        let failure = guest.run(roomy().execution_timeout_ms(300)).await.unwrap_err();
        // Generous: what is tested is that it ends at all; the figures are in docs/limits.md.
        assert!(begun.elapsed() < Duration::from_secs(20), "{name} went on");
        let WasmError::ExecutionTimeout { timeout_ms: 300, fuel_consumed, .. } = failure.error()
        else {
            panic!("{name}: {failure}");
        };
        let report = failure.report();
        assert!(fuel_consumed.is_some(), "{name}");
        assert!(report.wall_time >= Duration::from_millis(300), "{name} ended early");
        if name == "sleep" {
            assert!(report.cpu_time < report.wall_time / 2, "{name} was charged for waiting");
            assert!(report.fuel_exact, "{name}");
        } else {
            assert!(report.slices > 1, "{name}");
        }
    }
}

/// I4: whatever the guest does, the clock is read before it goes on.
#[tokio::test(flavor = "current_thread")]
async fn every_staller_ends_on_a_current_thread_runtime() {
    all_end_in_time().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_staller_ends_on_a_multi_thread_runtime() {
    tokio::spawn(all_end_in_time()).await.unwrap();
}

/// Guest code that the runtime enters besides the call itself.
#[tokio::test]
async fn realloc_and_post_return_are_inside_the_deadline() {
    let text = |which: &str| {
        let spin = |name| if name == which { "(loop $l br $l)" } else { "" };
        format!(
            r#"(component
                 (core module $m (memory (export "mem") 1)
                   (func (export "takes") (param i32 i32) (result i32) i32.const 0)
                   (func (export "realloc") (param i32 i32 i32 i32) (result i32)
                     {} i32.const 1024)
                   (func (export "post") (param i32) {}))
                 (core instance $i (instantiate $m))
                 (func (export "takes") (param "s" string) (result u32)
                   (canon lift (core func $i "takes") (memory (core memory $i "mem"))
                     (realloc (core func $i "realloc")) (post-return (core func $i "post")))))"#,
            spin("realloc"),
            spin("post"),
        )
    };
    for which in ["realloc", "post"] {
        let guest = Guest::new(&text(which));
        let limits = roomy().execution_timeout_ms(20);
        let failure = guest.call::<_, (u32,)>(limits, "takes", ("hello",)).await.unwrap_err();
        assert!(
            matches!(failure.error(), WasmError::ExecutionTimeout { .. }),
            "{which}: {failure}"
        );
    }
    let guest = Guest::new(&text("neither"));
    assert!(guest.call::<_, (u32,)>(roomy(), "takes", ("hello",)).await.is_ok());
}

/// A guest's destructor, run because the host drops a handle.
#[tokio::test]
async fn a_destructor_is_inside_the_deadline() {
    let guest = Guest::new(
        r#"(component
             (core module $d (func (export "dtor") (param i32) (loop $l br $l)))
             (core instance $d (instantiate $d))
             (type $r (resource (rep i32) (dtor (core func $d "dtor"))))
             (core func $new (canon resource.new $r))
             (core module $m (import "" "new" (func $new (param i32) (result i32)))
               (func (export "make") (result i32) (call $new (i32.const 1))))
             (core instance $i (instantiate $m
               (with "" (instance (export "new" (func $new))))))
             (export $thing "thing" (type $r))
             (func (export "make") (result (own $thing)) (canon lift (core func $i "make"))))"#,
    );
    let limits = roomy().execution_timeout_ms(200).build().unwrap();
    let failure = guest
        .executor
        .execute_with(&guest.component, &limits, Host::default(), async |store, instance| {
            let make = instance.get_typed_func::<(), (ResourceAny,)>(&mut *store, "make")?;
            let (thing,) = make.call_async(&mut *store, ()).await?;
            thing.resource_drop_async(&mut *store).await
        })
        .await
        .unwrap_err();
    assert!(matches!(failure.error(), WasmError::ExecutionTimeout { .. }), "{failure}");
    assert!(failure.report().slices > 1);
}

#[tokio::test]
async fn no_time_is_a_timeout_without_entering_the_guest() {
    let failure = Guest::core(SPIN).run(roomy().execution_timeout_ms(0)).await.unwrap_err();
    assert_eq!(failure.to_string(), "execution timed out after 0 ms, 0 fuel used");
    assert_eq!(failure.report().slices, 0);
}

#[tokio::test]
async fn the_longest_timeout_is_no_deadline_and_no_panic() {
    let guest = Guest::core("(func (export \"run\"))");
    assert!(guest.run(roomy().execution_timeout_ms(u64::MAX)).await.is_ok());
    let spin = Guest::core(SPIN);
    let limits = roomy().max_fuel(1_000_000).execution_timeout_ms(u64::MAX);
    let failure = spin.run(limits).await.unwrap_err();
    assert!(matches!(failure.error(), WasmError::OutOfFuel { .. }), "{failure}");
}

/// I5: seven guests that never yield of themselves, on one thread, and a task that wants to run.
#[tokio::test(flavor = "current_thread")]
async fn neighbours_keep_running_beside_spinning_guests() {
    let guests: Vec<_> = stallers().into_iter().map(|(_, module)| Guest::core(&module)).collect();
    let running: Vec<_> = guests
        .into_iter()
        .map(|guest| {
            tokio::spawn(async move {
                guest.run(roomy().execution_timeout_ms(300)).await.unwrap_err().into_error()
            })
        })
        .collect();
    let begun = Instant::now();
    let mut turns = 0_u32;
    while begun.elapsed() < Duration::from_millis(200) {
        tokio::time::sleep(Duration::from_millis(1)).await;
        turns += 1;
    }
    // About 100 on an idle machine; were the guests to hold the thread, there would be one.
    assert!(turns > 2, "{turns} turns in 200 ms");
    for guest in running {
        assert!(matches!(guest.await.unwrap(), WasmError::ExecutionTimeout { .. }));
    }
}

#[tokio::test]
async fn waiting_is_not_cpu_time_but_is_wall_time() {
    let module = r#"(import "host" "sleep" (func $sleep)) (func (export "run") (call $sleep))"#;
    let failure = Guest::core(module).run(roomy().execution_timeout_ms(500)).await.unwrap_err();
    let report = failure.report();
    assert!(report.wall_time >= Duration::from_millis(500));
    assert!(report.cpu_time < report.wall_time / 2, "{:?}", report.cpu_time);
}

/// A single step that nothing can interrupt: the guest ends well, but too late.
#[tokio::test]
async fn a_result_that_comes_after_the_deadline_is_a_timeout() {
    let module = r#"(memory 2048)
        (func (export "run")
          (memory.fill (i32.const 0) (i32.const 1) (i32.const 134217728)))"#;
    let limits = roomy().memory_bytes(128 << 20).execution_timeout_ms(2);
    let failure = Guest::core(module).run(limits).await.unwrap_err();
    assert!(matches!(failure.error(), WasmError::ExecutionTimeout { .. }), "{failure}");
}

/// A future between the driver and the guest, put there by a host, may poll only woken futures.
#[tokio::test]
async fn a_guest_behind_a_combinator_is_not_forgotten() {
    let guest = Guest::core(
        r#"(memory 1 1)
        (func (export "run") (local $i i32)
          (loop $l
            (drop (memory.grow (i32.const 9)))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $l (i32.lt_u (local.get $i) (i32.const 50000)))))"#,
    );
    let limits = roomy().execution_timeout_ms(20_000).build().unwrap();
    let result = guest
        .executor
        .execute_with(&guest.component, &limits, Host::default(), async |store, instance| {
            let run = instance.get_typed_func::<(), ()>(&mut *store, "run")?;
            OnlyWoken::new(run.call_async(&mut *store, ())).await
        })
        .await
        .unwrap();
    assert!(result.report.slices > 2, "{} slices", result.report.slices);
}

/// Polls its future again only after that woke its own waker, as `FuturesUnordered` does.
struct OnlyWoken<F> {
    future: core::pin::Pin<Box<F>>,
    flag: Arc<Flag>,
}

struct Flag {
    woken: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
        if let Some(task) = self.task.lock().unwrap().clone() {
            task.wake();
        }
    }
}

impl<F: Future> OnlyWoken<F> {
    fn new(future: F) -> Self {
        let flag = Flag { woken: AtomicBool::new(true), task: Mutex::new(None) };
        Self { future: Box::pin(future), flag: Arc::new(flag) }
    }
}

impl<F: Future> Future for OnlyWoken<F> {
    type Output = F::Output;

    fn poll(
        mut self: core::pin::Pin<&mut Self>,
        cx: &mut core::task::Context<'_>,
    ) -> core::task::Poll<F::Output> {
        *self.flag.task.lock().unwrap() = Some(cx.waker().clone());
        if !self.flag.woken.swap(false, Ordering::SeqCst) {
            return core::task::Poll::Pending;
        }
        let waker = Waker::from(Arc::clone(&self.flag));
        self.future.as_mut().poll(&mut core::task::Context::from_waker(&waker))
    }
}

/// The clock is read once between instantiation and call; that reading counts.
#[tokio::test]
async fn a_deadline_that_passes_in_instantiation_is_noticed_before_the_call() {
    // Without a mapping of its initial contents, 16 MiB are copied, in some milliseconds.
    let tight = AddressSpace::Tight { largest_memory: 16 << 20 };
    let engine = EngineBuilder::new().address_space(tight).build().unwrap();
    let data = "x".repeat((16 << 20) - 1);
    let guest = Guest::on(
        ComponentExecutor::new(engine).unwrap(),
        &wrap(&format!(
            r#"(import "host" "now" (func $now (result i64)))
               (memory 256) (data (i32.const 0) "{data}")
               (func (export "run") (drop (call $now)))"#
        )),
    );
    let (host, calls) = Host::counting();
    let limits = roomy().execution_timeout_ms(1).build().unwrap();
    let run =
        guest.executor.execute_with_limits::<_, _, ()>(&guest.component, &limits, host, "run", ());
    let failure = run.await.unwrap_err();
    assert!(matches!(failure.error(), WasmError::ExecutionTimeout { .. }), "{failure}");
    assert_eq!(calls.load(Ordering::Relaxed), 0);
}
