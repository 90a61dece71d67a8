//! A store of leases on a Redis or Valkey server.
//!
//! - I10: a connection that owes an answer is not used again.

mod backoff;
mod endpoint;
mod failure;
mod link;
mod script;
mod sentinel;
mod server;
mod settings;
#[cfg(feature = "tls")]
mod tls;

use core::mem;
use core::time::Duration;
use std::sync::Arc;

use redis::{Value, pipe};
use tokio::time::timeout;

use self::backoff::Backoff;
use self::endpoint::{Place, Target};
use self::failure::{Failure, denied, lost, of_question, shown};
use self::link::{Link, Reply};
use self::script::{Script, Timed};
use self::server::Server;
pub use self::settings::{RedisSettings, RedisSettingsError, TlsSettings};
use crate::store::{Answer, KeyRefusal, LeaseStore, Question, StoreError};

/// The rounds of a call: questions that the server did not understand, since it has lost the script
/// or begun another reign, are asked again.
const ROUNDS: u32 = 3;

/// A store of leases on a server of Redis, from version 6.2, or Valkey: by itself, or found by
/// sentinels. A server in cluster mode is refused.
///
/// It has one connection, which it makes when it is asked, and makes anew after any failure, asking
/// the sentinels again. Between two attempts it waits, up to a second and no longer than a tenth of
/// the shortest period; questions fail at once meanwhile, and never take longer than
/// [`RedisSettings::response_timeout`]. Only the server's clock counts. The server need not persist
/// anything: a key that it lost grants nothing until every lease of it is dead.
///
/// Needs a tokio runtime with I/O and time. A future of [`ask`](LeaseStore::ask) that is dropped
/// costs the connection.
#[derive(Debug)]
pub struct RedisStore {
    settings: RedisSettings,
    target: Target,
    script: Script,
    session: Option<Session>,
    backoff: Backoff,
    warnings: Vec<String>,
    /// The warnings of the last connection, which are not repeated.
    warned: Vec<String>,
    /// The latest time of the server, in microseconds.
    clock: u64,
}

/// A connection to a server that was checked.
#[derive(Debug)]
struct Session {
    link: Link,
    reign: Arc<str>,
}

/// The answers of a call, by the place of their questions.
type Answers = Vec<Option<Result<Timed, KeyRefusal>>>;

impl RedisStore {
    /// Returns a store that is not connected yet.
    ///
    /// # Errors
    ///
    /// [`RedisSettingsError`] if no server can be asked with these settings. The server, the CA
    /// file and the password are not tried.
    pub fn new(settings: RedisSettings) -> Result<Self, RedisSettingsError> {
        Ok(Self {
            target: settings.target()?,
            settings,
            script: Script::new(),
            session: None,
            backoff: Backoff::default(),
            warnings: Vec::new(),
            warned: Vec::new(),
            clock: 0,
        })
    }

    async fn try_ask(
        &mut self,
        questions: &[Question],
    ) -> Result<Vec<Result<Answer, KeyRefusal>>, StoreError> {
        // Taken, and put back with an answer only: a connection that owes one is not used again.
        let mut session = match self.session.take() {
            Some(session) => session,
            None => self.connect().await?,
        };
        let mut answers = Answers::new();
        answers.resize_with(questions.len(), || None);
        for _ in 0..ROUNDS {
            let is_stale = self.round(&mut session, questions, &mut answers).await?;
            if answers.iter().all(Option::is_some) {
                self.session = Some(session);
                return Ok(self.timed(questions, answers));
            }
            if is_stale {
                session = self.greet(session.link).await?;
            }
        }
        Err(lost(&session.link.peer, &"the script or the reign changes with each question"))
    }

    /// Asks what has no answer yet. Returns whether the server began another reign.
    async fn round(
        &self,
        session: &mut Session,
        questions: &[Question],
        answers: &mut Answers,
    ) -> Result<bool, StoreError> {
        let (mut pipeline, mut open) = (pipe(), Vec::new());
        for (slot, question) in answers.iter_mut().zip(questions) {
            if slot.is_none() {
                self.script.ask(question, &session.reign, &mut pipeline);
                open.push((slot, question));
            }
        }
        let waits = self.settings.wait_replicas > 0;
        if waits {
            let most = self.settings.response_timeout / 2;
            pipeline.cmd("WAIT").arg(self.settings.wait_replicas).arg(millis(most));
        }
        let mut replies = session.link.send(&pipeline).await?;
        let peer = session.link.peer.as_str();
        let is_short = waits && self.is_short(peer, replies.pop())?;
        let (mut has_script, mut is_stale) = (true, false);
        for ((slot, question), reply) in open.into_iter().zip(replies) {
            *slot = match reply {
                Ok(reply) => {
                    let timed = Timed::read(&reply, question, &session.reign);
                    let mut timed = timed.ok_or_else(|| lost(peer, &"an answer that is none"))?;
                    if is_short {
                        // A replica that is promoted may not know of the lease, nor of those
                        // before.
                        timed.answer.granted = 0;
                        timed.answer.life = Duration::ZERO;
                    }
                    Some(Ok(timed))
                }
                Err(error) => match of_question(peer, &error) {
                    Failure::NoScript => {
                        has_script = false;
                        None
                    }
                    Failure::Stale => {
                        is_stale = true;
                        None
                    }
                    Failure::Key(refusal) => Some(Err(refusal)),
                    Failure::Store(error) => return Err(error),
                },
            };
        }
        if !has_script {
            self.load(session).await?;
        }
        Ok(is_stale)
    }

    /// Reports whether fewer replicas than needed have confirmed the questions.
    fn is_short(&self, peer: &str, reply: Option<Reply>) -> Result<bool, StoreError> {
        match reply {
            Some(Ok(Value::Int(replicas))) => Ok(replicas < i64::from(self.settings.wait_replicas)),
            Some(Err(error)) => match of_question(peer, &error) {
                Failure::Store(error) => Err(error),
                _ => Err(lost(peer, &shown(&error))),
            },
            _ => Err(lost(peer, &"an answer that is none")),
        }
    }

    async fn load(&self, session: &mut Session) -> Result<(), StoreError> {
        let mut pipeline = pipe();
        self.script.load(&mut pipeline);
        match session.link.send(&pipeline).await?.pop() {
            Some(Err(error)) => Err(denied(&session.link.peer, &error)),
            _ => Ok(()),
        }
    }

    async fn connect(&mut self) -> Result<Session, StoreError> {
        let endpoint = match &self.target.place {
            Place::At(endpoint) => endpoint.clone(),
            Place::Named { sentinels, master, is_tls } => {
                sentinel::primary(sentinels, master, *is_tls, &self.settings).await?
            }
        };
        let link = Link::open(&endpoint, &self.settings.tls).await?;
        self.greet(link).await
    }

    /// Checks a server and reads its reign.
    async fn greet(&mut self, mut link: Link) -> Result<Session, StoreError> {
        let server =
            Server::greet(&mut link, &self.settings, self.target.database, &self.script).await?;
        let new = server.warnings.iter().filter(|warning| !self.warned.contains(warning));
        self.warnings.extend(new.cloned());
        self.warned = server.warnings;
        tracing::debug!(peer = link.peer, reign = &*server.reign, "connected to a store of leases");
        Ok(Session { link, reign: server.reign })
    }

    /// Looks at the server's clock, and returns the answers without it.
    fn timed(
        &mut self,
        questions: &[Question],
        answers: Answers,
    ) -> Vec<Result<Answer, KeyRefusal>> {
        let answers = answers.into_iter().flatten().zip(questions);
        answers.map(|(timed, question)| Ok(self.look(timed?, question.period))).collect()
    }

    fn look(&mut self, timed: Timed, period: Duration) -> Answer {
        let before = mem::replace(&mut self.clock, timed.now);
        let back = Duration::from_micros(before.saturating_sub(timed.now));
        if back > period {
            self.warnings.push(format!(
                "the clock of the store stepped back by {back:?}, which costs up to two windows: let \
                 its host slew the time (such as with chrony, without makestep)"
            ));
        }
        timed.answer
    }
}

impl LeaseStore for RedisStore {
    async fn ask(
        &mut self,
        questions: &[Question],
    ) -> Result<Vec<Result<Answer, KeyRefusal>>, StoreError> {
        if questions.is_empty() {
            return Ok(Vec::new());
        }
        self.backoff.check()?;
        let most = self.settings.response_timeout;
        let answers = timeout(most, self.try_ask(questions)).await.unwrap_or_else(|_elapsed| {
            Err(StoreError::Lost(format!("{}: no answer in {most:?}", self.target)))
        });
        match &answers {
            Ok(_) => self.backoff.succeed(),
            Err(error) => {
                // Whether it has failed while it had the connection, or before.
                self.session = None;
                self.backoff.fail(error.clone(), questions);
            }
        }
        answers
    }

    fn warnings(&mut self) -> Vec<String> {
        mem::take(&mut self.warnings)
    }
}

/// Returns whole milliseconds, at least one: a wait of 0 has no end.
fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1)
}
