//! The resources that one question is about.

/// The resources that a question about capabilities is about.
///
/// The name of an entry is any text that can be one, so only a `*` or `**` of a pattern stands for
/// it.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Extent {
    /// The requested resource, of any domain:
    /// [`CapabilitySet::check`](crate::CapabilitySet::check).
    #[default]
    Itself,
    /// Some path, the requested one or below it:
    /// [`CapabilitySet::check_at_or_below`](crate::CapabilitySet::check_at_or_below).
    AtOrBelow,
    /// The requested path, or else every entry directly below it:
    /// [`CapabilitySet::check_entries`](crate::CapabilitySet::check_entries).
    Entries,
    /// Every path below the requested one, at any depth:
    /// [`CapabilitySet::check_below`](crate::CapabilitySet::check_below).
    Below,
    /// The requested host with some port:
    /// [`CapabilitySet::check_name`](crate::CapabilitySet::check_name).
    SomePort,
}

impl Extent {
    /// Returns a name for logs: `itself`, `at_or_below`, `entries`, `below` or
    /// `some_port`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Itself => "itself",
            Self::AtOrBelow => "at_or_below",
            Self::Entries => "entries",
            Self::Below => "below",
            Self::SomePort => "some_port",
        }
    }

    /// Returns the words between a permission and the requested resource.
    pub(super) const fn preposition(self) -> &'static str {
        match self {
            Self::Itself => "of",
            Self::AtOrBelow => "at or below",
            Self::Entries => "of the entries of",
            Self::Below => "of everything below",
            Self::SomePort => "of some port of",
        }
    }

    /// Returns the verb for a pattern that covers it.
    pub(super) const fn verb(self) -> &'static str {
        match self {
            Self::Itself | Self::AtOrBelow | Self::SomePort => "matches",
            Self::Entries | Self::Below => "matches every name",
        }
    }
}
