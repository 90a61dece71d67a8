//! A host that asks a real server about one key.

use core::time::Duration;
use std::sync::Arc;

use quota_cluster::{Answer, KeyRefusal, LeaseStore, Question, RedisStore, StoreError};
use tokio::time::sleep;

/// The length of a window. Long enough that a busy machine rarely misses one.
pub(crate) const PERIOD: Duration = Duration::from_millis(400);

pub(crate) struct Host {
    pub(crate) store: RedisStore,
    pub(crate) question: Question,
}

impl Host {
    pub(crate) fn new(store: RedisStore, lessee: &str) -> Self {
        let question = Question {
            key: Arc::from("wasm-limits:c:{app}:messages"),
            period: PERIOD,
            limit: 1_000,
            want: 0,
            lessee: lessee.into(),
            ticket: 0,
            give: None,
        };
        Self { store, question }
    }

    /// Asks for units under a new ticket.
    pub(crate) async fn try_ask(
        &mut self,
        want: u64,
    ) -> Result<Result<Answer, KeyRefusal>, StoreError> {
        self.question.ticket += 1;
        self.question.want = want;
        self.repeat().await
    }

    /// Asks the last question again.
    pub(crate) async fn repeat(&mut self) -> Result<Result<Answer, KeyRefusal>, StoreError> {
        let mut answers = self.store.ask(core::slice::from_ref(&self.question)).await?;
        assert_eq!(answers.len(), 1);
        Ok(answers.remove(0))
    }

    pub(crate) async fn ask(&mut self, want: u64) -> Answer {
        self.try_ask(want).await.unwrap().unwrap()
    }

    /// Asks until the store answers, as a driver does, and returns the failures before.
    pub(crate) async fn reconnect(&mut self) -> (Answer, Vec<StoreError>) {
        let mut failures = Vec::new();
        self.question.ticket += 1;
        self.question.want = 0;
        for _ in 0..6_000 {
            match self.repeat().await {
                Ok(answer) => return (answer.unwrap(), failures),
                Err(error) if failures.last() == Some(&error) => {}
                Err(error) => failures.push(error),
            }
            sleep(Duration::from_millis(10)).await;
        }
        panic!("the store does not come back: {failures:?}");
    }

    /// Waits until the key grants units.
    pub(crate) async fn of_age(&mut self) {
        loop {
            let answer = self.ask(0).await;
            if answer.newborn == 0 {
                return;
            }
            sleep(answer.window_left).await;
        }
    }

    /// Waits for the beginning of a window, and returns the first answer in it.
    pub(crate) async fn next_window(&mut self) -> Answer {
        let before = self.ask(0).await;
        loop {
            let answer = self.ask(0).await;
            if answer.window > before.window {
                return answer;
            }
            sleep(answer.window_left).await;
        }
    }
}
