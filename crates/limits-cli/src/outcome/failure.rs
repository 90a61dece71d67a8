//! Failures before a guest runs, or of its report.

use std::io;
use std::path::{Path, PathBuf};

use limits_compile::{CompileError, ModuleError, SourceError, WorkerFailure};
use limits_config::{ConfigError, LoadError, format_size};
use limits_core::{Escaped, Permission, WasmError};
use quota_enforce::EnforceError;

use crate::outcome::Outcome;
use crate::outcome::classify::Ending;
use crate::outcome::cluster_failure::ClusterFailure;
use crate::outcome::dir_failure::DirFailure;
use crate::outcome::service_failure::ServiceFailure;
use crate::outcome::system_error::SystemError;
use crate::quote::quoted_path;

/// Characters of an import's name that an error shows.
const MOST_OF_AN_IMPORT: usize = 64;

/// A failure before the guest ran, or of its report.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The component file.
    #[error("cannot read the component {}: {reason}", quoted_path(path))]
    Component { path: PathBuf, reason: SystemError },
    /// A component file past the operator's limit.
    #[error(
        "cannot read the component {}: {reason}; max_component_bytes of the policy's [compile]",
        quoted_path(path)
    )]
    ComponentTooLarge { path: PathBuf, reason: String },
    /// The component that Component.toml leads to.
    #[error("{0}{way_out}", way_out = way_out(.0))]
    Load(#[from] LoadError),
    /// Component.toml or the policy.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The cluster of the policy.
    #[error(transparent)]
    Cluster(#[from] ClusterFailure),
    /// The directories of the command line.
    #[error(transparent)]
    Dir(#[from] DirFailure),
    /// The system.
    #[error("{what} failed: {reason}")]
    Host { what: &'static str, reason: String },
    /// Standard input, for more than one run.
    #[error("standard input is longer than {most} bytes, the most that is kept for several runs")]
    InputTooLong { most: usize },
    /// An interrupt before the guest was entered.
    #[error("cancelled by {by} before the guest was entered")]
    Interrupted { by: &'static str },
    /// The call of `--invoke`, or a component without `wasi:cli/run`.
    #[error("{0}")]
    Call(String),
    /// Imports of the component's own host.
    #[error(
        "the component imports {}, which this command does not implement: run it in its own host, \
         or with --stub-imports, which ends a guest that calls such an import",
        imports(first, *more)
    )]
    MissingImports { first: Vec<String>, more: usize },
    /// The report.
    #[error("cannot write the report {}: {reason}", quoted_path(path))]
    Report { path: PathBuf, reason: SystemError },
    /// The component under its id.
    #[error("cannot register the component: {0}")]
    Register(#[from] EnforceError),
    /// The services of the command line.
    #[error(transparent)]
    Service(#[from] ServiceFailure),
    /// Text that is none, or a core module.
    #[error("{}", source(path, reason))]
    Source { path: PathBuf, reason: SourceError },
    /// Capabilities that no interface under the command uses: they could only mislead.
    #[error(
        "{} asks for {}, which no interface under this command uses: take {} out of \
         [capabilities], or run the component in a host whose own functions check {}",
        quoted_path(manifest),
        asked(permissions),
        them(permissions),
        them(permissions)
    )]
    Unserved { manifest: PathBuf, permissions: Vec<Permission> },
    /// The executor.
    #[error(transparent)]
    Wasm(#[from] WasmError),
    /// The worker that compiles.
    #[error(
        "compile worker: {0}; --compile inline compiles in this process, without a budget: for \
         components that you trust"
    )]
    Worker(WorkerFailure),
}

fn way_out(error: &LoadError) -> &'static str {
    if matches!(error, LoadError::Missing { .. }) { "; --component names one" } else { "" }
}

/// Describes the bytes of a file of which no component can be made.
fn source(path: &Path, reason: &SourceError) -> String {
    let path = quoted_path(path);
    match reason {
        SourceError::Text { .. } => format!("{path} is {reason}"),
        SourceError::TextTooLarge { bytes, most } => format!(
            "{path} is not binary and has {}, the most that is parsed as component text is {}: turn \
             the text into a binary component with `wasm-tools parse`",
            format_size(*bytes),
            format_size(*most)
        ),
        SourceError::Module(module) => {
            let hint = match module {
                ModuleError::MissingImports(_) => {
                    "; --stub-imports stands in for imports of components only"
                }
                _ => "",
            };
            format!("cannot make a component of the core module {path}: {module}{hint}")
        }
        _ => format!("{path}: {reason}"),
    }
}

fn asked(permissions: &[Permission]) -> String {
    let quoted: Vec<String> =
        permissions.iter().map(|permission| format!("`{permission}`")).collect();
    quoted.join(" and ")
}

fn them(permissions: &[Permission]) -> &'static str {
    if permissions.len() == 1 { "it" } else { "them" }
}

fn imports(first: &[String], more: usize) -> String {
    let quoted: Vec<String> = first
        .iter()
        .map(|import| format!("`{}`", Escaped::head(import, MOST_OF_AN_IMPORT)))
        .collect();
    match more {
        0 => quoted.join(", "),
        more => format!("{} and {more} more", quoted.join(", ")),
    }
}

impl Failure {
    /// Describes a lack of threads.
    pub(crate) fn no_thread(error: &io::Error) -> Self {
        Self::Host { what: "starting a thread", reason: error.to_string() }
    }

    /// Describes why the component at `path` was not compiled.
    pub(crate) fn compiling(path: &Path, error: CompileError) -> Self {
        match error {
            CompileError::Wasm(error) => Self::Wasm(error),
            CompileError::Source(reason) => Self::Source { path: path.to_path_buf(), reason },
            CompileError::Worker(failure) => Self::Worker(failure),
            _ => Self::Host { what: "compiling", reason: error.to_string() },
        }
    }

    /// Returns the outcome by the party that must act: `error` for files, names and values
    /// given to the command, `host` for a lack or a failure of the host.
    fn outcome(&self) -> Outcome {
        match self {
            // The content or the place of a file.
            Self::Load(_)
            | Self::InputTooLong { .. }
            | Self::Register(_)
            | Self::MissingImports { .. }
            | Self::Unserved { .. }
            | Self::Call(_) => Outcome::Error,
            Self::ComponentTooLarge { .. } => Outcome::Rejected,
            Self::Source { reason, .. } if reason.is_bound() => Outcome::Rejected,
            Self::Source { .. } => Outcome::Error,
            // A file that cannot be opened, read or written is the user's error, unless the host
            // lacks a resource.
            Self::Component { reason, .. } | Self::Report { reason, .. } => reason.outcome(),
            Self::Cluster(failure) => failure.outcome(),
            Self::Dir(failure) => failure.outcome(),
            Self::Service(failure) => failure.outcome(),
            Self::Config(error) => match error.raw_os_error() {
                Some(number) => SystemError::of(&io::Error::from_raw_os_error(number)).outcome(),
                None => Outcome::Error,
            },
            // A lack of threads, or a panic; a worker that could not work.
            Self::Host { .. } | Self::Worker(_) => Outcome::Host,
            Self::Interrupted { .. } => Outcome::Cancelled,
            Self::Wasm(error) => Ending::of(error, None).outcome,
        }
    }
}

impl From<&Failure> for Ending {
    fn from(failure: &Failure) -> Self {
        match failure {
            // With its numbers.
            Failure::Wasm(error) => Self::of(error, None),
            _ => Self::because(failure.outcome(), &failure.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Failure;
    use crate::outcome::Outcome;
    use crate::outcome::classify::Ending;
    use crate::outcome::dir_failure::DirFailure;
    use crate::outcome::service_failure::ServiceFailure;
    use crate::outcome::system_error::SystemError;
    use limits_compile::{ModuleBound, ModuleError, SourceError, WorkerFailure};
    use limits_config::{ComponentConfig, LoadError, format_size};
    use limits_core::{HostResource, HostShortage, Permission, WasmError};
    use quota_enforce::EnforceError;
    use std::path::PathBuf;

    #[test]
    fn the_host_answers_for_what_it_lacks_and_for_nothing_else() {
        let path = || PathBuf::from("a\u{1b}b");
        let words = || String::from("why");
        let short = || SystemError::Short(HostShortage::new(HostResource::Descriptors, "EMFILE"));
        let other = || SystemError::Other(words());
        let missing = || ComponentConfig::from_file("no such file").unwrap_err();
        let most = 4 << 20;
        let source = |reason| Failure::Source { path: path(), reason };
        let host = "the host ran out of file descriptors: EMFILE";
        let table = [
            (
                Failure::Component { path: path(), reason: other() },
                Outcome::Error,
                String::from("cannot read the component a\\u{1b}b: why"),
            ),
            (
                Failure::Component { path: path(), reason: short() },
                Outcome::Host,
                format!("cannot read the component a\\u{{1b}}b: {host}"),
            ),
            (
                LoadError::Missing { folder: path() }.into(),
                Outcome::Error,
                String::from(
                    "no component found: no `path` in the file, and neither component.wasm nor \
                     component.wat in a\\u{1b}b; --component names one",
                ),
            ),
            (
                LoadError::Outside { path: path(), real: PathBuf::from("/c\n") }.into(),
                Outcome::Error,
                String::from(
                    "the component a\\u{1b}b is outside the folder of its Component.toml: it leads \
                     to /c\\n",
                ),
            ),
            (
                source(SourceError::Text { reason: words() }),
                Outcome::Error,
                String::from("a\\u{1b}b is neither a binary component nor component text: why"),
            ),
            (
                Failure::ComponentTooLarge { path: path(), reason: words() },
                Outcome::Rejected,
                String::from(
                    "cannot read the component a\\u{1b}b: why; max_component_bytes of the policy's \
                     [compile]",
                ),
            ),
            (
                source(SourceError::TextTooLarge { bytes: most + 1, most }),
                Outcome::Rejected,
                format!(
                    "a\\u{{1b}}b is not binary and has {}, the most that is parsed as component \
                     text is 4194304 (4 MiB): turn the text into a binary component with \
                     `wasm-tools parse`",
                    format_size(most + 1)
                ),
            ),
            (
                Failure::Config(missing()),
                Outcome::Error,
                String::from("no such file: cannot read: No such file or directory (os error 2)"),
            ),
            (
                DirFailure::InUse { path: path() }.into(),
                Outcome::Host,
                DirFailure::InUse { path: path() }.to_string(),
            ),
            (
                ServiceFailure::NotBuilt { option: "--http", feature: "http" }.into(),
                Outcome::Error,
                ServiceFailure::NotBuilt { option: "--http", feature: "http" }.to_string(),
            ),
            (
                Failure::Host { what: "a run", reason: words() },
                Outcome::Host,
                String::from("a run failed: why"),
            ),
            (
                Failure::no_thread(&std::io::Error::from(std::io::ErrorKind::WouldBlock)),
                Outcome::Host,
                String::from("starting a thread failed: operation would block"),
            ),
            (
                Failure::Worker(WorkerFailure::Killed { signal: 9 }),
                Outcome::Host,
                String::from(
                    "compile worker: signal 9 of another process or of the kernel ended it; \
                     --compile inline compiles in this process, without a budget: for components \
                     that you trust",
                ),
            ),
            (
                Failure::InputTooLong { most: 16 },
                Outcome::Error,
                String::from(
                    "standard input is longer than 16 bytes, the most that is kept for several \
                     runs",
                ),
            ),
            (
                Failure::Interrupted { by: "Ctrl-C" },
                Outcome::Cancelled,
                String::from("cancelled by Ctrl-C before the guest was entered"),
            ),
            (Failure::Call(words()), Outcome::Error, words()),
            (
                Failure::Report { path: path(), reason: other() },
                Outcome::Error,
                String::from("cannot write the report a\\u{1b}b: why"),
            ),
            (
                Failure::Report { path: path(), reason: short() },
                Outcome::Host,
                format!("cannot write the report a\\u{{1b}}b: {host}"),
            ),
            (
                Failure::MissingImports {
                    first: vec![String::from("a:b/c"), String::from("d\u{202e}")],
                    more: 3,
                },
                Outcome::Error,
                String::from(
                    "the component imports `a:b/c`, `d\\u{202e}` and 3 more, which this command \
                     does not implement: run it in its own host, or with --stub-imports, which ends \
                     a guest that calls such an import",
                ),
            ),
            (
                source(ModuleError::TooMuch(ModuleBound::Imports).into()),
                Outcome::Rejected,
                String::from(
                    "cannot make a component of the core module a\\u{1b}b: it has more than 4096 \
                     imports",
                ),
            ),
            (
                source(ModuleError::Memory64.into()),
                Outcome::Error,
                format!(
                    "cannot make a component of the core module a\\u{{1b}}b: {}",
                    ModuleError::Memory64
                ),
            ),
            (
                Failure::Unserved {
                    manifest: path(),
                    permissions: vec![Permission::MessagingReceive],
                },
                Outcome::Error,
                String::from(
                    "a\\u{1b}b asks for `messaging.receive`, which no interface under this \
                     command uses: take it out of [capabilities], or run the component in a host \
                     whose own functions check it",
                ),
            ),
            (
                Failure::Register(EnforceError::InvalidId { id: Box::from("A") }),
                Outcome::Error,
                format!(
                    "cannot register the component: {}",
                    EnforceError::InvalidId { id: Box::from("A") }
                ),
            ),
            (
                Failure::Wasm(WasmError::InvalidComponent { reason: words() }),
                Outcome::Error,
                String::from("invalid component: why"),
            ),
        ];
        for (failure, outcome, message) in table {
            assert_eq!(failure.to_string(), message);
            let ending = Ending::from(&failure);
            assert_eq!((ending.outcome, failure.outcome()), (outcome, outcome), "{message}");
            assert_eq!(ending.exit_code, outcome.exit_code());
            assert_eq!(ending.problem.unwrap().message, message);
        }
    }
}
