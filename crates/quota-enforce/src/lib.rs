#![doc = include_str!("../README.md")]

mod alert;
mod ask;
mod audit;
mod caught;
mod coarse;
mod context;
mod crossings;
mod denials;
mod error;
#[cfg(feature = "metrics")]
mod exporter;
mod global;
mod grant;
mod guard;
mod handle;
mod json_lines;
mod refusal_view;
mod registry;
mod shared;
mod snapshot;
mod status_view;
mod sync;
mod throttle;
mod trace;
mod usage_level;

#[doc(hidden)]
pub use crate::ask::Asked;
pub use crate::ask::{AsComponent, AsResource};
pub use crate::audit::{AuditEvent, AuditKind, AuditSink};
pub use crate::coarse::CoarseClock;
pub use crate::context::SecurityContext;
pub use crate::denials::Denials;
pub use crate::error::EnforceError;
#[cfg(feature = "metrics")]
pub use crate::exporter::MetricsExporter;
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
pub use crate::refusal_view::RefusalView;
pub use crate::registry::{QuotaRegistry, QuotaRegistryBuilder};
pub use crate::snapshot::UsageSnapshot;
pub use crate::status_view::{ResourceView, StatusView};
pub use crate::trace::TracingSink;
pub use crate::usage_level::UsageLevel;
/// The words that this crate's signatures are made of, in the version that it was built with.
pub use limits_core;
