//! The network, as all executions of a component share it.

/// The network, as all executions of a component share it.
#[derive(Debug, Default)]
pub(crate) struct Network {
    /// Whether guests may make TCP sockets.
    pub(crate) tcp: bool,
    /// Whether guests may make UDP sockets.
    pub(crate) udp: bool,
    /// The settings of guests' HTTP requests, if guests may make any.
    #[cfg(feature = "http")]
    pub(crate) http: Option<crate::http::options::HttpOptions>,
}
