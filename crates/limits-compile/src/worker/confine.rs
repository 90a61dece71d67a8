//! The restrictions of a worker, in their order.

use std::sync::Arc;
use std::thread;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _,
    RulesetStatus,
};

use crate::protocol::{Answer, Request};
use crate::worker::output::Output;
use crate::worker::restriction::Restriction;
use crate::worker::vitals::Vitals;
use crate::worker::{filter, limits, watchdog};

/// The most threads that compile: more gain little, and each has memory of its own.
const MOST_THREADS: usize = 8;

/// Restricts this process for good, but for the system calls, which [`Confined::finish`] bounds.
///
/// No descriptor but the standard ones is open.
pub(super) fn begin(request: &Request, output: &Arc<Output>) -> Result<Confined, Restriction> {
    limits::die_with(request.host)?;
    let vitals = Arc::new(Vitals::open().map_err(Restriction::of("opening /proc/self"))?);
    // Before the system hides the number of processors. Threads inherit all that follows.
    let threads = thread::available_parallelism().map_or(1, |most| most.get().min(MOST_THREADS));
    let landlock = landlock()?;
    limits::renounce()?;
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_global()
        .map_err(Restriction::of("starting its threads"))?;
    // A thread that is still starting makes system calls that the filter forbids.
    rayon::broadcast(|_| ());
    watchdog::start(request.allowance, Arc::clone(&vitals), Arc::clone(output))?;
    let threads = u64::try_from(threads).unwrap_or(u64::MAX);
    let has_memory = limits::bound(request.allowance, threads.saturating_add(1), &vitals)?;
    Ok(Confined { vitals, landlock, has_memory })
}

/// A process with all its restrictions but the last.
pub(super) struct Confined {
    vitals: Arc<Vitals>,
    landlock: bool,
    has_memory: bool,
}

impl Confined {
    /// Bounds the system calls of all threads. Returns the answer that says so.
    pub(super) fn finish(self) -> Result<(Answer, Arc<Vitals>), Restriction> {
        let Self { vitals, landlock, has_memory } = self;
        let seccomp = filter::apply()?;
        Ok((Answer::Ready { seccomp, landlock, has_memory }, vitals))
    }
}

/// Takes all rights to files and the network, as far as the kernel knows them, from this thread and
/// those that it starts. Returns false if the kernel has no Landlock.
fn landlock() -> Result<bool, Restriction> {
    let what = "Landlock";
    let files = AccessFs::from_all(ABI::V5);
    let network = AccessNet::from_all(ABI::V5);
    let restricted = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(files)
        .and_then(|rules| rules.handle_access(network))
        .and_then(Ruleset::create)
        .and_then(landlock::RulesetCreated::restrict_self)
        .map_err(Restriction::of(what))?;
    Ok(restricted.ruleset != RulesetStatus::NotEnforced)
}
