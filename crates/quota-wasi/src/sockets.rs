//! `wasi:sockets` under capabilities, limits and the bandwidth quota.

pub(crate) mod bindings;
mod incoming_datagrams;
mod outgoing_datagrams;
mod resolution;
mod tcp_socket;
mod udp_socket;
pub(crate) mod view;
