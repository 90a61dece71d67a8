//! A run: servers, hosts, faults, and the history that is left.

use core::fmt;
use core::ops::Range;
use core::time::Duration;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::checker::{Question, Verdict};
use crate::fault::{Fault, Planned};
use crate::history::History;
use crate::process::Process;
use crate::spec::{Demand, HostSpec, Limiter, OnLoss, Plant, Taking};
use crate::topology::{Servers, Topology};
use crate::window::Windows;

/// The time that hosts have to start and register before the first take.
const LEAD: Duration = Duration::from_millis(1_500);
/// The windows that are run, and not measured, before those that are.
const WARM: u64 = 2;

/// A run of hosts under faults.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "written with `..Scenario::default()`")]
pub struct Scenario {
    /// The arrangement of servers.
    pub topology: Topology,
    /// The limiter of the hosts.
    pub limiter: Limiter,
    /// The length of a window.
    pub period: Duration,
    /// The limit of all hosts in a window.
    pub limit: u64,
    /// The demand of each host's threads; its length is the number of hosts.
    pub demand: Vec<Demand>,
    /// The threads of a host.
    pub threads: usize,
    /// The windows that are measured.
    pub windows: u64,
    /// The faults, in order.
    pub faults: Vec<Planned>,
    /// The drift of each host's clock in millionths, in turn; a slow clock is positive.
    pub slow_ppm: Vec<i64>,
    /// The lead of each host's wall clock, in turn, in microseconds.
    pub ahead_us: Vec<i64>,
    /// The lead of each host's monotonic clocks, in turn, in seconds: by a time namespace, so it
    /// needs root. 0 runs the host as it is.
    pub ahead_boot_s: Vec<u64>,
    /// The takes of the hosts' threads.
    pub taking: Taking,
    /// The time after which each host leaves the cluster and joins again; zero for never.
    pub life: Duration,
    /// Rules that the hosts break.
    pub plants: Vec<Plant>,
    /// The limits of components under a shared quota over all of them, which has the limit. Each
    /// thread takes for one of them, in turn. Empty for one component that has the limit.
    pub component_limits: Vec<u64>,
    /// The hosts' policy while the store is away.
    pub on_loss: OnLoss,
}

impl Default for Scenario {
    /// Returns four hosts of two threads under three times the limit of 2 000 in 200 ms, over 60
    /// windows.
    fn default() -> Self {
        Self {
            topology: Topology::Single,
            limiter: Limiter::Cluster,
            period: Duration::from_millis(200),
            limit: 2_000,
            demand: vec![Demand::Rate(750); 4],
            threads: 2,
            windows: 60,
            faults: Vec::new(),
            slow_ppm: vec![0],
            ahead_us: vec![0],
            ahead_boot_s: vec![0],
            taking: Taking::Consume,
            life: Duration::ZERO,
            plants: Vec::new(),
            component_limits: Vec::new(),
            on_loss: OnLoss::Closed,
        }
    }
}

/// The outcome of a run.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "a report")]
pub struct Outcome {
    /// The verdict of the checker.
    pub verdict: Verdict,
    /// The counts of all processes.
    pub history: History,
    /// The windows that were measured.
    pub measured: Range<u64>,
    /// The faults, with the windows that they began in.
    pub faults: Vec<(u64, Fault)>,
    /// Calls of scripts that the server has counted, if it lived through the run.
    pub calls: u64,
    /// Replies that proxies have cut.
    pub cuts: u64,
    /// Hosts that ended with a failure, and why.
    pub failures: Vec<String>,
    /// The hosts' logs.
    pub logs: Vec<String>,
}

/// A run that goes on.
#[derive(Debug)]
struct Run<'a> {
    scenario: &'a Scenario,
    program: &'a Path,
    /// Before the servers: hosts end first.
    hosts: Vec<Process>,
    servers: Servers,
    folder: TempDir,
    windows: Windows,
    measured: Range<u64>,
    starts: usize,
}

impl Scenario {
    /// Runs the scenario; `program` is the binary of this package.
    ///
    /// # Errors
    ///
    /// A server or a host does not start, or a fault cannot be carried out.
    pub fn run(&self, program: &Path) -> io::Result<Outcome> {
        let servers = Servers::start(self.topology)?;
        let windows = Windows::new(self.period);
        let lead = LEAD.as_micros().div_ceil(self.period.as_micros().max(1));
        let lead = u64::try_from(lead).map_err(io::Error::other)?.max(2);
        let first = windows.now() + 1 + lead + WARM;
        let mut run = Run {
            scenario: self,
            program,
            hosts: Vec::new(),
            servers,
            folder: tempfile::tempdir()?,
            windows,
            measured: first..first + self.windows,
            starts: 0,
        };
        for host in 0..self.demand.len() {
            let process = run.start_host(host)?;
            run.hosts.push(process);
        }
        let faults = run.suffer()?;
        run.finish(faults)
    }
}

impl Run<'_> {
    fn start_host(&mut self, host: usize) -> io::Result<Process> {
        let scenario = self.scenario;
        let folder = self.folder.path().join(format!("host-{host}-{}", self.starts));
        self.starts += 1;
        fs::create_dir(&folder)?;
        let in_turn = |list: &[i64]| list.get(host % list.len().max(1)).copied().unwrap_or(0);
        let begin = self.windows.moment_us(self.measured.start - WARM, 0);
        let end = self.windows.moment_us(self.measured.end, 0);
        let spec = HostSpec {
            store: self.servers.store(host)?,
            limiter: scenario.limiter,
            period_us: u64::try_from(scenario.period.as_micros()).map_err(io::Error::other)?,
            limit: scenario.limit,
            threads: scenario.threads,
            demand: scenario.demand.get(host).copied().unwrap_or(Demand::Rate(0)),
            places: self.measured.start - WARM - 1..self.measured.end + 50,
            folder: folder.clone(),
            takes_us: begin..end,
            slow_ppm: in_turn(&scenario.slow_ppm),
            ahead_us: in_turn(&scenario.ahead_us),
            taking: scenario.taking,
            life_us: u64::try_from(scenario.life.as_micros()).map_err(io::Error::other)?,
            plants: scenario.plants.clone(),
            component_limits: scenario.component_limits.clone(),
            on_loss: scenario.on_loss,
            max_hosts: u32::try_from(scenario.demand.len()).map_err(io::Error::other)?,
        };
        let orders = folder.join("orders.json");
        fs::write(&orders, serde_json::to_vec(&spec)?)?;
        let ahead = &scenario.ahead_boot_s;
        let mut command = match ahead.get(host % ahead.len().max(1)) {
            None | Some(0) => Command::new(self.program),
            Some(seconds) => {
                let mut command = Command::new("unshare");
                let seconds = seconds.to_string();
                command.args(["--time", "--boottime", &seconds, "--monotonic", &seconds]);
                command.arg("--").arg(self.program);
                command
            }
        };
        let log = fs::File::create(folder.join("log"))?;
        command.arg("host").arg(&orders);
        Process::start(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log))
    }

    /// Carries out the faults, and returns the windows that they began in.
    fn suffer(&mut self) -> io::Result<Vec<(u64, Fault)>> {
        let mut begun = Vec::new();
        for planned in &self.scenario.faults {
            let window = self.measured.start + planned.window;
            // A fault that the one before has delayed happens as soon as that is over.
            self.windows.sleep_until(window, planned.percent);
            let now = self.windows.now();
            match &planned.fault {
                Fault::FreezeHost(host, time) => {
                    let process = self.hosts.get(*host).ok_or_else(|| no_host(*host))?;
                    process.freeze()?;
                    std::thread::sleep(*time);
                    process.thaw()?;
                }
                Fault::RestartHost(host) => {
                    let fresh = self.start_host(*host)?;
                    let old = self.hosts.get_mut(*host).ok_or_else(|| no_host(*host))?;
                    core::mem::replace(old, fresh).kill()?;
                }
                fault => self.servers.suffer(fault)?,
            }
            begun.push((now, planned.fault.clone()));
        }
        Ok(begun)
    }

    fn finish(mut self, faults: Vec<(u64, Fault)>) -> io::Result<Outcome> {
        let ended: Vec<_> = self.hosts.iter_mut().map(Process::join).collect();
        let failures = ended.into_iter().filter_map(Result::err).map(|error| error.to_string());
        let mut failures: Vec<String> = failures.collect();
        let logs = self.logs()?;
        if !failures.is_empty() {
            failures.extend(logs.iter().cloned());
        }
        let proxy = self.servers.proxy();
        let question = Question {
            limit: self.scenario.limit,
            measured: self.measured.clone(),
            charged: proxy.map(crate::proxy::Proxy::charged),
        };
        let calls = self.servers.server().and_then(|server| {
            Ok(server.calls("evalsha")? + server.calls("eval")? + server.calls("incr")?)
        });
        let history = History::read(self.folder.path())?;
        Ok(Outcome {
            verdict: Verdict::of(&history, &question),
            history,
            measured: self.measured.clone(),
            faults,
            calls: calls.unwrap_or(0),
            cuts: proxy.map_or(0, crate::proxy::Proxy::cuts),
            failures,
            logs,
        })
    }

    /// Returns what the hosts have said.
    fn logs(&self) -> io::Result<Vec<String>> {
        let mut logs = Vec::new();
        for entry in fs::read_dir(self.folder.path())? {
            let folder: PathBuf = entry?.path();
            let text = fs::read_to_string(folder.join("log"))?;
            if !text.is_empty() {
                logs.push(format!("{}:\n{text}", folder.display()));
            }
        }
        Ok(logs)
    }
}

fn no_host(host: usize) -> io::Error {
    io::Error::other(format!("there is no host {host}"))
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.verdict)?;
        for (window, fault) in &self.faults {
            let at = window.saturating_sub(self.measured.start);
            writeln!(f, "  window {window} (+{at}): {fault}")?;
        }
        for failure in &self.failures {
            writeln!(f, "  failed: {failure}")?;
        }
        Ok(())
    }
}
