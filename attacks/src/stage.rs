//! Attacks through the public API, beside a neighbour.

use core::str::FromStr as _;
use core::time::Duration;
use std::sync::Arc;
use std::time::Instant;

use limits_compile::{Compiler, Source, WorkerProgram};
use limits_config::{ComponentName, LoadedComponent, Policy};
use limits_wasmtime::{ComponentExecutor, EngineBuilder, EngineSettings, PreparedComponent};
use quota_enforce::{ConfiguredComponent, QuotaRegistry};
use quota_wasi::WasiQuota;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use wasmtime::component::Val;

use crate::folder::Folder;
use crate::guest_case::GuestCase;
use crate::host::{self, Host};
use crate::measured::Measured;
use crate::neighbour::Neighbour;
use crate::outcome::Outcome;
use crate::resident::Growth;
use crate::vector::OffCase;
use crate::{Result, binaries, wat};

/// One engine, two threads and a neighbour, for attacks one after another.
#[derive(Debug)]
pub struct Stage {
    executor: ComponentExecutor,
    settings: EngineSettings,
    worker: WorkerProgram,
    neighbour: Neighbour,
    runtime: Runtime,
}

impl Stage {
    /// Makes the engine and the threads, and starts the neighbour.
    ///
    /// # Errors
    ///
    /// If the host lacks a resource, or the worker of limits-compile was not built.
    pub fn new() -> Result<Self> {
        let builder = EngineBuilder::new();
        let settings = builder.settings();
        let executor = ComponentExecutor::new(builder.build()?)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .max_blocking_threads(8)
            .enable_all()
            .build()?;
        let neighbour = Neighbour::start(&executor, &runtime)?;
        let worker = WorkerProgram::new(binaries::find("limits-compile-worker")?);
        let stage = Self { executor, settings, worker, neighbour, runtime };
        // The first attack would pay for what a process needs once.
        let nothing = GuestCase::new(wat::run(""), &[Outcome::Success]);
        let measured = stage.attack(&nothing)?;
        match measured.outcome() {
            Some(Outcome::Success) => Ok(stage),
            _ => Err(measured.message.into()),
        }
    }

    /// Returns the neighbour.
    #[must_use]
    pub const fn neighbour(&self) -> &Neighbour {
        &self.neighbour
    }

    /// Carries an attack out and measures it.
    ///
    /// # Errors
    ///
    /// If it could not be carried out.
    pub fn attack(&self, case: &GuestCase) -> Result<Measured> {
        let (folder, registry) = (Folder::of(case)?, case.registry()?);
        let growth = Growth::watch();
        let id = ComponentName::from_str("attacker")?;
        let measured = self.attack_in(&folder, &id, case, &registry);
        Ok(Measured { growth: growth.end(), ..measured? })
    }

    /// Carries an attack out as the component `id`, which is registered meanwhile, and measures it
    /// but for the growth of the process.
    ///
    /// # Errors
    ///
    /// If it could not be carried out.
    pub fn attack_as(
        &self,
        id: &ComponentName,
        case: &GuestCase,
        registry: &QuotaRegistry,
    ) -> Result<Measured> {
        self.attack_in(&Folder::of(case)?, id, case, registry)
    }

    fn attack_in(
        &self,
        folder: &Folder,
        id: &ComponentName,
        case: &GuestCase,
        registry: &QuotaRegistry,
    ) -> Result<Measured> {
        let policy = case.operator()?;
        let loaded = LoadedComponent::read(folder.component())?;
        let component = registry.register_effective(&loaded.effective(&policy, Some(id)))?;
        let handle = component.handle.clone();
        let wasi = host::open(&component, case.services, folder)?;
        let mut measured = Measured {
            deadline: component.limits.execution_timeout(),
            allowed_memory: component
                .limits
                .max_memory_bytes()
                .saturating_mul(u64::from(case.at_once)),
            ..Measured::default()
        };

        let mark = self.neighbour.mark();
        let start = Instant::now();
        let prepared = self.prepare(&policy, loaded.code(), &mut measured);
        measured.compile = start.elapsed();
        if let Some(prepared) = prepared? {
            let start = Instant::now();
            let attack = Attack {
                executor: self.executor.clone(),
                prepared,
                component,
                wasi,
                export: case.export,
                arguments: case.arguments.iter().map(|argument| argument.value()).collect(),
            };
            self.execute(attack, case, &mut measured)?;
            measured.whole = start.elapsed();
        }
        measured.window_cpu_time =
            handle.peak_usage().map(|usage| usage.cpu_time_used()).unwrap_or_default();
        measured.neighbour = Some(self.neighbour.since(mark));
        registry.unregister(id.as_str())?;
        Ok(measured)
    }

    /// Tries to compile a component whose feature is off. Returns the error.
    ///
    /// # Errors
    ///
    /// If it was compiled.
    pub fn refuse(&self, case: &OffCase) -> Result<String> {
        let compiler = self.compiler(&Policy::default());
        match compiler.compile(&self.executor, "off", Source::new(case.text.as_bytes()).with_text())
        {
            Ok(_) => Err("was compiled".into()),
            Err(error) => Ok(error.to_string()),
        }
    }

    /// Ends the neighbour and the threads.
    pub fn end(self) {
        self.runtime.block_on(self.neighbour.stop());
        self.runtime.shutdown_timeout(Duration::from_secs(10));
    }

    fn compiler(&self, policy: &Policy) -> Compiler {
        let settings = policy.compile();
        Compiler::worker(self.worker.clone(), self.settings)
            .with_structure(settings.structure())
            .with_budget(settings.budget())
    }

    fn prepare(
        &self,
        policy: &Policy,
        code: &[u8],
        measured: &mut Measured,
    ) -> Result<Option<PreparedComponent<Host>>> {
        let source = Source::new(code).with_text();
        let compiled = match self.compiler(policy).compile(&self.executor, "attacker", source) {
            Ok(compiled) => compiled,
            Err(error) => {
                measured.record(Outcome::of_compiling(&error), error.to_string());
                return Ok(None);
            }
        };
        measured.compile_peak = compiled.report.peak_memory;
        let linker = host::linker(self.executor.engine())?;
        match self.executor.prepare(&compiled.component, &linker) {
            Ok(prepared) => Ok(Some(prepared)),
            Err(error) => {
                measured.record(Outcome::of(&error), error.to_string());
                Ok(None)
            }
        }
    }

    fn execute(&self, attack: Attack, case: &GuestCase, measured: &mut Measured) -> Result<()> {
        let attack = Arc::new(attack);
        self.runtime.block_on(async {
            let mut live = JoinSet::new();
            for _ in 0..case.runs {
                if live.len() >= usize::try_from(case.at_once)?
                    && let Some(ended) = live.join_next().await
                {
                    measured.add(ended?);
                }
                live.spawn(Arc::clone(&attack).once());
            }
            while let Some(ended) = live.join_next().await {
                measured.add(ended?);
            }
            Ok(())
        })
    }
}

/// A component that is ready for its executions.
struct Attack {
    executor: ComponentExecutor,
    prepared: PreparedComponent<Host>,
    component: ConfiguredComponent,
    wasi: WasiQuota,
    export: &'static str,
    arguments: Vec<Val>,
}

/// The end of one execution.
struct Ended {
    outcome: Outcome,
    message: String,
    elapsed: Duration,
    cpu_time: Duration,
}

impl Attack {
    async fn once(self: Arc<Self>) -> Ended {
        let state = Host::new(&self.component, &self.wasi);
        let start = Instant::now();
        let ended = self
            .executor
            .execute_dynamic(
                &self.prepared,
                &self.component.limits,
                state,
                self.export,
                &self.arguments,
            )
            .await;
        let elapsed = start.elapsed();
        let (outcome, message, report) = match ended {
            Ok(done) => (Outcome::Success, String::new(), done.report),
            Err(failure) => {
                let message = failure.to_string();
                let (error, report) = failure.into_parts();
                (Outcome::of(&error), message, report)
            }
        };
        Ended { outcome, message, elapsed, cpu_time: report.cpu_time }
    }
}

impl Measured {
    fn add(&mut self, ended: Ended) {
        self.longest = self.longest.max(ended.elapsed);
        self.cpu_time += ended.cpu_time;
        self.record(ended.outcome, ended.message);
    }

    fn record(&mut self, outcome: Outcome, message: String) {
        *self.outcomes.entry(outcome).or_default() += 1;
        if outcome != Outcome::Success {
            self.message = message;
        }
    }
}
