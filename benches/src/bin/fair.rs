//! A light guest beside hogs, with fair slices and without: its latency, that of the host's own
//! timer, the shares by weight, and the cost.
//!
//! Both designs run in turn in one process, on a runtime with two workers. A light execution works
//! for some 0.1 ms and comes from outside of the runtime every 2 to 6 ms, timed from its coming to
//! its end. Percentiles are of wall-clock time within a round, and the median over the rounds
//! counts: on a virtual machine whose cores are slow for tens of milliseconds at times, some rounds
//! are of that.

use core::error::Error;
use core::num::NonZeroU32;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use bench_report::{Options, Report, Rounds, Row, Series, Target};
use limits_benches::{hogs, wrap};
use limits_core::ResourceLimits;
use limits_wasmtime::{
    ComponentExecutor, ExecutionReport, ExecutionResult, LimitState, PreparedComponent, Share,
    create_engine,
};
use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use wasmtime::component::Linker;

type Failure = Box<dyn Error + Send + Sync>;

const GROUP: &str = "a light guest beside hogs, two workers";
const SPIN: &str = r#"(func (export "run") (loop $l br $l))"#;
const LIGHT: &str = r#"(func (export "run") (local $i i32)
    (loop $l
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $l (i32.lt_u (local.get $i) (i32.const 60000)))))"#;
/// The numbers of hogs of the plot.
const HOGS: [u32; 7] = [1, 2, 5, 10, 20, 50, 200];

fn main() -> Result<(), Failure> {
    let options = Options::from_env();
    let mut report = Report::new(options.clone());
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let plain = Arc::new(Guests::new(false)?);
    let fair = Arc::new(Guests::new(true)?);
    let time = Duration::from_millis(if options.is_quick { 50 } else { 500 });
    let rounds = options.rounds(11);

    let pair = Pair { runtime: &runtime, designs: [&plain, &fair], time, rounds };
    // Alone, it finds the cores asleep.
    let alone = pair.beside(|_| Vec::new())?;
    report.row(row("light execution alone, p99", &alone, LIGHT_FAIR, LIGHT_IN_TURN));
    report.row(row("lateness of a timer of 1 ms alone, p99", &alone, TIMER_FAIR, TIMER_IN_TURN));
    let mut lines = [Vec::new(), Vec::new()];
    for hogs in HOGS {
        let latencies = pair.beside(|guests| {
            let share = Share::new(NonZeroU32::MIN);
            guests.spinners(&runtime, (0..hogs).map(|_| share.clone()), time + START + TAIL)
        })?;
        for (line, design) in lines.iter_mut().zip([LIGHT_IN_TURN, LIGHT_FAIR]) {
            line.push((f64::from(hogs), latencies.median(design)));
        }
        if Some(&hogs) == HOGS.last() {
            let name = "light execution beside 200 spinners, p99";
            report.row(row(name, &latencies, LIGHT_FAIR, LIGHT_IN_TURN).target(Target::Most(2.0)));
            let name = "lateness of a timer of 1 ms beside 200 spinners, p99";
            report.row(row(name, &latencies, TIMER_FAIR, TIMER_IN_TURN).target(Target::Most(1.5)));
        }
    }
    for (name, points) in ["in turn", "fair slices"].into_iter().zip(lines) {
        report.series(Series { plot: "hogs".into(), line: name.into(), points });
    }

    let kinds = plain.kinds.len();
    for (name, components) in [("14 components, one of each kind", kinds), ("200 components", 200)]
    {
        let latencies =
            pair.beside(|guests| guests.hostile(&runtime, components, time + START + TAIL))?;
        let title = format!("light execution beside 200 hostile guests, {name}, p99");
        let row = row(&title, &latencies, LIGHT_FAIR, LIGHT_IN_TURN);
        // Beside 200 components it wants more than its share.
        report.row(if components == kinds { row.target(Target::Most(5.0)) } else { row });
    }
    for (name, component) in &fair.kinds {
        let longest = longest_stretch(&fair, component, time / 4)?;
        report.row(Row::new("longest stretch on a thread", name, "ms").measured(longest));
    }

    let count = if options.is_quick { 3 } else { 300 };
    let time = Duration::from_millis(12 * count + 200);
    let spinning = fair.spinners(&runtime, (0..99).map(|_| Share::new(NonZeroU32::MIN)), time);
    let first = first_slices(&runtime, &fair, spinning, count)?;
    let row = Row::new(GROUP, "first slice beside 99 spinning components, p99", "ms");
    report.row(row.measured(first).target(Target::Most(2.0)));
    let first = first_slices(&runtime, &fair, fair.hostile(&runtime, 200, time), count)?;
    let row = Row::new(GROUP, "first slice beside 200 hostile components of 14 kinds, p99", "ms");
    report.row(row.measured(first).target(Target::Most(5.0)));

    let seconds = if options.is_quick { 1 } else { 10 };
    let (worst, worst_slices) = shares(&runtime, &fair, seconds)?;
    let name = "share of weights 1 to 100, worst of those owed 50 slices and more";
    report.row(Row::new(GROUP, name, "%").measured(worst).target(Target::Most(2.0)));
    let name = "share of weights 1 to 100, worst of the others, in slices";
    report.row(Row::new(GROUP, name, "slices").measured(worst_slices));

    let mut work = Rounds::new(3);
    for _ in 0..options.rounds(15) {
        let mut round = Vec::new();
        for guests in [&plain, &fair, &plain] {
            round.push(Some(cpu_of_work(&runtime, guests, time / 2)?));
        }
        work.push(round);
    }
    let row =
        Row::new("cost of fair slices", "CPU time of the same work, 200 spinners", "ns/kfuel");
    report.row(row.compared(&work, 1, "in turn", 0).target(Target::Ratio(1.015)));
    let row = Row::new("cost of fair slices", "in turn against itself", "ns/kfuel");
    report.row(row.compared(&work, 2, "in turn", 0));

    let mut calls = Rounds::new(2);
    for _ in 0..options.rounds(201) {
        let time = |guests: &Guests| runtime.block_on(guests.short_calls(200));
        calls.push([Some(time(&fair)?), Some(time(&plain)?)]);
    }
    let row = Row::new("cost of fair slices", "execution that ends in its first slice", "ns");
    report.row(row.compared(&calls, 0, "in turn", 1));
    Ok(report.finish()?)
}

/// The time for the hogs to begin, and the time that they run longer than all is measured.
const START: Duration = Duration::from_millis(50);
const TAIL: Duration = Duration::from_millis(50);

type Hogs = Vec<JoinHandle<Result<ExecutionReport, Failure>>>;

/// The guests of one design.
struct Guests {
    executor: ComponentExecutor,
    spin: PreparedComponent<LimitState>,
    light: PreparedComponent<LimitState>,
    nothing: PreparedComponent<LimitState>,
    /// Hogs by name.
    kinds: Vec<(&'static str, PreparedComponent<LimitState>)>,
}

impl Guests {
    fn new(is_fair: bool) -> Result<Self, Failure> {
        let executor = ComponentExecutor::new(create_engine()?)?;
        let executor = if is_fair { executor.with_fair_slices() } else { executor };
        let mut linker = Linker::new(executor.engine());
        linker.root().func_wrap("step", |_, (): ()| Ok(()))?;
        linker.root().func_wrap_async("pause", |_, (): ()| {
            Box::new(async {
                tokio::task::yield_now().await;
                Ok(())
            })
        })?;
        let prepare = |text: &str| -> Result<_, Failure> {
            let component = executor.compile(&wat::parse_str(text)?)?;
            Ok(executor.prepare(&component, &linker)?)
        };
        let (spin, light) = (prepare(&wrap(SPIN))?, prepare(&wrap(LIGHT))?);
        let nothing = prepare(&wrap(r#"(func (export "run"))"#))?;
        let mut kinds = Vec::new();
        for (name, text) in hogs::kinds() {
            kinds.push((name, prepare(&text)?));
        }
        Ok(Self { executor, spin, light, nothing, kinds })
    }

    async fn run(
        &self,
        component: &PreparedComponent<LimitState>,
        share: &Share,
        timeout: Duration,
    ) -> Result<ExecutionReport, Failure> {
        let limits = ResourceLimits::builder()
            .memory_bytes(hogs::MEMORY)
            .max_fuel(u64::MAX)
            .execution_timeout_ms(u64::try_from(timeout.as_millis())?)
            .build()?;
        let state = LimitState::new().with_share(share.clone());
        let ran: Result<ExecutionResult<()>, _> =
            self.executor.execute_with_limits(component, &limits, state, "run", ()).await;
        Ok(ran.map_or_else(|failure| failure.report().clone(), |result| result.report))
    }

    /// Starts spinners that end after a time.
    fn spinners(
        self: &Arc<Self>,
        runtime: &Runtime,
        shares: impl IntoIterator<Item = Share>,
        time: Duration,
    ) -> Hogs {
        let start = |share: Share| {
            let guests = Arc::clone(self);
            runtime.spawn(async move { guests.run(&guests.spin, &share, time).await })
        };
        shares.into_iter().map(start).collect()
    }

    /// Starts 200 hostile guests of all kinds, of so many components, that go on for a time.
    fn hostile(self: &Arc<Self>, runtime: &Runtime, components: usize, time: Duration) -> Hogs {
        let end = Instant::now() + time;
        let shares: Vec<Share> = (0..components).map(|_| Share::new(NonZeroU32::MIN)).collect();
        let start = |hog: usize| {
            let (guests, share) = (Arc::clone(self), shares[hog % components].clone());
            let kind = hog % self.kinds.len();
            runtime.spawn(async move { guests.go_on(&guests.kinds[kind].1, &share, end).await })
        };
        (0..200).map(start).collect()
    }

    /// Runs a component again and again until a time.
    async fn go_on(
        &self,
        component: &PreparedComponent<LimitState>,
        share: &Share,
        end: Instant,
    ) -> Result<ExecutionReport, Failure> {
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let report = self.run(component, share, left + Duration::from_millis(1)).await?;
            if Instant::now() >= end {
                return Ok(report);
            }
        }
    }

    /// Returns the nanoseconds of an execution that does nothing.
    async fn short_calls(&self, count: u32) -> Result<f64, Failure> {
        let share = Share::new(NonZeroU32::MIN);
        let began = Instant::now();
        for _ in 0..count {
            self.run(&self.nothing, &share, Duration::from_secs(60)).await?;
        }
        Ok(began.elapsed().as_secs_f64() * 1e9 / f64::from(count))
    }
}

/// Both designs on one runtime.
struct Pair<'a> {
    runtime: &'a Runtime,
    designs: [&'a Arc<Guests>; 2],
    time: Duration,
    rounds: usize,
}

/// The subjects of the rounds of a pair.
const LIGHT_IN_TURN: usize = 0;
const TIMER_IN_TURN: usize = 1;
const LIGHT_FAIR: usize = 2;
const TIMER_FAIR: usize = 3;

impl Pair<'_> {
    /// Returns the p99 of each round, in milliseconds, of light executions and of a timer beside
    /// hogs.
    fn beside(&self, start: impl Fn(&Arc<Guests>) -> Hogs) -> Result<Rounds, Failure> {
        let mut rounds = Rounds::new(4);
        for _ in 0..self.rounds {
            let mut round = Vec::new();
            for guests in self.designs {
                let seen = beside(self.runtime, guests, start(guests), self.time)?;
                round.extend(seen.map(|mut samples| Some(percentile(&mut samples, 99))));
            }
            rounds.push(round);
        }
        Ok(rounds)
    }
}

fn row(name: &str, latencies: &Rounds, ours: usize, peer: usize) -> Row {
    Row {
        ours: Some(latencies.median(ours)),
        peer: Some(latencies.median(peer)),
        peer_name: "in turn".into(),
        ..Row::new(GROUP, name, "ms")
    }
}

/// Runs light executions and a timer beside hogs. Returns their milliseconds.
fn beside(
    runtime: &Runtime,
    guests: &Arc<Guests>,
    hogs: Hogs,
    time: Duration,
) -> Result<[Vec<f64>; 2], Failure> {
    thread::sleep(START);
    let is_over = Arc::new(AtomicBool::new(false));
    let over = Arc::clone(&is_over);
    let timer = runtime.spawn(async move {
        let mut late = Vec::new();
        while !over.load(Ordering::Relaxed) {
            let due = tokio::time::Instant::now() + Duration::from_millis(1);
            tokio::time::sleep_until(due).await;
            late.push(due.elapsed().as_secs_f64() * 1e3);
        }
        late
    });
    let light: Arc<Mutex<Vec<f64>>> = Arc::default();
    let share = Share::new(NonZeroU32::MIN);
    let end = Instant::now() + time;
    let mut pause = 2;
    let mut running = Vec::new();
    while Instant::now() < end {
        thread::sleep(Duration::from_millis(pause));
        pause = 2 + (pause + 2) % 5;
        let (guests, share, light) = (Arc::clone(guests), share.clone(), Arc::clone(&light));
        let came = Instant::now();
        running.push(runtime.spawn(async move {
            guests.run(&guests.light, &share, Duration::from_secs(60)).await?;
            light.lock().expect("no thread panics").push(came.elapsed().as_secs_f64() * 1e3);
            Ok::<_, Failure>(())
        }));
    }
    is_over.store(true, Ordering::Relaxed);
    runtime.block_on(async {
        for light in running {
            light.await??;
        }
        for hog in hogs {
            hog.await??;
        }
        let timer = timer.await?;
        let light = core::mem::take(&mut *light.lock().expect("no thread panics"));
        Ok([light, timer])
    })
}

/// Returns the longest time, in milliseconds, that a hog kept the only thread of a runtime.
fn longest_stretch(
    guests: &Arc<Guests>,
    component: &PreparedComponent<LimitState>,
    time: Duration,
) -> Result<f64, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (guests, component) = (Arc::clone(guests), component.clone());
        let end = Instant::now() + time;
        let hog = tokio::spawn(async move {
            guests.go_on(&component, &Share::new(NonZeroU32::MIN), end).await
        });
        let mut longest = 0.0_f64;
        while !hog.is_finished() {
            let left = Instant::now();
            tokio::task::yield_now().await;
            longest = longest.max(left.elapsed().as_secs_f64() * 1e3);
        }
        hog.await??;
        Ok(longest)
    })
}

/// Returns the p99 of the milliseconds from the coming of a component's execution to its end,
/// beside hogs of others.
fn first_slices(
    runtime: &Runtime,
    guests: &Arc<Guests>,
    hogs: Hogs,
    count: u64,
) -> Result<f64, Failure> {
    thread::sleep(Duration::from_millis(100));
    let share = Share::new(NonZeroU32::MIN);
    let mut times = Vec::new();
    for _ in 0..count {
        thread::sleep(Duration::from_millis(10));
        let (guests, share) = (Arc::clone(guests), share.clone());
        let came = Instant::now();
        let ran = runtime.spawn(async move {
            guests.run(&guests.nothing, &share, Duration::from_secs(60)).await?;
            Ok::<_, Failure>(came.elapsed().as_secs_f64() * 1e3)
        });
        times.push(runtime.block_on(ran)??);
    }
    hogs.iter().for_each(JoinHandle::abort);
    Ok(percentile(&mut times, 99))
}

/// Returns the worst deviation of a component from its share, over so many seconds: in hundredths
/// for those that are owed 50 slices and more, and in slices for the others.
fn shares(runtime: &Runtime, guests: &Arc<Guests>, seconds: u64) -> Result<(f64, f64), Failure> {
    let weights = (1..=100).filter_map(NonZeroU32::new);
    let time = Duration::from_secs(seconds);
    let spinning = guests.spinners(runtime, weights.map(Share::new), time);
    let mut used = Vec::new();
    for run in spinning {
        // Not fuel: the cores of a virtual machine may be of different speed.
        used.push(runtime.block_on(run)??.cpu_time.as_secs_f64());
    }
    let sum: f64 = used.iter().sum();
    // Both workers run slices of 250 us.
    let slices = f64::from(u32::try_from(seconds)?) * 2.0 / 250e-6;
    let (mut worst, mut worst_slices) = (0.0_f64, 0.0_f64);
    for (used, weight) in used.iter().zip(1_u32..) {
        let owed = f64::from(weight) / 5_050.0;
        let part = used / sum;
        if owed * slices >= 50.0 {
            worst = worst.max((part / owed - 1.0).abs() * 100.0);
        } else {
            worst_slices = worst_slices.max((part - owed).abs() * slices);
        }
    }
    Ok((worst, worst_slices))
}

/// Returns the nanoseconds of CPU time that this process takes for a thousand units of fuel of 200
/// spinners.
fn cpu_of_work(runtime: &Runtime, guests: &Arc<Guests>, time: Duration) -> Result<f64, Failure> {
    let share = Share::new(NonZeroU32::MIN);
    let before = Duration::try_from(clock_gettime(ClockId::ProcessCPUTime))?;
    let spinning = guests.spinners(runtime, (0..200).map(|_| share.clone()), time);
    let mut fuel = 0;
    for run in spinning {
        fuel += runtime.block_on(run)??.fuel.consumed();
    }
    let spent = Duration::try_from(clock_gettime(ClockId::ProcessCPUTime))? - before;
    Ok(spent.as_secs_f64() * 1e12 / Duration::from_nanos(fuel).as_secs_f64() / 1e9)
}

fn percentile(samples: &mut [f64], percent: usize) -> f64 {
    samples.sort_by(f64::total_cmp);
    let place = (samples.len() * percent / 100).min(samples.len().saturating_sub(1));
    samples.get(place).copied().unwrap_or(f64::NAN)
}
