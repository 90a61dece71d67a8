//! The `wasm-limits` command, run as a user runs it, on real guests.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod cache;
mod caching;
mod calibrate;
mod capabilities;
mod check;
mod cluster;
mod command;
mod compiling;
mod directories;
mod draft_guests;
mod errors;
mod files;
mod grants;
mod guests;
mod hidden;
mod host;
mod http;
mod http_guest;
mod interrupt;
mod invoke;
mod keyvalue;
mod messages;
mod modules;
mod network;
mod network_guest;
mod outcomes;
mod quota;
mod redis_server;
mod report;
mod report_file;
mod schema;
mod servers;
mod services;
mod shortage;
mod stdio;
mod stubs;
mod texts;
mod wants;
