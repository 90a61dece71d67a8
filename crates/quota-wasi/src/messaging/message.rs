//! A message that a guest makes.

use std::sync::Arc;

use limits_core::LimitExceeded;

use super::held::{HeldBytes, Hold};
use super::transport::OutgoingMessage;

/// The most entries of metadata of a message.
pub(crate) const MOST_ENTRIES: usize = 64;
/// Bytes of the host's memory that an entry needs besides its texts.
const ENTRY_BYTES: usize = 64;

/// A message that a guest makes, of which each part holds its bytes.
#[derive(Debug)]
#[expect(unreachable_pub, reason = "the bindings re-export it within the crate")]
pub struct Message {
    held: HeldBytes,
    data: Arc<[u8]>,
    _data_hold: Hold,
    content_type: Option<(String, Hold)>,
    metadata: Vec<Entry>,
    /// The entries that the guest wanted, once that is too many; those past the bound are not kept.
    too_many: Option<usize>,
}

#[derive(Debug)]
struct Entry {
    key: String,
    value: String,
    _hold: Hold,
}

impl Message {
    pub(crate) fn new(held: HeldBytes, data: Vec<u8>) -> Result<Self, LimitExceeded> {
        Ok(Self {
            _data_hold: held.hold(data.len())?,
            held,
            data: data.into(),
            content_type: None,
            metadata: Vec::new(),
            too_many: None,
        })
    }

    pub(crate) fn data(&self) -> &[u8] {
        &self.data
    }

    pub(crate) fn set_data(&mut self, data: Vec<u8>) -> Result<(), LimitExceeded> {
        self._data_hold = self.held.hold(data.len())?;
        self.data = data.into();
        Ok(())
    }

    pub(crate) fn content_type(&self) -> Option<&str> {
        self.content_type.as_ref().map(|(text, _)| &**text)
    }

    pub(crate) fn set_content_type(&mut self, text: String) -> Result<(), LimitExceeded> {
        let hold = self.held.hold(text.len())?;
        self.content_type = Some((text, hold));
        Ok(())
    }

    /// Returns the metadata, at most 64 entries.
    pub(crate) fn metadata(&self) -> Vec<(String, String)> {
        self.metadata.iter().map(|entry| (entry.key.clone(), entry.value.clone())).collect()
    }

    pub(crate) fn set_metadata(
        &mut self,
        metadata: Vec<(String, String)>,
    ) -> Result<(), LimitExceeded> {
        let entries = metadata.len();
        self.metadata.clear();
        self.too_many = (entries > MOST_ENTRIES).then_some(entries);
        for (key, value) in metadata.into_iter().take(MOST_ENTRIES) {
            self.push(key, value)?;
        }
        Ok(())
    }

    /// Sets one entry, in the place of all that have its key.
    pub(crate) fn add_metadata(&mut self, key: String, value: String) -> Result<(), LimitExceeded> {
        self.remove_metadata(&key);
        if self.metadata.len() < MOST_ENTRIES {
            return self.push(key, value);
        }
        self.too_many = Some(self.too_many.unwrap_or(MOST_ENTRIES).saturating_add(1));
        Ok(())
    }

    /// Removes the entries that have a key.
    pub(crate) fn remove_metadata(&mut self, key: &str) {
        self.metadata.retain(|entry| entry.key != key);
    }

    fn push(&mut self, key: String, value: String) -> Result<(), LimitExceeded> {
        let bytes = ENTRY_BYTES.saturating_add(key.len()).saturating_add(value.len());
        let hold = self.held.hold(bytes)?;
        self.metadata.push(Entry { key, value, _hold: hold });
        Ok(())
    }

    /// Returns the number of entries that were wanted, if that is too many.
    pub(crate) fn too_many_entries(&self) -> Option<usize> {
        self.too_many
    }

    /// Returns the bytes that the message would have on its way to a topic.
    pub(crate) fn size(&self, topic: &str) -> usize {
        let metadata = self.metadata.iter().map(|entry| entry.key.len() + entry.value.len());
        let content_type = self.content_type().map_or(0, str::len);
        topic.len() + self.data.len() + content_type + metadata.sum::<usize>()
    }

    /// Returns the message as it is now, on its way.
    pub(crate) fn outgoing(&self, sender: &str, client: &str, topic: String) -> OutgoingMessage {
        let message = OutgoingMessage::new(sender, topic, Arc::clone(&self.data))
            .with_client(client)
            .with_metadata(self.metadata());
        match self.content_type() {
            Some(text) => message.with_content_type(text),
            None => message,
        }
    }
}
