//! The worker's side: compiles one component that its host sends, and ends.
//!
//! The host writes one request to standard input and reads answers from standard output. The worker
//! restricts itself by the request's header, which is the host's, before it reads the request's
//! body, which is a stranger's.
//!
//! # Invariants
//!
//! - I3: from the first byte of the source on, each thread makes no system call but those of
//!   `filter.rs`, where the kernel has such filters.
//! - I4: no descriptor but the two pipes, standard error and two files of /proc about the worker
//!   itself is open then.

#[cfg(target_os = "linux")]
mod confine;
#[cfg(target_os = "linux")]
mod descriptors;
#[cfg(target_os = "linux")]
mod filter;
#[cfg(target_os = "linux")]
mod limits;
#[cfg(target_os = "linux")]
mod output;
#[cfg(target_os = "linux")]
mod restriction;
#[cfg(target_os = "linux")]
mod session;
#[cfg(target_os = "linux")]
mod task;
#[cfg(target_os = "linux")]
mod vitals;
#[cfg(target_os = "linux")]
mod watchdog;

use std::process::ExitCode;

use limits_wasmtime::EngineBuilder;

/// A worker process.
///
/// ```no_run
/// use limits_compile::Worker;
///
/// fn main() -> std::process::ExitCode {
///     // The host's engine has the same change.
///     Worker::new()
///         .engine(|builder| {
///             builder.configure(|config| {
///                 config.wasm_tail_call(true);
///             })
///         })
///         .serve()
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

    /// Makes the change to the engine that the host made with
    /// [`configure`](EngineBuilder::configure).
    #[must_use]
    pub const fn engine(mut self, change: fn(EngineBuilder) -> EngineBuilder) -> Self {
        self.change = change;
        self
    }

    /// Restricts this process, compiles the component that its host sends, answers, and returns the
    /// exit code. Closes all descriptors but the three standard ones.
    ///
    /// The whole of a program's `main`: before it the program opens no file and starts no thread.
    #[must_use]
    pub fn serve(self) -> ExitCode {
        #[cfg(target_os = "linux")]
        return session::serve(self.change, None);
        #[cfg(not(target_os = "linux"))]
        {
            let _ = self.change;
            ExitCode::FAILURE
        }
    }
}

/// Serves as a worker whose engine has the host's settings: [`Worker::new`] and
/// [`Worker::serve`].
#[must_use]
pub fn serve() -> ExitCode {
    Worker::new().serve()
}

/// Serves as a worker that does `act` with the source in place of compiling it.
#[cfg(target_os = "linux")]
pub(crate) fn serve_and(act: fn(&[u8])) -> ExitCode {
    session::serve(|builder| builder, Some(act))
}
