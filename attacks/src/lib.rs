//! One hostile guest for each vector of the attack catalogue, and the limits that contain it.
//!
//! A [`Vector`](vector::Vector) is a row of the catalogue: a guest or a file with the end that it
//! must come to, a feature that is off, a row of `docs/limits.md`, or the name of a test elsewhere.
//! Guests are run in two ways: [`Stage`](stage::Stage) is a host that embeds the crates, with a
//! well-behaved neighbour on the same engine and the same two threads; [`command`] is
//! `wasm-limits run`. Both return a [`Measured`](measured::Measured), which
//! [`judge`](measured::Measured::judge) compares with what was promised.
//!
//! It does not measure speed, and it is no fuzzer.

pub mod bombs;
pub mod catalogue;
pub mod command;
pub mod composed;
pub mod guest_case;
pub mod measured;
pub mod neighbour;
pub mod outcome;
pub mod resident;
pub mod soak;
pub mod sources;
pub mod stage;
pub mod table;
pub mod vector;
pub mod wasi;
pub mod wat;
pub mod zoo;

mod binaries;
mod folder;
mod host;
mod interfaces;

/// An attack could not be carried out or measured, which says nothing about the limits.
pub type Error = Box<dyn core::error::Error + Send + Sync>;

/// The result of carrying out an attack.
pub type Result<T> = core::result::Result<T, Error>;
