//! Scenarios of terms that not all hosts have: a host level, CPU time, a policy for a store that is
//! away, a caller that asks for all.

use core::time::Duration;

use crate::fault::{Fault, Planned, every};
use crate::scenario::Scenario;
use crate::spec::{Demand, Greed, OnLoss, Taking};

/// The windows of 200 ms after whose end each host treats a store as lost that refuses connections.
pub const GRACE_WINDOWS: u64 = 3;
/// The same for one that does not answer: the first question fails by its time limit.
pub const SILENT_GRACE_WINDOWS: u64 = 7;
/// The windows for which [`away`] takes the store from all hosts: 3 s of 200 ms.
pub const AWAY_WINDOWS: u64 = 15;
/// The window, counted from the first measured one, in which it does so.
pub const AWAY_FROM: u64 = 4;

/// Returns three components on each of four hosts, under a shared quota over all of them that is
/// two thirds of theirs, with so many losses of the server.
#[must_use]
pub fn under_a_host_quota(losses: u64) -> Scenario {
    let limit = 1_800;
    Scenario {
        limit,
        component_limits: vec![limit / 2; 3],
        demand: vec![Demand::Rate(limit / 4); 4],
        threads: 3,
        windows: 24,
        faults: every(5, 1, losses, &Fault::KillServer(Duration::ZERO)),
        ..Scenario::default()
    }
}

/// Returns four hosts that charge slices of CPU time after they were used: 40 ms in 200 ms are
/// theirs.
#[must_use]
pub fn cpu_time(slice_us: u64, losses: u64) -> Scenario {
    let limit = 40_000;
    Scenario {
        limit,
        taking: Taking::Charge(slice_us),
        demand: vec![Demand::Rate(40); 4],
        threads: 1,
        windows: 24,
        faults: every(5, 1, losses, &Fault::KillServer(Duration::ZERO)),
        ..Scenario::default()
    }
}

/// Returns four hosts whose store is away for [`AWAY_WINDOWS`]: killed and started empty, or
/// stopped.
#[must_use]
pub fn away(on_loss: OnLoss, is_killed: bool) -> Scenario {
    let base = Scenario::default();
    let time = base.period * u32::try_from(AWAY_WINDOWS).unwrap_or(u32::MAX);
    let fault = if is_killed { Fault::KillServer(time) } else { Fault::FreezeServer(time) };
    // Six times the limit: each host alone could use it up.
    Scenario {
        demand: vec![Demand::Rate(base.limit * 3 / 4); 4],
        windows: AWAY_FROM + AWAY_WINDOWS + 8,
        faults: vec![Planned { window: AWAY_FROM, percent: 50, fault }],
        on_loss,
        ..base
    }
}

/// Returns three hosts with a demand of twice the limit, beside a first one that asks for all of it
/// and takes nothing.
#[must_use]
pub fn beside(greed: Greed) -> Scenario {
    let limit = 2_000;
    let honest = Demand::Rate(limit / 3);
    Scenario {
        limit,
        demand: vec![Demand::Greedy(greed), honest, honest, honest],
        windows: 32,
        ..Scenario::default()
    }
}
