//! The network of one execution.

use std::sync::Arc;

use limits_core::ResourceLimits;

use crate::slots::{SlotKind, Slots};
use crate::store_usage::StoreUsage;

/// The network of one execution.
#[derive(Debug)]
pub(crate) struct StoreNetwork {
    sockets: Arc<Slots>,
}

impl StoreNetwork {
    pub(crate) fn new(_limits: &ResourceLimits, usage: &StoreUsage) -> Self {
        Self { sockets: Slots::new(SlotKind::Socket, 32, usage.clone()) }
    }

    /// Returns the slots of TCP and UDP sockets together.
    pub(crate) fn sockets(&self) -> &Arc<Slots> {
        &self.sockets
    }
}
