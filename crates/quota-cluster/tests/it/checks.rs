//! Servers that cannot be used, or not as they are set.

use quota_cluster::{KeyRefusal, LeaseStore, RedisSettings, StoreError};

use crate::fake_server::{self, SERVER};
use crate::host::Host;
use crate::redis_server::RedisServer;

const GRANT: &str = "grant `+evalsha +script|load +info +time +hmget +hset +del +pexpire +wait \
                     ~PREFIX*` by ACL SETUSER";

/// Asks once, and returns the failure without the server's address.
async fn failure(server: &RedisServer, change: impl FnOnce(&mut RedisSettings)) -> StoreError {
    let error = Host::new(server.store_with(change), "a").try_ask(1).await.unwrap_err();
    let peer = format!("{}: ", server.socket().display());
    match error {
        StoreError::Lost(text) => StoreError::Lost(text.replace(&peer, "")),
        StoreError::Unfit(text) => StoreError::Unfit(text.replace(&peer, "")),
        other => other,
    }
}

fn unfit(text: impl Into<String>) -> StoreError {
    StoreError::Unfit(text.into())
}

#[tokio::test]
async fn a_server_in_cluster_mode_is_refused() {
    let Some(server) = RedisServer::start(&["--cluster-enabled", "yes"]) else { return };
    let text = "it runs in cluster mode: a server by itself, or with sentinels, is needed";
    assert_eq!(failure(&server, |_| {}).await, unfit(text));
}

#[tokio::test]
async fn a_replica_is_lost_until_it_is_a_primary() {
    let Some(primary) = RedisServer::start(&[]) else { return };
    let replica = RedisServer::replica_of(&primary);
    let text = "it is a replica: its primary is needed";
    assert_eq!(failure(&replica, |_| {}).await, StoreError::Lost(text.to_owned()));
    replica.run::<()>("REPLICAOF NO ONE");
    Host::new(replica.store(), "a").ask(0).await;
}

#[tokio::test]
async fn a_password_is_needed_where_there_is_one() {
    let Some(server) = RedisServer::start(&["--requirepass", "se cret"]) else { return };
    let missing = failure(&server, |_| {}).await;
    assert_eq!(missing, unfit("NOAUTH Authentication required: set the password"));
    let wrong = failure(&server, |s| s.password = Some("other".to_owned())).await;
    let text = "WRONGPASS invalid username-password pair or user is disabled";
    assert_eq!(wrong, unfit(text));
    let store = server.store_with(|s| s.password = Some("se cret".to_owned()));
    assert!(!format!("{store:?}").contains("se cret"));
    Host::new(store, "a").ask(0).await;
    let wrong = failure(&server, |s| {
        (s.username, s.password) = (Some("nobody".to_owned()), Some("se cret".to_owned()));
    });
    assert_eq!(wrong.await, unfit(text));
}

#[tokio::test]
async fn a_user_that_lacks_a_command_is_refused_with_what_to_grant() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let allowed = "on >secret ~wasm-limits:* +evalsha +script|load +info +time +hmget +hset +del \
                   +pexpire +wait";
    let as_user = |s: &mut RedisSettings| {
        (s.username, s.password) = (Some("limits".to_owned()), Some("secret".to_owned()));
    };
    server.run::<()>(&format!("ACL SETUSER limits {allowed}"));
    Host::new(server.store_with(as_user), "a").ask(0).await;
    for command in ["info", "evalsha", "time", "script|load", "hmget", "hset", "del", "pexpire"] {
        server.run::<()>("FLUSHALL");
        let rest = allowed.replace(&format!(" +{command}"), "");
        server.run::<()>(&format!("ACL SETUSER limits reset {rest}"));
        let error = failure(&server, as_user).await;
        let StoreError::Unfit(text) = &error else { panic!("{command}: {error:?}") };
        assert!(text.contains(GRANT), "{command}: {text}");
        assert!(!text.contains("secret"), "{text}");
    }
    server.run::<()>(&format!("ACL SETUSER limits reset {allowed} -wait"));
    let error = failure(&server, |s| {
        as_user(s);
        s.wait_replicas = 1;
    });
    let StoreError::Unfit(text) = error.await else { panic!("it may wait") };
    assert!(text.contains("'wait'") && text.ends_with(GRANT), "{text}");
    // Another key may be allowed.
    server.run::<()>(&format!("ACL SETUSER limits reset {allowed} resetkeys ~other:*"));
    let mut host = Host::new(server.store_with(as_user), "a");
    let refusal = host.try_ask(1).await.unwrap().unwrap_err();
    let KeyRefusal::Store(text) = refusal else { panic!("the key is allowed") };
    assert!(text.ends_with(": let the user use it, such as by ~PREFIX*"), "{text}");
    host.question.key = "other:k".into();
    host.ask(0).await;
}

#[tokio::test]
async fn a_server_without_memory_refuses_each_question_and_changes_nothing() {
    let Some(server) = RedisServer::start(&["--maxmemory", "100mb"]) else { return };
    let mut host = Host::new(server.store(), "a");
    host.of_age().await;
    host.next_window().await;
    server.run::<()>("CONFIG SET maxmemory 1");
    let text = "OOM command not allowed when used memory > 'maxmemory': raise maxmemory";
    // The first question of a window is refused as well.
    for _ in 0..3 {
        let refusal = host.try_ask(1).await.unwrap().unwrap_err();
        assert_eq!(refusal, KeyRefusal::Store(text.to_owned()));
        tokio::time::sleep(host.question.period).await;
    }
    server.run::<()>("CONFIG SET maxmemory 100mb");
    assert_eq!(host.ask(0).await.newborn, 0);
}

#[tokio::test]
async fn refusals_of_one_key_leave_the_connection_and_the_others() {
    let Some(server) = RedisServer::start(&["--min-replicas-to-write", "0"]) else { return };
    let mut host = Host::new(server.store(), "a");
    host.ask(0).await;
    server.run::<()>("SET string x");
    let mut wrong = host.question.clone();
    wrong.key = "string".into();
    let answers = host.store.ask(&[wrong, host.question.clone()]).await.unwrap();
    let text =
        "WRONGTYPE Operation against a key holding the wrong kind of value: set another prefix";
    assert_eq!(answers[0], Err(KeyRefusal::Store(text.to_owned())));
    assert!(answers[1].is_ok());
    server.run::<()>("CONFIG SET min-replicas-to-write 1");
    let refusal = host.try_ask(1).await.unwrap().unwrap_err();
    let text = "NOREPLICAS Not enough good replicas to write";
    assert_eq!(refusal, KeyRefusal::Store(text.to_owned()));
}

#[tokio::test]
async fn a_setting_that_costs_windows_is_warned_of_once() {
    let Some(server) = RedisServer::start(&["--maxmemory-policy", "allkeys-lru"]) else { return };
    let mut host = Host::new(server.store(), "a");
    host.ask(0).await;
    let text = "the store may evict the keys of quotas, each at the cost of up to a window: set its \
                maxmemory-policy to noeviction (it is allkeys-lru)";
    assert_eq!(host.store.warnings(), [text]);
    server.run::<()>("CLIENT KILL TYPE normal");
    host.reconnect().await;
    assert!(host.store.warnings().is_empty());
    server.run::<()>("CONFIG SET maxmemory-policy volatile-lru");
    server.run::<()>("CLIENT KILL TYPE normal");
    host.reconnect().await;
    assert_eq!(host.store.warnings(), [text.replace("allkeys-lru", "volatile-lru")]);
}

#[tokio::test]
async fn a_server_that_is_too_old_is_refused() {
    let old = "redis_version:6.0.16\r\nredis_mode:standalone\r\n";
    let error = Host::new(fake_server::store(old, &[]), "a").try_ask(1).await.unwrap_err();
    let text = error.to_string();
    let (start, end) = ("the store of the cluster cannot be used: 127.0.0.1:", text.len());
    assert!(text.starts_with(start), "{text}");
    let end_of_text = "version 6.0.16 is too old: Redis 6.2 or later, or Valkey, is needed";
    assert_eq!(&text[end - end_of_text.len()..], end_of_text);
}

#[tokio::test]
async fn a_clock_that_steps_back_is_warned_of() {
    // Granted, left, window, its rest, lessees, newborn, life, limit, time.
    let reply = |micros: u64| {
        let numbers = [1, 2, 3, 4, 5, 0, 6, 7, micros].map(|number| format!(":{number}\r\n"));
        format!("*9\r\n{}", numbers.concat())
    };
    let replies = [9_000_000, 8_600_000, 9_100_000, 7_000_000, 6_700_000].map(reply);
    let replies: Vec<_> = replies.iter().map(String::as_str).collect();
    let mut host = Host::new(fake_server::store(SERVER, &replies), "a");
    for _ in 0..3 {
        host.ask(0).await;
        assert!(host.store.warnings().is_empty());
    }
    host.ask(0).await;
    host.ask(0).await;
    let text = "the clock of the store stepped back by 2.1s, which costs up to two windows: let its \
                host slew the time (such as with chrony, without makestep)";
    assert_eq!(host.store.warnings(), [text]);
}

#[tokio::test]
async fn a_server_that_answers_otherwise_is_lost() {
    for reply in
        ["+OK\r\n", "*0\r\n", "*9\r\n:-1\r\n:2\r\n:3\r\n:4\r\n:5\r\n:6\r\n:7\r\n:8\r\n:9\r\n"]
    {
        let mut host = Host::new(fake_server::store(SERVER, &[reply]), "a");
        let error = host.try_ask(1).await.unwrap_err().to_string();
        assert!(error.ends_with(": an answer that is none"), "{error}");
    }
    // It never understands the script.
    let mut host = Host::new(fake_server::store(SERVER, &["-NOSCRIPT x\r\n"; 9]), "a");
    let error = host.try_ask(1).await.unwrap_err().to_string();
    assert!(error.ends_with(": the script or the reign changes with each question"), "{error}");
}
