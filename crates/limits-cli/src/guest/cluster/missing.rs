//! The cluster of a command that was built without clusters: there is none.

use core::time::Duration;
use std::sync::Arc;

use limits_config::ClusterTable;
use quota_enforce::{AuditSink, Lessor};
use serde::Serialize;

use crate::interrupt::Interrupt;
use crate::outcome::failure::Failure;

/// A membership that no process has.
#[derive(Debug)]
pub(crate) enum Member {}

/// The use of a cluster by none.
#[derive(Clone, Debug, Serialize)]
pub(crate) enum ClusterUse {}

impl Member {
    /// Refuses: a policy with a cluster was refused before.
    pub(crate) async fn join(_: &ClusterTable, _: &Interrupt) -> Result<Self, Failure> {
        let reason = String::from("this command was built without clusters");
        Err(Failure::Host { what: "joining the cluster", reason })
    }

    pub(crate) fn lessor(&self) -> Arc<dyn Lessor> {
        match *self {}
    }

    pub(crate) fn sink(&self) -> Arc<dyn AuditSink> {
        match *self {}
    }

    pub(crate) async fn ready(
        &self,
        _: &Interrupt,
        _: bool,
        _: &mut Duration,
    ) -> Result<(), Failure> {
        match *self {}
    }

    pub(crate) async fn leave(self, _: Duration, _: &mut Vec<String>) -> ClusterUse {
        match self {}
    }
}

impl ClusterUse {
    pub(crate) fn waited(&self) -> String {
        match *self {}
    }

    pub(crate) fn leases(&self) -> Vec<String> {
        match *self {}
    }
}
