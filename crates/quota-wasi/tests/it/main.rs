//! Quotas, capabilities and limits, met by real guests on real files.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bounds;
mod capabilities;
mod datagrams;
mod differential;
mod executor;
mod guest;
mod host;
#[cfg(feature = "http")]
mod http;
mod keys;
mod keyvalue;
mod keyvalue_bounds;
mod keyvalue_races;
mod kills;
mod linking;
mod lookups;
mod loopback;
mod memory_store;
mod messages;
mod messaging;
mod messaging_bus;
mod network;
mod output;
#[cfg(feature = "redb")]
mod pairs_file;
mod parallel;
mod puppet;
mod races;
#[cfg(feature = "http")]
mod reached;
mod resolver;
mod services;
mod services_executor;
mod sockets;
mod storage;
mod tcp;
mod tcp_deadlines;
mod tcp_differential;
mod tcp_guest;
mod tcp_limits;
mod tcp_quota;
mod wasi;
