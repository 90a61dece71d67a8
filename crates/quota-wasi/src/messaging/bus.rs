//! A bus inside the host's process.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use limits_core::{Domain, Pattern, PatternError};
use tokio::sync::Notify;

use super::transport::{MessageError, MessageTransport, OutgoingMessage, Sending};

/// A transport of messages inside the host's process.
///
/// A message goes to each subscription whose pattern matches its topic, or to none of them if the
/// queue of one is full, which the sender reads. A message without a subscription is accepted and
/// dropped. Nothing is kept over a restart.
///
/// Cheap to clone; every clone is the same bus. Several components may send to it.
///
/// # Invariants
///
/// - I93: a queue never has more messages or bytes than its limits, and a message that one queue
///   has no room for is in none.
///
/// ```
/// use limits_core::{CapabilitySet, Permission};
/// use quota_enforce::{QuotaRegistry, SecurityContext};
/// use quota_wasi::{InProcessBus, MessageTransport, OutgoingMessage, QueueLimits, WasiQuota};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let bus = InProcessBus::new();
/// let orders = bus.subscribe("orders.**", QueueLimits::new(100, 1 << 20))?;
///
/// let may = CapabilitySet::builder().grant(Permission::MessagingSend, "orders.eu.*").build()?;
/// let shop = QuotaRegistry::new().register(SecurityContext::new("shop", may))?;
/// let wasi = WasiQuota::builder(shop).messaging(bus.clone()).build()?;
/// // ... and its guests send; here the host does.
/// bus.send(OutgoingMessage::new("shop", "orders.eu.new", *b"one")).await?;
///
/// let order = orders.receive().await;
/// assert_eq!((order.sender(), order.topic()), ("shop", "orders.eu.new"));
/// assert_eq!(order.data(), b"one");
/// assert!(orders.try_receive().is_none());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct InProcessBus(Arc<Mutex<Vec<Arc<Queue>>>>);

/// The bounds of a subscription's queue.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct QueueLimits {
    messages: u64,
    bytes: u64,
}

impl QueueLimits {
    /// Returns the bounds of so many messages, and so many bytes of all of them together, by
    /// [`OutgoingMessage::size`]. A message with more bytes than that is never delivered.
    #[must_use]
    pub const fn new(messages: u64, bytes: u64) -> Self {
        Self { messages, bytes }
    }
}

/// The messages of a bus that one pattern matches, until it is dropped.
#[derive(Debug)]
pub struct Subscription {
    bus: InProcessBus,
    queue: Arc<Queue>,
}

#[derive(Debug)]
struct Queue {
    pattern: Pattern,
    limits: QueueLimits,
    waiting: Mutex<Waiting>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    messages: VecDeque<OutgoingMessage>,
    bytes: u64,
}

impl InProcessBus {
    /// Returns a bus without subscriptions.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Subscribes to the topics that a pattern matches, such as `orders.**`.
    ///
    /// # Errors
    ///
    /// If the text is no pattern of topics.
    pub fn subscribe(
        &self,
        pattern: &str,
        limits: QueueLimits,
    ) -> Result<Subscription, PatternError> {
        let queue = Arc::new(Queue {
            pattern: Pattern::new(Domain::Messaging, pattern)?,
            limits,
            waiting: Mutex::default(),
            arrived: Notify::new(),
        });
        self.queues().push(Arc::clone(&queue));
        Ok(Subscription { bus: self.clone(), queue })
    }

    /// Delivers a message to all subscriptions of its topic, or to none.
    fn deliver(&self, message: &OutgoingMessage) -> Result<(), MessageError> {
        let queues = self.queues();
        let matching = queues.iter().filter(|it| it.pattern.matches(message.topic()) == Ok(true));
        // While all of them are locked, none gets another message.
        let mut locked: Vec<_> = matching.map(|queue| (queue, queue.waiting())).collect();
        for (queue, waiting) in &locked {
            queue.check(waiting, message)?;
        }
        for (queue, waiting) in &mut locked {
            waiting.bytes = waiting.bytes.saturating_add(message.size());
            waiting.messages.push_back(message.clone());
            queue.arrived.notify_one();
        }
        Ok(())
    }

    fn queues(&self) -> MutexGuard<'_, Vec<Arc<Queue>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MessageTransport for InProcessBus {
    fn send(&self, message: OutgoingMessage) -> Sending<'_> {
        Box::pin(async move { self.deliver(&message) })
    }
}

impl Queue {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check(&self, waiting: &Waiting, message: &OutgoingMessage) -> Result<(), MessageError> {
        let messages = u64::try_from(waiting.messages.len()).unwrap_or(u64::MAX);
        let bytes = waiting.bytes.checked_add(message.size());
        let fits = bytes.is_some_and(|bytes| bytes <= self.limits.bytes);
        if messages < self.limits.messages && fits {
            return Ok(());
        }
        Err(MessageError::Full {
            topic: message.topic().into(),
            messages,
            bytes: waiting.bytes,
            max_messages: self.limits.messages,
            max_bytes: self.limits.bytes,
        })
    }
}

impl Subscription {
    /// Takes the oldest message, and waits for one if there is none. A future that is dropped has
    /// taken none.
    pub async fn receive(&self) -> OutgoingMessage {
        loop {
            let arrived = self.queue.arrived.notified();
            if let Some(message) = self.try_receive() {
                return message;
            }
            arrived.await;
        }
    }

    /// Takes the oldest message, if there is one.
    #[must_use]
    pub fn try_receive(&self) -> Option<OutgoingMessage> {
        let mut waiting = self.queue.waiting();
        let message = waiting.messages.pop_front()?;
        waiting.bytes = waiting.bytes.saturating_sub(message.size());
        if !waiting.messages.is_empty() {
            // For another receiver, whose notification may have been for this message.
            self.queue.arrived.notify_one();
        }
        Some(message)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.bus.queues().retain(|queue| !Arc::ptr_eq(queue, &self.queue));
    }
}
