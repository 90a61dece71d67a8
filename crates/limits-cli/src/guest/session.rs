//! A component, compiled and linked, ready to run any number of times.

use limits_config::format_size;
use limits_core::{ResourceLimits, WasmError};
use limits_wasmtime::{ComponentExecutor, ExecutionReport, PreparedComponent};
use quota_wasi::{StoreUsage, WasiQuota};

use crate::address_space;
use crate::args::GuestArgs;
use crate::background::in_background;
use crate::guest::account::RunAccount;
use crate::guest::invoke::{Call, Wanted, write_results};
use crate::guest::store_data::StoreData;
use crate::guest::wasi::{self, Grants};
use crate::guest::{imports, stubs};
use crate::inputs::binary::ComponentBinary;
use crate::inputs::component_file::ComponentFile;
use crate::interrupt::Interrupt;
use crate::outcome::Outcome;
use crate::outcome::classify::Ending;
use crate::outcome::failure::Failure;
use crate::progress;
use crate::quote::quoted;
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
}

impl Session {
    /// Parses the call, then compiles and links the component and finds the called export. A large
    /// component takes seconds to compile: with `is_shown`, stderr has a note meanwhile. `limits`
    /// are those of its file.
    ///
    /// # Errors
    ///
    /// A [`Failure`]; [`Failure::Interrupted`] after an interrupt.
    pub(crate) async fn open(
        name: &str,
        file: ComponentFile,
        args: &GuestArgs,
        limits: &ResourceLimits,
        interrupt: &Interrupt,
        is_shown: bool,
    ) -> Result<Self, Failure> {
        let max_memory = limits.max_memory_bytes();
        let note = format!(
            "compiling {name}, {}",
            format_size(u64::try_from(file.len()).unwrap_or(u64::MAX))
        );
        let wanted = args.invoke.as_deref().map(Wanted::parse).transpose()?;
        let stubs_imports = args.stub_imports;
        let grants = Grants::new(name, args);
        let opening = in_background("compiling", interrupt, move || {
            let executor = ComponentExecutor::new(address_space::engine(max_memory)?)?;
            let ComponentBinary { bytes, adapted } = file.into_component()?;
            executor.check_structure(&bytes)?;
            if !stubs_imports {
                imports::check(&bytes)?;
            }
            let component = executor.compile(&bytes)?;
            let call = match wanted {
                Some(wanted) => wanted.find(&component).map_err(|error| error.hidden(adapted))?,
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
            Ok(Self { executor, prepared, call, grants })
        });
        progress::with_note(is_shown, || note.clone(), opening).await.flatten()
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
