//! A component, compiled and linked, ready to run any number of times.

use limits_config::format_size;
use limits_core::{ResourceLimits, WasmError};
use limits_wasmtime::{ComponentExecutor, ExecutionReport, PreparedComponent};
use quota_wasi::{StoreUsage, WasiQuota};

use crate::address_space;
use crate::args::GuestArgs;
use crate::background::in_background;
use crate::guest::account::RunAccount;
use crate::guest::compiling::Compiling;
use crate::guest::invoke::{Call, Wanted, write_results};
use crate::guest::store_data::StoreData;
use crate::guest::wasi::{self, Grants};
use crate::guest::{imports, stubs};
use crate::inputs::cache;
use crate::inputs::component_file::ComponentFile;
use crate::inputs::manifest::Terms;
use crate::interrupt::Interrupt;
use crate::outcome::Outcome;
use crate::outcome::classify::Ending;
use crate::outcome::failure::Failure;
use crate::progress;
use crate::quote::quoted;
use crate::report::phases::{CompilePhase, Confined};
use crate::stdio::Stdio;
use crate::stdio::stdin_pipe::REPLAY;

/// The record of one execution.
#[derive(Clone, Debug)]
pub(crate) struct RunRecord {
    pub(crate) ending: Ending,
    /// The result of an invoked function, in WAVE.
    pub(crate) result: Option<String>,
    pub(crate) used: ExecutionReport,
    /// Its output, descriptors and listings.
    pub(crate) usage: StoreUsage,
}

/// A component that is ready to run.
pub(crate) struct Session {
    executor: ComponentExecutor,
    prepared: PreparedComponent<StoreData>,
    call: Call,
    grants: Grants,
    /// The compilation, in numbers.
    compiled: CompilePhase,
}

impl Session {
    /// Parses the call, then compiles and links the component and finds the called export. A large
    /// component takes seconds to compile: with `is_shown`, stderr has a note meanwhile. `terms`
    /// are those of its file. `notices` get what the user should know of the cache and the worker.
    ///
    /// # Errors
    ///
    /// A [`Failure`]; [`Failure::Interrupted`] after an interrupt.
    pub(crate) async fn open(
        terms: &Terms,
        file: ComponentFile,
        args: &GuestArgs,
        interrupt: &Interrupt,
        is_shown: bool,
        notices: &mut Vec<String>,
    ) -> Result<Self, Failure> {
        let max_memory = terms.effective.limits().max_memory_bytes();
        let (name, id) = (&terms.name, terms.effective.id().to_string());
        let note = format!(
            "compiling {name}, {}",
            format_size(u64::try_from(file.len()).unwrap_or(u64::MAX))
        );
        let wanted = args.invoke.as_deref().map(Wanted::parse).transpose()?;
        let stubs_imports = args.stub_imports;
        let grants = Grants::new(name, args);
        let compiling = Compiling::new(&args.compiling, &terms.compile);
        let (cache, dirs) = (args.cache.clone(), args.dirs.clone());
        let open = move |cache| {
            let compiling = compiling.with_cache(cache);
            let engine = address_space::engine(max_memory);
            let compiler = compiling.compiler(engine.settings());
            let executor = ComponentExecutor::new(engine.build()?)?.with_fair_slices();
            let source = file.source();
            let is_checked = stubs_imports || imports::check_early(source.bytes())?;
            let compiled = compiler
                .compile(&executor, &id, source)
                .map_err(|error| Failure::compiling(&file.path, error))?;
            if !is_checked {
                imports::check(compiled.translated.as_deref().unwrap_or(source.bytes()))?;
            }
            let component = compiled.component;
            let call = match wanted {
                Some(wanted) => {
                    wanted.find(&component).map_err(|error| error.hidden(compiled.adapted))?
                }
                None => Call::command(&component)?,
            };
            let mut linker = wasi::linker(executor.engine())?;
            if stubs_imports {
                stubs::link(&mut linker, &component).map_err(|error| {
                    let reason = quoted(&format!("cannot stand in for its imports: {error}"));
                    WasmError::InvalidComponent { reason }
                })?;
            }
            let prepared = executor.prepare(&component, &linker)?;
            let compiled = CompilePhase::from(&compiled.report);
            Ok(Self { executor, prepared, call, grants, compiled })
        };
        let opening = in_background("compiling", interrupt, move || {
            let (cache, notice) = cache::open(&cache, &dirs);
            (notice, open(cache))
        });
        let (notice, opened) = progress::with_note(is_shown, || note.clone(), opening).await?;
        notices.extend(notice);
        let lacks = |session: &Self| session.compiled.confinement.and_then(Confined::lacks);
        notices.extend(opened.as_ref().ok().and_then(lacks).map(|lacks| {
            format!("the component was compiled without {lacks}, which this kernel lacks")
        }));
        opened
    }

    /// Returns the compilation, in numbers.
    pub(crate) fn compiled(&self) -> &CompilePhase {
        &self.compiled
    }

    /// Runs the component once, in a store of its own that takes from `account`, with the
    /// directories of `wasi`.
    ///
    /// # Errors
    ///
    /// A [`Failure`] if the input is too long to be repeated. The end of the guest itself is in the
    /// [`RunRecord`].
    pub(crate) async fn run(
        &self,
        limits: &ResourceLimits,
        account: &RunAccount,
        wasi: &WasiQuota,
        stdio: &Stdio,
        interrupt: &Interrupt,
    ) -> Result<RunRecord, Failure> {
        let mut run = self.execute(limits, account, wasi, stdio, interrupt).await;
        if stdio.stdin.was_cut_short() {
            return Err(Failure::InputTooLong { most: REPLAY });
        }
        if let (Outcome::Cancelled, Some(by)) = (run.ending.outcome, interrupt.stopped_by()) {
            run.ending = Ending::because(Outcome::Cancelled, &format!("cancelled by {by}"));
        }
        Ok(run)
    }

    async fn execute(
        &self,
        limits: &ResourceLimits,
        account: &RunAccount,
        wasi: &WasiQuota,
        stdio: &Stdio,
        interrupt: &Interrupt,
    ) -> RunRecord {
        let quota = wasi.store(limits);
        let usage = quota.usage();
        let data = StoreData::new(limits, self.grants.context(stdio, &quota), quota, account);
        let _watch = interrupt.cancels(data.cancel_handle());
        let failure = match &self.call {
            Call::Command { export } => {
                let ended = self
                    .executor
                    .execute_with_limits::<_, (), (Result<(), ()>,)>(
                        &self.prepared,
                        limits,
                        data,
                        export,
                        (),
                    )
                    .await;
                match ended {
                    Ok(done) => {
                        let (is_ok,) = done.output;
                        let ending =
                            is_ok.map_or_else(|()| Ending::exit(1), |()| Ending::success());
                        return RunRecord { ending, result: None, used: done.report, usage };
                    }
                    Err(failure) => failure,
                }
            }
            Call::Function { export, params } => {
                let ended = self
                    .executor
                    .execute_dynamic(&self.prepared, limits, data, export, params)
                    .await;
                match ended {
                    Ok(done) => {
                        let result = write_results(&done.output);
                        let ending = Ending::success();
                        return RunRecord { ending, result, used: done.report, usage };
                    }
                    Err(failure) => failure,
                }
            }
        };
        let (error, used) = failure.into_parts();
        RunRecord { ending: Ending::of(&error, Some(&used)), result: None, used, usage }
    }
}
