//! Events of components, and the sinks that hear of them.

use core::fmt::Debug;

use limits_core::{Decision, ExecutionEnd, QuotaError, QuotaResource, QuotaResourceStatus};

use crate::lessor::ClusterEvent;
use crate::usage_level::UsageLevel;

/// Something that happened to a component.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct AuditEvent<'a> {
    /// The component's id; empty for an event of the [cluster](AuditKind::Cluster).
    pub component: &'a str,
    /// The event itself.
    pub kind: AuditKind<'a>,
    /// False for a denial of a registry that only observes: it had no effect.
    pub enforced: bool,
    /// The event's number in the registry, beginning with 1: of two events that reach a sink on two
    /// threads, the one with the larger number is the later one.
    pub sequence: u64,
    /// The number of events of the same kind that a log left out since the last one that it wrote;
    /// `None` if it is to leave this one out as well.
    ///
    /// A log writes the first ten denials or grants in a second of the registry's clock, for each
    /// component, [kind](AuditKind::name) and [subject](AuditKind::subject), and all other events.
    /// Every sink hears every event, and each is counted here once; a sink that counts or decides
    /// does not need this.
    pub repeats: Option<u64>,
}

impl<'a> AuditEvent<'a> {
    /// Describes an event, for tests of a sink. Only registries make grants and thresholds.
    #[must_use]
    pub const fn new(component: &'a str, kind: AuditKind<'a>, enforced: bool) -> Self {
        Self { component, kind, enforced, sequence: 0, repeats: Some(0) }
    }

    /// Sets the [`repeats`](Self::repeats).
    #[must_use]
    pub const fn with_repeats(mut self, repeats: Option<u64>) -> Self {
        self.repeats = repeats;
        self
    }
}

/// The kinds of events.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum AuditKind<'a> {
    /// The component was registered.
    Registered,
    /// The component was unregistered. Of two threads that register and unregister one id at the
    /// same time, sinks may hear in another order than the registry acted.
    Unregistered,
    /// No pattern allowed what the component asked for.
    CapabilityDenied(Decision<'a>),
    /// A pattern allowed what the component asked for. Reported only by
    /// [`audit_grants`](crate::QuotaRegistryBuilder::audit_grants).
    CapabilityGranted(Decision<'a>),
    /// A quota had not enough left.
    QuotaDenied(QuotaError),
    /// A quota had enough left. Reported only by
    /// [`audit_grants`](crate::QuotaRegistryBuilder::audit_grants).
    #[non_exhaustive]
    QuotaGranted {
        /// The resource.
        resource: QuotaResource,
        /// The units that were taken.
        amount: u64,
    },
    /// The use of a quota crossed 80 % or 95 %, or fell back.
    #[non_exhaustive]
    Threshold {
        /// The resource.
        resource: QuotaResource,
        /// The level of use before.
        from: UsageLevel,
        /// The level of use now.
        to: UsageLevel,
        /// The numbers now.
        status: QuotaResourceStatus,
    },
    /// The store of quotas that hosts share was lost or is back, or there is a warning. The event's
    /// component is empty, but for a rate of one component.
    Cluster(&'a ClusterEvent),
}

impl AuditKind<'_> {
    /// Returns a name for logs, such as `quota_denied`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Unregistered => "unregistered",
            Self::CapabilityDenied(_) => "capability_denied",
            Self::CapabilityGranted(_) => "capability_granted",
            Self::QuotaDenied(_) => "quota_denied",
            Self::QuotaGranted { .. } => "quota_granted",
            Self::Threshold { .. } => "threshold",
            Self::Cluster(event) => event.name(),
        }
    }

    /// Returns the subject: a permission, a resource of a quota, or an empty text.
    #[must_use]
    pub fn subject(&self) -> &'static str {
        match self {
            Self::Registered | Self::Unregistered => "",
            Self::Cluster(event) => event.resource().map_or("", QuotaResource::key),
            Self::CapabilityDenied(decision) | Self::CapabilityGranted(decision) => {
                decision.permission().as_str()
            }
            Self::QuotaDenied(error) => error.resource().key(),
            Self::QuotaGranted { resource, .. } | Self::Threshold { resource, .. } => {
                resource.key()
            }
        }
    }

    /// Reports whether the event is a denial.
    #[must_use]
    pub const fn is_denial(&self) -> bool {
        matches!(self, Self::CapabilityDenied(_) | Self::QuotaDenied(_))
    }
}

/// Receives every denial, registration and crossing of a level, and grants if the registry
/// [reports](crate::QuotaRegistryBuilder::audit_grants) them.
///
/// The thread that runs the component calls it, in the middle of a host call, and many threads may
/// call it at once. So a sink must neither block nor be slow, and a sink that writes must bound
/// what it writes: a component can be denied millions of times a second. For denials and grants,
/// [`AuditEvent::repeats`] decides. [`JsonLinesSink`](crate::JsonLinesSink) and
/// [`TracingSink`](crate::TracingSink) bound crossings of levels as well.
///
/// Crossings of one resource arrive one after the other, each from the level to which the one
/// before has led, and the last one is the level that holds. Crossings that happen during a report
/// become one. So a sink may check, take and release for the component of the event.
///
/// A sink that panics changes nothing: the decision stands, and the other sinks hear the event. The
/// panic reaches only the program's panic hook.
///
/// ```
/// use core::sync::atomic::{AtomicU64, Ordering};
/// use std::sync::Arc;
///
/// use limits_core::{CapabilitySet, Permission};
/// use quota_enforce::UsageLevel::Critical;
/// use quota_enforce::{AuditEvent, AuditKind, AuditSink, QuotaRegistry, SecurityContext};
///
/// /// Counts events for a person to look at.
/// #[derive(Debug, Default)]
/// struct Worries(AtomicU64);
///
/// impl AuditSink for Worries {
///     fn record(&self, event: &AuditEvent<'_>) {
///         let critical = matches!(event.kind, AuditKind::Threshold { to: Critical, .. });
///         if event.kind.is_denial() || critical {
///             self.0.fetch_add(1, Ordering::Relaxed);
///         }
///     }
/// }
///
/// let worries = Arc::new(Worries::default());
/// let registry = QuotaRegistry::builder().audit(Arc::<Worries>::clone(&worries)).build();
/// let shop = registry.register(SecurityContext::new("shop", CapabilitySet::new()))?;
/// assert!(shop.check(Permission::FilesystemRead, "/etc/passwd").is_err());
/// assert_eq!(worries.0.load(Ordering::Relaxed), 1);
/// # Ok::<(), quota_enforce::EnforceError>(())
/// ```
pub trait AuditSink: Debug + Send + Sync {
    /// Hears an event.
    fn record(&self, event: &AuditEvent<'_>);

    /// Hears that an execution of a component has ended. Does nothing by default.
    ///
    /// Called once for each execution that has the component's handle as its
    /// [account](limits_core::Account::ended), by the thread that ran it.
    fn execution_ended(&self, component: &str, end: &ExecutionEnd) {
        let _ = (component, end);
    }

    /// Writes the events that the sink keeps back.
    ///
    /// Called by `refresh_levels` of a registry or a handle, after levels were re-evaluated.
    fn refresh(&self) {}
}
