//! The checks of a server, before it is asked anything.

use std::sync::Arc;

use limits_core::Escaped;
use redis::{ServerError, Value, pipe};

use crate::redis_store::failure::{Failure, lost, of_question, shown, unfit};
use crate::redis_store::link::Link;
use crate::redis_store::script::Script;
use crate::redis_store::settings::RedisSettings;
use crate::store::StoreError;

/// The oldest version of a server.
const OLDEST: (u32, u32) = (6, 2);

/// The hexadecimal digits that a reign has of each of its two numbers. With all of them, a key
/// would not fit the server's compact form of a hash.
const DIGITS: usize = 24;

/// A server that was checked.
#[derive(Debug)]
pub(super) struct Server {
    /// Its run id and replication id. A restart changes the first, a promotion the second; a server
    /// that was promoted, demoted and promoted again has the first of its earlier reign.
    pub(super) reign: Arc<str>,
    pub(super) warnings: Vec<String>,
}

impl Server {
    /// Logs in, checks the server, and loads the script.
    pub(super) async fn greet(
        link: &mut Link,
        settings: &RedisSettings,
        database: u32,
        script: &Script,
    ) -> Result<Self, StoreError> {
        let mut pipeline = pipe();
        if let Some(password) = &settings.password {
            pipeline.cmd("AUTH").arg(settings.username.as_deref()).arg(password);
        }
        if database > 0 {
            pipeline.cmd("SELECT").arg(database);
        }
        let logged_in = pipeline.len();
        for section in ["server", "replication", "memory"] {
            pipeline.cmd("INFO").arg(section);
        }
        script.load(&mut pipeline);
        script.probe(&mut pipeline);
        if settings.wait_replicas > 0 {
            // 0 replicas, for at most 1 ms: whether the user may.
            pipeline.cmd("WAIT").arg(0).arg(1);
        }
        let replies = link.send(&pipeline).await?;
        let peer = link.peer.as_str();
        let mut texts = Vec::new();
        let mut failure = None;
        for (index, reply) in replies.into_iter().enumerate() {
            match reply {
                Ok(Value::BulkString(text)) => texts.push(text),
                Ok(_) => {}
                Err(error) if index < logged_in => return Err(unfit(peer, &shown(&error))),
                Err(error) => failure = failure.or_else(|| Some(check_failed(peer, &error))),
            }
        }
        let [server, replication, memory, ..] = texts.as_slice() else {
            let none = || lost(peer, &"an answer that is none");
            return Err(failure.unwrap_or_else(none));
        };
        let info = Info { server, replication, memory };
        // First: in cluster mode, a server may refuse the script, without a reason that helps.
        info.check(peer)?;
        if let Some(failure) = failure {
            return Err(failure);
        }
        Ok(Self { reign: info.reign(peer)?, warnings: info.warnings(settings.wait_replicas) })
    }
}

fn check_failed(peer: &str, error: &ServerError) -> StoreError {
    match of_question(peer, error) {
        Failure::Store(error) => error,
        _ => unfit(peer, &shown(error)),
    }
}

/// The sections of a server's `INFO`.
struct Info<'t> {
    server: &'t [u8],
    replication: &'t [u8],
    memory: &'t [u8],
}

impl Info<'_> {
    fn check(&self, peer: &str) -> Result<(), StoreError> {
        let version = value(self.server, "redis_version").unwrap_or("unknown");
        let mut numbers = version.split('.').map_while(|number| number.parse::<u32>().ok());
        let (major, minor) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        if (major, minor) < OLDEST {
            let version = Escaped::head(version, 32);
            return Err(unfit(
                peer,
                &format!("version {version} is too old: Redis 6.2 or later, or Valkey, is needed"),
            ));
        }
        // Valkey has its own name for it.
        let mode = ["redis_mode", "server_mode"].map(|name| value(self.server, name));
        if mode.contains(&Some("cluster")) {
            return Err(unfit(
                peer,
                &"it runs in cluster mode: a server by itself, or with sentinels, is needed",
            ));
        }
        match value(self.replication, "role") {
            Some("master") => Ok(()),
            // A failover may make it a primary.
            _ => Err(lost(peer, &"it is a replica: its primary is needed")),
        }
    }

    fn reign(&self, peer: &str) -> Result<Arc<str>, StoreError> {
        let id = |text, name| {
            value(text, name)
                .filter(|id| id.bytes().all(|digit| digit.is_ascii_hexdigit()))
                .and_then(|id| id.get(..DIGITS))
        };
        match (id(self.server, "run_id"), id(self.replication, "master_replid")) {
            (Some(run), Some(replication)) => Ok(format!("{run}:{replication}").into()),
            _ => Err(unfit(peer, &"its INFO has no run_id or no master_replid")),
        }
    }

    fn warnings(&self, wait_replicas: u32) -> Vec<String> {
        let mut warnings = Vec::new();
        let policy = value(self.memory, "maxmemory_policy").unwrap_or("unknown");
        if policy != "noeviction" {
            let policy = Escaped::head(policy, 32);
            warnings.push(format!(
                "the store may evict the keys of quotas, each at the cost of up to a window: set \
                 its maxmemory-policy to noeviction (it is {policy})"
            ));
        }
        let replicas = value(self.replication, "connected_slaves").and_then(|n| n.parse().ok());
        if let Some(replicas) = replicas.filter(|replicas: &u32| *replicas < wait_replicas) {
            warnings.push(format!(
                "leases wait for {wait_replicas} replicas of the store, which has {replicas}: \
                 nothing is leased until they are connected"
            ));
        }
        warnings
    }
}

/// Returns the value of a line `name:value`.
fn value<'t>(text: &'t [u8], name: &str) -> Option<&'t str> {
    core::str::from_utf8(text)
        .ok()?
        .lines()
        .find_map(|line| line.trim_end().strip_prefix(name).and_then(|line| line.strip_prefix(':')))
}

#[cfg(test)]
mod tests {
    use super::Info;
    use crate::store::StoreError;

    const SERVER: &str = "# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\n\
                          run_id:0123456789abcdef0123456789abcdef01234567\r\n";
    const REPLICATION: &str = "# Replication\r\nrole:master\r\nconnected_slaves:1\r\n\
                               master_replid:fedcba9876543210fedcba9876543210fedcba98\r\n";
    const MEMORY: &str = "maxmemory_policy:noeviction\r\n";

    fn info<'t>(server: &'t str, replication: &'t str, memory: &'t str) -> Info<'t> {
        Info {
            server: server.as_bytes(),
            replication: replication.as_bytes(),
            memory: memory.as_bytes(),
        }
    }

    fn unfit(text: &str) -> StoreError {
        StoreError::Unfit(format!("db: {text}"))
    }

    #[test]
    fn servers_are_checked_by_version_mode_and_role() {
        let check = |server: &str, replication| info(server, replication, MEMORY).check("db");
        for (version, fits) in [
            ("7.0.15", true),
            ("6.2.0", true),
            ("10.0", true),
            ("6.0.16", false),
            ("5.0", false),
            ("x", false),
        ] {
            let server = SERVER.replace("7.0.15", version);
            let expected = if fits {
                Ok(())
            } else {
                Err(unfit(&format!(
                    "version {version} is too old: Redis 6.2 or later, or Valkey, is needed"
                )))
            };
            assert_eq!(check(&server, REPLICATION), expected);
        }
        let cluster = SERVER.replace("standalone", "cluster");
        for server in [cluster.replace("redis_mode", "server_mode"), cluster] {
            assert_eq!(
                check(&server, REPLICATION),
                Err(unfit(
                    "it runs in cluster mode: a server by itself, or with sentinels, is needed"
                ))
            );
        }
        assert_eq!(
            check(SERVER, &REPLICATION.replace("master\r", "slave\r")),
            Err(StoreError::Lost("db: it is a replica: its primary is needed".to_owned()))
        );
    }

    #[test]
    fn a_reign_has_both_ids() {
        let reign = |server: &str, replication| info(server, replication, MEMORY).reign("db");
        assert_eq!(
            reign(SERVER, REPLICATION).unwrap().as_ref(),
            "0123456789abcdef01234567:fedcba9876543210fedcba98"
        );
        let none = Err(unfit("its INFO has no run_id or no master_replid"));
        assert_eq!(reign(&SERVER.replace("run_id:0", "run_id:x"), REPLICATION), none);
        assert_eq!(reign(SERVER, "master_replid:0\r\n"), none);
    }

    #[test]
    fn warnings_say_what_to_set() {
        let warnings = |memory, wait| info(SERVER, REPLICATION, memory).warnings(wait);
        assert!(warnings(MEMORY, 1).is_empty());
        assert_eq!(
            warnings("maxmemory_policy:allkeys-lru\r\n", 2),
            [
                "the store may evict the keys of quotas, each at the cost of up to a window: set its \
                 maxmemory-policy to noeviction (it is allkeys-lru)",
                "leases wait for 2 replicas of the store, which has 1: nothing is leased until they \
                 are connected",
            ]
        );
    }
}
