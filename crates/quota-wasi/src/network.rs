//! The network, as all executions of a component share it.

use crate::wire::Wire;

/// The network, as all executions of a component share it.
#[derive(Debug)]
pub(crate) struct Network {
    /// Whether guests may make TCP sockets.
    pub(crate) tcp: bool,
    /// Whether guests may make UDP sockets.
    pub(crate) udp: bool,
    /// The client of guests' HTTP requests, if they may make any.
    #[cfg(feature = "http")]
    pub(crate) http: Option<crate::http::client::HttpClient>,
    /// The bandwidth.
    pub(crate) wire: Wire,
}

impl Network {
    /// Makes one in which guests may make nothing.
    pub(crate) fn new(wire: Wire) -> Self {
        Self {
            tcp: false,
            udp: false,
            #[cfg(feature = "http")]
            http: None,
            wire,
        }
    }
}
