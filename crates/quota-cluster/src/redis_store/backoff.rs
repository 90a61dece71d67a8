//! The time between two connections.

use core::time::Duration;

use tokio::time::Instant;

use crate::store::{Question, StoreError};

const SHORTEST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_secs(1);

/// A wait after each failure, twice as long as the one before.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    delay: Duration,
    failure: Option<(Instant, StoreError)>,
}

impl Backoff {
    /// Returns the last failure while its wait goes on.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        match &self.failure {
            Some((until, error)) if Instant::now() < *until => Err(error.clone()),
            _ => Ok(()),
        }
    }

    /// Waits after a failure. After a loss at most a tenth of the shortest period of the questions,
    /// since a store that is back would else be missed for windows.
    pub(super) fn fail(&mut self, error: StoreError, questions: &[Question]) {
        let period = questions.iter().map(|question| question.period).min().unwrap_or(LONGEST);
        let longest = match &error {
            StoreError::Lost(_) => (period / 10).clamp(SHORTEST, LONGEST),
            // The operator must act.
            StoreError::Unfit(_) => LONGEST,
        };
        self.delay = self.delay.saturating_mul(2).clamp(SHORTEST, longest);
        // Hosts that lost the store together come back one by one.
        let wait = self.delay.mul_f64(0.5 + fastrand::f64() / 2.0);
        self.failure = Instant::now().checked_add(wait).map(|until| (until, error));
    }

    /// The store works.
    pub(super) fn succeed(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::Backoff;
    use crate::store::{Question, StoreError};
    use core::time::Duration;
    use tokio::time::{advance, pause};

    fn question(period: Duration) -> Question {
        Question {
            key: "k".into(),
            period,
            limit: 1,
            want: 1,
            lessee: "me".into(),
            ticket: 1,
            give: None,
        }
    }

    #[tokio::test]
    async fn waits_double_up_to_a_tenth_of_the_period_or_a_second() {
        pause();
        let millis = Duration::from_millis;
        let lost = StoreError::Lost("gone".to_owned());
        for (period, longest) in [
            (millis(100), vec![10, 10, 10]),
            (millis(1_000), vec![10, 20, 40, 80, 100, 100]),
            (millis(60_000), vec![10, 20, 40, 80, 160, 320, 640, 1_000, 1_000]),
        ] {
            let mut backoff = Backoff::default();
            for longest in longest {
                backoff.fail(lost.clone(), &[question(millis(60_000)), question(period)]);
                // At least half of it, at most all of it.
                advance(millis(longest) / 2 - Duration::from_nanos(1)).await;
                assert_eq!(backoff.check(), Err(lost.clone()));
                advance(millis(longest) / 2 + Duration::from_nanos(1)).await;
                assert_eq!(backoff.check(), Ok(()));
            }
            backoff.succeed();
            backoff.fail(lost.clone(), &[question(period)]);
            advance(millis(10)).await;
            assert_eq!(backoff.check(), Ok(()));
            backoff.fail(lost.clone(), &[question(period)]);
            backoff.succeed();
            assert_eq!(backoff.check(), Ok(()));
        }
        let unfit = StoreError::Unfit("old".to_owned());
        let mut backoff = Backoff::default();
        for longest in [10, 20, 40, 80, 160, 320, 640, 1_000, 1_000] {
            backoff.fail(unfit.clone(), &[question(millis(100))]);
            advance(millis(longest) / 2 - Duration::from_nanos(1)).await;
            assert_eq!(backoff.check(), Err(unfit.clone()));
            advance(millis(longest) / 2).await;
        }
    }
}
