//! The names that one execution looks up.

use core::net::IpAddr;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::sync::{Arc, Mutex, PoisonError};

use limits_core::ResourceLimits;
#[cfg(feature = "http")]
use tokio::time::Instant;

#[cfg(feature = "http")]
use super::answers::Answers;
use super::lookup_error::LookupError;
use super::pins::Pins;
use crate::store_usage::StoreUsage;

/// The names that one execution looks up, and the addresses that it was given for them.
///
/// - I62: an execution asks the resolver at most `max_lookups` times.
#[derive(Debug)]
pub(crate) struct StoreNames {
    most: u64,
    left: AtomicU64,
    timeout: Duration,
    pins: Mutex<Pins>,
    #[cfg(feature = "http")]
    answers: Mutex<Answers>,
    usage: StoreUsage,
}

/// A name that counts as looked up.
#[derive(Debug)]
pub(crate) struct CountedName(pub(super) Box<str>);

impl CountedName {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl StoreNames {
    pub(crate) fn new(limits: &ResourceLimits, usage: StoreUsage) -> Self {
        let most = limits.max_lookups();
        let timeout = Duration::from_millis(limits.connect_timeout_ms());
        Self {
            most,
            left: AtomicU64::new(most),
            timeout,
            pins: Mutex::default(),
            #[cfg(feature = "http")]
            answers: Mutex::default(),
            usage,
        }
    }

    /// Counts the look-up of a name.
    pub(crate) fn count(&self, name: Box<str>) -> Result<CountedName, LookupError> {
        let less = |left: u64| left.checked_sub(1);
        // One counter: no other memory depends on it.
        let counted = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        match counted {
            Ok(_) => {
                self.usage.looked_up();
                Ok(CountedName(name))
            }
            Err(_) => {
                self.usage.refused_lookup();
                Err(LookupError::TooMany { most: self.most })
            }
        }
    }

    /// Returns the time that a look-up may take.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Remembers an answer. Returns the addresses that there was room for.
    pub(crate) fn pin(&self, name: &str, addresses: Vec<IpAddr>) -> Vec<IpAddr> {
        self.with_pins(|pins| pins.add(name, addresses))
    }

    /// Returns the names that an address was given for.
    pub(crate) fn names_of(&self, address: IpAddr) -> Vec<Arc<str>> {
        self.with_pins(|pins| pins.names_of(address).to_vec())
    }

    /// Remembers an answer to be used again.
    #[cfg(feature = "http")]
    pub(crate) fn keep(&self, name: &str, addresses: Vec<IpAddr>) {
        self.with_answers(|answers| answers.keep(name, addresses, Instant::now()));
    }

    /// Returns the last answer about a name, unless it is too old to be used again.
    #[cfg(feature = "http")]
    pub(crate) fn fresh(&self, name: &str) -> Option<Vec<IpAddr>> {
        self.with_answers(|answers| answers.fresh(name, Instant::now()).map(<[_]>::to_vec))
    }

    #[cfg(feature = "http")]
    fn with_answers<R>(&self, read: impl FnOnce(&mut Answers) -> R) -> R {
        read(&mut self.answers.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn with_pins<R>(&self, read: impl FnOnce(&mut Pins) -> R) -> R {
        // A thread that panicked has left the pins whole: they change one pair at a time.
        read(&mut self.pins.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
