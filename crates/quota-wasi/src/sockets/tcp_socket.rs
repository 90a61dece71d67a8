//! A TCP socket of a guest.

/// A TCP socket of a guest.
#[derive(Debug)]
pub struct TcpSocket;
