//! Faults at random moments, from a seed.

use core::time::Duration;

use fastrand::Rng;

use crate::fault::{Fault, Planned};
use crate::scenario::Scenario;
use crate::spec::{Demand, Taking};
use crate::topology::Topology;

/// The faults of a run on one server.
const PER_RUN: usize = 45;
/// The faults of a run under sentinels, which take seconds each.
const PER_WATCHED_RUN: usize = 5;
/// One run of so many is under sentinels.
const WATCHED: usize = 4;

/// Returns runs with so many faults in all.
#[must_use]
pub fn runs(seed: u64, faults: usize) -> Vec<Scenario> {
    let mut rng = Rng::with_seed(seed);
    let mut runs = Vec::new();
    let mut left = faults;
    while left > 0 {
        let is_watched = runs.len() % WATCHED == WATCHED - 1;
        let count = left.min(if is_watched { PER_WATCHED_RUN } else { PER_RUN });
        left -= count;
        runs.push(if is_watched { watched(&mut rng, count) } else { one_server(&mut rng, count) });
    }
    runs
}

/// Returns a limit, and the demand of four hosts from 1.2 to 3 times of it.
fn limit_and_demand(rng: &mut Rng) -> (u64, Vec<Demand>) {
    // Few units are as likely as many.
    let limit = 1 << rng.u32(0..12);
    let limit = rng.u64(limit..2 * limit);
    let percent = rng.u64(120..300);
    (limit, vec![Demand::Rate(limit * percent / 800 + 1); 4])
}

fn one_server(rng: &mut Rng, count: usize) -> Scenario {
    let period = Duration::from_millis(200);
    let (limit, demand) = limit_and_demand(rng);
    let mut faults = Vec::new();
    let mut window = 1;
    for _ in 0..count {
        let time = period * rng.u32(1..35) / 10;
        let fault = match rng.u8(0..11) {
            0 | 1 => Fault::KillServer(time / 4),
            2 => Fault::FlushAll,
            3 => Fault::ScriptFlush,
            4 => Fault::DeleteKeys,
            5 => Fault::Evict,
            6 => Fault::FreezeServer(time),
            7 => Fault::FreezeHost(rng.usize(0..4), time),
            8 => Fault::RestartHost(rng.usize(0..4)),
            9 => Fault::CutNext(rng.u64(1..6)),
            _ => Fault::CutPerMille(rng.u64(0..200)),
        };
        faults.push(Planned { window, percent: rng.u64(0..100), fault });
        // The next one may come before the hosts have got over this one.
        window += 1 + rng.u64(0..4) + u64::from(rng.bool()) * 2;
    }
    Scenario {
        topology: Topology::Proxied,
        period,
        limit,
        demand,
        windows: window + 4,
        faults,
        slow_ppm: vec![0, 300, -300],
        taking: if rng.u8(0..3) == 0 { Taking::Reserve } else { Taking::Consume },
        life: if rng.u8(0..3) == 0 { period * rng.u32(2..40) / 10 } else { Duration::ZERO },
        // Threads take for a component each.
        component_limits: match rng.u8(0..3) {
            0 => vec![(limit * rng.u64(40..110) / 100).max(1); 2],
            _ => Vec::new(),
        },
        ..Scenario::default()
    }
}

fn watched(rng: &mut Rng, count: usize) -> Scenario {
    let (limit, demand) = limit_and_demand(rng);
    let mut faults = Vec::new();
    let mut window = 1;
    for _ in 0..count {
        let time = Duration::from_millis(rng.u64(500..4_000));
        let server = rng.usize(0..3);
        let fault = match rng.u8(0..3) {
            0 => Fault::FreezeOneServer(server, time),
            1 => Fault::FreezeHost(rng.usize(0..4), time / 2),
            _ => Fault::KillOneServer(server, time),
        };
        faults.push(Planned { window, percent: rng.u64(0..100), fault });
        window += 4 + rng.u64(0..8);
    }
    Scenario {
        topology: Topology::Sentinels { replicas: 2, wait: 2 },
        period: Duration::from_millis(500),
        limit,
        demand,
        windows: window + 8,
        faults,
        ..Scenario::default()
    }
}

#[cfg(test)]
mod tests {
    use super::runs;

    #[test]
    fn a_seed_gives_the_same_faults_again_and_all_of_them() {
        let faults =
            |seed| runs(seed, 500).into_iter().flat_map(|run| run.faults).collect::<Vec<_>>();
        assert_eq!(faults(7), faults(7));
        assert_ne!(faults(7), faults(8));
        assert_eq!(faults(7).len(), 500);
    }
}
