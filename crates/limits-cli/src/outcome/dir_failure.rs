//! Failures of the directories that the command line gives.

use std::path::PathBuf;

use limits_core::Escaped;
use quota_wasi::WasiQuotaError;

use crate::args::DirGrant;
use crate::outcome::Outcome;
use crate::outcome::system_error::SystemError;
use crate::quote::quoted_path;
use crate::report::refusal::Grant;

/// Characters of a guest's path that an error shows.
const MOST_OF_A_PATH: usize = 128;

/// A failure of the directories that the command line gives, before the guest is entered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DirFailure {
    /// No capability allows anything in a directory.
    #[error(
        "no capability allows anything in --dir {}::{}{}{}",
        quoted_path(&dir.host),
        Escaped::head(&dir.guest, MOST_OF_A_PATH),
        if dir.is_read_only { ":ro" } else { "" },
        grant.as_ref().map(needs).unwrap_or_default()
    )]
    Useless { dir: DirGrant, grant: Option<Grant> },
    /// The guest could change what the next run obeys.
    #[error(
        "{} lies in --dir {}::{}, where the component may write it: keep it in a folder of its \
         own, give the directory with :ro, or grant no filesystem.write there",
        quoted_path(path),
        quoted_path(&dir.host),
        Escaped::head(&dir.guest, MOST_OF_A_PATH)
    )]
    Exposed { path: PathBuf, dir: DirGrant },
    /// A directory, or something in it.
    #[error("cannot {verb} {}: {reason}", quoted_path(path))]
    Io { verb: &'static str, path: PathBuf, reason: SystemError },
    /// Another process counts what guests write there.
    #[error(
        "the directory {} is in use: another process runs guests that write there, and only one \
         can count; try again once it has ended, or give the directory with :ro",
        quoted_path(path)
    )]
    InUse { path: PathBuf },
    /// Another failure of the directories.
    #[error(transparent)]
    Other(WasiQuotaError),
}

fn needs(Grant { table, line }: &Grant) -> String {
    format!("; {table} needs a pattern there, such as: {line}")
}

impl DirFailure {
    /// Returns the outcome by the party that must act.
    pub(crate) fn outcome(&self) -> Outcome {
        match self {
            Self::Useless { .. } => Outcome::Denied,
            Self::Io { reason, .. } => reason.outcome(),
            // Not the files or the command line: the same command succeeds once the other process
            // has ended, as after any other shortage of the host.
            Self::InUse { .. } => Outcome::Host,
            Self::Exposed { .. } | Self::Other(_) => Outcome::Error,
        }
    }
}

impl From<WasiQuotaError> for DirFailure {
    fn from(error: WasiQuotaError) -> Self {
        let io = |verb, path, error| Self::Io { verb, path, reason: SystemError::of(&error) };
        match error {
            WasiQuotaError::Open { path, error } => io("open the directory", path, error),
            WasiQuotaError::Lock { path, error } => io("lock the directory", path, error),
            WasiQuotaError::Count { path, error } => io("count", path, error),
            WasiQuotaError::InUse { path } => Self::InUse { path },
            other => Self::Other(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::DirFailure;
    use crate::args::DirGrant;
    use crate::outcome::Outcome;
    use crate::report::refusal::Grant;
    use quota_wasi::WasiQuotaError;
    use std::io;
    use std::path::PathBuf;

    #[test]
    fn each_failure_says_who_must_act_and_on_what() {
        let path = || PathBuf::from("a\u{1b}b");
        let words = || io::Error::other("why");
        let short = || io::Error::from_raw_os_error(12);
        let dir =
            |is_read_only| DirGrant { host: path(), guest: String::from("/d\n"), is_read_only };
        let grant = Grant { table: String::from("T"), line: String::from("L") };
        let table = [
            (
                DirFailure::Useless { dir: dir(true), grant: Some(grant) },
                Outcome::Denied,
                "no capability allows anything in --dir a\\u{1b}b::/d\\n:ro; T needs a pattern \
                 there, such as: L",
            ),
            (
                DirFailure::Useless { dir: dir(false), grant: None },
                Outcome::Denied,
                "no capability allows anything in --dir a\\u{1b}b::/d\\n",
            ),
            (
                DirFailure::Exposed { path: PathBuf::from("policy.toml"), dir: dir(false) },
                Outcome::Error,
                "policy.toml lies in --dir a\\u{1b}b::/d\\n, where the component may write it: keep \
                 it in a folder of its own, give the directory with :ro, or grant no \
                 filesystem.write there",
            ),
            (
                WasiQuotaError::Open { path: path(), error: words() }.into(),
                Outcome::Error,
                "cannot open the directory a\\u{1b}b: why",
            ),
            (
                WasiQuotaError::Lock { path: path(), error: short() }.into(),
                Outcome::Host,
                "cannot lock the directory a\\u{1b}b: the host ran out of memory or address space: \
                 Cannot allocate memory (os error 12)",
            ),
            (
                WasiQuotaError::Count { path: path(), error: words() }.into(),
                Outcome::Error,
                "cannot count a\\u{1b}b: why",
            ),
            (
                WasiQuotaError::InUse { path: path() }.into(),
                Outcome::Host,
                "the directory a\\u{1b}b is in use: another process runs guests that write there, \
                 and only one can count; try again once it has ended, or give the directory with \
                 :ro",
            ),
            (
                WasiQuotaError::NoBlockingThreads.into(),
                Outcome::Error,
                "no thread may block for the component: expected at least 1",
            ),
        ];
        for (failure, outcome, message) in table {
            assert_eq!((failure.outcome(), &*failure.to_string()), (outcome, message));
        }
    }
}
