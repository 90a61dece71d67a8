//! A well-behaved component that answers questions beside the attacks.

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use limits_core::ResourceLimits;
use limits_wasmtime::{ComponentExecutor, LimitState, PreparedComponent};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use wasmtime::component::Linker;

use crate::Result;
use crate::measured::Answers;

/// Sums the numbers up to `n`, in a loop, and keeps each sum in a memory of its own.
const TEXT: &str = r#"(component
    (core module $m
      (memory 1)
      (func (export "sum") (param $n i32) (result i64)
        (local $sum i64)
        (loop $more
          (local.set $sum (i64.add (local.get $sum) (i64.extend_i32_u (local.get $n))))
          (i64.store (i32.const 8) (local.get $sum))
          (local.set $n (i32.sub (local.get $n) (i32.const 1)))
          (br_if $more (i32.gt_s (local.get $n) (i32.const 0))))
        (i64.load (i32.const 8))))
    (core instance $i (instantiate $m))
    (func (export "sum") (param "n" u32) (result u64) (canon lift (core func $i "sum"))))"#;

/// The time between an answer and the next question.
const PAUSE: Duration = Duration::from_millis(1);
/// The deadline of an answer. It takes some 50 µs of CPU time.
const PATIENCE_MS: u64 = 5_000;

/// A well-behaved component that answers questions in a loop, each in a store of its own.
#[derive(Debug)]
pub struct Neighbour {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Shared {
    record: Mutex<Record>,
    /// A flag without data behind it.
    is_over: AtomicBool,
}

/// All answers so far.
#[derive(Clone, Debug, Default)]
struct Record {
    times: Vec<Duration>,
    wrong: Option<String>,
}

/// A place in the neighbour's record, from which answers are counted.
#[derive(Clone, Copy, Debug)]
pub struct Mark(usize);

impl Neighbour {
    /// Starts to ask, on the threads of `runtime`.
    ///
    /// # Errors
    ///
    /// If the component cannot be compiled.
    pub fn start(executor: &ComponentExecutor, runtime: &Runtime) -> Result<Self> {
        let component = executor.compile(&wat::parse_str(TEXT)?)?;
        let prepared = executor.prepare(&component, &Linker::new(executor.engine()))?;
        let limits = ResourceLimits::builder()
            .memory_bytes(65_536)
            .execution_timeout_ms(PATIENCE_MS)
            .build()?;
        let shared = Arc::new(Shared::default());
        let asking = Arc::clone(&shared);
        let executor = executor.clone();
        let task = runtime.spawn(async move {
            for n in (1..2_000_u32).cycle() {
                if asking.is_over.load(Ordering::Relaxed) {
                    break;
                }
                let start = Instant::now();
                let answer = ask(&executor, &prepared, &limits, n).await;
                asking.record().add(start.elapsed(), answer);
                tokio::time::sleep(PAUSE).await;
            }
        });
        Ok(Self { shared, task })
    }

    /// Returns the place after the last answer.
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark(self.shared.record().times.len())
    }

    /// Returns the answers since `mark`.
    #[must_use]
    pub fn since(&self, mark: Mark) -> Answers {
        let record = self.shared.record();
        let times = record.times.get(mark.0..).unwrap_or_default();
        Answers {
            right: times.len(),
            wrong: record.wrong.clone(),
            slowest: times.iter().max().copied().unwrap_or_default(),
        }
    }

    /// Returns the 99th percentile of the times of all answers.
    #[must_use]
    pub fn p99(&self) -> Duration {
        let mut times = self.shared.record().times.clone();
        times.sort_unstable();
        times.get(times.len() * 99 / 100).copied().unwrap_or_default()
    }

    /// Asks no more, and waits for the last answer.
    pub async fn stop(self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        // A task that panicked has left no answer, which is counted.
        let _ = self.task.await;
    }
}

impl Shared {
    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Record {
    fn add(&mut self, time: Duration, answer: Option<String>) {
        match answer {
            None => self.times.push(time),
            Some(wrong) => {
                self.wrong.get_or_insert(wrong);
            }
        }
    }
}

/// Returns the fault of the answer, if it has one.
async fn ask(
    executor: &ComponentExecutor,
    prepared: &PreparedComponent<LimitState>,
    limits: &ResourceLimits,
    n: u32,
) -> Option<String> {
    let state = LimitState::new();
    let right = u64::from(n) * (u64::from(n) + 1) / 2;
    let asked =
        executor.execute_with_limits::<_, (u32,), (u64,)>(prepared, limits, state, "sum", (n,));
    match asked.await {
        Ok(done) if done.output == (right,) => None,
        Ok(done) => Some(format!("the sum up to {n} is {right}, not {:?}", done.output)),
        Err(failure) => Some(format!("the sum up to {n}: {failure}")),
    }
}
