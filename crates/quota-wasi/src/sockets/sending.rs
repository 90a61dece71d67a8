//! Bytes that a guest has written, and that the kernel did not take at once.

use std::sync::Arc;

use bytes::{Buf as _, Bytes};

use super::connection::{Broken, Connection};
use super::held::as_bytes;
use crate::wire::permit::Permit;
use crate::wire::wire_error::WireError;
use crate::wire::{Parts, Wire};

/// Bytes that a guest has written, and that the kernel did not take at once.
///
/// Dropped, it has counted the bytes that the kernel has taken, and no others.
#[derive(Debug)]
pub(crate) struct Sending {
    /// Dropped, and so counted, before the connection can be closed.
    paid: Paid,
    connection: Arc<Connection>,
    wire: Wire,
    bytes: Bytes,
}

/// The reason why bytes were not sent.
#[derive(Debug)]
pub(crate) enum Unsent {
    Broken(Broken),
    Refused(WireError),
}

/// Bytes that were taken from the quota, and how many of them the kernel has.
#[derive(Debug, Default)]
struct Paid {
    permit: Option<Permit>,
    sent: usize,
}

impl Sending {
    /// Of the bytes of `permit`, the kernel has taken `sent`.
    pub(crate) fn new(
        connection: Arc<Connection>,
        wire: Wire,
        permit: Option<Permit>,
        sent: usize,
        bytes: Bytes,
    ) -> Self {
        connection.begin_sending();
        Self { paid: Paid { permit, sent }, connection, wire, bytes }
    }

    /// Sends all of them.
    pub(crate) async fn run(mut self) -> Result<(), Unsent> {
        while !self.bytes.is_empty() {
            // An error of the connection is met by the next bytes.
            let _ready = self.connection.stream().writable().await;
            let mut paid = self.paid.left();
            if paid == 0 {
                self.paid = Paid::default();
                let wanted = as_bytes(self.bytes.len());
                let permit = self.wire.take(wanted, Parts::Any).await.map_err(Unsent::Refused)?;
                paid = usize::try_from(permit.bytes()).unwrap_or(usize::MAX);
                self.paid.permit = Some(permit);
            }
            let part = self.bytes.get(..paid).unwrap_or(&self.bytes);
            let sent = self.connection.send(part).map_err(Unsent::Broken)?;
            self.paid.sent = self.paid.sent.saturating_add(sent);
            self.bytes.advance(sent.min(self.bytes.len()));
        }
        Ok(())
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.connection.end_sending();
    }
}

impl Paid {
    /// Returns the bytes that may be sent in the window that goes on.
    fn left(&self) -> usize {
        let Some(permit) = self.permit.as_ref().filter(|permit| permit.is_current()) else {
            return 0;
        };
        usize::try_from(permit.bytes()).unwrap_or(usize::MAX).saturating_sub(self.sent)
    }
}

impl Drop for Paid {
    fn drop(&mut self) {
        if let Some(permit) = self.permit.take() {
            permit.settle(as_bytes(self.sent));
        }
    }
}
