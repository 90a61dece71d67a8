//! The table of settings: one row for each key of `Component.toml` and of `[host]`.
//!
//! A new setting is a row here, the code that enforces it, and a guest that reaches the limit. The
//! file's grammar, the policy's ceilings, the schemas, the reference and the reports follow from
//! the row.

use core::time::Duration;

use limits_core::{Allowance, CpuTimePolicy, ResourceLimits, ResourceQuota};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::grammar::kind::{Kind, Unit};
use crate::grammar::value::Value;
use crate::settings::declared::Declared;
use crate::settings::define::settings;
use crate::settings::field::Field;
use crate::settings::row::{
    Becomes, DefaultValue, Enforcer, Row, Scope, count, is, is_count, unlimited,
};
use crate::settings::section::{self, Section};

/// The words of `cpu_time_policy`.
const CPU_TIME_POLICIES: &[&str] =
    &[CpuTimePolicy::Deny.as_str(), CpuTimePolicy::Throttle.as_str()];
const QUOTA: ResourceQuota = ResourceQuota::new();
const SECOND_MS: u64 = 1_000;

settings! {
    COMPONENT {
        /// `[resources.memory]`: the memory of one execution.
        MemoryConfig = "resources.memory", Scope::Execution, {
            /// Bytes of all linear memories and tables together.
            MaxBytes max_bytes: u64 {
                kind: Kind::Size,
                default: DefaultValue::Required,
                becomes: Becomes::Memory,
                enforcer: Enforcer::Executor,
            }
            /// Core instances.
            MaxInstances max_instances: Option<u32> {
                kind: Kind::Count,
                default: is_count(ResourceLimits::DEFAULT_MAX_INSTANCES),
                becomes: Becomes::Limit(|limits, number| limits.max_instances(count(number))),
                enforcer: Enforcer::Executor,
            }
            /// Linear memories.
            MaxMemories max_memories: Option<u32> {
                kind: Kind::Count,
                default: is_count(ResourceLimits::DEFAULT_MAX_MEMORIES),
                becomes: Becomes::Limit(|limits, number| limits.max_memories(count(number))),
                enforcer: Enforcer::Executor,
            }
            /// Tables.
            MaxTables max_tables: Option<u32> {
                kind: Kind::Count,
                default: is_count(ResourceLimits::DEFAULT_MAX_TABLES),
                becomes: Becomes::Limit(|limits, number| limits.max_tables(count(number))),
                enforcer: Enforcer::Executor,
            }
            /// Elements of all tables together.
            MaxTableElements max_table_elements: Option<u64> {
                kind: Kind::Number(Unit::Count),
                default: is(ResourceLimits::DEFAULT_MAX_TABLE_ELEMENTS),
                becomes: Becomes::Limit(|limits, number| limits.max_table_elements(number)),
                enforcer: Enforcer::Executor,
            }
        }
        /// `[resources.cpu]`: the CPU of one execution.
        CpuConfig = "resources.cpu", Scope::Execution, {
            /// Fuel, about one unit for each instruction. Zero ends an execution before its first
            /// instruction.
            MaxFuel max_fuel: Option<u64> {
                kind: Kind::Number(Unit::Fuel),
                default: is(ResourceLimits::DEFAULT_MAX_FUEL),
                becomes: Becomes::Limit(|limits, number| limits.max_fuel(number)),
                enforcer: Enforcer::Executor,
            }
            /// Wall-clock time in milliseconds, instantiation and waiting included. Zero is a
            /// timeout before the guest is entered.
            TimeoutMs timeout_ms: Option<u64> {
                kind: Kind::Number(Unit::Milliseconds),
                default: is(ResourceLimits::DEFAULT_TIMEOUT_MS),
                becomes: Becomes::Limit(|limits, number| limits.execution_timeout_ms(number)),
                enforcer: Enforcer::Executor,
            }
        }
        /// `[resources.host]`: the resources that the host holds for one execution.
        ///
        /// `[host]` of the policy file is another table, [`HostCeilings`].
        HostConfig = "resources.host", Scope::Execution, {
            /// Bytes copied between guest and host in one host call.
            MaxCopyBytes max_copy_bytes: Option<u64> {
                kind: Kind::Size,
                default: is(ResourceLimits::DEFAULT_MAX_COPY_BYTES),
                becomes: Becomes::Limit(|limits, number| limits.max_copy_bytes(number)),
                enforcer: Enforcer::Executor,
            }
            /// Live component-model handles.
            MaxHandles max_handles: Option<u32> {
                kind: Kind::Count,
                default: is_count(ResourceLimits::DEFAULT_MAX_HANDLES),
                becomes: Becomes::Limit(|limits, number| limits.max_handles(count(number))),
                enforcer: Enforcer::Executor,
            }
            /// Entries of the host-side resource table.
            MaxResources max_resources: Option<u32> {
                kind: Kind::Count,
                default: is_count(ResourceLimits::DEFAULT_MAX_RESOURCES),
                becomes: Becomes::Limit(|limits, number| limits.max_resources(count(number))),
                enforcer: Enforcer::Executor,
            }
        }
        /// `[quota]`: the resources that one component may use over time, in all its executions.
        ///
        /// A field that is `None` has the default of
        /// [`ResourceQuota`](limits_core::ResourceQuota), except that the default of `memory` is
        /// never below `resources.memory.max_bytes`. The three rates are per second, whatever the
        /// period.
        QuotaSection = "quota", Scope::Component, {
            /// Bytes stored at one time.
            Storage storage: Option<Allowance> {
                kind: Kind::Storage,
                default: DefaultValue::Is(Value::Amount(QUOTA.max_storage_bytes)),
                becomes: Becomes::Quota(|quota| &mut quota.max_storage_bytes),
                enforcer: Enforcer::HostFunctions,
            }
            /// Messages per second.
            MessageRate message_rate: Option<Allowance> {
                kind: Kind::Messages,
                default: DefaultValue::Is(Value::Amount(QUOTA.max_message_rate)),
                becomes: Becomes::Quota(|quota| &mut quota.max_message_rate),
                enforcer: Enforcer::HostFunctions,
            }
            /// Bytes sent and received per second.
            NetworkBandwidth network_bandwidth: Option<Allowance> {
                kind: Kind::Bandwidth,
                default: DefaultValue::Is(Value::Amount(QUOTA.max_network_bandwidth)),
                becomes: Becomes::Quota(|quota| &mut quota.max_network_bandwidth),
                enforcer: Enforcer::HostFunctions,
            }
            /// Milliseconds of CPU time per second; 1000ms/s is one whole core.
            CpuTime cpu_time: Option<Allowance> {
                kind: Kind::CpuTime,
                default: DefaultValue::Is(Value::Amount(QUOTA.max_cpu_time_ms)),
                becomes: Becomes::Quota(|quota| &mut quota.max_cpu_time_ms),
                enforcer: Enforcer::Executor,
            }
            /// Whether an execution without CPU time waits for the next period while its deadline
            /// runs on (throttle) or ends with the refusal (deny).
            CpuTimePolicy cpu_time_policy: Option<CpuTimePolicy> {
                kind: Kind::Word(CPU_TIME_POLICIES),
                default: DefaultValue::Is(Value::Word(CpuTimePolicy::Throttle.as_str())),
                becomes: Becomes::CpuTimePolicy,
                enforcer: Enforcer::Executor,
            }
            /// Bytes of memory of all live executions together.
            QuotaMemory memory: Option<Allowance> {
                kind: Kind::Storage,
                default: DefaultValue::AtLeastMemoryLimit(QUOTA.max_memory_bytes),
                becomes: Becomes::Quota(|quota| &mut quota.max_memory_bytes),
                enforcer: Enforcer::Executor,
            }
            /// The window in which the rates are counted, 1ms to 86400s. Under a policy with rates
            /// it becomes a part of the operator's.
            Period period: Option<Duration> {
                kind: Kind::Period,
                default: is(SECOND_MS),
                becomes: Becomes::Period,
                enforcer: Enforcer::Executor,
            }
        }
    }
    HOST {
        /// `[host]` of the policy file: ceilings over the sum of all components.
        ///
        /// An absent key is unlimited. A ceiling of zero allows nothing to any component. The three
        /// rates are per second, whatever the period, and components count in periods of their own.
        ///
        /// It does **not** count anything: a host makes one parent tracker of it and the trackers
        /// of its components the children:
        ///
        /// ```
        /// use std::sync::Arc;
        ///
        /// use limits_config::Policy;
        /// use limits_core::{QuotaTracker, QuotaType, ResourceQuota};
        ///
        /// let policy = Policy::from_toml("[host]\nmemory = \"1GB\"")?;
        /// let host = Arc::new(QuotaTracker::new(policy.host().to_resource_quota()));
        ///
        /// let quota = ResourceQuota::new().with_memory(800 << 20);
        /// let one = QuotaTracker::with_parent(quota, Arc::clone(&host));
        /// let other = QuotaTracker::with_parent(quota, Arc::clone(&host));
        /// one.consume(QuotaType::Memory(600 << 20))?;
        /// assert_eq!(other.consume(QuotaType::Memory(600 << 20)).unwrap_err().depth(), 1);
        /// # Ok::<(), Box<dyn std::error::Error>>(())
        /// ```
        #[derive(Copy)]
        HostCeilings = "host", Scope::Host, {
            /// Bytes stored by all components at one time.
            HostStorage storage: Option<Allowance> {
                kind: Kind::Storage,
                default: unlimited(),
                becomes: Becomes::Quota(|quota| &mut quota.max_storage_bytes),
                enforcer: Enforcer::HostFunctions,
            }
            /// Messages of all components per second.
            HostMessageRate message_rate: Option<Allowance> {
                kind: Kind::Messages,
                default: unlimited(),
                becomes: Becomes::Quota(|quota| &mut quota.max_message_rate),
                enforcer: Enforcer::HostFunctions,
            }
            /// Bytes sent and received by all components per second.
            HostNetworkBandwidth network_bandwidth: Option<Allowance> {
                kind: Kind::Bandwidth,
                default: unlimited(),
                becomes: Becomes::Quota(|quota| &mut quota.max_network_bandwidth),
                enforcer: Enforcer::HostFunctions,
            }
            /// Milliseconds of CPU time of all components per second; 4000ms/s is four whole cores.
            HostCpuTime cpu_time: Option<Allowance> {
                kind: Kind::CpuTime,
                default: unlimited(),
                becomes: Becomes::Quota(|quota| &mut quota.max_cpu_time_ms),
                enforcer: Enforcer::Executor,
            }
            /// Bytes of memory of all live executions of all components.
            HostMemory memory: Option<Allowance> {
                kind: Kind::Storage,
                default: unlimited(),
                becomes: Becomes::Quota(|quota| &mut quota.max_memory_bytes),
                enforcer: Enforcer::Executor,
            }
            /// The window in which these rates are counted, 1ms to 86400s.
            HostPeriod period: Option<Duration> {
                kind: Kind::Period,
                default: is(SECOND_MS),
                becomes: Becomes::Period,
                enforcer: Enforcer::Executor,
            }
        }
    }
}
