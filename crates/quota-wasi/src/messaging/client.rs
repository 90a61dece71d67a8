//! A guest's connection to the transport.

/// A guest's connection to the transport.
#[derive(Debug)]
pub struct Client;
