//! The connection of a store: made when it is needed, and made anew.

use core::time::Duration;
use std::sync::Arc;
use std::time::Instant;

use quota_cluster::{LeaseStore, Question, RedisSettings, RedisStore, StoreError};
use tokio::time::timeout;

use crate::host::{Host, PERIOD};
use crate::redis_server::RedisServer;

#[tokio::test]
async fn a_key_grants_by_the_server_at_a_socket_and_at_a_port() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let mut a = Host::new(server.store(), "a");
    let mut b = Host::new(
        server.store_with(|s| s.url = format!("redis://127.0.0.1:{}/", server.port)),
        "b",
    );
    let newborn = a.ask(100).await;
    assert_eq!((newborn.granted, newborn.limit, newborn.lessees), (0, 1_000, 1));
    assert!(newborn.newborn > 0 && newborn.window_left <= PERIOD);
    assert_eq!(newborn.life, PERIOD / 4);
    a.of_age().await;
    loop {
        a.next_window().await;
        let (first, second) = (a.ask(100).await, b.ask(9_000).await);
        if first.window == second.window {
            assert_eq!((first.granted, first.remaining), (100, 900));
            assert_eq!((second.granted, second.remaining, second.lessees), (900, 0, 2));
            assert_eq!(first.reign, second.reign);
            break;
        }
    }
    assert!(a.store.warnings().is_empty());
    assert_eq!(a.store.ask(&[]).await, Ok(Vec::new()));
}

#[tokio::test]
async fn the_questions_of_a_call_go_to_the_server_in_one_message() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let mut host = Host::new(server.store(), "a");
    host.ask(0).await;
    let questions: Vec<_> = (0..20)
        .map(|key| Question { key: format!("k{key}").into(), ..host.question.clone() })
        .collect();
    let mut connection = server.connection();
    let mut reads = || -> u64 {
        let info: redis::InfoDict = redis::cmd("INFO").query(&mut connection).unwrap();
        info.get("total_reads_processed").unwrap()
    };
    let mut fewest = u64::MAX;
    // More than once, since the ends of other connections are read as well.
    for _ in 0..20 {
        let before = reads();
        let answers = host.store.ask(&questions).await.unwrap();
        assert!(answers.len() == 20 && answers.iter().all(Result::is_ok));
        fewest = fewest.min(reads() - before);
    }
    // The questions, and the command that reads the statistic.
    assert_eq!(fewest, 2);
}

#[tokio::test]
async fn a_script_that_the_server_has_forgotten_is_loaded_again() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let mut host = Host::new(server.store(), "a");
    host.of_age().await;
    server.run::<()>("CONFIG RESETSTAT");
    for _ in 0..5 {
        server.run::<()>("SCRIPT FLUSH");
        host.ask(1).await;
    }
    // Refused, loaded, asked again: never more, and by one connection.
    assert_eq!(server.statistic::<u64>("cmdstat_evalsha", "calls"), 10);
    assert_eq!(server.statistic::<u64>("cmdstat_evalsha", "failed_calls"), 5);
    assert_eq!(server.statistic::<u64>("cmdstat_hmget", "calls"), 5);
}

#[tokio::test]
async fn a_key_that_the_server_has_lost_is_newborn() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let mut host = Host::new(server.store(), "a");
    host.of_age().await;
    let reign = host.next_window().await.reign;
    server.run::<()>("FLUSHALL");
    let lost = host.ask(100).await;
    assert_eq!((lost.granted, &lost.reign), (0, &reign));
    assert!(lost.newborn > 0);
    host.of_age().await;
}

#[tokio::test]
async fn a_server_that_starts_again_is_of_another_reign() {
    let Some(mut server) = RedisServer::start(&[]) else { return };
    let mut host = Host::new(server.store(), "a");
    let before = host.ask(0).await;
    server.kill();
    let lost = host.try_ask(1).await.unwrap_err();
    assert!(matches!(&lost, StoreError::Lost(_)), "{lost}");
    server.start_again();
    let (after, _) = host.reconnect().await;
    assert_ne!(after.reign, before.reign);
    assert!(after.newborn > 0);
}

#[tokio::test]
async fn a_server_whose_reign_ends_under_a_connection_is_asked_again() {
    let Some(server) = RedisServer::start_with_debug() else { return };
    let mut host = Host::new(server.store(), "a");
    let before = host.ask(0).await;
    server.run::<()>("DEBUG CHANGE-REPL-ID");
    // The key is of the old reign, as far as this host knows.
    assert_eq!(host.ask(0).await.reign, before.reign);
    server.run::<()>("FLUSHALL");
    let after = host.ask(0).await;
    assert_ne!(after.reign, before.reign);
    assert!(after.newborn > 0);
}

#[tokio::test]
async fn a_server_that_is_stopped_holds_no_caller_longer_than_the_timeout() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let short = Duration::from_millis(150);
    let mut host = Host::new(server.store_with(|s| s.response_timeout = short), "a");
    host.reconnect().await;
    server.signal("-STOP");
    let begun = Instant::now();
    let lost = host.try_ask(100).await.unwrap_err();
    let text = format!(
        "the store of the cluster does not answer: {}: no answer in 150ms",
        server.socket().display()
    );
    assert_eq!(lost.to_string(), text);
    assert!(begun.elapsed() < Duration::from_secs(5));
    // While it backs off it fails at once, without a try.
    assert_eq!(timeout(Duration::from_secs(5), host.repeat()).await.unwrap(), Err(lost));
    server.signal("-CONT");
    host.reconnect().await;
}

#[tokio::test]
async fn a_question_whose_answer_was_lost_is_charged_once() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let short = Duration::from_millis(150);
    let mut host = Host::new(server.store_with(|s| s.response_timeout = short), "a");
    let mut other = Host::new(server.store(), "b");
    other.of_age().await;
    loop {
        host.reconnect().await;
        let before = other.next_window().await;
        // The server reads the question when it goes on, and its answer is not read.
        server.signal("-STOP");
        let lost = host.try_ask(100).await;
        server.signal("-CONT");
        assert!(matches!(lost, Err(StoreError::Lost(_))));
        let charged = other.ask(0).await;
        let repeated = loop {
            if let Ok(answer) = host.repeat().await {
                break answer.unwrap();
            }
            tokio::task::yield_now().await;
        };
        let after = other.ask(0).await;
        if before.window == after.window {
            assert_eq!(repeated.granted, 100);
            assert_eq!((charged.remaining, after.remaining), (900, 900));
            return;
        }
    }
}

#[tokio::test]
async fn a_call_that_is_dropped_costs_the_connection_and_no_more() {
    // I10: the answer to the dropped call comes on a connection that is gone.
    let Some(server) = RedisServer::start(&[]) else { return };
    let mut host = Host::new(server.store(), "a");
    host.ask(0).await;
    let connections = || server.info("total_connections_received").parse::<u64>().unwrap();
    let own = connections().abs_diff(connections());
    let before = connections();
    server.signal("-STOP");
    assert!(timeout(Duration::from_millis(20), host.try_ask(1)).await.is_err());
    server.signal("-CONT");
    host.ask(0).await;
    host.ask(0).await;
    assert_eq!(connections() - before - own, 1);
}

#[tokio::test]
async fn keys_are_in_the_database_of_the_url() {
    let Some(server) = RedisServer::start(&[]) else { return };
    let mut host = Host::new(server.store_with(|s| s.url.push_str("?db=3")), "a");
    host.ask(0).await;
    assert!(server.info("db3").starts_with("keys=1,"));
    let mut host = Host::new(server.store_with(|s| s.url.push_str("?db=99")), "a");
    let error = host.try_ask(0).await.unwrap_err();
    let text = format!(
        "the store of the cluster cannot be used: {}: ERR DB index is out of range",
        server.socket().display()
    );
    assert_eq!(error.to_string(), text);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_lost_with_its_address() {
    let mut settings = RedisSettings::new("unix:///nowhere/redis.sock");
    settings.response_timeout = Duration::from_secs(10);
    let mut host = Host::new(RedisStore::new(settings).unwrap(), "a");
    let text = "/nowhere/redis.sock: No such file or directory (os error 2)";
    assert_eq!(host.try_ask(1).await, Err(StoreError::Lost(text.to_owned())));
    assert_eq!(Arc::strong_count(&host.question.key), 1);
}
