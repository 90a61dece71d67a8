//! The network, as all executions of a component share it.

/// The network, as all executions of a component share it.
#[derive(Debug, Default)]
pub(crate) struct Network {
    /// Whether guests may make TCP sockets.
    pub(crate) tcp: bool,
    /// Whether guests may make UDP sockets.
    pub(crate) udp: bool,
}
