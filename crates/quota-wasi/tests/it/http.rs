//! Requests of guests, met by real servers.

pub(crate) mod ask;
mod guest;
mod part;
mod requests;
pub(crate) mod server;
