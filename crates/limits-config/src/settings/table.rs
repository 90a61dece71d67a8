//! The table of settings: one row for each key of `Component.toml` and of `[host]`.
//!
//! A new setting is a row here, the code that enforces it, and a guest that reaches the limit. The
//! file's grammar, the policy's ceilings, the schemas, the reference and the reports follow from
//! the row.

use core::time::Duration;

use limits_core::{
    Allowance, CpuTimePolicy, RatePolicy, ResourceLimits as Limits,
    ResourceLimitsBuilder as Builder, ResourceQuota, StorageBaseline,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::grammar::kind::{Kind, Unit};
use crate::grammar::value::Value;
use crate::settings::declared::Declared;
use crate::settings::define::settings;
use crate::settings::field::Field;
use crate::settings::row::Becomes::{
    CountLimit, Limit, Memory, Period, Policy, Quota, StorageRule,
};
use crate::settings::row::DefaultValue::{AtLeastMemoryLimit, Is, Required};
use crate::settings::row::Enforcer::{Executor, Wasi};
use crate::settings::row::{Row, Scope, is, is_count, unlimited};
use crate::settings::section::{self, Section};

/// The words of `cpu_time_policy`.
const CPU_TIME_POLICIES: &[&str] =
    &[CpuTimePolicy::Deny.as_str(), CpuTimePolicy::Throttle.as_str()];
/// The words of `network_policy` and `message_policy`.
const RATE_POLICIES: &[&str] = &[RatePolicy::Deny.as_str(), RatePolicy::Throttle.as_str()];
/// The words of `storage_baseline`.
const STORAGE_BASELINES: &[&str] =
    &[StorageBaseline::Count.as_str(), StorageBaseline::Free.as_str()];
const QUOTA: ResourceQuota = ResourceQuota::new();
const SECOND_MS: u64 = 1_000;

// A row: key, field and its type = kind of the value,
//     default, place in the types of limits-core, enforcer;
settings! {
    COMPONENT {
        /// `[resources.memory]`: the memory of one execution.
        MemoryConfig = "resources.memory", Scope::Execution, {
            /// Bytes of all linear memories and tables together.
            MaxBytes max_bytes: u64 = Kind::Size,
                Required, Memory, Executor;
            /// Core instances.
            MaxInstances max_instances: Option<u32> = Kind::Count,
                is_count(Limits::DEFAULT_MAX_INSTANCES),
                CountLimit(Builder::max_instances), Executor;
            /// Linear memories.
            MaxMemories max_memories: Option<u32> = Kind::Count,
                is_count(Limits::DEFAULT_MAX_MEMORIES), CountLimit(Builder::max_memories), Executor;
            /// Tables.
            MaxTables max_tables: Option<u32> = Kind::Count,
                is_count(Limits::DEFAULT_MAX_TABLES), CountLimit(Builder::max_tables), Executor;
            /// Elements of all tables together.
            MaxTableElements max_table_elements: Option<u64> = Kind::Number(Unit::Count),
                is(Limits::DEFAULT_MAX_TABLE_ELEMENTS),
                Limit(Builder::max_table_elements), Executor;
        }
        /// `[resources.cpu]`: the CPU of one execution.
        CpuConfig = "resources.cpu", Scope::Execution, {
            /// Fuel, about one unit for each instruction. Zero ends an execution before its first
            /// instruction.
            MaxFuel max_fuel: Option<u64> = Kind::Number(Unit::Fuel),
                is(Limits::DEFAULT_MAX_FUEL), Limit(Builder::max_fuel), Executor;
            /// Wall-clock time in milliseconds, instantiation and waiting included. Zero is a
            /// timeout before the guest is entered.
            TimeoutMs timeout_ms: Option<u64> = Kind::Number(Unit::Milliseconds),
                is(Limits::DEFAULT_TIMEOUT_MS), Limit(Builder::execution_timeout_ms), Executor;
        }
        /// `[resources.host]`: the resources that the host holds for one execution.
        ///
        /// `[host]` of the policy file is another table, [`HostCeilings`].
        HostConfig = "resources.host", Scope::Execution, {
            /// Bytes copied from guest to host in one host call.
            MaxCopyBytes max_copy_bytes: Option<u64> = Kind::Size,
                is(Limits::DEFAULT_MAX_COPY_BYTES), Limit(Builder::max_copy_bytes), Executor;
            /// Live component-model handles.
            MaxHandles max_handles: Option<u32> = Kind::Count,
                is_count(Limits::DEFAULT_MAX_HANDLES), CountLimit(Builder::max_handles), Executor;
            /// Entries of the host-side resource table.
            MaxResources max_resources: Option<u32> = Kind::Count,
                is_count(Limits::DEFAULT_MAX_RESOURCES),
                CountLimit(Builder::max_resources), Executor;
            /// Bytes written to standard output and standard error together. Those past it are cut
            /// and counted.
            MaxOutputBytes max_output_bytes: Option<u64> = Kind::Size,
                is(Limits::DEFAULT_MAX_OUTPUT_BYTES), Limit(Builder::max_output_bytes), Wasi;
            /// Bytes per second written to standard output and standard error together. The writer
            /// waits.
            MaxOutputRate max_output_rate: Option<u64> = Kind::SizeRate,
                is(Limits::DEFAULT_MAX_OUTPUT_RATE), Limit(Builder::max_output_rate), Wasi;
            /// Random bytes of one call.
            MaxRandomBytes max_random_bytes: Option<u64> = Kind::Size,
                is(Limits::DEFAULT_MAX_RANDOM_BYTES), Limit(Builder::max_random_bytes), Wasi;
            /// Open files and directories, those of the host (preopens) included.
            MaxDescriptors max_descriptors: Option<u32> = Kind::Count,
                is_count(Limits::DEFAULT_MAX_DESCRIPTORS),
                CountLimit(Builder::max_descriptors), Wasi;
            /// Entries of one listing of a directory.
            MaxDirectoryEntries max_directory_entries: Option<u64> = Kind::Number(Unit::Count),
                is(Limits::DEFAULT_MAX_DIRECTORY_ENTRIES),
                Limit(Builder::max_directory_entries), Wasi;
            /// Threads of the host that block for the component at one time. Its other operations
            /// on files wait.
            MaxBlockingThreads max_blocking_threads: Option<u32> = Kind::Count,
                is_count(Limits::DEFAULT_MAX_BLOCKING_THREADS),
                CountLimit(Builder::max_blocking_threads), Wasi;
            /// TCP and UDP sockets at one time, accepted connections included.
            MaxSockets max_sockets: Option<u32> = Kind::Count,
                is_count(Limits::DEFAULT_MAX_SOCKETS), CountLimit(Builder::max_sockets), Wasi;
            /// Look-ups of names.
            MaxLookups max_lookups: Option<u64> = Kind::Number(Unit::Count),
                is(Limits::DEFAULT_MAX_LOOKUPS), Limit(Builder::max_lookups), Wasi;
            /// Bytes of each of the kernel's two buffers of a socket. A larger size that the guest
            /// asks for is lowered.
            MaxSocketBufferBytes max_socket_buffer_bytes: Option<u64> = Kind::Size,
                is(Limits::DEFAULT_MAX_SOCKET_BUFFER_BYTES),
                Limit(Builder::max_socket_buffer_bytes), Wasi;
            /// HTTP requests.
            MaxRequests max_requests: Option<u64> = Kind::Number(Unit::Count),
                is(Limits::DEFAULT_MAX_REQUESTS), Limit(Builder::max_requests), Wasi;
            /// HTTP requests at one time. Further ones wait.
            MaxRequestsInFlight max_requests_in_flight: Option<u32> = Kind::Count,
                is_count(Limits::DEFAULT_MAX_REQUESTS_IN_FLIGHT),
                CountLimit(Builder::max_requests_in_flight), Wasi;
            /// Bytes of the status line and the headers of one HTTP response.
            MaxResponseHeadBytes max_response_head_bytes: Option<u64> = Kind::Size,
                is(Limits::DEFAULT_MAX_RESPONSE_HEAD_BYTES),
                Limit(Builder::max_response_head_bytes), Wasi;
            /// Bytes of the body of one HTTP response.
            MaxResponseBytes max_response_bytes: Option<u64> = Kind::Size,
                is(Limits::DEFAULT_MAX_RESPONSE_BYTES), Limit(Builder::max_response_bytes), Wasi;
            /// Milliseconds until a TCP connection is made, or a name is looked up; for HTTP until
            /// both are done.
            ConnectTimeoutMs connect_timeout_ms: Option<u64> = Kind::Number(Unit::Milliseconds),
                is(Limits::DEFAULT_CONNECT_TIMEOUT_MS), Limit(Builder::connect_timeout_ms), Wasi;
            /// Milliseconds of one TLS handshake.
            TlsTimeoutMs tls_timeout_ms: Option<u64> = Kind::Number(Unit::Milliseconds),
                is(Limits::DEFAULT_TLS_TIMEOUT_MS), Limit(Builder::tls_timeout_ms), Wasi;
            /// Milliseconds between the end of an HTTP request and the first byte of its response.
            FirstByteTimeoutMs first_byte_timeout_ms: Option<u64> =
                Kind::Number(Unit::Milliseconds),
                is(Limits::DEFAULT_FIRST_BYTE_TIMEOUT_MS),
                Limit(Builder::first_byte_timeout_ms), Wasi;
            /// Milliseconds between two bytes of an HTTP body.
            IdleTimeoutMs idle_timeout_ms: Option<u64> = Kind::Number(Unit::Milliseconds),
                is(Limits::DEFAULT_IDLE_TIMEOUT_MS), Limit(Builder::idle_timeout_ms), Wasi;
            /// Milliseconds of one HTTP request with its response.
            RequestTimeoutMs request_timeout_ms: Option<u64> = Kind::Number(Unit::Milliseconds),
                is(Limits::DEFAULT_REQUEST_TIMEOUT_MS), Limit(Builder::request_timeout_ms), Wasi;
            /// Bytes of the topic, the data and the metadata of one message.
            MaxMessageBytes max_message_bytes: Option<u64> = Kind::Size,
                is(Limits::DEFAULT_MAX_MESSAGE_BYTES), Limit(Builder::max_message_bytes), Wasi;
            /// Bytes of the key and the value of one pair in a key-value store.
            MaxValueBytes max_value_bytes: Option<u64> = Kind::Size,
                is(Limits::DEFAULT_MAX_VALUE_BYTES), Limit(Builder::max_value_bytes), Wasi;
        }
        /// `[quota]`: the resources that one component may use over time, in all its executions.
        ///
        /// A field that is `None` has its default. The three rates are per second, whatever the
        /// period.
        QuotaSection = "quota", Scope::Component, {
            /// Bytes stored at one time.
            Storage storage: Option<Allowance> = Kind::Storage,
                Is(Value::Amount(QUOTA.max_storage_bytes)),
                Quota(|quota| &mut quota.max_storage_bytes), Wasi;
            /// Entries of directories (files, directories and links) stored at one time.
            StorageEntries storage_entries: Option<Allowance> = Kind::Entries,
                Is(Value::Amount(QUOTA.max_storage_entries)),
                Quota(|quota| &mut quota.max_storage_entries), Wasi;
            /// Messages per second.
            MessageRate message_rate: Option<Allowance> = Kind::Messages,
                Is(Value::Amount(QUOTA.max_message_rate)),
                Quota(|quota| &mut quota.max_message_rate), Wasi;
            /// Whether a message above the rate waits while the execution's deadline runs on
            /// (throttle) or is refused (deny).
            MessagePolicy message_policy: Option<RatePolicy> = Kind::Word(RATE_POLICIES),
                Is(Value::Word(RatePolicy::Throttle.as_str())), Policy, Wasi;
            /// Bytes sent and received per second.
            NetworkBandwidth network_bandwidth: Option<Allowance> = Kind::Bandwidth,
                Is(Value::Amount(QUOTA.max_network_bandwidth)),
                Quota(|quota| &mut quota.max_network_bandwidth), Wasi;
            /// Whether bytes above the bandwidth wait while the execution's deadline runs on
            /// (throttle) or are refused (deny).
            NetworkPolicy network_policy: Option<RatePolicy> = Kind::Word(RATE_POLICIES),
                Is(Value::Word(RatePolicy::Throttle.as_str())), Policy, Wasi;
            /// Milliseconds of CPU time per second; 1000ms/s is one whole core.
            CpuTime cpu_time: Option<Allowance> = Kind::CpuTime,
                Is(Value::Amount(QUOTA.max_cpu_time_ms)),
                Quota(|quota| &mut quota.max_cpu_time_ms), Executor;
            /// Whether an execution without CPU time waits for the next period while its deadline
            /// runs on (throttle) or ends with the refusal (deny).
            CpuTimePolicy cpu_time_policy: Option<CpuTimePolicy> = Kind::Word(CPU_TIME_POLICIES),
                Is(Value::Word(CpuTimePolicy::Throttle.as_str())), Policy, Executor;
            /// Bytes of memory of all live executions together.
            QuotaMemory memory: Option<Allowance> = Kind::Storage,
                AtLeastMemoryLimit(QUOTA.max_memory_bytes),
                Quota(|quota| &mut quota.max_memory_bytes), Executor;
            /// The window in which the rates are counted, 1ms to 86400s. Under a policy with rates
            /// it becomes a part of the operator's.
            Period period: Option<Duration> = Kind::Period,
                is(SECOND_MS), Period, Executor;
        }
    }
    HOST {
        /// `[host]` of the policy file: ceilings over the sum of all components.
        ///
        /// A ceiling that is `None` is unlimited. The host counts the sum: it makes one tracker of
        /// the table, the parent of all components' trackers. Two keys are no ceilings: they say
        /// how storage is counted.
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
            HostStorage storage: Option<Allowance> = Kind::Storage,
                unlimited(), Quota(|quota| &mut quota.max_storage_bytes), Wasi;
            /// Entries of directories (files, directories and links) stored by all components at
            /// one time.
            HostStorageEntries storage_entries: Option<Allowance> = Kind::Entries,
                unlimited(), Quota(|quota| &mut quota.max_storage_entries), Wasi;
            /// Whether files that are in a component's directories at the start are counted (count)
            /// or not (free).
            HostStorageBaseline storage_baseline: Option<StorageBaseline> =
                Kind::Word(STORAGE_BASELINES),
                Is(Value::Word(StorageBaseline::Count.as_str())), StorageRule, Wasi;
            /// Bytes of storage that each entry of a directory counts, beside the bytes of its
            /// file.
            HostStorageEntryBytes storage_entry_bytes: Option<u64> = Kind::Size,
                is(ResourceQuota::DEFAULT_STORAGE_ENTRY_BYTES), StorageRule, Wasi;
            /// Messages of all components per second.
            HostMessageRate message_rate: Option<Allowance> = Kind::Messages,
                unlimited(), Quota(|quota| &mut quota.max_message_rate), Wasi;
            /// Bytes sent and received by all components per second.
            HostNetworkBandwidth network_bandwidth: Option<Allowance> = Kind::Bandwidth,
                unlimited(), Quota(|quota| &mut quota.max_network_bandwidth), Wasi;
            /// Milliseconds of CPU time of all components per second; 4000ms/s is four whole cores.
            HostCpuTime cpu_time: Option<Allowance> = Kind::CpuTime,
                unlimited(), Quota(|quota| &mut quota.max_cpu_time_ms), Executor;
            /// Bytes of memory of all live executions of all components.
            HostMemory memory: Option<Allowance> = Kind::Storage,
                unlimited(), Quota(|quota| &mut quota.max_memory_bytes), Executor;
            /// The window in which these rates are counted, 1ms to 86400s.
            HostPeriod period: Option<Duration> = Kind::Period,
                is(SECOND_MS), Period, Executor;
        }
    }
}
