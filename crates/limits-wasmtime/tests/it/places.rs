//! A place among the concurrent executions is free when the memory of its store is.

use core::future::Future;
use core::num::NonZeroUsize;
use core::pin::{Pin, pin};
use core::sync::atomic::{AtomicU32, Ordering};
use core::task::{Context, Poll, Waker};
use std::sync::{Arc, Mutex};

use limits_wasmtime::limits_core::ResourceLimits;
use limits_wasmtime::wasmtime::component::Linker;
use limits_wasmtime::{
    ComponentExecutor, HasLimits, LimitState, LiveSlot, PreparedComponent, create_engine,
};

use crate::guest::roomy;

const WAITS: &str = r#"(component
    (import "sleep" (func $sleep)) (core func $sleep' (canon lower (func $sleep)))
    (core module $m (import "host" "sleep" (func $sleep)) (func (export "run") (call $sleep)))
    (core instance $i (instantiate $m (with "host" (instance (export "sleep" (func $sleep'))))))
    (func (export "run") (canon lift (core func $i "run"))))"#;

const ENDS: &str = r#"(component
    (core module $m (func (export "run"))) (core instance $i (instantiate $m))
    (func (export "run") (canon lift (core func $i "run"))))"#;

/// An executor with one place, and a guest that ends at once.
struct Place {
    executor: ComponentExecutor,
    ends: PreparedComponent<LimitState>,
    limits: ResourceLimits,
    /// Whether the place was free each time that the data of a store was dropped.
    seen: Mutex<Vec<bool>>,
    /// Guests that have gone to sleep.
    asleep: AtomicU32,
}

impl Place {
    fn is_free(&self) -> bool {
        let state = LimitState::new();
        let run = self.executor.execute_with_limits::<_, (), ()>(
            &self.ends,
            &self.limits,
            state,
            "run",
            (),
        );
        match self.poll(pin!(run)) {
            Some(Ok(_)) => true,
            Some(Err(failure)) => {
                assert!(failure.to_string().starts_with("host busy: 1 "), "{failure}");
                false
            }
            None => panic!("the guest does not wait"),
        }
    }

    /// Polls a call until it is done, or until its guest has gone to sleep. On a machine that
    /// stalls, an execution goes to the runtime first, since its slice is over.
    fn poll<F: Future>(&self, mut call: Pin<&mut F>) -> Option<F::Output> {
        let asleep = self.asleep.load(Ordering::Relaxed);
        for _ in 0..1_000 {
            let polled = call.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            if let Poll::Ready(output) = polled {
                return Some(output);
            }
            if self.asleep.load(Ordering::Relaxed) > asleep {
                return None;
            }
        }
        panic!("neither done nor asleep")
    }
}

/// Looks at the place as the store is dropped.
struct Data {
    limits: LimitState,
    place: Arc<Place>,
}

impl HasLimits for Data {
    fn limits(&mut self) -> &mut LimitState {
        &mut self.limits
    }
}

impl Drop for Data {
    fn drop(&mut self) {
        let is_free = self.place.is_free();
        self.place.seen.lock().unwrap().push(is_free);
    }
}

#[tokio::test]
async fn an_execution_that_is_dropped_gives_its_place_back_after_its_store() {
    let executor = ComponentExecutor::new(create_engine().unwrap()).unwrap();
    let executor = executor.with_max_concurrent(NonZeroUsize::MIN);
    let bytes = |text| wat::parse_str(text).unwrap();
    let linker = Linker::new(executor.engine());
    let ends = executor.prepare(&executor.compile(&bytes(ENDS)).unwrap(), &linker).unwrap();
    let mut linker = Linker::<Data>::new(executor.engine());
    linker
        .root()
        .func_wrap_async("sleep", |store, (): ()| {
            store.data().place.asleep.fetch_add(1, Ordering::Relaxed);
            Box::new(core::future::pending::<Result<(), _>>())
        })
        .unwrap();
    let waits = executor.prepare(&executor.compile(&bytes(WAITS)).unwrap(), &linker).unwrap();
    let limits = roomy().build().unwrap();
    let place = Arc::new(Place {
        executor,
        ends,
        limits,
        seen: Mutex::default(),
        asleep: AtomicU32::new(0),
    });
    let data = || Data { limits: LimitState::new(), place: Arc::clone(&place) };
    {
        let run =
            place.executor.execute_with_limits::<_, (), ()>(&waits, &limits, data(), "run", ());
        assert!(place.poll(pin!(run)).is_none());
    }
    let live = place.executor.instantiate(&waits, &limits, data()).await.unwrap().output;
    assert!(place.poll(pin!(live.call::<(), ()>("run", ()))).is_none());
    let live = place.executor.instantiate(&waits, &limits, data()).await.unwrap().output;
    let mut slot = LiveSlot::new(live);
    assert!(place.poll(pin!(slot.call::<(), ()>("run", ()))).is_none());
    assert_eq!(*place.seen.lock().unwrap(), [false; 3]);
    assert!(place.is_free());
}
