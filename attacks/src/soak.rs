//! The zoo in random order, for long: nothing of the host's may be left behind.

use core::fmt;
use core::str::FromStr as _;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Instant;

use fastrand::Rng;
use limits_config::{ComponentName, Policy};
use quota_enforce::{QuotaRegistry, UsageFile};

use crate::guest_case::GuestCase;
use crate::measured::Answers;
use crate::resident::{descriptors, resident_bytes, threads};
use crate::stage::Stage;
use crate::vector::{Kind, Vector};
use crate::zoo::SECTIONS;
use crate::{Error, Result};

/// Attacks at one time.
const ATTACKERS: usize = 2;
/// Bytes by which the second half may leave the process larger than the first: pages that the
/// allocator keeps for the threads that came last.
const KEPT_BYTES: u64 = 24 * 1024 * 1024;
/// Threads of the runtime that may be there at one look and not at the other: those that block, and
/// those that drop stores.
const KEPT_THREADS: usize = 10;
/// The time within which everything is given back after an attack.
const SETTLING: Duration = Duration::from_secs(20);
/// A ceiling that no attack meets, so that the host counts the sum of all components.
const HOST: &str = "[host]\nmemory = \"64GiB\"\nstorage = \"64GiB\"\n";

/// The result of a soak.
#[derive(Debug)]
#[non_exhaustive]
pub struct Soaked {
    /// The number of executions.
    pub executions: u64,
    /// The number of attacks that they were part of.
    pub attacks: u64,
    /// The process after the first half, which fills caches.
    pub half: State,
    /// The process at the end.
    pub end: State,
    /// The answers of the neighbour.
    pub neighbour: Answers,
    /// The 99th percentile of their times.
    pub p99: Duration,
    /// Everything that was not as promised.
    pub faults: Vec<String>,
}

/// The resources that a process has.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct State {
    /// Bytes of resident memory.
    pub resident: u64,
    /// Threads.
    pub threads: usize,
    /// Descriptors.
    pub descriptors: usize,
}

impl State {
    fn now() -> Self {
        Self { resident: resident_bytes(), threads: threads(), descriptors: descriptors() }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { resident, threads, descriptors } = self;
        write!(f, "{} MiB, {threads} threads, {descriptors} descriptors", resident >> 20)
    }
}

/// Carries out attacks in an order that `seed` decides, two at a time, until they have had at least
/// `executions`, in two halves.
///
/// # Errors
///
/// If an attack could not be carried out.
pub fn soak(seed: u64, executions: u64) -> Result<Soaked> {
    let stage = Stage::new()?;
    let mark = stage.neighbour().mark();
    let policy = Policy::from_toml(HOST)?;
    let registry = QuotaRegistry::from_policy(&policy, UsageFile::default()).record_peaks().build();
    let zoo = zoo();
    let soak = Soak {
        stage: &stage,
        registry: &registry,
        zoo: &zoo,
        rng: Mutex::new(Rng::with_seed(seed)),
        executions: AtomicU64::new(0),
        attacks: AtomicU64::new(0),
        faults: Mutex::new(Vec::new()),
    };
    let half = soak.until(executions.div_ceil(2))?;
    let end = soak.until(executions)?;
    let (executions, attacks) = (soak.executions.into_inner(), soak.attacks.into_inner());
    let mut faults = soak.faults.into_inner().unwrap_or_else(PoisonError::into_inner);
    faults.extend(left_behind(&registry, half, end));
    let neighbour = stage.neighbour().since(mark);
    if neighbour.wrong.is_some() || neighbour.right == 0 {
        faults.push(format!("the neighbour was disturbed: {neighbour:?}"));
    }
    let p99 = stage.neighbour().p99();
    stage.end();
    Ok(Soaked { executions, attacks, half, end, neighbour, p99, faults })
}

/// Returns the guests that are soaked: all but those that are large, since making them takes longer
/// than running them.
fn zoo() -> Vec<(String, GuestCase)> {
    SECTIONS
        .iter()
        .flat_map(|(_, _, vectors)| vectors())
        .filter_map(|vector| {
            let name = vector.name();
            match vector {
                Vector { kind: Kind::Guest(case), .. } if !case.is_large() => Some((name, case)),
                _ => None,
            }
        })
        .collect()
}

struct Soak<'a> {
    stage: &'a Stage,
    registry: &'a QuotaRegistry,
    zoo: &'a [(String, GuestCase)],
    rng: Mutex<Rng>,
    // Both are counts without data behind them.
    executions: AtomicU64,
    attacks: AtomicU64,
    faults: Mutex<Vec<String>>,
}

impl Soak<'_> {
    /// Attacks until there have been so many executions, and waits until the process is at rest.
    fn until(&self, executions: u64) -> Result<State> {
        let attacked: Vec<Result<()>> = std::thread::scope(|scope| {
            let attackers: Vec<_> =
                (0..ATTACKERS).map(|_| scope.spawn(|| self.attack_until(executions))).collect();
            attackers
                .into_iter()
                .map(|attacker| attacker.join().unwrap_or(Err("an attacker panicked".into())))
                .collect()
        });
        attacked.into_iter().collect::<Result<()>>()?;
        Ok(self.settled())
    }

    fn attack_until(&self, executions: u64) -> Result<()> {
        while self.executions.load(Ordering::Relaxed) < executions {
            let at =
                self.rng.lock().unwrap_or_else(PoisonError::into_inner).usize(..self.zoo.len());
            let Some((name, case)) = self.zoo.get(at) else { return Err("no guests".into()) };
            let number = self.attacks.fetch_add(1, Ordering::Relaxed);
            let id = ComponentName::from_str(&format!("attacker-{number}"))?;
            let in_context = |error: Error| Error::from(format!("{name}: {error}"));
            let measured = self.stage.attack_as(&id, case, self.registry).map_err(in_context)?;
            self.executions.fetch_add(u64::from(case.executions()), Ordering::Relaxed);
            // Two attacks at once have half the machine each: deadlines are judged by the tests.
            let ends = measured.judge(case).into_iter();
            let faults = ends.filter(|fault| fault.starts_with("ended as"));
            let mut all = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
            all.extend(faults.map(|fault| format!("{name}: {fault}")));
        }
        Ok(())
    }

    /// Waits until memory of stores that other threads drop is given back.
    fn settled(&self) -> State {
        let start = Instant::now();
        while start.elapsed() < SETTLING && memory_in_use(self.registry) > 0 {
            std::thread::sleep(Duration::from_millis(50));
        }
        // Threads end after what they have given back.
        std::thread::sleep(Duration::from_millis(200));
        State::now()
    }
}

fn memory_in_use(registry: &QuotaRegistry) -> u64 {
    registry.parent().map_or(0, |host| host.usage().memory_used)
}

fn left_behind(registry: &QuotaRegistry, half: State, end: State) -> Vec<String> {
    let mut faults = Vec::new();
    if !registry.is_empty() {
        faults.push(format!("{} components are registered", registry.len()));
    }
    match registry.parent() {
        Some(host) => {
            let usage = host.usage();
            if usage.memory_used > 0 || usage.storage_used > 0 {
                faults.push(format!("the host still counts {usage:?}"));
            }
        }
        None => faults.push(String::from("the host does not count")),
    }
    if end.resident > half.resident + KEPT_BYTES
        || end.threads > half.threads + KEPT_THREADS
        || end.descriptors > half.descriptors
    {
        faults.push(format!("the process has grown from {half} to {end}"));
    }
    faults
}
