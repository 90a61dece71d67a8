//! A store whose script breaks a rule: a key that is new grants at once.

use core::time::Duration;
use std::io;
use std::sync::Arc;

use quota_cluster::{Answer, KeyRefusal, LeaseStore, Question, StoreError};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisError};

/// The script of `quota-cluster`.
const SCRIPT: &str = include_str!("../../crates/quota-cluster/src/redis_store/lease.lua");
/// The rule: the first window in which a new key grants.
const RULE: &str =
    "free, low_before, lessees_before = math.ceil((now + unknown) / period), limit, 0";
/// Without it: any window.
const BROKEN: &str = "free, low_before, lessees_before = 0, limit, 0";

const TIMEOUT: Duration = Duration::from_millis(500);

/// A store of leases in Redis, without the rule for new keys.
#[derive(Debug)]
pub struct PlantedStore {
    url: String,
    script: String,
    connected: Option<Connected>,
}

struct Connected {
    connection: MultiplexedConnection,
    reign: Arc<str>,
}

impl core::fmt::Debug for Connected {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Connected").field("reign", &self.reign).finish_non_exhaustive()
    }
}

impl PlantedStore {
    /// Returns a store on a server.
    ///
    /// # Errors
    ///
    /// The script of `quota-cluster` does not have the rule as this package knows it.
    pub fn new(url: String) -> io::Result<Self> {
        if SCRIPT.matches(RULE).count() != 1 {
            return Err(io::Error::other("the rule for new keys is not in lease.lua"));
        }
        Ok(Self { url, script: SCRIPT.replace(RULE, BROKEN), connected: None })
    }

    async fn connected(&mut self) -> Result<&mut Connected, RedisError> {
        let connected = match self.connected.take() {
            Some(connected) => connected,
            None => {
                let config = AsyncConnectionConfig::new()
                    .set_connection_timeout(Some(TIMEOUT))
                    .set_response_timeout(Some(TIMEOUT));
                let client = Client::open(self.url.as_str())?;
                let mut connection =
                    client.get_multiplexed_async_connection_with_config(&config).await?;
                let info: String = redis::cmd("INFO").query_async(&mut connection).await?;
                let field = |name: &str| {
                    info.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default()
                };
                let reign = format!("{}:{}", field("run_id:"), field("master_replid:"));
                Connected { connection, reign: Arc::from(reign) }
            }
        };
        Ok(self.connected.insert(connected))
    }

    async fn one(&mut self, question: &Question) -> Result<Answer, RedisError> {
        let mut command = redis::cmd("EVAL");
        command.arg(&self.script).arg(1).arg(&*question.key);
        let connected = self.connected().await?;
        let (give_window, give_units) =
            question.give.map_or((0, 0), |give| (give.window, give.units));
        command
            .arg(u64::try_from(question.period.as_micros()).unwrap_or(u64::MAX))
            .arg(question.limit)
            .arg(question.want)
            .arg(&*question.lessee)
            .arg(question.ticket)
            .arg(&*connected.reign)
            .arg(give_window)
            .arg(give_units);
        let reply: Vec<u64> = command.query_async(&mut connected.connection).await?;
        let part = |at: usize| reply.get(at).copied().unwrap_or(0);
        Ok(Answer {
            reign: Arc::clone(&connected.reign),
            granted: part(0),
            remaining: part(1),
            window: part(2),
            window_left: Duration::from_micros(part(3)),
            lessees: part(4),
            newborn: part(5),
            life: Duration::from_micros(part(6)),
            limit: part(7),
        })
    }
}

impl LeaseStore for PlantedStore {
    async fn ask(
        &mut self,
        questions: &[Question],
    ) -> Result<Vec<Result<Answer, KeyRefusal>>, StoreError> {
        let mut answers = Vec::new();
        for question in questions {
            match self.one(question).await {
                Ok(answer) => answers.push(Ok(answer)),
                Err(error) => {
                    self.connected = None;
                    return Err(StoreError::Lost(error.to_string()));
                }
            }
        }
        Ok(answers)
    }

    fn warnings(&mut self) -> Vec<String> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::PlantedStore;

    #[test]
    fn the_rule_that_is_broken_is_in_the_script_of_quota_cluster() {
        PlantedStore::new(String::new()).unwrap();
    }
}
