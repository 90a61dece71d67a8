//! Execution limits: the limits of one execution, its fuel, and the errors that end it.

pub(crate) mod blame;
pub(crate) mod compile_budget;
pub(crate) mod cpu_time_policy;
pub(crate) mod execution_end;
pub(crate) mod fuel;
pub(crate) mod host_error;
pub(crate) mod host_shortage;
pub(crate) mod invalid_call;
pub(crate) mod limit_exceeded;
pub(crate) mod limits;
pub(crate) mod refused_growth;
pub(crate) mod rejection;
pub(crate) mod structure;
pub(crate) mod wait;
pub(crate) mod wasm_error;
