//! Allowances against a model in which "unlimited" is a number above every other.

use super::amount;
use limits_core::Allowance;
use proptest::prelude::*;

fn allowance() -> impl Strategy<Value = Allowance> {
    prop_oneof![4 => amount().prop_map(Allowance::AtMost), 1 => Just(Allowance::Unlimited)]
}

/// The units allowed, where one more than `u64::MAX` is unlimited.
fn model(allowance: Allowance) -> u128 {
    allowance.at_most().map_or(u128::from(u64::MAX) + 1, u128::from)
}

proptest! {
    #[test]
    fn the_larger_allowance_allows_more(a in allowance(), b in allowance()) {
        prop_assert_eq!(a.cmp(&b), model(a).cmp(&model(b)));
        prop_assert_eq!(a == b, model(a) == model(b));
    }

    #[test]
    fn an_amount_is_allowed_exactly_if_it_fits(a in allowance(), units in amount()) {
        prop_assert_eq!(a.allows(units), u128::from(units) <= model(a));
    }

    #[test]
    fn the_lower_of_two_allows_the_amounts_that_both_allow(a in allowance(), b in allowance(), units in amount()) {
        prop_assert_eq!(a.min(b).allows(units), a.allows(units) && b.allows(units));
        prop_assert_eq!(a.max(b).allows(units), a.allows(units) || b.allows(units));
    }

    #[test]
    fn a_number_is_a_limit_and_prints_as_itself(units in amount()) {
        prop_assert_eq!(Allowance::from(units), Allowance::AtMost(units));
        prop_assert_eq!(Allowance::from(units).at_most(), Some(units));
        prop_assert_eq!(Allowance::from(units).to_string().parse(), Ok(units));
    }
}
