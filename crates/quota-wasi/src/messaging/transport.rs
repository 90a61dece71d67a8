//! Transports of the messages that guests send.

use core::error::Error as StdError;
use core::fmt;
use core::pin::Pin;
use std::sync::Arc;

use limits_core::Escaped;
use thiserror::Error;

/// A sending that is under way, of [`MessageTransport::send`].
pub type Sending<'a> = Pin<Box<dyn Future<Output = Result<(), MessageError>> + Send + 'a>>;

/// A transport of the messages that guests send by `wasi:messaging`.
///
/// Capabilities, sizes and the message rate were asked before it gets a message.
/// [`InProcessBus`](crate::InProcessBus) carries messages inside the host's process.
///
/// ```
/// use std::sync::mpsc::{Sender, channel};
///
/// use quota_wasi::{MessageError, MessageTransport, OutgoingMessage, Sending};
///
/// struct Lines(Sender<String>);
///
/// impl MessageTransport for Lines {
///     fn send(&self, message: OutgoingMessage) -> Sending<'_> {
///         let (sender, topic, len) = (message.sender(), message.topic(), message.data().len());
///         let sent = self.0.send(format!("{sender} -> {topic}: {len} bytes"));
///         Box::pin(async { sent.map_err(|_| MessageError::connection("nothing listens")) })
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use limits_core::CapabilitySet;
/// # use quota_enforce::{QuotaRegistry, SecurityContext};
/// # use quota_wasi::WasiQuota;
/// # let registry = QuotaRegistry::new();
/// # let shop = registry.register(SecurityContext::new("shop", CapabilitySet::new()))?;
/// let (lines, _listener) = channel();
/// let wasi = WasiQuota::builder(shop).messaging(Lines(lines)).build()?;
/// # Ok(())
/// # }
/// ```
pub trait MessageTransport: Send + Sync {
    /// Sends a message, and ends when the transport has accepted or refused it.
    ///
    /// The future is dropped when the execution ends before it does, such as by its deadline. The
    /// message then counts as sent, since the transport may have accepted it.
    ///
    /// It must not block its thread. A message that the transport cannot carry now is an error; it
    /// is not kept without a bound.
    ///
    /// # Errors
    ///
    /// [`MessageError`], which the guest reads. The message then counts as not sent: its unit of
    /// the message rate is refunded, so a message that was refused must not be delivered.
    fn send(&self, message: OutgoingMessage) -> Sending<'_>;
}

/// A message on its way. Cheap to clone: every clone shares its content.
#[derive(Clone)]
pub struct OutgoingMessage(Arc<Content>);

#[derive(Clone)]
struct Content {
    sender: Box<str>,
    client: Box<str>,
    topic: Box<str>,
    content_type: Option<Box<str>>,
    data: Arc<[u8]>,
    metadata: Vec<(String, String)>,
}

impl OutgoingMessage {
    /// Returns a message of `sender`, without a content type or metadata, from the client of the
    /// empty name.
    #[must_use]
    pub fn new(
        sender: impl Into<Box<str>>,
        topic: impl Into<Box<str>>,
        data: impl Into<Arc<[u8]>>,
    ) -> Self {
        Self(Arc::new(Content {
            sender: sender.into(),
            client: Box::default(),
            topic: topic.into(),
            content_type: None,
            data: data.into(),
            metadata: Vec::new(),
        }))
    }

    /// Sets the name under which the guest has connected.
    #[must_use]
    pub fn with_client(mut self, client: impl Into<Box<str>>) -> Self {
        Arc::make_mut(&mut self.0).client = client.into();
        self
    }

    /// Sets the content type.
    #[must_use]
    pub fn with_content_type(mut self, content_type: impl Into<Box<str>>) -> Self {
        Arc::make_mut(&mut self.0).content_type = Some(content_type.into());
        self
    }

    /// Sets the metadata.
    #[must_use]
    pub fn with_metadata(mut self, metadata: Vec<(String, String)>) -> Self {
        Arc::make_mut(&mut self.0).metadata = metadata;
        self
    }

    /// Returns the id under which the sending component is registered. The host sets it; no guest
    /// can.
    #[must_use]
    pub fn sender(&self) -> &str {
        &self.0.sender
    }

    /// Returns the name that the guest has given to `client.connect`: its own text, at most 256
    /// bytes.
    #[must_use]
    pub fn client(&self) -> &str {
        &self.0.client
    }

    /// Returns the topic, which the sender may send to.
    #[must_use]
    pub fn topic(&self) -> &str {
        &self.0.topic
    }

    /// Returns the content type, which is the guest's own text.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.0.content_type.as_deref()
    }

    /// Returns the data.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.0.data
    }

    /// Returns the metadata, which are the guest's own texts. A key may be there several times.
    #[must_use]
    pub fn metadata(&self) -> &[(String, String)] {
        &self.0.metadata
    }

    /// Returns the sum of the bytes of topic, data, content type and metadata.
    #[must_use]
    pub fn size(&self) -> u64 {
        let content = &*self.0;
        let metadata = content.metadata.iter().map(|(key, value)| key.len() + value.len());
        let content_type = content.content_type.as_ref().map_or(0, |text| text.len());
        let bytes =
            content.topic.len() + content.data.len() + content_type + metadata.sum::<usize>();
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }
}

impl fmt::Debug for OutgoingMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutgoingMessage")
            .field("sender", &self.sender())
            .field("topic", &format_args!("{}", Escaped::head(self.topic(), 256)))
            .field("size", &self.size())
            .finish_non_exhaustive()
    }
}

/// The reason why a transport has not accepted a message. The guest reads its text.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum MessageError {
    /// The transport has waited too long.
    #[error("the transport has waited too long")]
    Timeout,
    /// The transport is not connected, or lost the connection.
    #[error("{0}")]
    Connection(Box<str>),
    /// The transport does not let the component send the message.
    #[error("{0}")]
    Denied(Box<str>),
    /// A queue has no room for the message.
    #[error(
        "a queue of topic `{}` is full: {messages} messages of {bytes} bytes are waiting, at most \
         {max_messages} of {max_bytes} bytes are allowed",
        Escaped::head(topic, 256)
    )]
    Full {
        /// The topic.
        topic: Box<str>,
        /// The messages in the queue.
        messages: u64,
        /// Their bytes.
        bytes: u64,
        /// The most messages that the queue may have.
        max_messages: u64,
        /// The most bytes that they may have.
        max_bytes: u64,
    },
    /// Another reason.
    #[error("{0}")]
    Other(Box<str>),
}

impl MessageError {
    /// Returns the error of a transport that is not connected.
    pub fn connection(reason: impl Into<Box<str>>) -> Self {
        Self::Connection(reason.into())
    }

    /// Returns the error of a transport that does not let the component send.
    pub fn denied(reason: impl Into<Box<str>>) -> Self {
        Self::Denied(reason.into())
    }

    /// Returns an error of another kind, by its text.
    pub fn other(error: impl StdError) -> Self {
        Self::Other(error.to_string().into())
    }
}
