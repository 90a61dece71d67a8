//! The figures that the design promises, each measured and judged.

use core::time::Duration;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use quota_cluster::{LeaseStore as _, Question, RedisSettings, RedisStore};

use crate::callers;
use crate::catalogue::stopped_hosts;
use crate::checker::Verdict;
use crate::fault::{Fault, every};
use crate::scenario::Scenario;
use crate::server::RedisServer;
use crate::spec::Demand;
use crate::topology::Topology;

/// One line of the table.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a line of a table")]
pub struct Figure {
    /// The case and the target.
    pub target: String,
    /// The measured figure, with its unit.
    pub measured: String,
    /// Whether the target is met.
    pub is_met: bool,
}

/// A group of figures of one run.
pub type Group = fn(&Path) -> io::Result<Vec<Figure>>;

/// All groups, in order.
pub const GROUPS: &[Group] = &[
    |program| steady(program, 1_000, 10_000, Load::Even(90), 98.5, Some(0.02)),
    |program| steady(program, 1_000, 10_000, Load::Even(100), 98.5, Some(0.02)),
    |program| steady(program, 1_000, 10_000, Load::Even(150), 99.9, Some(0.02)),
    |program| steady(program, 1_000, 10_000, Load::Skewed(150), 99.0, Some(0.02)),
    |program| steady(program, 1_000, 100_000, Load::Even(150), 99.9, Some(0.002)),
    |program| steady(program, 1_000, 1_000, Load::Even(100), 95.0, None),
    |program| steady(program, 100, 1_000, Load::Even(100), 94.0, None),
    |program| steady(program, 100, 1_000, Load::Skewed(90), 90.0, None),
    |program| steady(program, 100, 100, Load::Even(100), 90.0, None),
    lost_by_a_loss,
    lost_by_cuts,
    stops,
    one_question,
];

/// The groups of what callers notice.
pub const CALLERS: &[Group] = &[callers::waits, callers::takes];

/// The demand of eight hosts, in hundredths of the limit.
#[derive(Clone, Copy, Debug)]
enum Load {
    Even(u64),
    /// 65 % of it on one host.
    Skewed(u64),
}

fn steady(
    program: &Path,
    period_ms: u64,
    limit: u64,
    load: Load,
    least: f64,
    most_trips: Option<f64>,
) -> io::Result<Vec<Figure>> {
    let (demand, name) = match load {
        Load::Even(percent) => (vec![limit * percent / 100 / 8; 8], format!("{percent} %")),
        Load::Skewed(percent) => {
            let all = limit * percent / 100;
            let mut demand = vec![all * 5 / 100; 8];
            demand.splice(..1, [all * 65 / 100]);
            (demand, format!("{percent} % skewed"))
        }
    };
    let scenario = Scenario {
        period: Duration::from_millis(period_ms),
        limit,
        demand: demand.into_iter().map(Demand::Rate).collect(),
        threads: 1,
        windows: if period_ms < 1_000 { 60 } else { 12 },
        ..Scenario::default()
    };
    let verdict = scenario.run(program)?.verdict;
    let case = format!("{limit} per {period_ms} ms, demand {name}");
    let mut figures = vec![
        over(&case, &verdict),
        Figure {
            target: format!("{case}: use at least {least} %"),
            measured: format!("{:.2} %", verdict.use_percent),
            is_met: verdict.use_percent >= least,
        },
    ];
    if let Some(most) = most_trips {
        figures.push(Figure {
            target: format!("{case}: round trips per request at most {most}"),
            measured: format!("{:.5}", verdict.round_trips_per_request),
            is_met: verdict.round_trips_per_request <= most,
        });
        figures.push(Figure {
            target: format!("{case}: questions of a host in a window at most 20"),
            measured: format!("{:.1}", verdict.questions_per_host_window),
            is_met: verdict.questions_per_host_window <= 20.0,
        });
        figures.push(first_window(&case, &scenario, &verdict));
    }
    Ok(figures)
}

fn over(case: &str, verdict: &Verdict) -> Figure {
    Figure {
        target: format!("{case}: 0 units over, 0 late"),
        measured: format!("{} over, {} late", verdict.over, verdict.late),
        is_met: verdict.over + verdict.late == 0,
    }
}

/// The first window with takes: the hosts have registered two windows before.
fn first_window(case: &str, scenario: &Scenario, verdict: &Verdict) -> Figure {
    let taken = verdict.rows.values().find(|row| row.asked > 0);
    let (units, most) = taken.map_or((0, 0), |row| (row.units, row.asked.min(scenario.limit)));
    Figure {
        target: format!("{case}: first window after a registration two before, at least 95 %"),
        measured: format!("{units} of {most}"),
        is_met: units * 100 >= most * 95,
    }
}

fn lost_by_a_loss(program: &Path) -> io::Result<Vec<Figure>> {
    let base = losses();
    let mut figures = Vec::new();
    for (name, fault) in
        [("killed, back empty", Fault::KillServer(Duration::ZERO)), ("FLUSHALL", Fault::FlushAll)]
    {
        let scenario = Scenario { faults: every(6, 1, 9, &fault), ..base.clone() };
        let verdict = scenario.run(program)?.verdict;
        let lost = verdict.lost_windows / 9.0;
        figures.push(over(name, &verdict));
        figures.push(Figure {
            target: format!("{name}: at most 0.8 windows of use lost for each of 9"),
            measured: format!("{lost:.2}"),
            is_met: lost <= 0.8,
        });
    }
    Ok(figures)
}

/// A demand of 1.5 times the limit, over 60 windows.
fn losses() -> Scenario {
    Scenario {
        period: Duration::from_millis(300),
        limit: 3_000,
        demand: vec![Demand::Rate(3_000 * 3 / 16); 4],
        ..Scenario::default()
    }
}

fn lost_by_cuts(program: &Path) -> io::Result<Vec<Figure>> {
    let scenario = Scenario {
        topology: Topology::Proxied,
        faults: every(1, 0, 1, &Fault::CutPerMille(50)),
        ..losses()
    };
    let verdict = scenario.run(program)?.verdict;
    // A lease is a tenth of a host's use of a window, and four hosts may have lost one.
    let most = scenario.limit / 10;
    let unreceived = verdict.unreceived.unwrap_or(0);
    Ok(vec![
        over("5 % of replies cut", &verdict),
        Figure {
            target: String::from("5 % of replies cut: use at least 99 %"),
            measured: format!("{:.2} %", verdict.use_percent),
            is_met: verdict.use_percent >= 99.0,
        },
        Figure {
            target: format!("5 % of replies cut: charged and not received at most {most}"),
            measured: unreceived.to_string(),
            is_met: unreceived <= most,
        },
    ])
}

fn stops(program: &Path) -> io::Result<Vec<Figure>> {
    let verdict = stopped_hosts(100).run(program)?.verdict;
    let units: u64 = verdict.rows.values().map(|row| row.units).sum();
    Ok(vec![Figure {
        target: format!("100 stops of a host that takes flat out: 0 late of {units}"),
        measured: format!("{} late", verdict.late),
        is_met: verdict.late == 0,
    }])
}

/// One question in a tight loop, and the server's part of it.
fn one_question(_: &Path) -> io::Result<Vec<Figure>> {
    let server = RedisServer::on_unix_socket(&[])?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut store = RedisStore::new(RedisSettings::new(server.url())).map_err(io::Error::other)?;
    let questions: Vec<_> = (0..16_u8)
        .map(|number| Question {
            key: Arc::from(format!("bench:{{{number}}}")),
            period: Duration::from_secs(1),
            limit: 1_000_000_000,
            want: 10,
            lessee: Arc::from("chaos"),
            ticket: 0,
            give: None,
        })
        .collect();
    let mut time = |count: usize, rounds: u64| -> io::Result<Vec<Duration>> {
        let mut times = Vec::new();
        for round in 1..=rounds {
            let asked: Vec<_> = questions
                .iter()
                .take(count)
                .cloned()
                .map(|question| Question { ticket: round, ..question })
                .collect();
            let start = Instant::now();
            runtime.block_on(store.ask(&asked)).map_err(io::Error::other)?;
            times.push(start.elapsed());
        }
        times.sort_unstable();
        Ok(times)
    };
    let single = time(1, 20_000)?;
    let middle = single.get(single.len() / 2).copied().unwrap_or_default();
    // Most of the time of one question is the way to the server: in a round trip of sixteen it is
    // not.
    time(16, 3_000)?;
    let statistics: String = server.query(redis::cmd("INFO").arg("commandstats"))?;
    let script: f64 = statistics
        .lines()
        .find_map(|line| line.strip_prefix("cmdstat_evalsha:"))
        .and_then(|line| line.split("usec_per_call=").nth(1)?.split(',').next()?.parse().ok())
        .unwrap_or(f64::INFINITY);
    Ok(vec![
        Figure {
            target: String::from("a question on a unix socket: median at most 50 us"),
            measured: format!("{middle:?}"),
            is_met: middle <= Duration::from_micros(50),
        },
        Figure {
            target: String::from("the script: at most 15 us of the server"),
            measured: format!("{script:.1} us"),
            is_met: script <= 15.0,
        },
        Figure {
            target: String::from("leases that the server has time for: at least 50000 a second"),
            measured: format!("{:.0} a second", 1e6 / script),
            is_met: 1e6 / script >= 50_000.0,
        },
    ])
}
