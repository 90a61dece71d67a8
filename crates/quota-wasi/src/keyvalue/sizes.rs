//! Bounds of the pairs of one call.

use super::pairs::size_of_pair;
use super::refused::Refused;
use crate::store_quota::StoreQuota;
use crate::store_usage::StoreUsage;

/// The most keys of one call.
const MOST_KEYS: usize = 1_000;
/// The most bytes of one answer with several pairs, unless one pair may have more.
const MOST_ANSWER: u64 = 16 << 20;

/// The bounds of one execution's pairs.
#[derive(Clone, Debug)]
pub(crate) struct Sizes {
    most: u64,
    usage: StoreUsage,
}

impl Sizes {
    pub(crate) fn new(store: &StoreQuota) -> Self {
        Self { most: store.max_value_bytes(), usage: store.usage() }
    }

    /// Checks the size of a pair that is set.
    pub(crate) fn check_pair(&self, key: &str, value: &[u8]) -> Result<(), Refused> {
        let bytes = size_of_pair(key, u64::try_from(value.len()).unwrap_or(u64::MAX));
        if bytes <= self.most {
            return Ok(());
        }
        self.usage.refused_pair();
        let most = self.most;
        let problem = format!("key and value have {bytes} bytes, at most {most} are allowed");
        Err(Refused::told(problem))
    }

    /// Checks the size of an answer.
    pub(crate) fn check_answer(&self, bytes: u64) -> Result<(), Refused> {
        let most = MOST_ANSWER.max(self.most);
        if bytes <= most {
            return Ok(());
        }
        Err(Refused::told(format!("the pairs have more than {most} bytes: ask for fewer at once")))
    }
}

/// Checks the number of keys of a call.
pub(crate) fn check_batch(keys: usize) -> Result<(), Refused> {
    if keys <= MOST_KEYS {
        return Ok(());
    }
    Err(Refused::told(format!("the call has {keys} keys, at most {MOST_KEYS} are allowed")))
}
