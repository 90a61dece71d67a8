//! The bus inside the host's process, met by guests.

use core::time::Duration;

use quota_enforce::QuotaRegistry;
use quota_wasi::{InProcessBus, MessageTransport, OutgoingMessage, QueueLimits, WasiQuota};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::guest::Guest;
use crate::loopback::unlimited;
use crate::messages::{other, sender};

const ROOMY: QueueLimits = QueueLimits::new(1_000, 1 << 30);

fn over(bus: &InProcessBus, registry: &QuotaRegistry, id: &str) -> WasiQuota {
    let component = sender(registry, id, "**", unlimited());
    WasiQuota::builder(component).messaging(bus.clone()).build().unwrap()
}

#[tokio::test]
async fn a_full_queue_is_an_error_that_the_sender_reads_and_is_not_charged_for() {
    // I91, I93
    let bus = InProcessBus::new();
    let few = bus.subscribe("few.**", QueueLimits::new(2, 1_000)).unwrap();
    let small = bus.subscribe("small.**", QueueLimits::new(1_000, 22)).unwrap();
    let all = bus.subscribe("**", ROOMY).unwrap();
    let quota = over(&bus, &QuotaRegistry::new(), "guest");
    let mut guest = Guest::of_messages(&quota).await;
    let client = guest.connect_client("").await.unwrap();
    let message = guest.message(b"1234").await;
    let few_full = "a queue of topic `few.x` is full: 2 messages of 18 bytes are waiting, at most \
                    2 of 1000 bytes are allowed";
    let small_full = "a queue of topic `small.x` is full: 2 messages of 22 bytes are waiting, at \
                      most 1000 of 22 bytes are allowed";
    for _ in 0..2 {
        assert_eq!(guest.send_message(client, "few.x", message).await, Ok(()));
        assert_eq!(guest.send_message(client, "small.x", message).await, Ok(()));
    }
    for _ in 0..3 {
        assert_eq!(guest.send_message(client, "few.x", message).await, other(few_full));
        assert_eq!(guest.send_message(client, "small.x", message).await, other(small_full));
    }
    // A message goes to all or to none.
    assert_eq!(core::iter::from_fn(|| all.try_receive()).count(), 4);
    assert_eq!(quota.component().usage().message_count, 4);
    assert_eq!((guest.usage().messages(), guest.usage().failed_messages()), (4, 6));
    // A place is free as soon as one was taken.
    assert_eq!(few.receive().await.size(), 9);
    assert_eq!(guest.send_message(client, "few.x", message).await, Ok(()));
    assert_eq!(guest.send_message(client, "few.x", message).await, other(few_full));
    // A subscription that is gone has no queue to be full.
    drop((few, small));
    assert_eq!(guest.send_message(client, "few.x", message).await, Ok(()));
    assert_eq!(guest.send_message(client, "small.x", message).await, Ok(()));
    drop(all);
    assert_eq!(guest.send_message(client, "unheard", message).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixteen_executions_of_two_components_fill_a_queue_to_its_last_place() {
    // I93
    const PLACES: u64 = 101;
    let bus = InProcessBus::new();
    let queue = bus.subscribe("**", QueueLimits::new(PLACES, 1 << 20)).unwrap();
    let registry = QuotaRegistry::new();
    let quotas = [over(&bus, &registry, "one"), over(&bus, &registry, "two")];
    let mut running = JoinSet::new();
    for index in 0..16_usize {
        let quota = quotas[index % 2].clone();
        running.spawn(async move {
            let mut guest = Guest::of_messages(&quota).await;
            let client = guest.connect_client("").await.unwrap();
            let mut sent = 0_u64;
            for round in 0..20_u64 {
                let text = format!("{index} {round}");
                let message = guest.message(text.as_bytes()).await;
                sent += u64::from(guest.send_message(client, "t", message).await.is_ok());
            }
            assert_eq!(guest.usage().messages(), sent);
            sent
        });
    }
    let sent: u64 = running.join_all().await.into_iter().sum();
    let received: Vec<_> = core::iter::from_fn(|| queue.try_receive()).collect();
    assert_eq!((sent, received.len()), (PLACES, usize::try_from(PLACES).unwrap()));
    let by = |id: &str| u64::try_from(received.iter().filter(|it| it.sender() == id).count());
    for (quota, id) in quotas.iter().zip(["one", "two"]) {
        assert_eq!(quota.component().usage().message_count, by(id).unwrap());
    }
    // In the order in which each execution has sent them.
    for index in 0..16_usize {
        let prefix = format!("{index} ");
        let texts = received.iter().map(|it| core::str::from_utf8(it.data()).unwrap());
        let rounds = texts.filter_map(|text| text.strip_prefix(&prefix)?.parse::<u64>().ok());
        assert!(rounds.is_sorted());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receivers_of_one_queue_get_each_message_once_also_if_some_give_up() {
    let bus = InProcessBus::new();
    let queue = std::sync::Arc::new(bus.subscribe("**", ROOMY).unwrap());
    let mut receivers = JoinSet::new();
    for index in 0..4_u64 {
        let queue = std::sync::Arc::clone(&queue);
        receivers.spawn(async move {
            let mut received = 0_u64;
            // Waits that end early lose no message.
            let mut patience = Duration::from_micros(50 * (index + 1));
            loop {
                match timeout(patience, queue.receive()).await {
                    Ok(message) if message.topic() == "end" => return received,
                    Ok(_) => received += 1,
                    Err(_) => patience = patience.saturating_mul(2),
                }
            }
        });
    }
    for round in 0..500_u64 {
        bus.send(OutgoingMessage::new("host", "t", round.to_be_bytes())).await.unwrap();
        if round % 50 == 0 {
            tokio::task::yield_now().await;
        }
    }
    for _ in 0..4 {
        bus.send(OutgoingMessage::new("host", "end", [])).await.unwrap();
    }
    assert_eq!(receivers.join_all().await.into_iter().sum::<u64>(), 500);
}

#[tokio::test]
async fn a_pattern_is_one_of_topics() {
    let bus = InProcessBus::new();
    assert!(bus.subscribe("", ROOMY).is_err());
    assert!(bus.subscribe("a..b", ROOMY).is_err());
    let one = bus.subscribe("a.*", ROOMY).unwrap();
    for topic in ["a", "a.b", "a.b.c", "b.a"] {
        bus.send(OutgoingMessage::new("host", topic, [])).await.unwrap();
    }
    assert_eq!(one.receive().await.topic(), "a.b");
    assert!(one.try_receive().is_none());
}
