//! The datagrams that a socket receives.

/// The datagrams that a socket receives.
#[derive(Debug)]
pub struct IncomingDatagrams;
