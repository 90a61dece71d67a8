//! Primaries that are replaced, and replicas that lag.

use core::time::Duration;

use quota_cluster::{LeaseStore, RedisSettings, RedisStore, StoreError};

use crate::host::Host;
use crate::redis_server::{RedisServer, eventually};

/// A store that finds its primary by sentinels.
fn by_sentinels(sentinels: &[RedisServer], name: &str) -> RedisStore {
    let mut settings = RedisSettings::new("redis://primary/0");
    settings.master = (name != "primary").then(|| name.to_owned());
    settings.sentinels = sentinels.iter().map(|s| format!("127.0.0.1:{}", s.port)).collect();
    settings.response_timeout = Duration::from_secs(2);
    RedisStore::new(settings).unwrap()
}

#[tokio::test]
async fn a_primary_that_dies_is_replaced_and_its_keys_are_newborn() {
    let Some(mut primary) = RedisServer::start(&[]) else { return };
    let replica = RedisServer::replica_of(&primary);
    let sentinels = [(); 3].map(|()| RedisServer::sentinel_of(&primary));
    eventually("each sentinel knows the replica and the others", || {
        sentinels.iter().all(|sentinel| {
            let line = sentinel.info("master0");
            line.contains("slaves=1") && line.contains("sentinels=3") && line.contains("status=ok")
        })
    });
    let mut host = Host::new(by_sentinels(&sentinels, "primary"), "a");
    host.of_age().await;
    let before = host.ask(10).await;
    eventually("the replica has the key", || replica.info("db0").starts_with("keys=1,"));

    // One of three sentinels hangs, and keeps none back.
    sentinels[0].signal("-STOP");
    let mut other = Host::new(by_sentinels(&sentinels, "primary"), "b");
    other.ask(0).await;
    sentinels[0].signal("-CONT");

    primary.kill();
    let (after, failures) = host.reconnect().await;
    assert!(failures.iter().all(|error| matches!(error, StoreError::Lost(_))), "{failures:?}");
    assert_ne!(after.reign, before.reign);
    assert!(after.granted == 0 && after.newborn > 0);
    assert_eq!(replica.info("role"), "master");
    host.of_age().await;

    let mut host = Host::new(by_sentinels(&sentinels, "other"), "a");
    let error = host.try_ask(0).await.unwrap_err().to_string();
    assert!(error.ends_with(": it knows no primary of the name `other`"), "{error}");
}

#[tokio::test]
async fn a_lease_that_replicas_do_not_confirm_is_none() {
    let Some(primary) = RedisServer::start(&[]) else { return };
    let replica = RedisServer::replica_of(&primary);
    eventually("the replica is connected", || {
        replica.info("master_link_status") == "up" && primary.info("connected_slaves") == "1"
    });
    let waiting = |replicas, timeout| {
        let store = primary.store_with(|s| {
            (s.wait_replicas, s.response_timeout) = (replicas, Duration::from_millis(timeout));
        });
        let mut host = Host::new(store, &format!("host-{replicas}-{timeout}"));
        // A window has room for two waits that fall short.
        host.question.period = Duration::from_secs(3);
        host
    };
    let mut host = waiting(1, 10_000);
    host.of_age().await;
    host.next_window().await;
    let answer = host.ask(100).await;
    assert_eq!((answer.granted, answer.life), (100, Duration::from_millis(750)));
    assert!(host.store.warnings().is_empty());

    // The replica hangs: what is charged is not granted.
    let mut host = waiting(1, 2_000);
    loop {
        host.next_window().await;
        replica.signal("-STOP");
        let short = host.ask(100).await;
        // The same question again, as after a lost reply, is confirmed as little.
        let repeated = host.repeat().await.unwrap().unwrap();
        replica.signal("-CONT");
        assert_eq!((short.granted, short.life), (0, Duration::ZERO));
        assert_eq!((repeated.granted, repeated.life), (0, Duration::ZERO));
        let confirmed = host.repeat().await.unwrap().unwrap();
        if confirmed.window == short.window {
            assert_eq!((confirmed.granted, confirmed.remaining), (100, short.remaining));
            break;
        }
    }

    // Two are asked for, and there is one.
    let mut host = waiting(2, 2_000);
    let short = host.ask(1).await;
    assert_eq!((short.granted, short.life), (0, Duration::ZERO));
    let text = "leases wait for 2 replicas of the store, which has 1: nothing is leased until they \
                are connected";
    assert_eq!(host.store.warnings(), [text]);
}

#[tokio::test]
async fn a_primary_that_was_demoted_is_of_another_reign_when_it_is_promoted_again() {
    let Some(first) = RedisServer::start(&[]) else { return };
    let second = RedisServer::replica_of(&first);
    let mut host = Host::new(first.store(), "a");
    host.of_age().await;
    let before = host.ask(100).await;
    // The second reigns, and has the first as a replica; then the first reigns again.
    second.run::<()>("REPLICAOF NO ONE");
    first.run::<()>(&format!("REPLICAOF 127.0.0.1 {}", second.port));
    eventually("the first is a replica", || first.info("master_link_status") == "up");
    let lost = host.try_ask(1).await.unwrap_err();
    assert!(matches!(&lost, StoreError::Lost(_)), "{lost}");
    first.run::<()>("REPLICAOF NO ONE");
    let (after, _) = host.reconnect().await;
    // The same process.
    assert_eq!(before.reign.split(':').next(), after.reign.split(':').next());
    assert_ne!(before.reign, after.reign);
    assert!(after.newborn > 0);
}
