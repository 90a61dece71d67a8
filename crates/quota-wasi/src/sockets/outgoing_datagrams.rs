//! The datagrams that a socket sends.

/// The datagrams that a socket sends.
#[derive(Debug)]
pub struct OutgoingDatagrams;
