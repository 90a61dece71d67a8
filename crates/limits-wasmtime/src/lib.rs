#![doc = include_str!("../README.md")]

mod blame;
mod breach;
mod calibration;
mod cancel;
mod drive;
mod engine;
mod execution;
mod executor;
mod export;
mod failure;
mod hook;
mod limiter;
mod live;
mod meter;
mod nested;
mod prepared;
mod printable;
mod relay;
mod report;
mod retire;
mod shortage;
mod state;
mod structure;
mod type_check;
mod type_text;

pub use crate::calibration::{Calibration, Distribution};
pub use crate::cancel::CancelHandle;
pub use crate::engine::{AddressSpace, EngineBuilder, create_engine};
pub use crate::executor::{CallFuture, ComponentExecutor};
pub use crate::failure::ExecutionFailure;
pub use crate::live::{CallFailure, LiveComponent};
pub use crate::prepared::PreparedComponent;
pub use crate::printable::printable;
pub use crate::report::{ExecutionReport, ExecutionResult};
pub use crate::shortage::host_resource;
pub use crate::state::{HasLimits, LimitState, resource_table};

pub use limits_core;
pub use wasmtime;
