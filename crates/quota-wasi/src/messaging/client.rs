//! A guest's connection to the transport.

use super::refused::Refused;

/// The longest name of a client, in bytes.
const MAX_NAME_BYTES: usize = 256;

/// A guest's connection to the transport: a name, which each message that is sent by it has.
#[derive(Debug)]
#[expect(unreachable_pub, reason = "the bindings re-export it within the crate")]
pub struct Client {
    name: Box<str>,
    is_connected: bool,
}

impl Client {
    pub(crate) fn connected(name: String) -> Result<Self, Refused> {
        let bytes = name.len();
        if bytes > MAX_NAME_BYTES {
            return Err(Refused::Told(format!(
                "the client's name has {bytes} bytes, at most {MAX_NAME_BYTES} are allowed"
            )));
        }
        Ok(Self { name: name.into(), is_connected: true })
    }

    pub(crate) fn disconnect(&mut self) {
        self.is_connected = false;
    }

    /// Returns the name, as long as the client is connected.
    pub(crate) fn name(&self) -> Option<&str> {
        self.is_connected.then_some(&*self.name)
    }
}
