//! A message.

/// A message.
#[derive(Debug)]
pub struct Message;
