//! The amounts that one operation takes of each resource.

use crate::quota::quota_type::{QuotaResource, QuotaType};

/// An amount of each resource, in its unit.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Demand {
    amounts: [u64; 6],
}

impl Demand {
    /// Adds up amounts.
    #[inline(always)]
    pub(crate) fn of(quotas: &[QuotaType]) -> Self {
        let mut demand = Self::default();
        for quota in quotas {
            if let Some(resource) = quota.resource() {
                let amount = &mut demand.amounts[resource.index()];
                *amount = amount.saturating_add(quota.amount());
            }
        }
        demand
    }

    /// Returns the demand of one amount.
    #[inline]
    pub(crate) const fn just(quota: QuotaType) -> Self {
        match quota.resource() {
            Some(resource) => Self::one(resource, quota.amount()),
            None => Self { amounts: [0; 6] },
        }
    }

    /// Returns whether the amount of a rate is above zero.
    #[inline]
    pub(crate) const fn has_rates(&self) -> bool {
        let [_storage, _entries, messages, network, cpu, _memory] = self.amounts;
        messages | network | cpu != 0
    }

    /// Returns whether the amount of a total is above zero.
    #[inline]
    pub(crate) const fn has_totals(&self) -> bool {
        let [storage, entries, _messages, _network, _cpu, memory] = self.amounts;
        storage | entries | memory != 0
    }

    /// Returns the amounts of the rates, in their order.
    #[inline]
    pub(crate) const fn rates(&self) -> [u64; 3] {
        let [_storage, _entries, messages, network, cpu, _memory] = self.amounts;
        [messages, network, cpu]
    }

    /// Returns the demand of rates.
    #[inline]
    pub(crate) const fn of_rates(messages: u64, network: u64, cpu: u64) -> Self {
        Self { amounts: [0, 0, messages, network, cpu, 0] }
    }

    /// Returns whether all amounts are zero.
    #[inline]
    pub(crate) const fn is_empty(&self) -> bool {
        let [a, b, c, d, e, f] = self.amounts;
        a | b | c | d | e | f == 0
    }

    /// Returns the amount of one resource.
    pub(crate) const fn get(&self, resource: QuotaResource) -> u64 {
        self.amounts[resource.index()]
    }

    /// Returns the demand of an amount of one resource.
    #[inline]
    pub(crate) const fn one(resource: QuotaResource, amount: u64) -> Self {
        let mut demand = Self { amounts: [0; 6] };
        demand.set(resource, amount);
        demand
    }

    /// Changes the amount of one resource.
    pub(crate) const fn set(&mut self, resource: QuotaResource, amount: u64) {
        self.amounts[resource.index()] = amount;
    }

    /// Returns the amounts above zero, in the order in which they are taken.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (QuotaResource, u64)> {
        let all = QuotaResource::EACH.into_iter().zip(self.amounts);
        all.filter(|(_, amount)| *amount > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::Demand;
    use crate::quota::quota_type::{QuotaResource, QuotaType};
    use std::vec::Vec;

    #[test]
    fn amounts_of_one_resource_are_added_up_and_none_is_left_out() {
        let quotas = [
            QuotaType::Memory(1),
            QuotaType::CpuTime(2),
            QuotaType::None,
            QuotaType::CpuTimeMicros(3),
            QuotaType::Storage(u64::MAX),
            QuotaType::Storage(1),
            QuotaType::StorageEntries(4),
            QuotaType::MessageRate(0),
        ];
        let all: Vec<_> = Demand::of(&quotas).iter().collect();
        assert_eq!(
            all,
            [
                (QuotaResource::Storage, u64::MAX),
                (QuotaResource::StorageEntries, 4),
                (QuotaResource::CpuTime, 2_003),
                (QuotaResource::Memory, 1)
            ]
        );
    }
}
