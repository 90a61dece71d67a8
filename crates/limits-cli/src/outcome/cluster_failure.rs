//! Failures of a cluster, whose hosts share quotas.

#[cfg(feature = "cluster")]
use core::time::Duration;
use std::path::PathBuf;

use limits_config::UnsharedPeriod;

use crate::outcome::Outcome;
use crate::quote::quoted_path;

/// A failure of the cluster of the policy, before the guest is entered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClusterFailure {
    /// The command knows no clusters.
    #[error(
        "this command was built without the feature `cluster`, which [cluster] of {} needs: build \
         it with its default features",
        quoted_path(policy)
    )]
    NotBuilt { policy: PathBuf },
    /// The component asks for a period in which no rate is shared.
    #[error("{}: {refused}", quoted_path(manifest))]
    Unshared { manifest: PathBuf, refused: UnsharedPeriod },
    /// The store's address, its password or its certificates.
    #[cfg(feature = "cluster")]
    #[error("[cluster] of the policy: {0}")]
    Settings(String),
    /// The store does not answer, and quotas are closed without it.
    #[cfg(feature = "cluster")]
    #[error(
        "the store of the cluster, {store}, did not answer for {:.1} s: {reason}; a rate whose \
         on_store_loss is \"closed\" needs it",
        waited.as_secs_f64()
    )]
    Away { store: String, waited: Duration, reason: String },
    /// The store answers and cannot be used, or refuses a quota.
    #[cfg(feature = "cluster")]
    #[error("the cluster at {store}: {reason}")]
    Refused { store: String, reason: String },
}

impl ClusterFailure {
    /// Returns the outcome by the party that must act.
    pub(crate) fn outcome(&self) -> Outcome {
        match self {
            Self::NotBuilt { .. } | Self::Unshared { .. } => Outcome::Error,
            #[cfg(feature = "cluster")]
            Self::Settings(_) => Outcome::Error,
            // The same command succeeds once the store does.
            #[cfg(feature = "cluster")]
            Self::Away { .. } | Self::Refused { .. } => Outcome::Host,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ClusterFailure;
    use crate::outcome::Outcome;
    use std::path::PathBuf;

    #[test]
    fn a_command_without_clusters_says_how_to_build_it() {
        let failure = ClusterFailure::NotBuilt { policy: PathBuf::from("p\u{1b}.toml") };
        assert_eq!(failure.outcome(), Outcome::Error);
        assert_eq!(
            failure.to_string(),
            "this command was built without the feature `cluster`, which [cluster] of \
             p\\u{1b}.toml needs: build it with its default features"
        );
    }

    #[cfg(feature = "cluster")]
    #[test]
    fn the_host_answers_for_a_store_and_the_operator_for_the_policy() {
        use core::time::Duration;

        let words = || String::from("why");
        let store = || String::from("redis://a");
        let waited = Duration::from_millis(5_040);
        for (failure, outcome, text) in [
            (ClusterFailure::Settings(words()), Outcome::Error, "[cluster] of the policy: why"),
            (
                ClusterFailure::Away { store: store(), waited, reason: words() },
                Outcome::Host,
                "the store of the cluster, redis://a, did not answer for 5.0 s: why; a rate whose \
                 on_store_loss is \"closed\" needs it",
            ),
            (
                ClusterFailure::Refused { store: store(), reason: words() },
                Outcome::Host,
                "the cluster at redis://a: why",
            ),
        ] {
            assert_eq!((failure.outcome(), failure.to_string().as_str()), (outcome, text));
        }
    }
}
