//! Who decided a setting.

use core::fmt;

use serde::Serialize;

/// Who decided a setting.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Origin {
    /// Nobody; the default counts.
    Default,
    /// The component's own file.
    Component,
    /// The operator's policy file.
    Policy,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Default => "default",
            Self::Component => "component",
            Self::Policy => "policy",
        })
    }
}
