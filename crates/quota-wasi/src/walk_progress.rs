//! The progress of the walk over a component's directories.

/// The progress of the walk over a component's directories.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct WalkProgress {
    entries: u64,
    bytes: u64,
}

impl WalkProgress {
    pub(crate) const fn new(entries: u64, bytes: u64) -> Self {
        Self { entries, bytes }
    }

    /// Returns the entries counted so far.
    #[must_use]
    pub const fn entries(&self) -> u64 {
        self.entries
    }

    /// Returns the bytes of files counted so far.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }
}
