//! Each limit, met by a real guest.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod account;
#[cfg(feature = "anyhow")]
mod anyhow;
mod blame;
mod bounds;
mod cancel;
mod composed;
mod deadline;
mod ends;
mod executor;
mod fair;
mod fair_ends;
mod fuel;
mod guest;
mod host;
mod interval;
mod live;
mod live_function;
mod live_slot;
mod memory;
mod one_after_another;
mod pauses;
mod places;
mod pool;
mod retiring;
mod strangers;
mod structure;
mod waiting;
