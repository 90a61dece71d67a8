//! The columns of the table of settings.

use limits_core::{Allowance, ResourceLimitsBuilder, ResourceQuota};

use crate::grammar::kind::Kind;
use crate::grammar::value::Value;

/// One setting: where it is written, how, and what it becomes.
#[derive(Debug)]
pub(crate) struct Row {
    /// The key, such as `resources.cpu.max_fuel`.
    pub(crate) path: &'static str,
    pub(crate) scope: Scope,
    pub(crate) kind: Kind,
    pub(crate) default: DefaultValue,
    pub(crate) becomes: Becomes,
    pub(crate) enforcer: Enforcer,
    /// The description for rustdoc, the schemas and the reference.
    #[cfg_attr(
        not(any(test, feature = "schema")),
        expect(dead_code, reason = "only the schemas and the reference show it")
    )]
    pub(crate) about: &'static str,
}

/// The executions over which a setting counts.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Scope {
    /// One execution: the keys of `[resources]`.
    Execution,
    /// All executions of one component, over time: the keys of `[quota]`.
    Component,
    /// All components together: the keys of `[host]`, which only the policy has.
    Host,
}

/// The part of a program that enforces a setting.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Enforcer {
    /// The executor, `limits-wasmtime`: wherever a guest runs.
    Executor,
    /// The interfaces of WASI, with `quota-wasi`: wherever the host links those. A quota is also
    /// enforced by the host's own functions, where they ask `quota-enforce`.
    Wasi,
}

/// The value of a setting that its file does not give.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum DefaultValue {
    /// There is none, so `Component.toml` must give one.
    Required,
    /// This value.
    Is(Value),
    /// This amount, or the memory limit of one execution if that is more.
    AtLeastMemoryLimit(Allowance),
}

/// The place of a setting in the types of limits-core.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Becomes {
    /// The memory limit of one execution.
    Memory,
    /// Another limit of one execution.
    Limit(fn(ResourceLimitsBuilder, u64) -> ResourceLimitsBuilder),
    /// Another limit of one execution, of 32 bits.
    CountLimit(fn(ResourceLimitsBuilder, u32) -> ResourceLimitsBuilder),
    /// A quota.
    Quota(fn(&mut ResourceQuota) -> &mut Allowance),
    /// The period of a quota.
    Period,
    /// A policy for a rate that is used up.
    Policy,
    /// A rule by which the storage of all components is counted.
    StorageRule,
}

/// Returns a default from a constant of limits-core.
pub(crate) const fn is(number: u64) -> DefaultValue {
    DefaultValue::Is(Value::number(number))
}

/// Returns a default from a count of limits-core.
#[expect(clippy::as_conversions, reason = "`u64::from` is not const yet; 32 bits fit 64")]
pub(crate) const fn is_count(number: u32) -> DefaultValue {
    is(number as u64)
}

/// Returns an unlimited default.
pub(crate) const fn unlimited() -> DefaultValue {
    DefaultValue::Is(Value::Amount(Allowance::Unlimited))
}
