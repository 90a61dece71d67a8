//! The state of the store during the runs.

use std::sync::{Mutex, MutexGuard, PoisonError};

use quota_enforce::{AuditEvent, AuditKind, AuditSink, ClusterEvent};

/// Events that are kept. A store that comes and goes would fill the memory of a long run.
const MOST: usize = 20;

/// Keeps the first events of the cluster, each text once.
#[derive(Debug, Default)]
pub(crate) struct ClusterLog(Mutex<Heard>);

#[derive(Debug, Default)]
struct Heard {
    texts: Vec<String>,
    is_lost: bool,
}

impl ClusterLog {
    /// Returns the events as sentences, in their order. A store that is away by now, `lost`, is
    /// among them.
    pub(crate) fn sentences(&self, lost: Option<ClusterEvent>) -> Vec<String> {
        let heard = self.locked();
        let lost = lost.filter(|_| !heard.is_lost).map(|event| event.to_string());
        heard.texts.iter().cloned().chain(lost).collect()
    }

    fn locked(&self) -> MutexGuard<'_, Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AuditSink for ClusterLog {
    fn record(&self, event: &AuditEvent<'_>) {
        let AuditKind::Cluster(event) = &event.kind else { return };
        let text = event.to_string();
        let mut heard = self.locked();
        match event {
            ClusterEvent::StoreLost { .. } => heard.is_lost = true,
            ClusterEvent::StoreBack { .. } => heard.is_lost = false,
            _ => {}
        }
        if heard.texts.len() < MOST && !heard.texts.contains(&text) {
            heard.texts.push(text);
        }
    }
}
