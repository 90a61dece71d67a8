//! A program in C, compiled once, and one run of it.

use std::sync::LazyLock;

use integration_tests::PLENTY_MS;
use limits_core::{ResourceLimits, WasmError};
use limits_wasmtime::wasmtime::component::{Component, Linker};
use limits_wasmtime::{ComponentExecutor, ExecutionFailure, HasLimits, create_engine};
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::{I32Exit, WasiCtxBuilder};

use crate::compiler;

/// The export of a command.
const RUN: &str = "wasi:cli/run@0.2.6#run";
/// Bytes that a program may print.
const OUTPUT_BYTES: usize = 1024 * 1024;

/// The executor of all programs.
pub(crate) static EXECUTOR: LazyLock<ComponentExecutor> = LazyLock::new(|| {
    ComponentExecutor::new(create_engine().expect("an engine")).expect("fuel is on")
});

/// A compiled program.
#[derive(Clone)]
pub(crate) struct Program(Component);

/// The end of a run, as far as it must not differ.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Ending {
    /// `main` returned zero, or `exit(0)`.
    Success,
    /// An exit code.
    Exit(i32),
    /// A trap, by its words.
    Trap(String),
    /// The deadline.
    Timeout,
    /// Any other end.
    Other(String),
}

/// One run.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Ran {
    pub(crate) ending: Ending,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The streams of one run.
#[derive(Clone)]
pub(crate) struct Streams {
    pub(crate) stdout: MemoryOutputPipe,
    pub(crate) stderr: MemoryOutputPipe,
}

/// Makes limits that no program here meets but by spinning.
pub(crate) fn limits(timeout_ms: u64) -> ResourceLimits {
    ResourceLimits::builder()
        .memory_bytes(16 * 1024 * 1024)
        .max_fuel(u64::MAX)
        .execution_timeout_ms(timeout_ms)
        .build()
        .expect("memory is given")
}

/// The limits of most runs.
pub(crate) fn wide_limits() -> ResourceLimits {
    limits(PLENTY_MS)
}

impl Program {
    /// Compiles `NAME.c` of the folder of programs.
    pub(crate) fn compile(name: &str) -> Self {
        Self::of_module(&compiler::program(name))
    }

    /// Compiles a core module of WASI preview 1.
    pub(crate) fn of_module(module: &[u8]) -> Self {
        let component = EXECUTOR.compile(&compiler::component(module));
        Self(component.expect("the engine has what clang emits"))
    }

    /// Runs the program once. `state` gets a context with arguments and streams.
    pub(crate) async fn run<T: HasLimits + Send + 'static>(
        &self,
        linker: &Linker<T>,
        limits: &ResourceLimits,
        args: &[&str],
        state: impl FnOnce(&mut WasiCtxBuilder, &Streams) -> T,
    ) -> Ran {
        let prepared = EXECUTOR.prepare(&self.0, linker).expect("WASI is linked");
        let streams = Streams {
            stdout: MemoryOutputPipe::new(OUTPUT_BYTES),
            stderr: MemoryOutputPipe::new(OUTPUT_BYTES),
        };
        let mut context = WasiCtxBuilder::new();
        context.arg("program").args(args);
        let state = state(&mut context, &streams);
        let ended = EXECUTOR
            .execute_with_limits::<_, (), (Result<(), ()>,)>(&prepared, limits, state, RUN, ())
            .await;
        let ending = match ended {
            Ok(done) if done.output.0.is_ok() => Ending::Success,
            Ok(_) => Ending::Exit(1),
            Err(failure) => Ending::of(&failure),
        };
        let text = |pipe: MemoryOutputPipe| {
            String::from_utf8(pipe.contents().to_vec()).expect("programs print text")
        };
        Ran { ending, stdout: text(streams.stdout), stderr: text(streams.stderr) }
    }
}

impl Ending {
    fn of(failure: &ExecutionFailure) -> Self {
        match failure.error() {
            WasmError::ExecutionTimeout { .. } => Self::Timeout,
            WasmError::Host(error) => match error.downcast_ref() {
                Some(I32Exit(0)) => Self::Success,
                Some(I32Exit(code)) => Self::Exit(*code),
                None => Self::Other(error.to_string()),
            },
            error if matches!(error, WasmError::Trap { .. }) => Self::Trap(error.to_string()),
            error => Self::Other(error.to_string()),
        }
    }
}
