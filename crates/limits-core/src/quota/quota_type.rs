//! The resources of a quota, and amounts of them.

use core::fmt;
use core::time::Duration;

/// A resource that a [`ResourceQuota`](crate::ResourceQuota) bounds.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum QuotaResource {
    /// Bytes stored at one time.
    Storage,
    /// Entries of directories stored at one time: files, directories and links.
    StorageEntries,
    /// Messages per period.
    MessageRate,
    /// Bytes sent and received per period.
    NetworkBandwidth,
    /// CPU time per period, counted in microseconds.
    CpuTime,
    /// Bytes of memory in use.
    Memory,
}

impl QuotaResource {
    /// All resources, in the order in which they are taken.
    pub const ALL: &'static [Self] = &Self::EACH;

    /// [`ALL`](Self::ALL) as an array, for arrays with one element per resource.
    pub(crate) const EACH: [Self; 6] = [
        Self::Storage,
        Self::StorageEntries,
        Self::MessageRate,
        Self::NetworkBandwidth,
        Self::CpuTime,
        Self::Memory,
    ];

    /// Returns the resource's name in a sentence.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Storage => "storage",
            Self::StorageEntries => "storage entries",
            Self::MessageRate => "message rate",
            Self::NetworkBandwidth => "network bandwidth",
            Self::CpuTime => "CPU time",
            Self::Memory => "memory",
        }
    }

    /// Returns the resource's key in files, labels and logs.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Storage => "storage",
            Self::StorageEntries => "storage_entries",
            Self::MessageRate => "message_rate",
            Self::NetworkBandwidth => "network_bandwidth",
            Self::CpuTime => "cpu_time",
            Self::Memory => "memory",
        }
    }

    /// Returns the plural of the counted unit.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Storage | Self::NetworkBandwidth | Self::Memory => "bytes",
            Self::StorageEntries => "entries",
            Self::MessageRate => "messages",
            Self::CpuTime => "µs",
        }
    }

    /// Returns whether the resource is counted per period; if not, it is in use until released.
    #[inline]
    #[must_use]
    pub const fn is_rate(self) -> bool {
        matches!(self, Self::MessageRate | Self::NetworkBandwidth | Self::CpuTime)
    }

    /// Returns the position of the resource in [`ALL`](Self::ALL).
    ///
    /// Hidden, since new resources change the positions. `quota-enforce`, which is released
    /// together with this crate, keeps its counters by it.
    #[doc(hidden)]
    #[inline]
    #[must_use]
    pub const fn index(self) -> usize {
        match self {
            Self::Storage => 0,
            Self::StorageEntries => 1,
            Self::MessageRate => 2,
            Self::NetworkBandwidth => 3,
            Self::CpuTime => 4,
            Self::Memory => 5,
        }
    }
}

impl fmt::Display for QuotaResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// An amount of one resource that an operation takes, charges or releases.
///
/// ```
/// use core::time::Duration;
/// use limits_core::{QuotaResource, QuotaType};
///
/// assert_eq!(QuotaType::CpuTime(3).resource(), Some(QuotaResource::CpuTime));
/// assert_eq!(QuotaType::CpuTime(3).amount(), 3_000); // µs
/// assert_eq!(QuotaType::cpu_time(Duration::from_millis(3)).amount(), 3_000);
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum QuotaType {
    /// Bytes to store.
    Storage(u64),
    /// Entries of directories to store: files, directories and links.
    StorageEntries(u64),
    /// Messages to send.
    MessageRate(u64),
    /// Bytes to send or receive.
    NetworkBandwidth(u64),
    /// CPU time in milliseconds.
    CpuTime(u64),
    /// CPU time in microseconds.
    CpuTimeMicros(u64),
    /// Bytes of memory.
    Memory(u64),
    /// Nothing, for an operation without a cost.
    None,
}

impl QuotaType {
    /// Returns an amount of a resource, in its [`unit`](QuotaResource::unit).
    #[must_use]
    pub const fn of(resource: QuotaResource, amount: u64) -> Self {
        match resource {
            QuotaResource::Storage => Self::Storage(amount),
            QuotaResource::StorageEntries => Self::StorageEntries(amount),
            QuotaResource::MessageRate => Self::MessageRate(amount),
            QuotaResource::NetworkBandwidth => Self::NetworkBandwidth(amount),
            QuotaResource::CpuTime => Self::CpuTimeMicros(amount),
            QuotaResource::Memory => Self::Memory(amount),
        }
    }

    /// Returns an amount of CPU time: a started microsecond counts as a whole one, and no more than
    /// `u64::MAX` of them are counted.
    #[must_use]
    pub fn cpu_time(time: Duration) -> Self {
        let us = time.as_nanos().div_ceil(1_000);
        Self::CpuTimeMicros(u64::try_from(us).unwrap_or(u64::MAX))
    }

    /// Returns the resource, or `None` for an operation without a cost.
    #[inline]
    #[must_use]
    pub const fn resource(self) -> Option<QuotaResource> {
        match self {
            Self::Storage(_) => Some(QuotaResource::Storage),
            Self::StorageEntries(_) => Some(QuotaResource::StorageEntries),
            Self::MessageRate(_) => Some(QuotaResource::MessageRate),
            Self::NetworkBandwidth(_) => Some(QuotaResource::NetworkBandwidth),
            Self::CpuTime(_) | Self::CpuTimeMicros(_) => Some(QuotaResource::CpuTime),
            Self::Memory(_) => Some(QuotaResource::Memory),
            Self::None => None,
        }
    }

    /// Returns the amount in the resource's [`unit`](QuotaResource::unit). CPU time saturates at
    /// `u64::MAX` microseconds.
    #[inline]
    #[must_use]
    pub const fn amount(self) -> u64 {
        match self {
            Self::Storage(units)
            | Self::StorageEntries(units)
            | Self::MessageRate(units)
            | Self::NetworkBandwidth(units)
            | Self::CpuTimeMicros(units)
            | Self::Memory(units) => units,
            Self::CpuTime(ms) => ms.saturating_mul(MICROS_PER_MS),
            Self::None => 0,
        }
    }

    /// Returns the step of a partial grant: one of the units that the caller counts in.
    pub(crate) const fn granularity(self) -> u64 {
        match self {
            Self::CpuTime(_) => MICROS_PER_MS,
            _ => 1,
        }
    }
}

/// A quota bounds CPU time in milliseconds, a tracker counts it in microseconds.
pub(crate) const MICROS_PER_MS: u64 = 1_000;

#[cfg(test)]
mod tests {
    use super::{QuotaResource, QuotaType};
    use core::time::Duration;
    use std::collections::BTreeSet;
    use std::string::ToString as _;

    #[test]
    fn every_resource_has_a_position_a_name_and_a_key_of_its_own() {
        for (index, &resource) in QuotaResource::ALL.iter().enumerate() {
            assert_eq!(resource.index(), index);
            assert_eq!(resource.to_string(), resource.name());
        }
        let keys: BTreeSet<_> = QuotaResource::EACH.map(QuotaResource::key).into();
        let names: BTreeSet<_> = QuotaResource::EACH.map(QuotaResource::name).into();
        assert_eq!((keys.len(), names.len()), (6, 6));
        assert!(keys.iter().all(|key| key.chars().all(|c| c.is_ascii_lowercase() || c == '_')));
    }

    #[test]
    fn an_amount_of_a_resource_reads_back() {
        for &resource in QuotaResource::ALL {
            let quota = QuotaType::of(resource, 7);
            assert_eq!((quota.resource(), quota.amount()), (Some(resource), 7));
        }
        assert_eq!((QuotaType::None.resource(), QuotaType::None.amount()), (None, 0));
    }

    #[test]
    fn cpu_time_is_counted_in_microseconds() {
        assert_eq!(QuotaType::CpuTime(2).amount(), 2_000);
        assert_eq!(QuotaType::CpuTimeMicros(2).amount(), 2);
        assert_eq!(QuotaType::CpuTime(u64::MAX).amount(), u64::MAX);
        for (ns, us) in [(0, 0), (1, 1), (1_000, 1), (1_001, 2)] {
            let time = QuotaType::cpu_time(Duration::from_nanos(ns));
            assert_eq!(time, QuotaType::CpuTimeMicros(us));
        }
        assert_eq!(QuotaType::cpu_time(Duration::MAX).amount(), u64::MAX);
    }
}
