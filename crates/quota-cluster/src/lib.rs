#![doc = include_str!("../README.md")]

mod fake_store;
mod store;

pub use crate::fake_store::FakeStore;
pub use crate::store::{Answer, Give, KeyRefusal, LeaseStore, Question, StoreError};
