//! The content of a usage file.

use core::fmt;
use core::marker::PhantomData;
use core::time::Duration;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use limits_core::{QuotaResource, ResourceQuota};
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::usage_snapshot::UsageSnapshot;

/// The components of a file, by id.
pub(super) type Components = BTreeMap<Box<str>, StoredUsage>;

/// A file's content; of an earlier version, with another `U`.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, bound(deserialize = "U: Deserialize<'de>"))]
pub(super) struct Content<U = StoredUsage> {
    pub(super) version: u32,
    #[serde(deserialize_with = "each_id_once")]
    pub(super) components: BTreeMap<Box<str>, U>,
}

/// The part of any version's content.
#[derive(Deserialize)]
pub(super) struct AnyVersion {
    pub(super) version: u32,
}

/// One component's use at one time.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoredUsage {
    /// The time of the snapshot, in milliseconds since 1970.
    pub(super) time_ms: u64,
    /// The period of the quota's windows, in nanoseconds.
    pub(super) period_ns: u64,
    #[serde(deserialize_with = "WholeUsage::deserialize")]
    pub(super) usage: UsageSnapshot,
}

/// A use without an absent field: one that was lost is not zero.
#[derive(Deserialize)]
#[serde(remote = "UsageSnapshot", deny_unknown_fields)]
struct WholeUsage {
    storage_used: u64,
    storage_entries_used: u64,
    message_count: u64,
    network_bandwidth_used: u64,
    cpu_time_used_us: u64,
    memory_used: u64,
}

/// One component's use in a file of version 1, which had no entries of storage.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoredUsage1 {
    time_ms: u64,
    period_ns: u64,
    #[serde(deserialize_with = "WholeUsage1::deserialize")]
    usage: UsageSnapshot,
}

/// As [`WholeUsage`], in version 1.
#[derive(Deserialize)]
#[serde(remote = "UsageSnapshot", deny_unknown_fields)]
struct WholeUsage1 {
    storage_used: u64,
    #[serde(skip)]
    storage_entries_used: u64,
    message_count: u64,
    network_bandwidth_used: u64,
    cpu_time_used_us: u64,
    memory_used: u64,
}

impl From<StoredUsage1> for StoredUsage {
    fn from(StoredUsage1 { time_ms, period_ns, usage }: StoredUsage1) -> Self {
        Self { time_ms, period_ns, usage }
    }
}

/// Reads a file of version 1.
pub(super) fn read_version_1(bytes: &[u8]) -> serde_json::Result<Components> {
    let Content::<StoredUsage1> { components, .. } = serde_json::from_slice(bytes)?;
    Ok(components.into_iter().map(|(id, stored)| (id, stored.into())).collect())
}

/// Refuses an id that is there twice, of which a map would keep the last one.
fn each_id_once<'de, D: Deserializer<'de>, U: Deserialize<'de>>(
    from: D,
) -> Result<BTreeMap<Box<str>, U>, D::Error> {
    struct EachOnce<U>(PhantomData<U>);

    impl<'de, U: Deserialize<'de>> Visitor<'de> for EachOnce<U> {
        type Value = BTreeMap<Box<str>, U>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("components by id")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut components = BTreeMap::new();
            while let Some((id, stored)) = map.next_entry()? {
                match components.entry(id) {
                    Entry::Vacant(vacant) => {
                        vacant.insert(stored);
                    }
                    Entry::Occupied(taken) => {
                        let twice = format_args!("`{}` is there twice", taken.key());
                        return Err(A::Error::custom(twice));
                    }
                }
            }
            Ok(components)
        }
    }

    from.deserialize_map(EachOnce(PhantomData))
}

/// Reports whether the components' storage together can be counted, as a parent does, in bytes and
/// in entries. Memory is not restored, and rates drain.
pub(super) fn storage_fits(components: &Components) -> bool {
    let fits = |used: fn(&UsageSnapshot) -> u64| {
        let add = |sum: u64, stored: &StoredUsage| sum.checked_add(used(&stored.usage));
        components.values().try_fold(0, add).is_some()
    };
    fits(|usage| usage.storage_used) && fits(|usage| usage.storage_entries_used)
}

impl StoredUsage {
    /// Returns the part of the use that still counts: totals, and of rates in the same period the
    /// debt that is left after the windows since then.
    pub(super) fn at(&self, now_ms: u64, quota: &ResourceQuota) -> UsageSnapshot {
        if u128::from(self.period_ns) != quota.reset_period.as_nanos() {
            return self.usage.without_rates();
        }
        // A clock that was set back makes no window pass.
        let passed = Duration::from_millis(now_ms.saturating_sub(self.time_ms)).as_nanos();
        let windows = passed.checked_div(u128::from(self.period_ns)).unwrap_or(u128::MAX);
        let left = |resource: QuotaResource, used: u64| {
            let drained = units_per_window(quota, resource).saturating_mul(windows);
            u64::try_from(u128::from(used).saturating_sub(drained)).unwrap_or(u64::MAX)
        };
        let mut usage = self.usage;
        usage.message_count = left(QuotaResource::MessageRate, usage.message_count);
        usage.network_bandwidth_used =
            left(QuotaResource::NetworkBandwidth, usage.network_bandwidth_used);
        usage.cpu_time_used_us = left(QuotaResource::CpuTime, usage.cpu_time_used_us);
        usage
    }
}

/// Returns the units of a rate that drain in each window.
fn units_per_window(quota: &ResourceQuota, resource: QuotaResource) -> u128 {
    let (limit, units) = match resource {
        QuotaResource::MessageRate => (quota.max_message_rate, 1),
        QuotaResource::NetworkBandwidth => (quota.max_network_bandwidth, 1),
        // Milliseconds, counted in microseconds.
        _ => (quota.max_cpu_time_ms, 1_000),
    };
    limit.at_most().map_or(u128::MAX, |limit| u128::from(limit).saturating_mul(units))
}
