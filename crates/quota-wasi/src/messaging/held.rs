//! The bytes that a guest's messages hold at the host.

use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

use limits_core::{LimitExceeded, LimitKind};

/// The greatest messages that one execution may hold together.
const MOST_MESSAGES: u64 = 64;

/// The bytes that the messages of one execution hold at the host, sent or not, until they are
/// dropped.
///
/// # Invariants
///
/// - I92: they never hold more than 64 messages of `max_message_bytes` do. More ends the execution,
///   since the calls that make messages have no errors.
#[derive(Clone, Debug)]
pub(crate) struct HeldBytes {
    most: u64,
    held: Arc<AtomicU64>,
}

impl HeldBytes {
    pub(crate) fn new(max_message_bytes: u64) -> Self {
        Self { most: max_message_bytes.saturating_mul(MOST_MESSAGES), held: Arc::default() }
    }

    /// Holds bytes until what is returned is dropped.
    pub(crate) fn hold(&self, bytes: usize) -> Result<Hold, LimitExceeded> {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        // One guest: no other memory depends on the order.
        let more = |held: u64| held.checked_add(bytes).filter(|sum| *sum <= self.most);
        match self.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more) {
            Ok(_) => Ok(Hold { held: Arc::clone(&self.held), bytes }),
            Err(held) => {
                Err(LimitExceeded::new(LimitKind::MessageBytes, self.most)
                    .with_request(held, bytes))
            }
        }
    }
}

/// Bytes that are held, until they are dropped.
#[derive(Debug)]
pub(crate) struct Hold {
    held: Arc<AtomicU64>,
    bytes: u64,
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::HeldBytes;

    #[test]
    fn messages_hold_bytes_up_to_the_last_one_and_give_them_back() {
        // I92
        let held = HeldBytes::new(10);
        let one = held.hold(639).unwrap();
        let other = held.hold(1).unwrap();
        assert_eq!(
            held.hold(1).unwrap_err().to_string(),
            "held message limit of 640 bytes exceeded: 640 in use, 1 more requested"
        );
        drop(other);
        assert!(held.hold(2).is_err());
        drop(one);
        assert!(held.hold(641).is_err());
        assert!(held.hold(usize::MAX).is_err());
        assert!(held.hold(640).is_ok());
    }
}
