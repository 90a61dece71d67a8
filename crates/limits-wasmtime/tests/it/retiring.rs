//! Dropping large stores.

use core::future::{Future as _, poll_fn};
use core::num::NonZeroUsize;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::Poll;
use core::time::Duration;
use std::sync::{Arc, Condvar, Mutex};

use tokio::runtime::Handle;

use limits_wasmtime::wasmtime::component::Linker;
use limits_wasmtime::{
    ComponentExecutor, HasLimits, LimitState, LiveSlot, PreparedComponent, create_engine,
};

use crate::guest::roomy;

/// Held by tests that need all droppers of the process at one time.
static DROPPERS: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// The number of stores that are being dropped, and a gate that holds them.
#[derive(Default)]
struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: usize,
    most: usize,
    dropped: usize,
    is_open: bool,
    /// The name of the thread that dropped last.
    by: Option<String>,
}

/// Host data whose drop takes until the gate opens.
struct Slow {
    limits: LimitState,
    gate: Arc<Gate>,
}

impl HasLimits for Slow {
    fn limits(&mut self) -> &mut LimitState {
        &mut self.limits
    }
}

impl Drop for Slow {
    fn drop(&mut self) {
        let mut state = self.gate.state.lock().unwrap();
        state.waiting += 1;
        state.most = state.most.max(state.waiting);
        self.gate.changed.notify_all();
        while !state.is_open {
            state = self.gate.changed.wait(state).unwrap();
        }
        state.waiting -= 1;
        state.dropped += 1;
        state.by = std::thread::current().name().map(String::from);
    }
}

/// A guest with so many pages of memory, whose `run` has the given body.
fn guest(pages: u32, body: &str) -> (ComponentExecutor, PreparedComponent<Slow>) {
    let executor = ComponentExecutor::new(create_engine().unwrap()).unwrap();
    let text = format!(
        r#"(component
             (core module $m (memory {pages}) (func (export "run") {body}))
             (core instance $i (instantiate $m))
             (func (export "run") (canon lift (core func $i "run"))))"#
    );
    let component = executor.compile(&wat::parse_str(text).unwrap()).unwrap();
    let component = executor.prepare(&component, &Linker::new(executor.engine())).unwrap();
    (executor, component)
}

/// Many stores that end together do not take a thread each; all of them are dropped in the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_stores_are_dropped_by_at_most_four_threads_at_once() {
    let _all = DROPPERS.lock().await;
    let (executor, component) = guest(64, "");
    let gate = Arc::<Gate>::default();
    let limits = roomy().build().unwrap();
    let executions: Vec<_> = (0..20)
        .map(|_| {
            let (executor, component) = (executor.clone(), component.clone());
            let state = Slow { limits: LimitState::new(), gate: Arc::clone(&gate) };
            tokio::spawn(async move {
                executor
                    .execute_with_limits::<_, (), ()>(&component, &limits, state, "run", ())
                    .await
            })
        })
        .collect();
    // Every task gets as far as it gets.
    let watched = Arc::clone(&gate);
    let watching = tokio::task::spawn_blocking(move || {
        let mut state = watched.state.lock().unwrap();
        while state.waiting < 4 {
            state = watched.changed.wait(state).unwrap();
        }
    });
    watching.await.unwrap();
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    {
        let mut state = gate.state.lock().unwrap();
        state.is_open = true;
        gate.changed.notify_all();
    }
    for execution in executions {
        execution.await.unwrap().unwrap();
    }
    let state = gate.state.lock().unwrap();
    assert_eq!((state.most, state.dropped), (4, 20));
}

/// Whether a host keeps the instance of an execution, and where.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kept {
    Not,
    Alive,
    InSlot,
}

/// Wherever an execution ends, its large store is dropped off the runtime's threads, and is gone
/// when the caller hears of the end; a small one is dropped where it is.
#[tokio::test]
async fn a_large_store_is_dropped_by_a_thread_of_its_own() {
    let limits = roomy().build().unwrap();
    for (pages, body) in [(64, ""), (64, "unreachable"), (1, ""), (1, "unreachable")] {
        let (executor, component) = guest(pages, body);
        for kept in [Kept::Not, Kept::Alive, Kept::InSlot] {
            let gate = Arc::<Gate>::default();
            gate.state.lock().unwrap().is_open = true;
            let state = Slow { limits: LimitState::new(), gate: Arc::clone(&gate) };
            if kept == Kept::Not {
                let run = executor.execute_with_limits::<_, (), ()>(
                    &component,
                    &limits,
                    state,
                    "run",
                    (),
                );
                assert_eq!(run.await.is_ok(), body.is_empty());
            } else {
                if body.is_empty() {
                    continue;
                }
                let live = executor.instantiate(&component, &limits, state).await.unwrap().output;
                if kept == Kept::Alive {
                    assert!(live.call::<(), ()>("run", ()).await.is_err());
                } else {
                    let mut slot = LiveSlot::new(live);
                    assert!(slot.call::<(), ()>("run", ()).await.is_err());
                    assert!(slot.instance().is_none());
                }
            }
            let state = gate.state.lock().unwrap();
            assert_eq!(state.dropped, 1);
            let is_apart = state.by.as_deref() == Some("limits-drop");
            assert_eq!(is_apart, pages == 64, "{:?}", state.by);
        }
    }
}

/// I8: executions that a caller polled for a while and then left, as a loser of a `select!`, hold
/// up no other execution of the process.
#[tokio::test]
async fn i8_an_execution_that_is_not_polled_any_more_holds_up_no_other() {
    let _all = DROPPERS.lock().await;
    let (executor, component) = guest(64, "");
    let limits = roomy().build().unwrap();
    let gate = Arc::<Gate>::default();
    let run = || {
        let state = Slow { limits: LimitState::new(), gate: Arc::clone(&gate) };
        let (executor, component) = (executor.clone(), component.clone());
        Box::pin(async move {
            executor.execute_with_limits::<_, (), ()>(&component, &limits, state, "run", ()).await
        })
    };
    let mut left: Vec<_> = (0..12).map(|_| run()).collect();
    let mut retiring = 0;
    while retiring < 4 {
        for execution in &mut left {
            let polled = poll_fn(|cx| Poll::Ready(execution.as_mut().poll(cx).is_ready()));
            assert!(!polled.await, "the gate is closed");
        }
        retiring = gate.state.lock().unwrap().waiting;
        tokio::task::yield_now().await;
    }
    gate.state.lock().unwrap().is_open = true;
    gate.changed.notify_all();
    let other = tokio::time::timeout(Duration::from_secs(60), tokio::spawn(run()));
    other.await.expect("it waits for executions that are not polled").unwrap().unwrap();
    drop(left);
}

/// The host's data may use its runtime as it is dropped, wherever that happens.
#[tokio::test]
async fn a_large_store_is_dropped_within_its_runtime() {
    struct Late(LimitState, Arc<AtomicBool>);
    impl HasLimits for Late {
        fn limits(&mut self) -> &mut LimitState {
            &mut self.0
        }
    }
    impl Drop for Late {
        fn drop(&mut self) {
            self.1.store(Handle::try_current().is_ok(), Ordering::SeqCst);
        }
    }
    let executor = ComponentExecutor::new(create_engine().unwrap()).unwrap();
    let text = r#"(component
        (core module $m (memory 64) (func (export "run")))
        (core instance $i (instantiate $m))
        (func (export "run") (canon lift (core func $i "run"))))"#;
    let component = executor.compile(&wat::parse_str(text).unwrap()).unwrap();
    let component = executor.prepare(&component, &Linker::new(executor.engine())).unwrap();
    let limits = roomy().build().unwrap();
    let is_within = Arc::new(AtomicBool::new(false));
    let state = Late(LimitState::new(), Arc::clone(&is_within));
    let run = executor.execute_with_limits::<_, (), ()>(&component, &limits, state, "run", ());
    run.await.unwrap();
    assert!(is_within.load(Ordering::SeqCst));
}

/// The place of an instance that is lost in a slot is free when its store is gone.
#[tokio::test]
async fn a_slot_gives_its_place_back_after_its_large_store() {
    let (executor, component) = guest(64, "unreachable");
    let executor = executor.with_max_concurrent(NonZeroUsize::MIN);
    let limits = roomy().build().unwrap();
    let gate = Arc::<Gate>::default();
    let state = Slow { limits: LimitState::new(), gate: Arc::clone(&gate) };
    let live = executor.instantiate(&component, &limits, state).await.unwrap().output;
    let mut slot = LiveSlot::new(live);
    let mut call = Box::pin(slot.call::<(), ()>("run", ()));
    while gate.state.lock().unwrap().waiting == 0 {
        let polled = poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx).is_ready()));
        assert!(!polled.await, "the gate is closed");
        tokio::task::yield_now().await;
    }
    let other = async || {
        let gate = Arc::new(Gate::default());
        gate.state.lock().unwrap().is_open = true;
        let state = Slow { limits: LimitState::new(), gate };
        let run = executor.execute_with_limits::<_, (), ()>(&component, &limits, state, "run", ());
        run.await.unwrap_err().to_string()
    };
    let busy = other().await;
    assert!(busy.starts_with("host busy: 1 "), "{busy}");
    gate.state.lock().unwrap().is_open = true;
    gate.changed.notify_all();
    assert!(call.await.is_err());
    let trapped = other().await;
    assert!(!trapped.starts_with("host busy"), "{trapped}");
    assert!(slot.instance().is_none());
}
