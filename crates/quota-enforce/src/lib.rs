#![doc = include_str!("../README.md")]

mod ask;
mod audit;
mod caught;
mod coarse_clock;
mod crossings;
mod denials;
mod enforce_error;
mod global;
mod grant;
mod guard;
mod handle;
mod json_lines;
mod level_watch;
#[cfg(feature = "metrics")]
mod metrics_exporter;
mod peaks;
mod refusal_view;
mod registry;
mod security_context;
mod shared;
mod status_view;
mod sync;
mod throttle;
mod tracing_sink;
mod usage_level;
mod usage_snapshot;

#[doc(hidden)]
pub use crate::ask::Asked;
pub use crate::ask::{AsComponent, AsResource};
pub use crate::audit::{AuditEvent, AuditKind, AuditSink};
pub use crate::coarse_clock::CoarseClock;
pub use crate::denials::Denials;
pub use crate::enforce_error::EnforceError;
pub use crate::global::{
    AlreadyInstalled, check_capability, check_capability_with_quota, consume_quota,
    get_quota_status, global, has_quota_critical, has_quota_warning, install, register_component,
    release_quota, unregister_component,
};
pub use crate::grant::Grant;
#[doc(hidden)]
pub use crate::guard::{ask, run_asked, run_granted};
pub use crate::guard::{authorize, guard, guard_async};
pub use crate::handle::ComponentHandle;
pub use crate::json_lines::JsonLinesSink;
#[cfg(feature = "metrics")]
pub use crate::metrics_exporter::MetricsExporter;
pub use crate::refusal_view::RefusalView;
pub use crate::registry::{QuotaRegistry, QuotaRegistryBuilder};
pub use crate::security_context::SecurityContext;
pub use crate::status_view::{ResourceView, StatusView};
pub use crate::tracing_sink::TracingSink;
pub use crate::usage_level::UsageLevel;
pub use crate::usage_snapshot::UsageSnapshot;
/// The words that this crate's signatures are made of, in the version that it was built with.
pub use limits_core;
