#![doc = include_str!("../README.md")]

mod as_component;
mod as_resource;
mod audit;
mod caught;
mod checked_resource;
mod coarse_clock;
mod component_flags;
#[cfg(feature = "config")]
mod configured;
mod crossings;
mod denials;
mod enforce_error;
mod escaped_json;
mod global;
mod grant;
mod guard;
mod handle;
mod json_lines;
mod lending;
mod lessor;
mod level_watch;
#[cfg(feature = "metrics")]
mod metrics_exporter;
mod peaks;
mod refusal_view;
mod registry;
mod releasable;
mod security_context;
mod set_in_force;
mod shared;
mod status_view;
mod sync;
mod throttle;
mod tracing_sink;
mod usage_file;
mod usage_level;
mod usage_snapshot;
#[cfg(feature = "wait")]
mod waits;

pub use crate::as_component::AsComponent;
pub use crate::as_resource::AsResource;
pub use crate::audit::{AuditEvent, AuditKind, AuditSink};
pub use crate::checked_resource::CheckedResource;
pub use crate::coarse_clock::CoarseClock;
#[cfg(feature = "config")]
pub use crate::configured::{ConfiguredComponent, ConfiguredRegistration};
pub use crate::denials::Denials;
pub use crate::enforce_error::EnforceError;
pub use crate::global::{
    AlreadyInstalled, check_capability, check_capability_with_quota, consume_quota,
    get_quota_status, global, has_quota_critical, has_quota_warning, install, register_component,
    release_quota, unregister_component,
};
pub use crate::grant::Grant;
#[doc(hidden)]
pub use crate::guard::{
    Request, authorize_request, request, run_granted, run_granted_with, run_request,
    run_request_with,
};
pub use crate::guard::{authorize, guard, guard_async};
pub use crate::handle::ComponentHandle;
pub use crate::json_lines::JsonLinesSink;
pub use crate::lessor::{ClusterEvent, LeaseListener, Lessor, NotShared};
#[cfg(feature = "metrics")]
pub use crate::metrics_exporter::MetricsExporter;
pub use crate::refusal_view::RefusalView;
pub use crate::registry::{QuotaRegistry, QuotaRegistryBuilder, Registration};
pub use crate::security_context::SecurityContext;
pub use crate::status_view::{ResourceView, StatusView};
pub use crate::tracing_sink::TracingSink;
pub use crate::usage_file::{UsageFile, UsageFileError};
pub use crate::usage_level::UsageLevel;
pub use crate::usage_snapshot::UsageSnapshot;
/// `limits_config`, whose types the feature `config` has in signatures.
#[cfg(feature = "config")]
pub use limits_config;
/// `limits_core`, whose types this crate's signatures have, in the version that it was built with.
pub use limits_core;
