//! Who has to answer for an execution that did not end well.

use core::fmt;

/// Who has to answer for an execution that did not end well.
///
/// Hosts that disable, bill or retry components decide by this. Returned by
/// [`WasmError::blame`](crate::WasmError::blame).
///
/// # Invariants
///
/// - I17: the [guest](Self::Guest) answers for its own acts alone, within what its own limits
///   allow. Neither a shortage of the host, nor another execution's end, nor a parent's quota that
///   other components have used up is ever put down to the guest or to its own quota.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[expect(clippy::exhaustive_enums, reason = "a host must decide what to do about each")]
pub enum Blame {
    /// The guest: it met a limit of its own execution, trapped, or asked for something that it
    /// has no capability for.
    Guest,
    /// The component's own quota: this execution or others of the same component have used it up.
    OwnQuota,
    /// The host: it lacked something, a host function failed, another execution's end came
    /// through, or a parent's quota had nothing left.
    Host,
    /// The caller or the embedder: a call that the component has no export for, a component that
    /// cannot be loaded, an unusable configuration, a cancellation.
    Caller,
}

impl fmt::Display for Blame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Guest => "guest",
            Self::OwnQuota => "own quota",
            Self::Host => "host",
            Self::Caller => "caller",
        })
    }
}
