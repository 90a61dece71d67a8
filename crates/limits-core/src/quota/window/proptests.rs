//! Properties of the algorithm for any word, time, period and limit.

use core::time::Duration;
use proptest::prelude::*;

use super::{Bound, QuickStep, Windows};
use crate::quota::allowance::UNLIMITED;
use crate::quota::retry::Retry;

/// Any number, with small ones, powers of two and those next to the largest more often.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![
        any::<u64>(),
        0..100_u64,
        (0..100_u64).prop_map(|less| u64::MAX - less),
        (0..64_u32, 0..3_u64).prop_map(|(bit, more)| (1 << bit) + more),
    ]
}

fn windows() -> impl Strategy<Value = Windows> {
    number().prop_map(|ns| Windows::new(Duration::from_nanos(ns)))
}

fn bound() -> impl Strategy<Value = Bound> {
    (number(), prop_oneof![Just(0), number()])
        .prop_map(|(limit, previous)| Bound { limit, previous })
}

/// Returns a bound as a rate with this word has it.
fn held(windows: Windows, word: u64, bound: Bound) -> Bound {
    let limit = match bound.limit {
        UNLIMITED => UNLIMITED,
        limit => limit.min(windows.capacity()),
    };
    // Before a limit falls the word is rolled to the window in which that happens.
    let (changed_in, most) = windows.unpack(bound.previous);
    Bound { limit, previous: windows.pack(changed_in.min(windows.window(word)), most) }
}

/// A word, and a time some windows after it.
fn state() -> impl Strategy<Value = (Windows, u64, u64)> {
    (windows(), number(), number(), 0..5_u64, number()).prop_map(
        |(windows, word, used, later, inside)| {
            let word = windows.pack(windows.window(word), used);
            let start = windows.window(word).saturating_add(later).saturating_mul(windows.period);
            (windows, word, start.saturating_add(inside % windows.period))
        },
    )
}

proptest! {
    // I1 I2 I3 I8
    #[test]
    fn a_take_is_granted_exactly_if_it_fits((windows, word, now) in state(), n in number().prop_map(|n| n.max(1)), bound in bound()) {
        let bound = held(windows, word, bound);
        let (window, used) = windows.read(word, now, bound);
        let sum = u128::from(used) + u128::from(n);
        let fits = match bound.limit {
            UNLIMITED => true,
            limit => sum <= u128::from(limit),
        };
        let (next, outcome) = windows.step(word, now, n, bound);
        match outcome {
            Ok(number) => {
                prop_assert!(fits);
                prop_assert_eq!(number, window);
                let kept = used.saturating_add(n).min(windows.saturated());
                prop_assert_eq!(windows.unpack(next), (window, kept));
            }
            Err(refusal) => {
                prop_assert!(!fits);
                prop_assert_eq!(next, word);
                prop_assert_eq!(refusal.used, used);
                prop_assert_eq!(refusal.limit, bound.limit.min(windows.capacity()));
            }
        }
    }

    #[test]
    fn a_quick_step_decides_as_a_step_does((windows, word, now) in state(), any_time in number(), n in number().prop_map(|n| n.max(1)), bound in bound()) {
        let bound = held(windows, word, bound);
        let limit = windows.ceiling(bound.limit);
        for now in [now, any_time] {
            let (next, outcome) = windows.step(word, now, n, bound);
            match windows.step_quickly(word, now, n, limit) {
                QuickStep::Fits { next: quickly, start } => {
                    prop_assert_eq!(quickly, next);
                    prop_assert_eq!(outcome, Ok(windows.window(word)));
                    prop_assert_eq!(start, windows.start(windows.window(word)));
                }
                QuickStep::Refused(refusal) => prop_assert_eq!(outcome, Err(refusal)),
                // Only in another window, with debt, or without a limit.
                QuickStep::Unclear => {
                    let (window, used) = windows.unpack(word);
                    let into = now.checked_sub(windows.start(window));
                    let is_over = into.is_none_or(|into| into >= windows.period);
                    prop_assert!(is_over || used > limit || bound.limit == UNLIMITED);
                }
            }
        }
    }

    // I4
    #[test]
    fn a_wait_is_exact((windows, word, now) in state(), n in 1..u64::MAX, bound in bound(), small in any::<bool>()) {
        let bound = held(windows, word, bound);
        let n = if small { n % 50 + 1 } else { n };
        let granted = |now| windows.step(word, now, n, bound).1.is_ok();
        let Err(refusal) = windows.step(word, now, n, bound).1 else { return Ok(()) };
        match refusal.wait.retry() {
            Retry::After(wait) => {
                let wait = u64::try_from(wait.as_nanos()).unwrap();
                prop_assert!(wait > 0);
                prop_assert!(!granted(now + (wait - 1)));
                prop_assert!(granted(now + wait));
            }
            Retry::Never => prop_assert!(!granted(u64::MAX)),
            Retry::Now => prop_assert!(false, "a rate is never released"),
        }
    }

    // I1 I20 I21
    #[test]
    fn a_paced_take_is_granted_all_that_is_due_and_no_more((windows, word, now) in state(), a in number(), b in number(), bound in bound()) {
        let bound = held(windows, word, bound);
        let (least, most) = (a.min(b).max(1), a.max(b).max(1));
        let (window, used) = windows.read(word, now, bound);
        let (into, period) = (u128::from(now.saturating_sub(windows.start(window))), u128::from(windows.period));
        let time = (into + 125_000_000).min(period);
        // By products: at most 2^128, since the use and the limit are less than the capacity.
        let is_due = |n: u64| bound.limit == UNLIMITED || {
            let sum = u128::from(used) + u128::from(n);
            sum <= u128::from(bound.limit) && sum * period <= u128::from(bound.limit) * time
        };
        match windows.step_paced(word, now, (least, most), bound) {
            Ok(part) => {
                prop_assert_eq!((part.from, part.window, part.used), (word, window, used));
                prop_assert!((least..=most).contains(&part.units));
                prop_assert!(is_due(part.units));
                prop_assert!(part.units == most || !is_due(part.units + 1));
                let (next, outcome) = windows.step(word, now, part.units, bound);
                prop_assert_eq!((windows.after(part, part.units), window), (next, outcome.unwrap()));
            }
            Err(refusal) => {
                prop_assert!(!is_due(least));
                prop_assert_eq!((refusal.used, refusal.limit), (used, bound.limit.min(windows.capacity())));
            }
        }
    }

    // I1 I3 I5
    #[test]
    fn a_base_is_the_empty_window_of_its_word_while_that_goes_on((windows, word, now) in state(), any_time in number()) {
        let window = windows.window(word);
        for now in [now, any_time] {
            let goes_on = now.wrapping_sub(windows.start(window)) < windows.period;
            prop_assert_eq!(windows.base(word, now), goes_on.then_some(windows.pack(window, 0)));
            let is_usual = windows.period <= u64::MAX / 2 && window != windows.last();
            prop_assert!(!is_usual || goes_on == windows.is_in(window, now));
        }
    }

    // I1 I3
    #[test]
    fn a_plan_takes_what_a_step_does_and_nothing_of_another_window((windows, word, now) in state(), other in number(), n in number().prop_map(|n| n.max(1)), bound in bound()) {
        let bound = held(windows, word, bound);
        let limit = windows.ceiling(bound.limit);
        let window = windows.window(word);
        let has_room = |base| Windows::has_room(base, word, n, limit);
        let Some(base) = windows.base(word, now) else { return Ok(()) };
        let (next, outcome) = windows.step(word, now, n, bound);
        if has_room(base) {
            prop_assert_eq!((word + n, Ok(window)), (next, outcome));
        } else {
            // Without a limit, a step also counts past what fits the word.
            prop_assert!(outcome.is_err() || bound.limit == UNLIMITED);
        }
        let other = windows.pack(other & windows.last(), 0);
        prop_assert!(other == base || !has_room(other));
    }

    // I4
    #[test]
    fn the_wait_of_a_paced_take_is_exact((windows, word, now) in state(), n in 1..u64::MAX, bound in bound(), small in any::<bool>()) {
        let bound = held(windows, word, bound);
        let n = if small { n % 50 + 1 } else { n };
        let step = |now| windows.step_paced(word, now, (n, u64::MAX), bound);
        let Err(refusal) = step(now) else { return Ok(()) };
        match refusal.wait.retry() {
            Retry::After(wait) => {
                let wait = u64::try_from(wait.as_nanos()).unwrap();
                prop_assert!(wait > 0);
                prop_assert!(step(now + (wait - 1)).is_err());
                prop_assert!(step(now + wait).is_ok());
            }
            Retry::Never => prop_assert!(step(u64::MAX).is_err()),
            Retry::Now => prop_assert!(false, "a rate is never released"),
        }
    }

    // I5
    #[test]
    fn a_window_never_goes_back((windows, word, now) in state(), any_time in number(), n in number(), bound in bound()) {
        let bound = held(windows, word, bound);
        for now in [now, any_time] {
            let (next, _) = windows.step(word, now, n, bound);
            prop_assert!(windows.window(next) >= windows.window(word));
            let charged = windows.charge(word, now, n, bound);
            prop_assert!(windows.window(charged) >= windows.window(word));
        }
        // Before its window the word reads as in it.
        let start = windows.start(windows.window(word));
        prop_assert_eq!(windows.read(word, any_time.min(start), bound), windows.unpack(word));
    }

    // I6
    #[test]
    fn rolling_in_two_steps_is_rolling_in_one((windows, word, now) in state(), between in number(), limit in number()) {
        let bound = held(windows, word, Bound { limit, previous: 0 });
        let (window, used) = windows.read(word, between.min(now), bound);
        prop_assert_eq!(windows.read(windows.pack(window, used), now, bound), windows.read(word, now, bound));
    }

    // I6
    #[test]
    fn debt_drains_one_limit_a_window((windows, word, now) in state(), limit in number()) {
        let bound = held(windows, word, Bound { limit, previous: 0 });
        let (window, used) = windows.unpack(word);
        let elapsed = u128::from(windows.read(word, now, bound).0 - window);
        let limit = u128::from(bound.limit);
        let left = u128::from(used).saturating_sub(elapsed * limit);
        prop_assert_eq!(u128::from(windows.read(word, now, bound).1), left);
    }

    // I7 I8
    #[test]
    fn a_refund_stays_in_its_window_and_above_zero((windows, word, now) in state(), any_time in number(), n in number()) {
        let (stored, used) = windows.unpack(word);
        let expected = windows.pack(stored, used.saturating_sub(n));
        let start = windows.start(stored);
        for at in [start, start.saturating_add(windows.period), now, any_time] {
            let is_over = windows.at(at) != stored;
            let is_known = used < windows.saturated();
            prop_assert_eq!(windows.refund(word, at, n), (is_known && !is_over).then_some(expected));
        }
    }

    // I8
    #[test]
    fn a_charge_counts_all_that_the_word_can_hold((windows, word, now) in state(), n in number(), bound in bound()) {
        let bound = held(windows, word, bound);
        let (window, used) = windows.read(word, now, bound);
        let sum = used.saturating_add(n).min(windows.saturated());
        prop_assert_eq!(windows.unpack(windows.charge(word, now, n, bound)), (window, sum));
    }

    #[test]
    fn a_window_holds_the_times_from_its_start_to_the_next((windows, _word, now) in state()) {
        let window = windows.at(now);
        prop_assert!(windows.start(window) <= now);
        let is_last = window == windows.last();
        prop_assert!(is_last || now < windows.start(window + 1));
    }
}
