//! Failures of the services that the command line gives.

use std::path::PathBuf;

use crate::outcome::Outcome;
use crate::outcome::system_error::SystemError;
use crate::quote::quoted_path;
use crate::report::refusal::Grant;

/// A failure of the services that the command line gives, before the guest is entered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServiceFailure {
    /// No capability can use a service.
    #[error(
        "no capability allows anything with {option}{}",
        grant.as_ref().map(needs).unwrap_or_default()
    )]
    Useless { option: &'static str, grant: Option<Grant> },
    /// The command has no such service.
    #[error(
        "this command was built without the feature `{feature}`, which {option} needs: build it \
         with its default features"
    )]
    NotBuilt { option: &'static str, feature: &'static str },
    /// The file of an option.
    #[error("cannot use {} for {option}: {reason}", quoted_path(path))]
    File { option: &'static str, path: PathBuf, reason: SystemError },
    /// Another process has the file of an option.
    #[error(
        "cannot use {} for {option}: another process uses it; try again once that has ended",
        quoted_path(path)
    )]
    InUse { option: &'static str, path: PathBuf },
}

fn needs(Grant { table, line }: &Grant) -> String {
    format!("; {table} needs a pattern, such as: {line}")
}

impl ServiceFailure {
    /// Returns the outcome by the party that must act.
    pub(crate) fn outcome(&self) -> Outcome {
        match self {
            Self::Useless { .. } => Outcome::Denied,
            Self::NotBuilt { .. } => Outcome::Error,
            Self::File { reason, .. } => reason.outcome(),
            // As for a directory: the same command succeeds once the other process has ended.
            Self::InUse { .. } => Outcome::Host,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ServiceFailure;
    use crate::outcome::Outcome;
    use crate::outcome::system_error::SystemError;
    use crate::report::refusal::Grant;
    use std::path::PathBuf;

    #[test]
    fn each_failure_says_who_must_act_and_on_what() {
        let path = || PathBuf::from("a\u{1b}b");
        let grant = Grant { table: String::from("T"), line: String::from("L") };
        let table = [
            (
                ServiceFailure::Useless { option: "--udp", grant: Some(grant) },
                Outcome::Denied,
                "no capability allows anything with --udp; T needs a pattern, such as: L",
            ),
            (
                ServiceFailure::Useless { option: "--udp", grant: None },
                Outcome::Denied,
                "no capability allows anything with --udp",
            ),
            (
                ServiceFailure::NotBuilt { option: "--http", feature: "http" },
                Outcome::Error,
                "this command was built without the feature `http`, which --http needs: build it \
                 with its default features",
            ),
            (
                ServiceFailure::File {
                    option: "--ca",
                    path: path(),
                    reason: SystemError::Other(String::from("why")),
                },
                Outcome::Error,
                "cannot use a\\u{1b}b for --ca: why",
            ),
            (
                ServiceFailure::InUse { option: "--keyvalue", path: path() },
                Outcome::Host,
                "cannot use a\\u{1b}b for --keyvalue: another process uses it; try again once that \
                 has ended",
            ),
        ];
        for (failure, outcome, message) in table {
            assert_eq!((failure.outcome(), &*failure.to_string()), (outcome, message));
        }
    }
}
