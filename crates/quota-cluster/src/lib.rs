#![doc = include_str!("../README.md")]

mod boot_clock;
mod cluster;
mod driver;
mod fake_store;
#[cfg(feature = "config")]
mod from_policy;
mod redis_store;
mod settings;
mod status;
mod store;

pub use crate::boot_clock::BootClock;
pub use crate::cluster::{Cluster, Readiness};
pub use crate::fake_store::FakeStore;
#[cfg(feature = "config")]
pub use crate::from_policy::PasswordFileError;
pub use crate::redis_store::{RedisSettings, RedisSettingsError, RedisStore, TlsSettings};
pub use crate::settings::ClusterSettings;
pub use crate::status::{ClusterStatus, KeyStatus};
pub use crate::store::{Answer, Give, KeyRefusal, LeaseStore, Question, StoreError};
