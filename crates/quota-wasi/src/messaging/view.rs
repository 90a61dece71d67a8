//! `wasi:messaging` as one execution finds it.

use wasmtime::component::{HasData, Resource, ResourceTable};

use super::bindings::{producer, types};
use super::client::Client;
use super::error::MessagingError;
use super::message::{MOST_ENTRIES, Message};
use super::refused::Refused;
use super::sender::check_topic;
use super::transport::OutgoingMessage;
use crate::service::Service;
use crate::store_quota::StoreQuota;

/// The type that links [`MessagingView`].
#[derive(Debug)]
pub(crate) struct QuotaMessaging;

impl HasData for QuotaMessaging {
    type Data<'a> = MessagingView<'a>;
}

/// The messages of one execution.
pub(crate) struct MessagingView<'a> {
    table: &'a mut ResourceTable,
    store: StoreQuota,
}

impl<'a> MessagingView<'a> {
    pub(crate) fn new(table: &'a mut ResourceTable, store: StoreQuota) -> Self {
        Self { table, store }
    }

    /// Returns the message as it is sent, if it keeps to the execution's bounds.
    fn outgoing(
        &self,
        client: &Resource<Client>,
        topic: String,
        message: &Resource<Message>,
    ) -> Result<OutgoingMessage, MessagingError> {
        let client = self.table.get(client).map_err(MessagingError::trap)?;
        let message = self.table.get(message).map_err(MessagingError::trap)?;
        let client = client.name().ok_or(Refused::Disconnected)?;
        check_topic(&topic)?;
        let size = u64::try_from(message.size(&topic)).unwrap_or(u64::MAX);
        let most = self.store.max_message_bytes();
        let problem = if size > most {
            format!("the message has {size} bytes, at most {most} are allowed")
        } else if let Some(entries) = message.too_many_entries() {
            format!(
                "the message has {entries} entries of metadata, at most {MOST_ENTRIES} are allowed"
            )
        } else {
            let sender = self.store.shared().component.id();
            return Ok(message.outgoing(sender, client, topic));
        };
        self.store.usage().refused_message();
        Err(Refused::Told(problem).into())
    }

    fn message(&mut self, message: &Resource<Message>) -> wasmtime::Result<&mut Message> {
        Ok(self.table.get_mut(message)?)
    }
}

impl types::Host for MessagingView<'_> {
    fn convert_error(&mut self, error: MessagingError) -> wasmtime::Result<types::Error> {
        error.downcast()
    }
}

impl types::HostClient for MessagingView<'_> {
    async fn connect(&mut self, name: String) -> Result<Resource<Client>, MessagingError> {
        if self.store.shared().sender.is_none() {
            self.store.usage().refuse_service(Service::Messaging);
            return Err(Refused::NotSwitchedOn.into());
        }
        let client = Client::connected(name)?;
        self.table.push(client).map_err(MessagingError::trap)
    }

    async fn disconnect(&mut self, client: Resource<Client>) -> Result<(), MessagingError> {
        let client = self.table.get_mut(&client).map_err(MessagingError::trap)?;
        client.disconnect();
        Ok(())
    }

    async fn drop(&mut self, client: Resource<Client>) -> wasmtime::Result<()> {
        self.table.delete(client)?;
        Ok(())
    }
}

impl types::HostMessage for MessagingView<'_> {
    async fn new(&mut self, data: Vec<u8>) -> wasmtime::Result<Resource<Message>> {
        let message = Message::new(self.store.held_messages().clone(), data)?;
        Ok(self.table.push(message)?)
    }

    /// The topic of a message that was received; guests receive none.
    async fn topic(&mut self, message: Resource<Message>) -> wasmtime::Result<Option<String>> {
        self.message(&message)?;
        Ok(None)
    }

    async fn content_type(
        &mut self,
        message: Resource<Message>,
    ) -> wasmtime::Result<Option<String>> {
        Ok(self.message(&message)?.content_type().map(str::to_owned))
    }

    async fn set_content_type(
        &mut self,
        message: Resource<Message>,
        text: String,
    ) -> wasmtime::Result<()> {
        Ok(self.message(&message)?.set_content_type(text)?)
    }

    async fn data(&mut self, message: Resource<Message>) -> wasmtime::Result<Vec<u8>> {
        Ok(self.message(&message)?.data().to_vec())
    }

    async fn set_data(
        &mut self,
        message: Resource<Message>,
        data: Vec<u8>,
    ) -> wasmtime::Result<()> {
        Ok(self.message(&message)?.set_data(data)?)
    }

    async fn metadata(
        &mut self,
        message: Resource<Message>,
    ) -> wasmtime::Result<Option<Vec<(String, String)>>> {
        Ok(Some(self.message(&message)?.metadata()).filter(|metadata| !metadata.is_empty()))
    }

    async fn add_metadata(
        &mut self,
        message: Resource<Message>,
        key: String,
        value: String,
    ) -> wasmtime::Result<()> {
        Ok(self.message(&message)?.add_metadata(key, value)?)
    }

    async fn set_metadata(
        &mut self,
        message: Resource<Message>,
        metadata: Vec<(String, String)>,
    ) -> wasmtime::Result<()> {
        Ok(self.message(&message)?.set_metadata(metadata)?)
    }

    async fn remove_metadata(
        &mut self,
        message: Resource<Message>,
        key: String,
    ) -> wasmtime::Result<()> {
        self.message(&message)?.remove_metadata(&key);
        Ok(())
    }

    async fn drop(&mut self, message: Resource<Message>) -> wasmtime::Result<()> {
        self.table.delete(message)?;
        Ok(())
    }
}

impl producer::Host for MessagingView<'_> {
    async fn send(
        &mut self,
        client: Resource<Client>,
        topic: String,
        message: Resource<Message>,
    ) -> Result<(), MessagingError> {
        let outgoing = self.outgoing(&client, topic, &message);
        // The guest has given it away, whatever becomes of it. One that only lends it, as its own
        // interface may say, drops it itself.
        if message.owned() {
            self.table.delete(message).map_err(MessagingError::trap)?;
        }
        let message = outgoing?;
        let store = &self.store;
        let sender = store.shared().sender.as_ref().ok_or(Refused::NotSwitchedOn)?;
        match sender.send(message).await {
            Ok(()) => {
                store.usage().sent_message();
                Ok(())
            }
            Err(refused) => {
                if let Refused::Transport(_) = &refused {
                    store.usage().failed_message();
                }
                Err(refused.into())
            }
        }
    }
}
