//! Requests of guests, met by real servers.

pub(crate) mod ask;
mod authorities;
mod bandwidth;
mod bounds;
mod deadlines;
mod guest;
mod kept;
mod lifetimes;
mod logs;
mod part;
mod requests;
pub(crate) mod server;
mod setup;
mod tls;
mod unsent_bodies;
