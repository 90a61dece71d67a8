//! A component's totals against plain numbers, over its handles and the accounts of its executions.

use std::sync::Arc;

use limits_core::{Account, QuotaResource, QuotaType};
use proptest::collection::vec;
use proptest::prelude::*;
use quota_enforce::{ComponentHandle, QuotaRegistry, UsageSnapshot};

use crate::{account, context, thousand_of_each};

/// An operation of a host function, of which there are two, each with a clone of the handle; or of
/// one of two executions, each with an account.
#[derive(Clone, Copy, Debug)]
enum Step {
    Reserve(u64),
    Commit,
    CommitActual(u64),
    Drop,
    Consume(u64),
    Charge(u64),
    Release(u64),
    Lend(u64),
    ChargeLent(u64),
    Return(u64),
}

fn step() -> impl Strategy<Value = (usize, Step)> {
    let amount = || prop_oneof![0..400_u64, 0..1_500_u64];
    let to_release = || prop_oneof![0..1_500_u64, Just(u64::MAX)];
    let step = prop_oneof![
        3 => amount().prop_map(Step::Reserve),
        1 => Just(Step::Commit),
        1 => amount().prop_map(Step::CommitActual),
        1 => Just(Step::Drop),
        1 => amount().prop_map(Step::Consume),
        1 => (0..100_u64).prop_map(Step::Charge),
        2 => to_release().prop_map(Step::Release),
        2 => amount().prop_map(Step::Lend),
        1 => (0..100_u64).prop_map(Step::ChargeLent),
        2 => to_release().prop_map(Step::Return),
    ];
    (0..2_usize, step)
}

fn used(handle: &ComponentHandle, resource: QuotaResource) -> u64 {
    handle.usage().of(resource)
}

proptest! {
    #[test]
    fn whatever_is_done_what_is_used_is_what_was_kept(
        steps in vec(step(), 0..60),
        observe_only: bool,
        is_storage: bool,
        seed in 0..400_u64,
    ) {
        // I8
        let builder = QuotaRegistry::builder();
        let builder = if observe_only { builder.observe_only() } else { builder };
        let registry = builder.build();
        let mut before = UsageSnapshot::default();
        before.storage_used = seed;
        let handle = registry.register(context("a", thousand_of_each()).with_usage(before)).unwrap();
        let resource =
            if is_storage { QuotaResource::Storage } else { QuotaResource::Memory };
        let units = |amount| QuotaType::of(resource, amount);
        let handles = [handle.clone(), handle.clone()];
        let accounts: [Arc<dyn Account>; 2] = handles.each_ref().map(account);
        // Kept through handles or seeded, lent to each account, and reserved by open grants.
        let (mut kept, mut lent) = (if is_storage { seed } else { 0 }, [0_u64; 2]);
        let mut open = Vec::new();
        let mut denied = 0;
        for (who, step) in steps {
            let (handle, account) = (&handles[who], &accounts[who]);
            let reserved: u64 = open.iter().map(|(_, amount)| amount).sum();
            let fits = |amount| amount == 0 || kept + lent[0] + lent[1] + reserved + amount <= 1_000;
            match step {
                Step::Reserve(amount) => {
                    denied += u64::from(!fits(amount));
                    let grant = handle.reserve(units(amount));
                    prop_assert_eq!(grant.is_ok(), fits(amount) || observe_only);
                    if let Ok(grant) = grant {
                        open.push((grant, amount));
                    }
                }
                Step::Commit => {
                    if let Some((grant, amount)) = open.pop() {
                        grant.commit();
                        kept += amount;
                    }
                }
                Step::CommitActual(actual) => {
                    if let Some((grant, _)) = open.pop() {
                        grant.commit_actual(units(actual));
                        kept += actual;
                    }
                }
                Step::Drop => drop(open.pop()),
                Step::Consume(amount) => {
                    denied += u64::from(!fits(amount));
                    prop_assert_eq!(handle.consume(units(amount)).is_ok(), fits(amount) || observe_only);
                    kept += if fits(amount) || observe_only { amount } else { 0 };
                }
                Step::Charge(amount) => {
                    handle.charge(units(amount));
                    kept += amount;
                }
                Step::Release(amount) => {
                    prop_assert_eq!(handle.release(units(amount)), Ok(amount.min(kept)));
                    kept = kept.saturating_sub(amount);
                }
                Step::Lend(amount) => {
                    denied += u64::from(!fits(amount));
                    prop_assert_eq!(account.take(units(amount)).is_ok(), fits(amount) || observe_only);
                    lent[who] += if fits(amount) || observe_only { amount } else { 0 };
                }
                Step::ChargeLent(amount) => {
                    account.charge(units(amount));
                    lent[who] += amount;
                }
                Step::Return(amount) => {
                    account.release(units(amount));
                    lent[who] = lent[who].saturating_sub(amount);
                }
            }
            let reserved: u64 = open.iter().map(|(_, amount)| amount).sum();
            prop_assert_eq!(used(handle, resource), kept + lent[0] + lent[1] + reserved);
        }
        prop_assert_eq!(handle.denials().total(), denied);
        drop(open);
        prop_assert_eq!(used(&handle, resource), kept + lent[0] + lent[1]);
        prop_assert_eq!(handle.release(units(u64::MAX)), Ok(kept));
        accounts[0].release(units(u64::MAX));
        prop_assert_eq!(used(&handle, resource), lent[1]);
        drop(accounts);
        // The memory went with its store; what was stored is still there, and the component's own.
        prop_assert_eq!(used(&handle, resource), if is_storage { lent[1] } else { 0 });
        let stored = if is_storage { lent[1] } else { 0 };
        prop_assert_eq!(handle.release(units(u64::MAX)), Ok(stored));
        prop_assert_eq!(used(&handle, resource), 0);
    }
}
