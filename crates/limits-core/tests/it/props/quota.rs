//! Each setter of a quota changes its own limit and no other.

use super::amount;
use core::time::Duration;
use limits_core::{Allowance, ResourceQuota};
use proptest::prelude::*;

#[test]
fn literals_variables_and_allowances_are_accepted() {
    let (number, allowance) = (1_000_u64, Allowance::Unlimited);
    let quota = ResourceQuota::new()
        .with_storage(50 * 1024 * 1024)
        .with_storage_entries(60)
        .with_message_rate(number)
        .with_network_bandwidth(allowance)
        .with_cpu_time(800)
        .with_memory(u64::from(7_u32));
    assert_eq!(quota.max_storage_bytes, Allowance::AtMost(52_428_800));
    assert_eq!(quota.max_storage_entries, Allowance::AtMost(60));
    assert_eq!(quota.max_message_rate, Allowance::AtMost(1_000));
    assert_eq!(quota.max_network_bandwidth, Allowance::Unlimited);
    assert_eq!(quota.max_cpu_time_ms, Allowance::AtMost(800));
    assert_eq!(quota.max_memory_bytes, Allowance::AtMost(7));
    assert_eq!(Allowance::from(5), Allowance::AtMost(5));
}

proptest! {
    #[test]
    fn each_amount_sets_its_own_limit(
        storage in amount(), entries in amount(), messages in amount(), network in amount(),
        cpu in amount(), memory in amount(), period in amount(),
    ) {
        let period = Duration::from_nanos(period);
        let quota = ResourceQuota::new()
            .with_storage(storage)
            .with_storage_entries(entries)
            .with_message_rate(messages)
            .with_network_bandwidth(network)
            .with_cpu_time(cpu)
            .with_memory(memory)
            .with_reset_period(period);
        prop_assert_eq!(quota.max_storage_bytes, Allowance::AtMost(storage));
        prop_assert_eq!(quota.max_storage_entries, Allowance::AtMost(entries));
        prop_assert_eq!(quota.max_message_rate, Allowance::AtMost(messages));
        prop_assert_eq!(quota.max_network_bandwidth, Allowance::AtMost(network));
        prop_assert_eq!(quota.max_cpu_time_ms, Allowance::AtMost(cpu));
        prop_assert_eq!(quota.max_memory_bytes, Allowance::AtMost(memory));
        prop_assert_eq!(quota.reset_period, period);
    }

    #[test]
    fn lifting_one_quota_leaves_the_others(which in 0..5_usize) {
        let lifted = match which {
            0 => ResourceQuota::new().with_storage(Allowance::Unlimited),
            1 => ResourceQuota::new().with_message_rate(Allowance::Unlimited),
            2 => ResourceQuota::new().with_network_bandwidth(Allowance::Unlimited),
            3 => ResourceQuota::new().with_cpu_time(Allowance::Unlimited),
            _ => ResourceQuota::new().with_memory(Allowance::Unlimited),
        };
        let all = |quota: ResourceQuota| [
            quota.max_storage_bytes,
            quota.max_message_rate,
            quota.max_network_bandwidth,
            quota.max_cpu_time_ms,
            quota.max_memory_bytes,
        ];
        let mut expected = all(ResourceQuota::new());
        expected[which] = Allowance::Unlimited;
        prop_assert_eq!(all(lifted), expected);
        prop_assert_eq!(lifted.reset_period, ResourceQuota::new().reset_period);
    }
}
