//! Messages of guests: who may send, how many, how large, and who hears them.

use core::future::pending;
use core::time::Duration;
use std::sync::{Arc, Mutex};

use limits_core::{
    LimitExceeded, LimitKind, ManualClock, Permission, QuotaResource, RatePolicy, ResourceQuota,
};
use quota_enforce::{ComponentHandle, QuotaRegistry};
use quota_wasi::{
    InProcessBus, MessageError, MessageTransport, OutgoingMessage, QueueLimits, Sending, Service,
    WasiQuota,
};
use tokio::time::timeout;

use crate::guest::Guest;
use crate::host::limits;
use crate::loopback::unlimited;
use crate::messages::{Answer, Failure, denied, other, sender};

const ROOMY: QueueLimits = QueueLimits::new(1_000, 1 << 30);

fn over(bus: &InProcessBus, component: ComponentHandle) -> WasiQuota {
    WasiQuota::builder(component).messaging(bus.clone()).build().unwrap()
}

fn roomy(bus: &InProcessBus) -> WasiQuota {
    over(bus, sender(&QuotaRegistry::new(), "guest", "**", unlimited()))
}

#[tokio::test]
async fn a_message_arrives_as_it_was_with_its_senders_id() {
    let bus = InProcessBus::new();
    let all = bus.subscribe("**", ROOMY).unwrap();
    let quota = roomy(&bus);
    let mut guest = Guest::of_messages(&quota).await;
    let client = guest.connect_client("shop").await.unwrap();
    let message = guest.message(b"data").await;
    assert_eq!(guest.send_message(client, "a.b", message).await, Ok(()));
    let plain = all.receive().await;
    assert_eq!((plain.sender(), plain.client(), plain.topic()), ("guest", "shop", "a.b"));
    assert_eq!((plain.data(), plain.content_type()), (&b"data"[..], None));
    assert_eq!((plain.metadata(), plain.size()), (&[][..], 7));

    guest.change("set-data", (message, &b"other"[..])).await.unwrap();
    guest.change("set-content-type", (message, "text/plain")).await.unwrap();
    // A guest's own text is no identity.
    let claims = [("sender", "root"), ("k", "1"), ("k", "2"), ("k", "3")];
    guest.change("set-metadata", (message, &claims[..])).await.unwrap();
    guest.change("remove-metadata", (message, "sender")).await.unwrap();
    guest.change("add-metadata", (message, "sender", "root")).await.unwrap();
    guest.change("add-metadata", (message, "k", "4")).await.unwrap();
    let data: Vec<u8> = guest.call("data", (message,)).await;
    let content_type: Option<String> = guest.call("content-type", (message,)).await;
    let metadata: Option<Vec<(String, String)>> = guest.call("metadata", (message,)).await;
    let topic: Option<String> = guest.call("topic", (message,)).await;
    let expected = vec![("sender".into(), "root".into()), ("k".into(), "4".into())];
    assert_eq!((data, topic), (b"other".to_vec(), None));
    assert_eq!((content_type, metadata), (Some("text/plain".into()), Some(expected.clone())));
    assert_eq!(guest.send_message(client, "a", message).await, Ok(()));
    let full = all.receive().await;
    assert_eq!((full.sender(), full.data()), ("guest", &b"other"[..]));
    assert_eq!((full.content_type(), full.metadata()), (Some("text/plain"), &*expected));
    assert_eq!(full.size(), 1 + 5 + 10 + 12);
    assert_eq!(guest.usage().messages(), 2);
    assert_eq!(quota.component().usage().message_count, 2);
}

#[tokio::test]
async fn a_message_that_was_given_away_is_gone_whether_it_was_sent_or_not() {
    let bus = InProcessBus::new();
    let component = sender(&QuotaRegistry::new(), "guest", "orders.*", unlimited());
    let quota = over(&bus, component);
    let few = limits().max_message_bytes(100);
    let mut guest = Guest::giving_messages(&quota, few).await;
    let client = guest.connect_client("").await.unwrap();
    // 64 messages of 100 bytes may be held.
    for _ in 0..70 {
        for (topic, answer) in [("orders.new", Ok(())), ("news", denied())] {
            let message = guest.message(&[0; 90]).await;
            assert_eq!(guest.send_message(client, topic, message).await, answer);
        }
    }
    assert_eq!(guest.usage().messages(), 70);
}

#[tokio::test]
async fn a_guest_sends_to_the_topics_that_it_may_and_to_no_other() {
    let bus = InProcessBus::new();
    let all = bus.subscribe("**", ROOMY).unwrap();
    let component = sender(&QuotaRegistry::new(), "guest", "orders.*", unlimited());
    let quota = over(&bus, component);
    let mut guest = Guest::of_messages(&quota).await;
    let client = guest.connect_client("").await.unwrap();
    let message = guest.message(b"").await;
    assert_eq!(guest.send_message(client, "orders.new", message).await, Ok(()));
    for topic in ["orders", "orders.new.eu", "Orders.new", "users.new", "orders\u{2024}new"] {
        assert_eq!(guest.send_message(client, topic, message).await, denied(), "{topic}");
    }
    for (topic, problem) in [
        ("", "it is empty"),
        ("orders.", "it has an empty segment"),
        ("orders..new", "it has an empty segment"),
        ("orders.\0", "it has a NUL byte"),
        (&*"t".repeat(4_097), "it has 4097 bytes, at most 4096 are allowed"),
    ] {
        let refused = other(&format!("not a topic: {problem}"));
        assert_eq!(guest.send_message(client, topic, message).await, refused);
    }
    assert_eq!(all.try_receive().unwrap().topic(), "orders.new");
    assert!(all.try_receive().is_none());
    assert_eq!(quota.component().denials().by_capability(), 5);
    assert_eq!(quota.component().usage().message_count, 1);
}

#[tokio::test]
async fn a_guest_whose_host_has_no_transport_reads_so_and_that_is_counted() {
    let component = sender(&QuotaRegistry::new(), "guest", "**", unlimited());
    let quota = WasiQuota::builder(component).build().unwrap();
    let mut guest = Guest::of_messages(&quota).await;
    let refused = Failure::PermissionDenied("the host has no transport of messages".to_owned());
    assert_eq!(guest.connect_client("").await.unwrap_err(), refused);
    assert_eq!(guest.usage().refused_services(Service::Messaging), 1);
}

#[tokio::test]
async fn a_client_that_has_disconnected_sends_nothing() {
    let bus = InProcessBus::new();
    let mut guest = Guest::of_messages(&roomy(&bus)).await;
    let client = guest.connect_client(&"n".repeat(256)).await.unwrap();
    let message = guest.message(b"").await;
    assert_eq!(guest.disconnect(client).await, Ok(()));
    assert_eq!(guest.disconnect(client).await, Ok(()));
    let gone = Err(Failure::Connection("the client has disconnected".to_owned()));
    assert_eq!(guest.send_message(client, "t", message).await, gone);
    let refused = "the client's name has 257 bytes, at most 256 are allowed";
    assert_eq!(guest.connect_client(&"n".repeat(257)).await.map(|_| ()), other(refused));
}

#[tokio::test]
async fn the_largest_message_is_one_of_max_message_bytes() {
    let bus = InProcessBus::new();
    let all = bus.subscribe("**", ROOMY).unwrap();
    let quota = roomy(&bus);
    let mut guest = Guest::of_messages_within(&quota, limits().max_message_bytes(100)).await;
    let client = guest.connect_client("").await.unwrap();
    let message = guest.message(&[0; 80]).await;
    guest.change("set-content-type", (message, "text")).await.unwrap();
    guest.change("add-metadata", (message, "key", "value")).await.unwrap();
    assert_eq!(guest.send_message(client, "12345678", message).await, Ok(()));
    let refused = "the message has 101 bytes, at most 100 are allowed";
    assert_eq!(guest.send_message(client, "123456789", message).await, other(refused));
    guest.change("set-content-type", (message, "text!")).await.unwrap();
    assert_eq!(guest.send_message(client, "12345678", message).await, other(refused));
    assert_eq!(all.receive().await.size(), 100);
    assert!(all.try_receive().is_none());
    assert_eq!((guest.usage().messages(), guest.usage().refused_messages()), (1, 2));
    assert_eq!(quota.component().usage().message_count, 1);
}

#[tokio::test]
async fn a_message_has_at_most_64_entries_of_metadata() {
    let bus = InProcessBus::new();
    let mut guest = Guest::of_messages(&roomy(&bus)).await;
    let client = guest.connect_client("").await.unwrap();
    let message = guest.message(b"").await;
    let keys: Vec<String> = (0..66).map(|index| index.to_string()).collect();
    for key in &keys[..64] {
        guest.change("add-metadata", (message, &**key, "")).await.unwrap();
    }
    assert_eq!(guest.send_message(client, "t", message).await, Ok(()));
    guest.change("add-metadata", (message, "0", "again")).await.unwrap();
    assert_eq!(guest.send_message(client, "t", message).await, Ok(()));
    let refused = |entries: u64| {
        format!("the message has {entries} entries of metadata, at most 64 are allowed")
    };
    guest.change("add-metadata", (message, "64", "")).await.unwrap();
    assert_eq!(guest.send_message(client, "t", message).await, other(&refused(65)));
    guest.change("add-metadata", (message, "65", "")).await.unwrap();
    assert_eq!(guest.send_message(client, "t", message).await, other(&refused(66)));
    let entries: Vec<(&str, &str)> = keys.iter().map(|key| (&**key, "")).collect();
    guest.change("set-metadata", (message, &entries[..65])).await.unwrap();
    // The host keeps no more than may be sent.
    let kept: Option<Vec<(String, String)>> = guest.call("metadata", (message,)).await;
    assert_eq!(kept.map(|kept| kept.len()), Some(64));
    assert_eq!(guest.send_message(client, "t", message).await, other(&refused(65)));
    guest.change("set-metadata", (message, &entries[..64])).await.unwrap();
    assert_eq!(guest.send_message(client, "t", message).await, Ok(()));
}

#[tokio::test]
async fn messages_that_pile_up_end_the_execution() {
    // I92
    let bus = InProcessBus::new();
    let quota = roomy(&bus);
    let piling = limits().max_message_bytes(1_000);
    let mut guest = Guest::of_messages_within(&quota, piling).await;
    for _ in 0..200 {
        let message = guest.message(&[0; 1_000]).await;
        message.resource_drop_async(&mut guest.store).await.unwrap();
    }
    let last = guest.message(&[0; 1_000]).await;
    for _ in 1..63 {
        guest.message(&[0; 1_000]).await;
    }
    guest.change("set-content-type", (last, &*"t".repeat(900))).await.unwrap();
    // 64 bytes that an entry needs besides.
    guest.change("add-metadata", (last, "k", &*"v".repeat(35))).await.unwrap();
    let error = guest.change("set-data", (last, &[0_u8; 1_001][..])).await.unwrap_err();
    let refused = error.downcast_ref::<LimitExceeded>().unwrap();
    assert_eq!(refused.kind(), LimitKind::MessageBytes);
    assert_eq!(
        refused.to_string(),
        "held message limit of 64000 bytes exceeded: 64000 in use, 1001 more requested"
    );
    // And by each of the other calls.
    for (name, call) in [("constructor", 0), ("content type", 1), ("metadata", 2), ("entry", 3)] {
        let mut guest = Guest::of_messages_within(&quota, limits().max_message_bytes(10)).await;
        let message = guest.message(b"").await;
        let long = "x".repeat(641);
        let ended = match call {
            0 => guest.try_message(long.as_bytes()).await.map(|_| ()),
            1 => guest.change("set-content-type", (message, &*long)).await,
            2 => guest.change("set-metadata", (message, &[("", &*long)][..])).await,
            _ => guest.change("add-metadata", (message, &*long, "")).await,
        };
        assert!(ended.unwrap_err().downcast_ref::<LimitExceeded>().is_some(), "{name}");
    }
}

/// A registry with a clock of its own, and a component with a rate of two messages a second.
fn two_a_second(policy: RatePolicy, bus: &InProcessBus) -> (Arc<ManualClock>, WasiQuota) {
    let clock = Arc::new(ManualClock::new());
    let registry = QuotaRegistry::builder().clock(clock.clone()).build();
    let component = sender(&registry, "guest", "**", ResourceQuota::new().with_message_rate(2));
    let builder = WasiQuota::builder(component).messaging(bus.clone()).message_policy(policy);
    (clock, builder.build().unwrap())
}

#[tokio::test]
async fn a_rate_that_denies_says_when_to_try_again() {
    // I90
    let bus = InProcessBus::new();
    let all = bus.subscribe("**", ROOMY).unwrap();
    let (clock, quota) = two_a_second(RatePolicy::Deny, &bus);
    let mut guest = Guest::of_messages(&quota).await;
    let client = guest.connect_client("").await.unwrap();
    let message = guest.message(b"m").await;
    clock.advance(Duration::from_millis(250));
    for _ in 0..2 {
        assert_eq!(guest.send_message(client, "t", message).await, Ok(()));
    }
    let refused = "message rate quota of 2 messages per 1s exceeded: 2 used, 1 more requested; \
                   retry in 750ms";
    for _ in 0..3 {
        assert_eq!(guest.send_message(client, "t", message).await, other(refused));
    }
    clock.advance(Duration::from_millis(750));
    assert_eq!(guest.send_message(client, "t", message).await, Ok(()));
    assert_eq!(core::iter::from_fn(|| all.try_receive()).count(), 3);
    assert_eq!(quota.component().denials().by_quota(QuotaResource::MessageRate), 3);
    assert_eq!(guest.usage().refused_messages(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_rate_that_throttles_lets_messages_wait_and_loses_none() {
    // I90
    let bus = InProcessBus::new();
    let all = bus.subscribe("**", ROOMY).unwrap();
    let (clock, quota) = two_a_second(RatePolicy::Throttle, &bus);
    let mut guest = Guest::of_messages(&quota).await;
    let client = guest.connect_client("").await.unwrap();
    let message = guest.message(b"m").await;
    let sending = async {
        for _ in 0..7 {
            assert_eq!(guest.send_message(client, "t", message).await, Ok(()));
        }
    };
    let mut sending = Box::pin(sending);
    for expected in [2, 4, 6] {
        // The timer of a wait and the clock of the quota go on in turn.
        let paused = timeout(Duration::from_millis(1_500), &mut sending).await;
        assert!(paused.is_err());
        assert_eq!(core::iter::from_fn(|| all.try_receive()).count(), 2, "{expected}");
        clock.advance(Duration::from_secs(1));
    }
    sending.await;
    assert_eq!(core::iter::from_fn(|| all.try_receive()).count(), 1);
    assert_eq!(quota.component().denials().total(), 0);
}

#[tokio::test]
async fn a_rate_of_none_is_an_error_however_it_is_kept() {
    for policy in [RatePolicy::Deny, RatePolicy::Throttle] {
        let bus = InProcessBus::new();
        let quota = ResourceQuota::new().with_message_rate(0);
        let component = sender(&QuotaRegistry::new(), "guest", "**", quota);
        let builder = WasiQuota::builder(component).messaging(bus).message_policy(policy);
        let mut guest = Guest::of_messages(&builder.build().unwrap()).await;
        let client = guest.connect_client("").await.unwrap();
        let message = guest.message(b"m").await;
        let refused = "message rate quota of 0 messages per 1s exceeded: 0 used, 1 more requested; \
                       more than the whole quota, do not retry";
        assert_eq!(guest.send_message(client, "t", message).await, other(refused));
    }
}

#[tokio::test(start_paused = true)]
async fn a_capability_that_is_lost_while_a_message_waits_is_missed_when_it_is_sent() {
    // I90
    let bus = InProcessBus::new();
    let all = bus.subscribe("**", ROOMY).unwrap();
    let clock = Arc::new(ManualClock::new());
    let registry = QuotaRegistry::builder().clock(clock.clone()).build();
    let quota = ResourceQuota::new().with_message_rate(1);
    let quota = over(&bus, sender(&registry, "guest", "**", quota));
    let mut guest = Guest::of_messages(&quota).await;
    let client = guest.connect_client("").await.unwrap();
    let message = guest.message(b"m").await;
    assert_eq!(guest.send_message(client, "t", message).await, Ok(()));
    let mut waiting = Box::pin(guest.send_message(client, "t", message));
    assert!(timeout(Duration::from_millis(10), &mut waiting).await.is_err());
    let other = limits_core::CapabilitySet::builder().grant(Permission::MessagingSend, "u");
    registry.set_capabilities("guest", &other.build().unwrap()).unwrap();
    clock.advance(Duration::from_secs(1));
    assert_eq!(waiting.await, denied());
    // Handed back.
    assert_eq!(quota.component().usage().message_count, 0);
    assert_eq!(guest.send_message(client, "u", message).await, Ok(()));
    assert_eq!(core::iter::from_fn(|| all.try_receive()).count(), 2);
}

type Answered = Result<(), MessageError>;

/// A transport that answers as a test wants, or never.
#[derive(Clone, Default)]
struct Scripted(Arc<Mutex<Vec<Option<Answered>>>>);

impl MessageTransport for Scripted {
    fn send(&self, _: OutgoingMessage) -> Sending<'_> {
        let answer = self.0.lock().unwrap().remove(0);
        Box::pin(async move {
            match answer {
                Some(answer) => answer,
                None => pending().await,
            }
        })
    }
}

#[tokio::test]
async fn a_message_that_the_transport_refuses_is_refunded_and_one_without_an_answer_is_not() {
    // I91
    let answers = vec![
        Some(Err(MessageError::Timeout)),
        Some(Err(MessageError::connection("lost"))),
        Some(Err(MessageError::denied("no"))),
        Some(Err(MessageError::other(core::fmt::Error))),
        Some(Ok(())),
        None,
    ];
    let transport = Scripted(Arc::new(Mutex::new(answers)));
    let quota = ResourceQuota::new().with_message_rate(10);
    let clock = Arc::new(ManualClock::new());
    let registry = QuotaRegistry::builder().clock(clock).build();
    let component = sender(&registry, "guest", "**", quota);
    let quota = WasiQuota::builder(component).messaging(transport).build().unwrap();
    let mut guest = Guest::of_messages(&quota).await;
    let client = guest.connect_client("").await.unwrap();
    let message = guest.message(b"m").await;
    let used = || quota.component().usage().message_count;
    let expected: [Answer<()>; 4] = [
        Err(Failure::Timeout),
        Err(Failure::Connection("lost".into())),
        Err(Failure::PermissionDenied("no".into())),
        other(&core::fmt::Error.to_string()),
    ];
    for answer in expected {
        assert_eq!(guest.send_message(client, "t", message).await, answer);
        assert_eq!(used(), 0);
    }
    assert_eq!(guest.send_message(client, "t", message).await, Ok(()));
    assert_eq!(used(), 1);
    let usage = guest.usage();
    assert_eq!((usage.messages(), usage.failed_messages()), (1, 4));
    let unseen = timeout(Duration::from_millis(1), guest.send_message(client, "t", message)).await;
    assert!(unseen.is_err());
    assert_eq!(used(), 2);
}
