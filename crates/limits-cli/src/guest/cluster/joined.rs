//! The cluster that runs share quotas in: they wait for it before any deadline is armed.

mod cluster_log;
mod cluster_use;

use core::time::Duration;
use std::sync::Arc;
use std::time::Instant;

use limits_config::ClusterTable;
use quota_cluster::{
    Cluster, ClusterSettings, ClusterStatus, RedisSettings, RedisStore, StoreError,
};
use quota_enforce::{AuditSink, ClusterEvent, Lessor};

use crate::background::in_background;
use crate::guest::cluster::cluster_log::ClusterLog;
pub(crate) use crate::guest::cluster::cluster_use::ClusterUse;
use crate::interrupt::Interrupt;
use crate::outcome::cluster_failure::ClusterFailure;
use crate::outcome::failure::Failure;
use crate::progress;
use crate::quote::quoted;

/// The longest time for which a store may be away before runs that need it are given up.
const PATIENCE: Duration = Duration::from_secs(5);
/// The time between two looks at the store's state.
const LOOK: Duration = Duration::from_millis(100);
/// The longest wait for the end of a membership: the farewell, and a little.
const FAREWELL: Duration = Duration::from_secs(3);

/// The membership of this process.
#[derive(Debug)]
pub(crate) struct Member {
    cluster: Cluster,
    table: ClusterTable,
    log: Arc<ClusterLog>,
}

impl Member {
    /// Begins the membership of the policy's `[cluster]`. The store is asked in the background.
    ///
    /// # Errors
    ///
    /// [`ClusterFailure::Settings`] if the password cannot be read, or the store not be addressed;
    /// those of [`in_background`].
    pub(crate) async fn join(table: &ClusterTable, interrupt: &Interrupt) -> Result<Self, Failure> {
        let source = table.clone();
        let reading = in_background("reading", interrupt, move || {
            let settings =
                RedisSettings::from_policy(&source).map_err(|error| error.to_string())?;
            RedisStore::new(settings).map_err(|error| error.to_string())
        });
        let refused = |reason: String| ClusterFailure::Settings(quoted(&reason));
        let store = reading.await?.map_err(refused)?;
        let cluster = Cluster::start(store, ClusterSettings::from_policy(table));
        Ok(Self { cluster, table: table.clone(), log: Arc::default() })
    }

    /// Returns the lessor of a registry.
    pub(crate) fn lessor(&self) -> Arc<dyn Lessor> {
        self.cluster.lessor()
    }

    /// Returns the sink of a registry that hears of the store.
    pub(crate) fn sink(&self) -> Arc<dyn AuditSink> {
        Arc::<ClusterLog>::clone(&self.log)
    }

    /// Waits until the quotas that are registered grant, with a note on stderr if `is_shown`, and
    /// returns the time of the wait.
    ///
    /// # Errors
    ///
    /// [`Failure::Interrupted`]; a [`ClusterFailure`] if the store is away or refuses, and a rate
    /// grants nothing without it.
    pub(crate) async fn ready(
        &self,
        interrupt: &Interrupt,
        is_shown: bool,
        waited: &mut Duration,
    ) -> Result<(), Failure> {
        let began = Instant::now();
        let note = || self.note();
        let waiting = progress::with_note(is_shown, note, interrupt.or(self.granting()));
        let ready = waiting.await;
        *waited = began.elapsed();
        ready.map_err(|by| Failure::Interrupted { by })?.map_err(Failure::from)
    }

    /// Returns the note during the wait, with its rest if the store has told it.
    fn note(&self) -> String {
        let keys = self.cluster.status().keys;
        match keys.iter().filter_map(|key| key.newborn_for).max() {
            Some(rest) => format!("waiting for the cluster, {:.0} s more", rest.as_secs_f64()),
            None => String::from("waiting for the cluster"),
        }
    }

    async fn granting(&self) -> Result<(), ClusterFailure> {
        let refused =
            |reason: &str| ClusterFailure::Refused { store: self.store(), reason: quoted(reason) };
        tokio::select! {
            // An answer counts, even if it comes late.
            biased;
            ready = self.cluster.ready() => {
                let ready = ready.map_err(|error| refused(&words(&error)))?;
                match ready.refused.first() {
                    Some(reason) => Err(refused(reason)),
                    None => Ok(()),
                }
            }
            failure = self.away() => Err(failure),
        }
    }

    /// Waits until the store has been away for too long.
    async fn away(&self) -> ClusterFailure {
        let mut since = Instant::now();
        loop {
            tokio::time::sleep(LOOK).await;
            let status = self.cluster.status();
            if status.is_connected {
                since = Instant::now();
            }
            let waited = since.elapsed();
            if waited >= PATIENCE {
                let reason = status.last_error.as_ref().map(words).unwrap_or_default();
                return ClusterFailure::Away { store: self.store(), waited, reason };
            }
        }
    }

    /// Gives back what is left, and returns what the runs had of the cluster. `notices` get what
    /// the user should know of the store.
    pub(crate) async fn leave(self, waited: Duration, notices: &mut Vec<String>) -> ClusterUse {
        let status: ClusterStatus = self.cluster.status();
        if status.is_connected {
            // A store that is away has nothing to lose: leases end by themselves.
            let _ = tokio::time::timeout(FAREWELL, self.cluster.close()).await;
        }
        let away = status.last_error.as_ref().filter(|_| !status.is_connected);
        let lost = away.map(|error| ClusterEvent::StoreLost { reason: words(error) });
        let events = self.log.sentences(lost);
        notices.extend(events.iter().cloned());
        ClusterUse::new(self.store(), waited, &status, &self.table, events)
    }

    /// Names the store.
    fn store(&self) -> String {
        match self.table.url() {
            Some(url) => String::from(url),
            None => self.table.sentinels().collect::<Vec<_>>().join(" "),
        }
    }
}

/// Returns the reason of a failure, fit to be shown.
fn words(error: &StoreError) -> String {
    match error {
        StoreError::Lost(reason) | StoreError::Unfit(reason) => quoted(reason),
        _ => quoted(&error.to_string()),
    }
}
