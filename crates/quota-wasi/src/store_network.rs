//! The network of one execution.

use core::time::Duration;
use std::sync::Arc;

use limits_core::ResourceLimits;

use crate::slots::{SlotKind, Slots};
use crate::store_usage::StoreUsage;

/// The network of one execution.
#[derive(Debug)]
pub(crate) struct StoreNetwork {
    sockets: Arc<Slots>,
    buffer_bytes: u64,
    connect_timeout: Duration,
}

impl StoreNetwork {
    pub(crate) fn new(limits: &ResourceLimits, usage: &StoreUsage) -> Self {
        Self {
            sockets: Slots::new(SlotKind::Socket, limits.max_sockets(), usage.clone()),
            buffer_bytes: limits.max_socket_buffer_bytes(),
            connect_timeout: Duration::from_millis(limits.connect_timeout_ms()),
        }
    }

    /// Returns the slots of TCP and UDP sockets together.
    pub(crate) fn sockets(&self) -> &Arc<Slots> {
        &self.sockets
    }

    /// Returns the most bytes of each of the two buffers that the kernel has for a socket.
    pub(crate) fn buffer_bytes(&self) -> u64 {
        self.buffer_bytes
    }

    /// Returns the time that a connect may take.
    pub(crate) fn connect_timeout(&self) -> Duration {
        self.connect_timeout
    }
}
