#![doc = include_str!("../README.md")]

#[cfg(all(test, loom))]
mod loom;
mod pool;
mod seat;
mod share;
mod slots;
mod sync;
mod tree;

pub use pool::Pool;
pub use seat::Seat;
pub use share::Share;
