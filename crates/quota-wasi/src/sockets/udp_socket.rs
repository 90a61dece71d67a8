//! A UDP socket of a guest.

/// A UDP socket of a guest.
#[derive(Debug)]
pub struct UdpSocket;
