//! Changes in the state of a cluster's store.

use core::fmt;
use core::time::Duration;

use limits_core::{Escaped, QuotaResource, StoreLoss};

/// The characters of a text or an id that are shown.
const SHOWN: usize = 256;

/// A change in the state of the store that lends the units of shared quotas.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ClusterEvent {
    /// The store does not answer, or cannot be used.
    StoreLost {
        /// The reason.
        reason: String,
    },
    /// The store answers again.
    StoreBack {
        /// The time for which it was away.
        after: Duration,
    },
    /// The store was lost, and the operator's choice for that time is in force.
    Fallback {
        /// The component's id, empty for the quota of all components of this host.
        id: Box<str>,
        /// The rate.
        resource: QuotaResource,
        /// The choice.
        policy: StoreLoss,
    },
    /// The store works, and something about it needs the operator's attention: the text says what
    /// to set.
    Warning {
        /// The text.
        text: String,
    },
}

impl ClusterEvent {
    /// Returns a name for logs, such as `store_lost`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::StoreLost { .. } => "store_lost",
            Self::StoreBack { .. } => "store_back",
            Self::Fallback { .. } => "store_fallback",
            Self::Warning { .. } => "store_warning",
        }
    }

    /// Returns the rate, of an event that concerns one.
    #[must_use]
    pub const fn resource(&self) -> Option<QuotaResource> {
        match self {
            Self::Fallback { resource, .. } => Some(*resource),
            _ => None,
        }
    }

    /// Returns the component's id, empty for an event of the store itself or of the host's quota.
    #[must_use]
    pub fn component(&self) -> &str {
        match self {
            Self::Fallback { id, .. } => id,
            _ => "",
        }
    }
}

/// Says it in one line, for people.
impl fmt::Display for ClusterEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StoreLost { reason } => {
                write!(f, "the store of shared quotas is lost: {}", Escaped::head(reason, SHOWN))
            }
            Self::StoreBack { after } => {
                write!(f, "the store of shared quotas is back after {after:.0?}")
            }
            Self::Fallback { id, resource, policy } if id.is_empty() => {
                write!(f, "the host's {} is `{policy}` without the store", resource.name())
            }
            Self::Fallback { id, resource, policy } => write!(
                f,
                "the {} of `{}` is `{policy}` without the store",
                resource.name(),
                Escaped::head(id, SHOWN)
            ),
            Self::Warning { text } => write!(f, "{}", Escaped::head(text, SHOWN)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ClusterEvent;
    use core::time::Duration;
    use limits_core::{QuotaResource, StoreLoss};

    #[test]
    fn every_event_has_a_name_a_component_and_a_line() {
        let fallback = |id: &str| ClusterEvent::Fallback {
            id: Box::from(id),
            resource: QuotaResource::MessageRate,
            policy: StoreLoss::Share,
        };
        for (event, name, component, line) in [
            (
                ClusterEvent::StoreLost { reason: String::from("no answer\n") },
                "store_lost",
                "",
                "the store of shared quotas is lost: no answer\\n",
            ),
            (
                ClusterEvent::StoreBack { after: Duration::from_millis(2_500) },
                "store_back",
                "",
                "the store of shared quotas is back after 2s",
            ),
            (
                fallback("shop"),
                "store_fallback",
                "shop",
                "the message rate of `shop` is `share` without the store",
            ),
            (
                fallback(""),
                "store_fallback",
                "",
                "the host's message rate is `share` without the store",
            ),
            (
                ClusterEvent::Warning { text: String::from("set maxmemory-policy noeviction") },
                "store_warning",
                "",
                "set maxmemory-policy noeviction",
            ),
        ] {
            assert_eq!((event.name(), event.component()), (name, component));
            assert_eq!(event.to_string(), line);
        }
    }
}
