//! Requests of guests, met by real servers.

mod ask;
mod guest;
mod part;
mod requests;
mod server;
