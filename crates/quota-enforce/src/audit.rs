//! What happened to a component, for whoever has to know.

use core::fmt::Debug;

use limits_core::{Decision, ExecutionEnd, QuotaError, QuotaResource, QuotaResourceStatus};

use crate::usage_level::UsageLevel;

/// Something that happened to a component.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct AuditEvent<'a> {
    /// The component's id.
    pub component: &'a str,
    /// What happened.
    pub kind: AuditKind<'a>,
    /// Whether it had an effect. A denial of a registry that only observes has none.
    pub enforced: bool,
    /// The order of events of one registry, beginning with 1: of two that reach a sink on two threads,
    /// or two sinks, the one with the larger number is the later one.
    pub sequence: u64,
    /// For a sink that writes: how many events like this one were too many to be written since the
    /// last that was not; `None` if this one is too many itself.
    ///
    /// Of denials and grants, the first ten of a kind are not too many in a second of the registry's
    /// clock: of one component, one [kind](AuditKind::name) and one [subject](AuditKind::subject).
    /// All other events are never too many. Every event is heard by every sink and counted here once;
    /// a sink that counts or decides does not need this.
    pub repeats: Option<u64>,
}

impl<'a> AuditEvent<'a> {
    /// Describes an event, to try a sink out. Registries make their own; grants and thresholds are made
    /// by them only.
    #[must_use]
    pub const fn new(component: &'a str, kind: AuditKind<'a>, enforced: bool) -> Self {
        Self { component, kind, enforced, sequence: 0, repeats: Some(0) }
    }

    /// Sets how many events like it were too many before; see [`repeats`](Self::repeats).
    #[must_use]
    pub const fn with_repeats(mut self, repeats: Option<u64>) -> Self {
        self.repeats = repeats;
        self
    }
}

/// What happened.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum AuditKind<'a> {
    /// The component was registered.
    Registered,
    /// The component was unregistered.
    Unregistered,
    /// No pattern allowed what the component wanted.
    CapabilityDenied(Decision<'a>),
    /// A pattern allowed what the component wanted. Reported only when asked for.
    CapabilityGranted(Decision<'a>),
    /// A quota had not enough left.
    QuotaDenied(QuotaError),
    /// A quota had enough left. Reported only when asked for.
    #[non_exhaustive]
    QuotaGranted {
        /// Of what.
        resource: QuotaResource,
        /// How much was taken, in the resource's unit.
        amount: u64,
    },
    /// What is used of a quota went through 80 % or 95 %, or came back.
    #[non_exhaustive]
    Threshold {
        /// Of what.
        resource: QuotaResource,
        /// The level of use before; not a [`QuotaError::level`].
        from: UsageLevel,
        /// The level of use now; not a [`QuotaError::level`].
        to: UsageLevel,
        /// The numbers now.
        status: QuotaResourceStatus,
    },
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
        }
    }

    /// Returns what it was about: a permission, a resource of a quota, or nothing in particular.
    #[must_use]
    pub fn subject(&self) -> &'static str {
        match self {
            Self::Registered | Self::Unregistered => "",
            Self::CapabilityDenied(decision) | Self::CapabilityGranted(decision) => {
                decision.permission().as_str()
            }
            Self::QuotaDenied(error) => error.resource().key(),
            Self::QuotaGranted { resource, .. } | Self::Threshold { resource, .. } => {
                resource.key()
            }
        }
    }

    /// Tells whether something was refused.
    #[must_use]
    pub const fn is_denial(&self) -> bool {
        matches!(self, Self::CapabilityDenied(_) | Self::QuotaDenied(_))
    }
}

/// Receives every denial, registration and threshold crossing, and grants when asked for.
///
/// It is called by the thread that runs the component, in the middle of a host call, from many threads
/// at once. So it must neither block nor be slow, and one that writes somewhere must bound what it
/// writes: a component can be denied millions of times a second. For denials and grants,
/// [`AuditEvent::repeats`] says what to write. [`JsonLinesSink`](crate::JsonLinesSink) and
/// [`TracingSink`](crate::TracingSink) bound crossings of levels as well.
///
/// Crossings of one resource arrive one after the other, each from the level to which the one before
/// has led, and the last one is the level that holds. If threads change the use while the sinks are
/// told, the crossings of that time become one. So a sink may ask, take and release for the component
/// that it is told of.
///
/// A sink that panics changes nothing: the decision stands, and the other sinks are told. The panic
/// goes no further than the program's panic hook.
///
/// ```
/// use core::sync::atomic::{AtomicU64, Ordering};
/// use std::sync::Arc;
///
/// use limits_core::{CapabilitySet, Permission};
/// use quota_enforce::{AuditEvent, AuditKind, AuditSink, UsageLevel, QuotaRegistry, SecurityContext};
///
/// /// Counts what somebody should look at.
/// #[derive(Debug, Default)]
/// struct Worries(AtomicU64);
///
/// impl AuditSink for Worries {
///     fn record(&self, event: &AuditEvent<'_>) {
///         let critical = matches!(event.kind, AuditKind::Threshold { to: UsageLevel::Critical, .. });
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
    /// Takes note of an event.
    fn record(&self, event: &AuditEvent<'_>);

    /// Hears that an execution of a component has ended. Does nothing by default.
    ///
    /// Called once for each execution that has the component's handle as its
    /// [account](limits_core::Account::ended), by the thread that ran it.
    fn execution_ended(&self, component: &str, end: &ExecutionEnd) {
        let _ = (component, end);
    }

    /// Writes what the sink keeps back.
    ///
    /// Called by `refresh_levels` of a registry or a handle, after the levels were looked at.
    fn refresh(&self) {}
}
