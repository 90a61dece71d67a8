//! Grants against plain numbers.

use limits_core::QuotaType;
use proptest::collection::vec;
use proptest::prelude::*;
use quota_enforce::QuotaRegistry;

use crate::thousand;

/// What a host function does to storage.
#[derive(Clone, Copy, Debug)]
enum Step {
    Reserve(u64),
    Commit,
    CommitActual(u64),
    Drop,
    Charge(u64),
    Release(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let amount = || prop_oneof![0..400_u64, 0..1_500_u64];
    prop_oneof![
        3 => amount().prop_map(Step::Reserve),
        1 => Just(Step::Commit),
        1 => amount().prop_map(Step::CommitActual),
        1 => Just(Step::Drop),
        1 => (0..100_u64).prop_map(Step::Charge),
        1 => amount().prop_map(Step::Release),
    ]
}

proptest! {
    #[test]
    fn whatever_is_done_what_is_used_is_what_was_kept(
        steps in vec(step(), 0..60),
        observe_only: bool,
    ) {
        let builder = QuotaRegistry::builder();
        let builder = if observe_only { builder.observe_only() } else { builder };
        let (_registry, handle, _clock) = thousand(builder);
        let (mut used, mut denied) = (0_u64, 0);
        let mut open = Vec::new();
        for step in steps {
            match step {
                Step::Reserve(amount) => {
                    let fits = amount == 0 || used + amount <= 1_000;
                    denied += u64::from(!fits);
                    let grant = handle.reserve(QuotaType::Storage(amount));
                    prop_assert_eq!(grant.is_ok(), fits || observe_only);
                    if let Ok(grant) = grant {
                        open.push((grant, amount));
                        used += amount;
                    }
                }
                Step::Commit => {
                    if let Some((grant, _)) = open.pop() {
                        grant.commit();
                    }
                }
                Step::CommitActual(actual) => {
                    if let Some((grant, amount)) = open.pop() {
                        grant.commit_actual(QuotaType::Storage(actual));
                        used = used + actual.saturating_sub(amount) - used.min(amount.saturating_sub(actual));
                    }
                }
                Step::Drop => {
                    if let Some((grant, amount)) = open.pop() {
                        drop(grant);
                        used = used.saturating_sub(amount);
                    }
                }
                Step::Charge(amount) => {
                    handle.charge(QuotaType::Storage(amount));
                    used += amount;
                }
                Step::Release(amount) => {
                    prop_assert_eq!(handle.release(QuotaType::Storage(amount)), Ok(amount.min(used)));
                    used = used.saturating_sub(amount);
                }
            }
            prop_assert_eq!(handle.usage().storage_used, used);
        }
        prop_assert_eq!(handle.denials().total(), denied);
        for (grant, amount) in open {
            drop(grant);
            used = used.saturating_sub(amount);
        }
        prop_assert_eq!(handle.usage().storage_used, used);
    }
}
