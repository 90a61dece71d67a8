//! The terms and the use of a lease, as its lessor knows them.

/// The terms of a lease. Times are those of the tracker's [`Clock`](crate::Clock), in nanoseconds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "a lease is units, a deadline and a window")]
pub struct LeaseTerms {
    /// The units: those of the window so far, or those to add to it. A lease has at most
    /// [`LeasedRate::MOST_UNITS`](crate::LeasedRate::MOST_UNITS).
    pub units: u64,
    /// The deadline: no unit is granted at or after this time. A clock that
    /// [lags](crate::Clock::lag) shows it late, so the lessor subtracts the lag.
    pub until: u64,
    /// A time at which the window is surely over. The use is reported until then.
    pub ends: u64,
}

/// The use of a lease, for its lessor.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct LeaseUse {
    /// The units that were leased for the window.
    pub leased: u64,
    /// The units in use of them, debt included.
    pub used: u64,
}

impl LeaseUse {
    /// Returns the units that are left.
    #[must_use]
    pub const fn left(self) -> u64 {
        self.leased.saturating_sub(self.used)
    }

    /// Returns the use past the lease.
    #[must_use]
    pub const fn debt(self) -> u64 {
        self.used.saturating_sub(self.leased)
    }
}
