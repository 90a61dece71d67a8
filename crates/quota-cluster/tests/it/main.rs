//! Stores of leases on real servers, which the tests start.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::print_stderr, reason = "measures stand in the log")]

mod checks;
mod connection;
mod failover;
mod fake_server;
mod findings;
mod host;
mod lab;
mod model;
mod redis_server;
mod timing;
#[cfg(feature = "tls")]
mod tls;
