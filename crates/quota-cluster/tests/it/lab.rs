//! The script on a real server, with a clock that the test sets.

use core::time::Duration;
use std::collections::HashMap;

use quota_cluster::{Answer, Give, KeyRefusal, Question};
use redis::{Connection, RedisResult, Script, Value};

use crate::redis_server::RedisServer;

/// The script as it is in the crate.
const TEXT: &str = include_str!("../../src/redis_store/lease.lua");

/// The first time of a test, in microseconds.
pub(crate) const START: u64 = 1_800_000_000_000_000;

/// The script with a clock of its own: it reads the two arguments that follow the others.
pub(crate) struct Lab {
    pub(crate) server: RedisServer,
    script: Script,
    connection: Connection,
    pub(crate) reign: String,
    /// Microseconds.
    pub(crate) now: u64,
}

impl Lab {
    pub(crate) fn start() -> Option<Self> {
        let server = RedisServer::start_with_debug()?;
        assert_eq!(TEXT.matches("redis.call('TIME')").count(), 1);
        let script = Script::new(&TEXT.replace("redis.call('TIME')", "{ ARGV[9], ARGV[10] }"));
        let connection = server.connection();
        let mut lab = Self { server, script, connection, reign: String::new(), now: START };
        lab.read_reign();
        Some(lab)
    }

    /// Reads the reign, as a host does when it connects.
    pub(crate) fn read_reign(&mut self) {
        let start = |id: String| id.get(..24).unwrap().to_owned();
        let run = start(self.server.info("run_id"));
        self.reign = format!("{run}:{}", start(self.server.info("master_replid")));
    }

    /// Begins another reign, as a promotion does.
    pub(crate) fn promote(&mut self) {
        self.server.run::<()>("DEBUG CHANGE-REPL-ID");
        self.read_reign();
    }

    /// Asks with raw arguments: period, limit, want, lessee, ticket, window and units given back.
    pub(crate) fn raw(&mut self, key: &str, arguments: [&str; 7]) -> RedisResult<Vec<i64>> {
        let [period, limit, want, lessee, ticket, window, units] = arguments;
        let mut call = self.script.key(key);
        for argument in [period, limit, want, lessee, ticket, &self.reign, window, units] {
            call.arg(argument);
        }
        call.arg(self.now / 1_000_000).arg(self.now % 1_000_000).invoke(&mut self.connection)
    }

    /// Asks, and returns the answer without a reign.
    pub(crate) fn ask(&mut self, question: &Question) -> Result<Answer, KeyRefusal> {
        let give = question.give.unwrap_or(Give { window: 0, units: 0 });
        let numbers = [
            u64::try_from(question.period.as_micros()).unwrap(),
            question.limit,
            question.want,
            question.ticket,
            give.window,
            give.units,
        ];
        let [period, limit, want, ticket, window, units] = numbers.map(|number| number.to_string());
        let arguments = [&*period, &*limit, &*want, &*question.lessee, &*ticket, &*window, &*units];
        let numbers = self.raw(&question.key, arguments).map_err(|error| {
            let detail = error.detail().unwrap_or_default().to_owned();
            match error.code() {
                Some("WLPERIOD") => {
                    let stored = Duration::from_micros(detail.parse().unwrap());
                    KeyRefusal::Period { stored }
                }
                code => KeyRefusal::Store(format!("{} {detail}", code.unwrap_or_default())),
            }
        })?;
        let number = |at: usize| u64::try_from(numbers[at]).unwrap();
        assert_eq!(number(8), self.now);
        Ok(Answer {
            reign: "".into(),
            granted: number(0),
            remaining: number(1),
            window: number(2),
            window_left: Duration::from_micros(number(3)),
            lessees: number(4),
            newborn: number(5),
            life: Duration::from_micros(number(6)),
            limit: number(7),
        })
    }

    /// Reads the fields of a key.
    pub(crate) fn fields(&mut self, key: &str) -> HashMap<String, String> {
        redis::cmd("HGETALL").arg(key).query(&mut self.connection).unwrap()
    }

    pub(crate) fn call<T: redis::FromRedisValue>(&mut self, words: &[&str]) -> T {
        let mut command = redis::Cmd::new();
        for word in words {
            command.arg(*word);
        }
        command.query(&mut self.connection).unwrap()
    }

    pub(crate) fn delete(&mut self, key: &str) {
        let _deleted: Value = self.call(&["DEL", key]);
    }
}
