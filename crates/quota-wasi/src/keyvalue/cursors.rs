//! Places in listings of keys.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// The most places that are remembered; of an execution that asks for more, the oldest is
/// forgotten.
const MOST: usize = 64;

/// The places in listings of keys at which one execution may go on.
///
/// A cursor is a number of this execution's, and stands for the last key that was looked at. So it
/// says nothing of keys that are not shown, and stays good while pairs come and go: the next page
/// begins after that key, whether it is still there or not.
#[derive(Debug, Default)]
pub(crate) struct Cursors(Mutex<Places>);

#[derive(Debug, Default)]
struct Places {
    /// The cursor of the place that was remembered last.
    last: u64,
    places: VecDeque<Place>,
}

#[derive(Debug)]
struct Place {
    bucket: Box<str>,
    key: Box<str>,
}

impl Cursors {
    /// Remembers a place in a bucket, and returns its cursor.
    pub(crate) fn remember(&self, bucket: &str, key: &str) -> u64 {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if places.places.len() >= MOST {
            places.places.pop_front();
        }
        places.places.push_back(Place { bucket: bucket.into(), key: key.into() });
        places.last = places.last.saturating_add(1);
        places.last
    }

    /// Returns the key after which the page of a cursor begins.
    pub(crate) fn find(&self, bucket: &str, cursor: u64) -> Option<String> {
        let places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let back = usize::try_from(places.last.checked_sub(cursor)?).ok()?;
        let index = places.places.len().checked_sub(back)?.checked_sub(1)?;
        let place = places.places.get(index).filter(|place| &*place.bucket == bucket)?;
        Some(place.key.clone().into())
    }
}

#[cfg(test)]
mod tests {
    use super::{Cursors, MOST};

    #[test]
    fn a_cursor_is_good_for_its_bucket_until_too_many_came_after_it() {
        let cursors = Cursors::default();
        assert_eq!(cursors.find("a", 0), None);
        let first = cursors.remember("a", "first");
        let second = cursors.remember("b", "second");
        assert_eq!(cursors.find("a", first).as_deref(), Some("first"));
        assert_eq!(cursors.find("b", second).as_deref(), Some("second"));
        // Again: it is not used up.
        assert_eq!(cursors.find("b", second).as_deref(), Some("second"));
        for (bucket, cursor) in
            [("b", first), ("a", second), ("a", 0), ("a", second + 1), ("a", u64::MAX)]
        {
            assert_eq!(cursors.find(bucket, cursor), None, "{bucket} {cursor}");
        }
        for _ in 1..MOST {
            cursors.remember("c", "other");
        }
        assert_eq!(cursors.find("a", first), None);
        assert_eq!(cursors.find("b", second).as_deref(), Some("second"));
    }
}
