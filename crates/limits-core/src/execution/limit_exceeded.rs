//! A request past a limit of an execution.

use core::fmt;

/// A limit of an execution that refuses single requests.
///
/// Time and fuel have errors of their own, since they end the execution.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum LimitKind {
    /// Bytes copied from guest to host in one host call.
    CopyBytes,
    /// Open files and directories of a store.
    Descriptors,
    /// Entries of one listing of a directory.
    DirectoryEntries,
    /// Live component-model handles of a store.
    Handles,
    /// Core instances of a store.
    Instances,
    /// Linear memories of a store.
    Memories,
    /// Bytes of all linear memories and tables of a store together.
    Memory,
    /// Bytes of the messages that a store's guest has made and not dropped.
    MessageBytes,
    /// Random bytes of one call.
    RandomBytes,
    /// Entries of a store's host-side resource table.
    Resources,
    /// Elements of all tables of a store together.
    TableElements,
    /// Tables of a store.
    Tables,
}

impl LimitKind {
    /// Returns the limit's name in an error.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CopyBytes => "copy",
            Self::Descriptors => "descriptor",
            Self::DirectoryEntries => "directory listing",
            Self::Handles => "handle",
            Self::Instances => "instance",
            Self::Memories => "memory count",
            Self::Memory => "memory",
            Self::MessageBytes => "held message",
            Self::RandomBytes => "random",
            Self::Resources => "resource table",
            Self::TableElements => "table element",
            Self::Tables => "table count",
        }
    }

    /// Returns the plural of the limit's unit.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Memory | Self::MessageBytes => "bytes",
            Self::CopyBytes | Self::RandomBytes => "bytes per host call",
            Self::Descriptors => "descriptors",
            Self::DirectoryEntries | Self::Resources => "entries",
            Self::Handles => "handles",
            Self::Instances => "core instances",
            Self::Memories => "memories",
            Self::TableElements => "elements",
            Self::Tables => "tables",
        }
    }
}

/// A request that did not fit under a limit of the execution.
///
/// ```
/// use limits_core::{LimitExceeded, LimitKind};
///
/// let refused = LimitExceeded::new(LimitKind::Memory, 131_072).with_request(65_536, 131_072);
/// assert_eq!(
///     refused.to_string(),
///     "memory limit of 131072 bytes exceeded: 65536 in use, 131072 more requested",
/// );
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct LimitExceeded {
    kind: LimitKind,
    limit: u64,
    request: Option<(u64, u64)>,
}

impl LimitExceeded {
    /// Returns a refusal under a limit of `limit` units, without the request, which the runtime
    /// does not always report.
    #[must_use]
    pub const fn new(kind: LimitKind, limit: u64) -> Self {
        Self { kind, limit, request: None }
    }

    /// Sets the units in use and the units requested on top of them.
    #[must_use]
    pub const fn with_request(mut self, used: u64, requested: u64) -> Self {
        self.request = Some((used, requested));
        self
    }

    /// Returns the kind of limit.
    #[must_use]
    pub const fn kind(&self) -> LimitKind {
        self.kind
    }

    /// Returns the limit, in [`LimitKind::unit`]s.
    #[must_use]
    pub const fn limit(&self) -> u64 {
        self.limit
    }

    /// Returns the units in use when the request came, if known.
    #[must_use]
    pub fn used(&self) -> Option<u64> {
        self.request.map(|(used, _)| used)
    }

    /// Returns the units requested on top of those in use, if known.
    #[must_use]
    pub fn requested(&self) -> Option<u64> {
        self.request.map(|(_, requested)| requested)
    }
}

impl fmt::Display for LimitExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} limit of {} {} exceeded", self.kind.name(), self.limit, self.kind.unit())?;
        match self.request {
            Some((used, requested)) => write!(f, ": {used} in use, {requested} more requested"),
            None => Ok(()),
        }
    }
}

impl core::error::Error for LimitExceeded {}

#[cfg(test)]
mod tests {
    use super::{LimitExceeded, LimitKind};
    use std::string::ToString as _;

    #[test]
    fn every_kind_has_its_text() {
        let says = |kind| LimitExceeded::new(kind, 7).to_string();
        let table = [
            (LimitKind::CopyBytes, "copy limit of 7 bytes per host call exceeded"),
            (LimitKind::Descriptors, "descriptor limit of 7 descriptors exceeded"),
            (LimitKind::DirectoryEntries, "directory listing limit of 7 entries exceeded"),
            (LimitKind::Handles, "handle limit of 7 handles exceeded"),
            (LimitKind::Instances, "instance limit of 7 core instances exceeded"),
            (LimitKind::Memories, "memory count limit of 7 memories exceeded"),
            (LimitKind::Memory, "memory limit of 7 bytes exceeded"),
            (LimitKind::MessageBytes, "held message limit of 7 bytes exceeded"),
            (LimitKind::RandomBytes, "random limit of 7 bytes per host call exceeded"),
            (LimitKind::Resources, "resource table limit of 7 entries exceeded"),
            (LimitKind::TableElements, "table element limit of 7 elements exceeded"),
            (LimitKind::Tables, "table count limit of 7 tables exceeded"),
        ];
        for (kind, words) in table {
            assert_eq!(says(kind), words);
        }
    }

    #[test]
    fn a_request_is_shown_with_its_numbers() {
        let refused = LimitExceeded::new(LimitKind::Tables, 2).with_request(2, 1);
        assert_eq!((refused.used(), refused.requested()), (Some(2), Some(1)));
        assert_eq!(
            refused.to_string(),
            "table count limit of 2 tables exceeded: 2 in use, 1 more requested"
        );
    }
}
