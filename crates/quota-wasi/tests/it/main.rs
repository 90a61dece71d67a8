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
mod kills;
mod linking;
mod lookups;
mod network;
mod output;
mod parallel;
mod puppet;
mod races;
mod resolver;
mod sockets;
mod storage;
mod tcp;
mod tcp_guest;
mod wasi;
