//! A worker that could not do its work, for no fault of the component.

use core::fmt;

use limits_core::Escaped;

/// Characters of a worker's words that an error shows.
const MOST_WORDS: usize = 300;

/// A worker that could not do its work, for no fault of the component.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum WorkerFailure {
    /// The program could not be started.
    Start {
        /// The path of the program.
        program: String,
        /// The system's reason.
        reason: String,
    },
    /// A promised restriction could not be set up.
    Restriction {
        /// The restriction, such as `RLIMIT_AS`.
        what: String,
        /// The system's reason.
        reason: String,
    },
    /// The worker's engine has other settings than the host's.
    Engine,
    /// The worker ended or answered against the protocol.
    Protocol {
        /// The defect.
        reason: String,
    },
    /// A signal that is not the worker's own ended it.
    Killed {
        /// The number of the signal.
        signal: i32,
    },
}

impl core::error::Error for WorkerFailure {}

impl fmt::Display for WorkerFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |words| Escaped::head(words, MOST_WORDS);
        match self {
            Self::Start { program, reason } => {
                write!(f, "cannot start {}: {}", shown(program), shown(reason))
            }
            Self::Restriction { what, reason } => {
                write!(f, "cannot restrict itself by {}: {}", shown(what), shown(reason))
            }
            Self::Engine => f.write_str(
                "its engine has other settings than the host's: repeat `EngineBuilder::configure` \
                 in a worker of your own (`Worker::new().engine(..).serve()`)",
            ),
            Self::Protocol { reason } => write!(f, "broke the protocol: {}", shown(reason)),
            Self::Killed { signal } => {
                write!(f, "signal {signal} of another process or of the kernel ended it")
            }
        }
    }
}
