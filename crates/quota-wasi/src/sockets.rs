//! `wasi:sockets` under capabilities, limits and the bandwidth quota.

pub(crate) mod bindings;
mod datagram_socket;
pub(crate) mod family;
mod incoming_datagrams;
pub(crate) mod options;
mod outgoing_datagrams;
mod resolution;
mod tcp_socket;
mod toll;
mod udp_socket;
pub(crate) mod view;
