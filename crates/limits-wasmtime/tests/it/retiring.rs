//! Dropping large stores.

use std::sync::{Arc, Condvar, Mutex};

use limits_wasmtime::wasmtime::component::Linker;
use limits_wasmtime::{ComponentExecutor, HasLimits, LimitState, create_engine};

use crate::guest::roomy;

/// How many stores are being dropped, and whether they may go on.
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
    }
}

/// Many stores that end together do not take a thread each; all of them are dropped in the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_stores_are_dropped_by_at_most_four_threads_at_once() {
    let executor = ComponentExecutor::new(create_engine().unwrap()).unwrap();
    let text = r#"(component
        (core module $m (memory 64) (func (export "run")))
        (core instance $i (instantiate $m))
        (func (export "run") (canon lift (core func $i "run"))))"#;
    let component = executor.compile(&wat::parse_str(text).unwrap()).unwrap();
    let component = executor.prepare(&component, &Linker::new(executor.engine())).unwrap();
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
