//! The protocol, question by question.

use core::time::Duration;
use std::sync::Arc;

use limits_core::ManualClock;

use super::FakeStore;
use crate::store::{Answer, Give, KeyRefusal, LeaseStore, Question, StoreError};

const PERIOD: Duration = Duration::from_millis(400);

struct Store {
    clock: Arc<ManualClock>,
    fake: FakeStore,
}

impl Store {
    /// A store whose key is of age, in the window 1.
    async fn of_age() -> Self {
        let mut store = Self::new();
        store.ask(&question("old", 1)).await.unwrap();
        store.clock.advance(PERIOD);
        store
    }

    fn new() -> Self {
        let clock = Arc::new(ManualClock::new());
        Self { fake: FakeStore::new(clock.clone()), clock }
    }

    async fn ask(&mut self, question: &Question) -> Result<Answer, KeyRefusal> {
        self.fake.ask(core::slice::from_ref(question)).await.unwrap().remove(0)
    }

    async fn granted(&mut self, question: &Question) -> u64 {
        self.ask(question).await.unwrap().granted
    }

    fn history(&self, window: u64) -> u64 {
        self.fake.history().get(&(Arc::from("k"), window)).copied().unwrap_or(0)
    }
}

fn question(lessee: &str, ticket: u64) -> Question {
    Question {
        key: "k".into(),
        period: PERIOD,
        limit: 1_000,
        want: 100,
        lessee: lessee.into(),
        ticket,
        give: None,
    }
}

#[tokio::test]
async fn a_newborn_key_grants_from_the_window_in_which_unknown_leases_are_dead() {
    // I8: 25 ms to a second, or a quarter of the period.
    let mut store = Store::new();
    // 100 ms before the window ends, unknown leases live for 100 ms more.
    store.clock.advance(Duration::from_millis(300));
    let answer = store.ask(&question("a", 1)).await.unwrap();
    assert_eq!((answer.granted, answer.newborn), (0, 1));
    assert_eq!(answer.life, Duration::from_millis(100));
    assert_eq!(answer.window_left, Duration::from_millis(100));

    store.fake.lose_data();
    store.clock.advance(Duration::from_nanos(1_000));
    assert_eq!(store.ask(&question("a", 2)).await.unwrap().newborn, 2);
    store.clock.advance(PERIOD);
    assert_eq!(store.granted(&question("a", 3)).await, 0);
    store.clock.advance(PERIOD);
    assert_eq!(store.granted(&question("a", 4)).await, 100);
}

#[tokio::test]
async fn a_window_grants_no_more_than_the_limit() {
    // I6: however many lessees ask.
    let mut store = Store::of_age().await;
    for ticket in 1..20 {
        store.granted(&question("a", ticket)).await;
        store.granted(&question("b", ticket)).await;
    }
    assert_eq!(store.history(1), 1_000);
    let answer = store.ask(&question("c", 1)).await.unwrap();
    assert_eq!((answer.granted, answer.remaining, answer.lessees), (0, 0, 3));
}

#[tokio::test]
async fn a_repeated_question_is_charged_once_and_a_late_one_never() {
    let mut store = Store::of_age().await;
    store.fake.cut_next_reply();
    let lost = store.fake.ask(&[question("a", 7)]).await;
    assert_eq!(lost, Err(StoreError::Lost("the reply was cut".to_owned())));
    assert_eq!(store.granted(&question("a", 7)).await, 100);
    assert_eq!(store.history(1), 100);
    assert_eq!(store.granted(&question("a", 6)).await, 0);
    assert_eq!(store.granted(&question("a", 7)).await, 100);
    assert_eq!(store.history(1), 100);
}

#[tokio::test]
async fn units_are_given_back_to_their_window_by_a_lessee_that_has_them() {
    let mut store = Store::of_age().await;
    store.granted(&question("a", 1)).await;
    let give = |window, units, lessee, ticket| Question {
        want: 0,
        give: Some(Give { window, units }),
        ..question(lessee, ticket)
    };
    store.ask(&give(0, 40, "a", 2)).await.unwrap();
    assert_eq!(store.history(1), 100);
    store.ask(&give(1, 40, "a", 3)).await.unwrap();
    store.ask(&give(1, 40, "a", 3)).await.unwrap();
    store.ask(&give(1, 40, "a", 2)).await.unwrap();
    assert_eq!(store.history(1), 60);
    store.ask(&give(1, 40, "b", 1)).await.unwrap();
    assert_eq!(store.history(1), 60);
    let answer = store.ask(&give(1, u64::MAX, "a", 4)).await.unwrap();
    assert_eq!(answer.remaining, 1_000);
}

#[tokio::test]
async fn the_lowest_limit_of_this_window_and_the_one_before_is_in_force() {
    let mut store = Store::of_age().await;
    let low = Question { limit: 150, ..question("low", 1) };
    assert_eq!(store.ask(&low).await.unwrap().limit, 150);
    assert_eq!(store.granted(&question("a", 1)).await, 50);
    store.clock.advance(PERIOD);
    assert_eq!(store.ask(&question("a", 2)).await.unwrap().limit, 150);
    store.clock.advance(PERIOD);
    assert_eq!(store.ask(&question("a", 3)).await.unwrap().limit, 1_000);
}

#[tokio::test]
async fn another_period_is_refused_until_the_leases_of_the_old_one_are_dead() {
    let mut store = Store::of_age().await;
    store.granted(&question("a", 1)).await;
    let other = Question { period: Duration::from_millis(100), ..question("b", 1) };
    assert_eq!(store.ask(&other).await, Err(KeyRefusal::Period { stored: PERIOD }));
    // The window 1 and one more: until 1 200 ms.
    store.clock.set_ns(1_199_999_999);
    assert_eq!(store.ask(&other).await, Err(KeyRefusal::Period { stored: PERIOD }));
    store.clock.set_ns(1_200_000_000);
    let answer = store.ask(&other).await.unwrap();
    // Leases of the old period live for 100 ms, of the new one for 25 ms.
    assert_eq!((answer.window, answer.granted, answer.newborn), (12, 0, 1));
    assert_eq!(
        store.ask(&question("a", 2)).await,
        Err(KeyRefusal::Period { stored: Duration::from_millis(100) })
    );
}

#[tokio::test]
async fn another_reign_makes_each_key_newborn() {
    let mut store = Store::of_age().await;
    let before = store.ask(&question("a", 1)).await.unwrap();
    store.fake.promote();
    let after = store.ask(&question("a", 2)).await.unwrap();
    assert_ne!(before.reign, after.reign);
    assert_eq!((after.granted, after.newborn), (0, 1));
}

#[tokio::test]
async fn a_clock_that_steps_back_loses_two_windows() {
    let mut store = Store::of_age().await;
    let window = Duration::from_millis(400);
    store.clock.advance(window * 20);
    assert_eq!(store.granted(&question("a", 1)).await, 100);
    // By one window: nothing is granted anew.
    store.fake.step_clock(-400_000_000);
    let answer = store.ask(&question("a", 2)).await.unwrap();
    assert_eq!((answer.window, answer.window_left, answer.newborn), (21, window, 0));
    store.fake.step_clock(-400_000_000 * 10);
    let answer = store.ask(&question("a", 3)).await.unwrap();
    assert_eq!((answer.window, answer.granted, answer.newborn), (10, 0, 1));
    store.clock.advance(window);
    assert_eq!(store.granted(&question("a", 4)).await, 100);
}

#[tokio::test]
async fn numbers_that_a_script_cannot_count_are_refused() {
    let mut store = Store::of_age().await;
    let text = "WLARG the period, limit, ticket, or units are no whole number from 0 to 2^53 - 1";
    for refused in [
        Question { limit: 1 << 53, ..question("a", 1) },
        question("a", 1 << 53),
        Question { period: Duration::from_nanos(999), ..question("a", 1) },
        Question { period: Duration::MAX, ..question("a", 1) },
    ] {
        assert_eq!(store.ask(&refused).await, Err(KeyRefusal::Store(text.to_owned())));
    }
    let most = Question { want: u64::MAX, ..question("a", (1 << 53) - 1) };
    assert_eq!(store.granted(&most).await, 1_000);
}

#[tokio::test]
async fn faults_come_and_go() {
    let mut store = Store::of_age().await;
    store.fake.set_away(true);
    let away = store.fake.ask(&[question("a", 1)]).await.unwrap_err();
    assert_eq!(away.to_string(), "the store of the cluster does not answer: it is away");
    store.fake.set_away(false);
    let refusal = KeyRefusal::Store("OOM".to_owned());
    store.fake.set_refusal("k", Some(refusal.clone()));
    assert_eq!(store.ask(&question("a", 1)).await, Err(refusal));
    store.fake.set_refusal("k", None);
    store.fake.set_short_wait(true);
    let short = store.ask(&question("a", 1)).await.unwrap();
    assert_eq!((short.granted, short.life, short.remaining), (0, Duration::ZERO, 900));
    store.fake.set_short_wait(false);
    assert_eq!(store.granted(&question("a", 2)).await, 100);
    store.fake.warn("set it");
    assert_eq!(store.fake.clone().warnings(), ["set it"]);
    assert!(store.fake.warnings().is_empty());
    assert_eq!((store.fake.calls(), store.fake.questions()), (5, 5));
    assert_eq!(store.fake.now(), PERIOD);
}
