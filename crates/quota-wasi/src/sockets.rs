//! `wasi:sockets` under capabilities, limits and the bandwidth quota.

pub(crate) mod bindings;
mod connection;
mod datagram_socket;
pub(crate) mod family;
mod held;
mod incoming_datagrams;
pub(crate) mod options;
mod outgoing_datagrams;
mod resolution;
mod sending;
mod tcp_input;
mod tcp_listener;
mod tcp_options;
mod tcp_output;
mod tcp_socket;
mod tcp_view;
mod toll;
mod udp_socket;
pub(crate) mod view;
