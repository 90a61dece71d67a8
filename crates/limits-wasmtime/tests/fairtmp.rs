//! tmp
#![expect(clippy::unwrap_used, reason = "t")]
#[path = "it/fair.rs"]
mod fair;
#[path = "it/guest.rs"]
mod guest;
