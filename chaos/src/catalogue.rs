//! The scenarios, and what each must show.

use core::time::Duration;
use std::process::{Command, Stdio};

use crate::fault::{Fault, Planned, every};
use crate::scenario::Scenario;
use crate::spec::{Demand, Limiter, Plant, Taking};
use crate::topology::Topology;

/// A scenario with a name, and its bounds.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "rows of a table")]
pub struct Case {
    /// The name.
    pub name: &'static str,
    /// The scenario.
    pub scenario: Scenario,
    /// The least use, in hundredths of what could be used.
    pub least_use: f64,
}

/// A demand of 1.5 times the limit over four hosts of two threads: hosts that see the store full do
/// not ask again, and a higher demand hides what a fault does.
fn half_more(limit: u64) -> Vec<Demand> {
    vec![Demand::Rate(limit * 3 / 16); 4]
}

/// Returns the scenarios with faults of one server, for so many measured windows.
#[must_use]
pub fn faults(windows: u64) -> Vec<Case> {
    let limit = 2_000;
    let base = Scenario { windows, limit, demand: half_more(limit), ..Scenario::default() };
    let period = base.period;
    let gap = 5;
    let count = windows.saturating_sub(4) / gap;
    let with = |faults| Scenario { faults, ..base.clone() };
    let repeated = |fault: &Fault| with(every(gap, 1, count, fault));
    let cut = |per_mille| Scenario {
        topology: Topology::Proxied,
        ..with(every(1, 0, 1, &Fault::CutPerMille(per_mille)))
    };
    let on_a_port = |scenario| Scenario { topology: Topology::Loopback, ..scenario };
    let case = |name, scenario, least_use| Case { name, scenario, least_use };
    vec![
        case("killed, and back empty", repeated(&Fault::KillServer(Duration::ZERO)), 20.0),
        case("FLUSHALL", on_a_port(repeated(&Fault::FlushAll)), 20.0),
        case("SCRIPT FLUSH", repeated(&Fault::ScriptFlush), 50.0),
        case("keys deleted", repeated(&Fault::DeleteKeys), 20.0),
        case("keys evicted", repeated(&Fault::Evict), 20.0),
        case("server stopped for 300 ms", repeated(&Fault::FreezeServer(period * 3 / 2)), 10.0),
        case("server stopped for 3 windows", repeated(&Fault::FreezeServer(period * 3)), 5.0),
        case("host stopped for 2 windows", repeated(&Fault::FreezeHost(1, period * 2)), 40.0),
        case("host killed", repeated(&Fault::RestartHost(2)), 40.0),
        case(
            "hosts that leave and join",
            Scenario {
                life: period * 13 / 10,
                demand: vec![Demand::Rate(limit * 3 / 8); 4],
                ..base.clone()
            },
            20.0,
        ),
        case(
            "units handed back, in later windows too",
            Scenario {
                taking: Taking::Reserve,
                demand: vec![Demand::Rate(limit * 3 / 4); 4],
                ..repeated(&Fault::FlushAll)
            },
            10.0,
        ),
        case("5 % of replies cut", cut(50), 50.0),
        case("20 % of replies cut", cut(200), 30.0),
        case(
            "clocks an hour apart, and adrift",
            Scenario {
                slow_ppm: vec![300, -300, 0, 300],
                ahead_boot_s: if has_time_namespaces() { vec![0, 3_600] } else { vec![0] },
                ..base.clone()
            },
            50.0,
        ),
    ]
}

/// Reports whether this process may set the clocks that another one sees: for root, on Linux.
#[must_use]
pub fn has_time_namespaces() -> bool {
    let unshared = Command::new("unshare")
        .args(["--time", "--boottime", "3600", "--", "true"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    unshared.is_ok_and(|status| status.success())
}

/// Returns the scenarios in which a primary is lost.
#[must_use]
pub fn failovers() -> Vec<Case> {
    let limit = 5_000;
    let period = Duration::from_millis(500);
    let base = Scenario {
        period,
        limit,
        demand: vec![Demand::Rate(limit * 2 / 8); 4],
        windows: 24,
        ..Scenario::default()
    };
    let watched = Topology::Sentinels { replicas: 2, wait: 0 };
    let at = |window, percent, fault| Planned { window, percent, fault };
    vec![
        Case {
            name: "primary killed under sentinels",
            scenario: Scenario {
                topology: watched,
                faults: vec![at(3, 30, Fault::KillOneServer(0, Duration::MAX))],
                ..base.clone()
            },
            least_use: 10.0,
        },
        Case {
            name: "primary stopped under sentinels",
            scenario: Scenario {
                topology: watched,
                faults: vec![at(3, 30, Fault::FreezeOneServer(0, Duration::from_secs(5)))],
                ..base.clone()
            },
            least_use: 10.0,
        },
        lagging(),
    ]
}

/// Returns the scenario in which a replica that lags is promoted: windows are long, or the loss of
/// the primary takes longer than they do, and hides what the replica does not know.
#[must_use]
pub fn lagging() -> Case {
    let limit = 8_000;
    let at = |percent, fault| Planned { window: 1, percent, fault };
    Case {
        name: "lagging replica promoted",
        scenario: Scenario {
            topology: Topology::Replicated { replicas: 1, proxies: 1, wait: 0 },
            period: Duration::from_secs(4),
            limit,
            demand: vec![Demand::Rate(limit * 24 / 80); 4],
            windows: 4,
            faults: vec![
                at(2, Fault::Detach(1)),
                at(25, Fault::KillOneServer(0, Duration::MAX)),
                at(26, Fault::Promote(1, vec![0])),
            ],
            ..Scenario::default()
        },
        least_use: 20.0,
    }
}

/// Returns a split brain: a replica is promoted while the primary lives, and half of the hosts
/// stay with the old one.
#[must_use]
pub fn split_brain(wait: u32) -> Scenario {
    Scenario {
        topology: Topology::Replicated { replicas: 2, proxies: 2, wait },
        faults: vec![Planned { window: 4, percent: 50, fault: Fault::Promote(1, vec![1]) }],
        windows: 20,
        ..Scenario::default()
    }
}

/// Returns hosts that take flat out, and of which one is stopped again and again: units are never
/// short, so a thread is stopped while it takes, and not while it is refused.
#[must_use]
pub fn stopped_hosts(stops: u64) -> Scenario {
    let period = Duration::from_millis(100);
    Scenario {
        period,
        limit: 1_000_000_000,
        demand: vec![Demand::FlatOut; 2],
        windows: 3 * stops + 3,
        faults: every(3, 1, stops, &Fault::FreezeHost(0, period * 2)),
        ..Scenario::default()
    }
}

/// Returns the scenario that shows a broken rule.
#[must_use]
pub fn planted(plant: Plant) -> Scenario {
    let base = Scenario { plants: vec![plant], ..Scenario::default() };
    let windows = 30;
    let limit = base.limit;
    match plant {
        // A stall: a restart would teach all hosts the new window at once.
        Plant::NoDeadline => Scenario {
            windows,
            demand: half_more(limit),
            faults: every(5, 1, 5, &Fault::FreezeServer(base.period * 3 / 2)),
            ..base
        },
        Plant::NoSecondLook => Scenario { plants: vec![plant], ..stopped_hosts(40) },
        Plant::NoTicket => Scenario {
            windows,
            topology: Topology::Proxied,
            demand: half_more(limit),
            faults: every(1, 0, 1, &Fault::CutPerMille(200)),
            ..base
        },
        Plant::NoNewborn => Scenario {
            windows,
            demand: half_more(limit),
            faults: every(5, 1, 5, &Fault::FlushAll),
            ..base
        },
    }
}

/// Returns a run of another design, under a loss of data in each tenth window, and with clocks
/// that differ by 20 ms.
#[must_use]
pub fn peer(limiter: Limiter, has_faults: bool) -> Scenario {
    let limit = 2_000;
    let faults = if has_faults { every(5, 1, 5, &Fault::FlushAll) } else { Vec::new() };
    Scenario {
        limiter,
        limit,
        demand: half_more(limit),
        windows: 30,
        ahead_us: vec![0, 20_000, -20_000, 0],
        faults,
        ..Scenario::default()
    }
}
