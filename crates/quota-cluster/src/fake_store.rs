//! A store in memory: the model of the protocol, for tests.

mod key;
#[cfg(test)]
mod tests;

use core::time::Duration;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use limits_core::Clock;

use self::key::Key;
use crate::store::{Answer, KeyRefusal, LeaseStore, Question, StoreError};

/// A store in memory, which answers as the script on a Redis server does.
///
/// Clones are connections to the same store. Its time is that of the given clock; nothing but a
/// question moves it on. Its faults are those of a server: they concern all connections. It is no
/// store for several processes.
///
/// ```
/// use core::time::Duration;
/// use std::sync::Arc;
/// use limits_core::ManualClock;
/// use quota_cluster::{FakeStore, LeaseStore, Question};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), quota_cluster::StoreError> {
/// let clock = Arc::new(ManualClock::new());
/// let mut store = FakeStore::new(clock.clone());
/// let mut question = Question {
///     key: "wasm-limits:c:{app}:messages".into(),
///     period: Duration::from_secs(1),
///     limit: 1_000,
///     want: 100,
///     lessee: "host-1".into(),
///     ticket: 1,
///     give: None,
/// };
/// // A new key grants nothing: leases that the store does not know may be out.
/// let newborn = store.ask(&[question.clone()]).await?.remove(0).expect("it is answered");
/// assert_eq!((newborn.granted, newborn.newborn), (0, 1));
///
/// clock.advance(newborn.window_left);
/// question.ticket += 1;
/// let answer = store.ask(&[question]).await?.remove(0).expect("it is answered");
/// assert_eq!((answer.granted, answer.remaining), (100, 900));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct FakeStore {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    keys: HashMap<Arc<str>, Key>,
    reign: Arc<str>,
    reigns: u64,
    /// Nanoseconds, added to the clock.
    offset: i128,
    error: Option<StoreError>,
    refusals: HashMap<Arc<str>, KeyRefusal>,
    cuts_next_reply: bool,
    has_short_wait: bool,
    warnings: Vec<String>,
    calls: u64,
    questions: u64,
    history: BTreeMap<(Arc<str>, u64), u64>,
}

impl FakeStore {
    /// Returns an empty store.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let state = State {
            keys: HashMap::new(),
            reign: reign(1),
            reigns: 1,
            offset: 0,
            error: None,
            refusals: HashMap::new(),
            cuts_next_reply: false,
            has_short_wait: false,
            warnings: Vec::new(),
            calls: 0,
            questions: 0,
            history: BTreeMap::new(),
        };
        Self { shared: Arc::new(Shared { clock, state: Mutex::new(state) }) }
    }

    /// Loses all keys, as by `FLUSHALL`.
    pub fn lose_data(&self) {
        self.state().keys.clear();
    }

    /// Begins another reign, as a replica does that is promoted. The keys stay.
    pub fn promote(&self) {
        let mut state = self.state();
        state.reigns = state.reigns.saturating_add(1);
        state.reign = reign(state.reigns);
    }

    /// Takes the store away, or brings it back. While it is away, questions are lost before they
    /// are answered.
    pub fn set_away(&self, is_away: bool) {
        self.set_error(is_away.then(|| StoreError::Lost("it is away".to_owned())));
    }

    /// Sets the failure of all questions, which are lost before they are answered.
    pub fn set_error(&self, error: Option<StoreError>) {
        self.state().error = error;
    }

    /// Sets the refusal of all questions about a key, which charge nothing.
    pub fn set_refusal(&self, key: &str, refusal: Option<KeyRefusal>) {
        let mut state = self.state();
        match refusal {
            Some(refusal) => state.refusals.insert(key.into(), refusal),
            None => state.refusals.remove(key),
        };
    }

    /// Loses the next reply, after its questions are answered and charged.
    pub fn cut_next_reply(&self) {
        self.state().cuts_next_reply = true;
    }

    /// Lets replicas fall behind, or catch up. While they are behind, questions are charged, and
    /// their answers grant nothing for no time, as those of a Redis server that waits for replicas.
    pub fn set_short_wait(&self, is_short: bool) {
        self.state().has_short_wait = is_short;
    }

    /// Steps the store's clock by nanoseconds, forwards or back. It does not go below 0.
    pub fn step_clock(&self, ns: i64) {
        let mut state = self.state();
        state.offset = state.offset.saturating_add(i128::from(ns));
    }

    /// Adds a warning to those that the next call of [`warnings`](LeaseStore::warnings) returns.
    pub fn warn(&self, text: &str) {
        self.state().warnings.push(text.to_owned());
    }

    /// Returns the time of the store, since its epoch.
    #[must_use]
    pub fn now(&self) -> Duration {
        Duration::from_micros(self.micros(&self.state()))
    }

    /// Returns the units that lessees have from each key and window: granted, less those given
    /// back. Losses of data do not change it.
    #[must_use]
    pub fn history(&self) -> BTreeMap<(Arc<str>, u64), u64> {
        self.state().history.clone()
    }

    /// Returns the calls with questions since the store was made, lost ones included.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.state().calls
    }

    /// Returns the questions since the store was made, lost ones included.
    #[must_use]
    pub fn questions(&self) -> u64 {
        self.state().questions
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn micros(&self, state: &State) -> u64 {
        let now = i128::from(self.shared.clock.now_ns()).saturating_add(state.offset);
        u64::try_from(now.max(0) / 1_000).unwrap_or(u64::MAX)
    }

    fn answer(
        &self,
        questions: &[Question],
    ) -> Result<Vec<Result<Answer, KeyRefusal>>, StoreError> {
        let mut state = self.state();
        state.calls = state.calls.saturating_add(1);
        let count = u64::try_from(questions.len()).unwrap_or(u64::MAX);
        state.questions = state.questions.saturating_add(count);
        if let Some(error) = &state.error {
            return Err(error.clone());
        }
        let now = self.micros(&state);
        let answers = questions.iter().map(|question| state.answer(question, now)).collect();
        if core::mem::take(&mut state.cuts_next_reply) {
            return Err(StoreError::Lost("the reply was cut".to_owned()));
        }
        Ok(answers)
    }
}

impl State {
    fn answer(&mut self, question: &Question, now: u64) -> Result<Answer, KeyRefusal> {
        if let Some(refusal) = self.refusals.get(&question.key) {
            return Err(refusal.clone());
        }
        let mut key = self.keys.remove(&question.key);
        let answered = key::answer(&mut key, question, &self.reign, now);
        if let Some(key) = key {
            self.keys.insert(Arc::clone(&question.key), key);
        }
        let (mut answer, moved) = answered?;
        let units = self.history.entry((Arc::clone(&question.key), answer.window)).or_default();
        *units = units.saturating_add(moved.granted).saturating_sub(moved.given_back);
        if self.has_short_wait {
            answer.granted = 0;
            answer.life = Duration::ZERO;
        }
        Ok(answer)
    }
}

impl LeaseStore for FakeStore {
    async fn ask(
        &mut self,
        questions: &[Question],
    ) -> Result<Vec<Result<Answer, KeyRefusal>>, StoreError> {
        self.answer(questions)
    }

    fn warnings(&mut self) -> Vec<String> {
        core::mem::take(&mut self.state().warnings)
    }
}

fn reign(number: u64) -> Arc<str> {
    format!("reign-{number}").into()
}
