//! Each limit, met by a real guest.

mod bounds;
mod cancel;
mod deadline;
mod executor;
mod fuel;
mod guest;
mod host;
mod live;
mod memory;
