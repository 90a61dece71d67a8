//! Hosts that share a quota through real Redis servers, under faults.
//!
//! A [`Scenario`](scenario::Scenario) starts servers and host processes, and injects faults at
//! moments of a window. Each host counts its takes in files that outlive it, by the window that the
//! store's clock was in: all processes run on one machine, so that is its clock. The
//! [`checker`] reads the files.

mod callers;
pub mod catalogue;
pub mod checker;
pub mod fault;
pub mod figures;
pub mod flood;
mod greedy;
pub mod history;
pub mod host;
mod messages;
pub mod peer;
pub mod picture;
pub mod planted_store;
pub mod process;
pub mod proxy;
pub mod random;
pub mod resp;
pub mod scenario;
pub mod sentinels;
pub mod server;
pub mod spec;
pub mod taker;
pub mod terms;
pub mod topology;
pub mod window;
pub mod witness_clock;
pub mod witness_lessor;
pub mod witness_store;
