//! Pages of keys.

use core::ops::ControlFlow;
use std::sync::Arc;

use limits_core::{CapabilitySet, Permission};
use quota_enforce::ComponentHandle;

use super::bucket::Bucket;
use super::cursors::Cursors;
use super::pairs::Pairs;
use super::refused::{Refused, check};

/// The most keys of one page.
const MOST_KEYS: usize = 1_000;
/// The most bytes of the keys of one page.
const MOST_BYTES: usize = 65_536;
/// The most keys that are looked at for one page, shown or not.
const MOST_SEEN: usize = 10_000;

/// Returns a page of the keys that may be read, from a cursor on, and the cursor of the next page
/// if there may be one.
///
/// A page that leaves keys out is one denial, whatever their number.
pub(crate) fn page(
    pairs: &Pairs,
    bucket: &Bucket,
    cursors: &Cursors,
    cursor: Option<u64>,
) -> Result<(Vec<String>, Option<u64>), Refused> {
    let after = match cursor {
        None => String::new(),
        Some(cursor) => cursors.find(bucket.name(), cursor).ok_or_else(|| {
            Refused::told(format!("cursor {cursor} is unknown, or too many were given out since"))
        })?,
    };
    let mut page = Page::after(pairs.component(), bucket, after);
    pairs.store().keys(bucket.name(), &page.last.clone(), &mut |key| page.see(key))?;
    if let Some(error) = page.failed {
        return Err(error);
    }
    let next = page.is_full.then(|| cursors.remember(bucket.name(), &page.last));
    Ok((page.keys, next))
}

struct Page<'a> {
    component: &'a ComponentHandle,
    bucket: &'a Bucket,
    capabilities: Arc<CapabilitySet>,
    /// Whether keys are shown that may not be read, as in a registry that only observes; asked with
    /// the first of them.
    shows_others: Option<bool>,
    keys: Vec<String>,
    bytes: usize,
    seen: usize,
    /// The last key that was looked at.
    last: String,
    is_full: bool,
    failed: Option<Refused>,
}

impl<'a> Page<'a> {
    fn after(component: &'a ComponentHandle, bucket: &'a Bucket, last: String) -> Self {
        Self {
            component,
            bucket,
            capabilities: component.capabilities(),
            shows_others: None,
            keys: Vec::new(),
            bytes: 0,
            seen: 0,
            last,
            is_full: false,
            failed: None,
        }
    }

    fn see(&mut self, key: &str) -> ControlFlow<()> {
        let is_shown = match self.is_shown(key) {
            Ok(is_shown) => is_shown,
            Err(error) => {
                self.failed = Some(error);
                return ControlFlow::Break(());
            }
        };
        let bytes = if is_shown { self.bytes.saturating_add(key.len()) } else { self.bytes };
        if self.seen >= MOST_SEEN || bytes > MOST_BYTES || self.keys.len() >= MOST_KEYS {
            self.is_full = true;
            return ControlFlow::Break(());
        }
        self.seen += 1;
        self.bytes = bytes;
        key.clone_into(&mut self.last);
        if is_shown {
            self.keys.push(key.to_owned());
        }
        ControlFlow::Continue(())
    }

    fn is_shown(&mut self, key: &str) -> Result<bool, Refused> {
        // A key that another has put into the store, and guests could not.
        let Ok(resource) = self.bucket.resource(key) else { return Ok(false) };
        if self.capabilities.check(Permission::StorageRead, &resource).is_allowed() {
            return Ok(true);
        }
        if let Some(shown) = self.shows_others {
            return Ok(shown);
        }
        let shown = match check(self.component, Permission::StorageRead, &resource) {
            Ok(()) => true,
            Err(Refused::Denied) => false,
            Err(error) => return Err(error),
        };
        self.shows_others = Some(shown);
        Ok(shown)
    }
}
