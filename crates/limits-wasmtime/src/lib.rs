#![doc = include_str!("../README.md")]
//!
//! # Features
//!
//! `anyhow`, off by default, lets `?` turn Wasmtime's errors into `anyhow::Error`. The errors of
//! this crate need no feature for that.

mod breach;
mod calibration;
mod cancel;
mod compile;
mod cpu_account;
mod cpu_mark;
mod crowd;
mod driven;
mod driver;
mod drop_store;
mod engine;
mod error_map;
mod error_text;
mod execution;
mod executor;
mod executor_settings;
mod export;
mod failure;
mod fuel_interval;
mod hook;
mod kept_thread;
mod limiter;
mod live;
mod live_function;
mod live_slot;
mod meter;
mod moment;
mod nested;
mod pool;
mod pool_reservation;
mod prepared;
mod prepared_function;
mod report;
mod runtime_pool;
mod shortage;
mod slice_clock;
mod state;
mod structure;
mod turns;
mod type_check;
mod type_text;
mod yield_waker;

pub use crate::calibration::{Calibration, Distribution};
pub use crate::cancel::CancelHandle;
pub use crate::engine::{AddressSpace, EngineBuilder, EngineSettings, create_engine};
pub use crate::error_map::invalid_component;
pub use crate::executor::ComponentExecutor;
pub use crate::failure::ExecutionFailure;
pub use crate::live::{CallFailure, LiveComponent};
pub use crate::live_function::LiveFunction;
pub use crate::live_slot::LiveSlot;
pub use crate::pool_reservation::PoolReservation;
pub use crate::prepared::PreparedComponent;
pub use crate::prepared_function::PreparedFunction;
pub use crate::report::{ExecutionReport, ExecutionResult};
pub use crate::shortage::host_resource;
pub use crate::state::{HasLimits, LimitState, resource_table};
pub use crate::structure::Structure;

pub use limits_core;
pub use limits_fair::Share;
pub use wasmtime;
