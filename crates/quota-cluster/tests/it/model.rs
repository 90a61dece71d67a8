//! The script and the model answer any sequence of questions alike.

use core::time::Duration;
use std::sync::{Arc, Mutex};

use limits_core::ManualClock;
use proptest::prelude::*;
use quota_cluster::{FakeStore, Give, LeaseStore, Question};
use tokio::runtime::Builder;

use crate::lab::{Lab, START};

#[derive(Clone, Debug)]
enum Step {
    Ask {
        lessee: usize,
        period: u64,
        limit: u64,
        want: u64,
        /// Added to the last ticket of the lessee, less one: 0 is an earlier one, 1 a repeated one.
        ticket: u64,
        /// Windows ago, and units.
        give: Option<(u64, u64)>,
    },
    /// Microseconds, forwards or back.
    Clock(i64),
    LoseData,
    Promote,
}

/// Mostly one period and limit, as in life, or few things of interest would happen.
fn step() -> impl Strategy<Value = Step> {
    let period = prop_oneof![20 => Just(100_000_u64), 1 => Just(40_000), 1 => Just(4_000_000)];
    let limit = prop_oneof![10 => Just(1_000_u64), 1 => Just(600), 1 => Just(0), 1 => 0..2_000_u64];
    let want = prop_oneof![4 => 0..400_u64, 1 => Just(0), 1 => Just((1 << 53) - 1)];
    let give = proptest::option::weighted(0.3, (0..3_u64, 0..500_u64));
    let ticket = prop_oneof![1 => Just(0_u64), 2 => Just(1), 12 => 2..4_u64];
    let ask = (0..3_usize, period, limit, want, ticket, give);
    let clock = prop_oneof![
        8 => 0..60_000_i64,
        4 => Just(100_000),
        2 => 100_000..400_000_i64,
        1 => -150_000..0_i64,
        1 => -900_000..0_i64,
        1 => Just(9_000_000),
    ];
    prop_oneof![
        24 => ask.prop_map(|(lessee, period, limit, want, ticket, give)| Step::Ask {
            lessee, period, limit, want, ticket, give
        }),
        10 => clock.prop_map(Step::Clock),
        1 => Just(Step::LoseData),
        1 => Just(Step::Promote),
    ]
}

#[test]
fn the_script_answers_as_the_model_does() {
    let Some(lab) = Lab::start() else { return };
    let lab = Mutex::new(lab);
    let runtime = Builder::new_current_thread().build().unwrap();
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) };
    proptest!(config, |(steps in prop::collection::vec(step(), 1..60))| {
        let mut lab = lab.lock().unwrap();
        lab.delete("k");
        lab.now = START;
        let clock = Arc::new(ManualClock::new());
        let mut fake = FakeStore::new(clock.clone());
        let (mut tickets, mut window) = ([10_u64; 3], 0);
        for step in steps {
            clock.set_ns(lab.now * 1_000);
            match step {
                Step::Clock(by) => lab.now = lab.now.saturating_add_signed(by).max(START / 2),
                Step::LoseData => {
                    lab.delete("k");
                    fake.lose_data();
                }
                Step::Promote => {
                    lab.promote();
                    fake.promote();
                }
                Step::Ask { lessee, period, limit, want, ticket, give } => {
                    let ticket = tickets[lessee] + ticket - 1;
                    tickets[lessee] = tickets[lessee].max(ticket);
                    let question = Question {
                        key: "k".into(),
                        period: Duration::from_micros(period),
                        limit,
                        want,
                        lessee: format!("host-{lessee}").into(),
                        ticket,
                        give: give.map(|(ago, units)| Give { window: window - ago.min(window), units }),
                    };
                    let asked = fake.ask(core::slice::from_ref(&question));
                    let mut modelled = runtime.block_on(asked).unwrap().remove(0);
                    if let Ok(answer) = &mut modelled {
                        answer.reign = "".into();
                        window = answer.window;
                    }
                    prop_assert_eq!(lab.ask(&question), modelled, "{:?} at {}", question, lab.now);
                }
            }
        }
    });
}

#[test]
fn no_window_grants_more_than_the_largest_limit() {
    let runtime = Builder::new_current_thread().build().unwrap();
    // Without steps back of the clock, which make windows come again.
    let steps = prop::collection::vec(step(), 1..120);
    proptest!(ProptestConfig::with_cases(500), |(steps in steps)| {
        let clock = Arc::new(ManualClock::new());
        let mut fake = FakeStore::new(clock.clone());
        let (mut tickets, mut window, mut largest) = ([10_u64; 3], 0, 0);
        for step in steps {
            match step {
                Step::Clock(by) => clock.advance(Duration::from_micros(by.unsigned_abs())),
                Step::LoseData => fake.lose_data(),
                Step::Promote => fake.promote(),
                Step::Ask { lessee, limit, want, ticket, give, .. } => {
                    largest = largest.max(limit);
                    let ticket = tickets[lessee] + ticket - 1;
                    tickets[lessee] = tickets[lessee].max(ticket);
                    let question = Question {
                        key: "k".into(),
                        period: Duration::from_millis(100),
                        limit,
                        want,
                        lessee: format!("host-{lessee}").into(),
                        ticket,
                        give: give.map(|(ago, units)| Give { window: window - ago.min(window), units }),
                    };
                    let asked = fake.ask(core::slice::from_ref(&question));
                    window = runtime.block_on(asked).unwrap().remove(0).unwrap().window;
                }
            }
        }
        for (key, units) in fake.history() {
            prop_assert!(units <= largest, "{:?} {}", key, units);
        }
    });
}
