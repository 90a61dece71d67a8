#![doc = include_str!("../README.md")]

mod store;

pub use crate::store::{Answer, Give, KeyRefusal, LeaseStore, Question, StoreError};
