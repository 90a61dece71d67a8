//! Crossings of usage levels on their way into a log.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use limits_core::{QuotaResource, QuotaResourceStatus};

use crate::audit::{AuditEvent, AuditKind};
use crate::throttle::PER_SECOND;
use crate::usage_level::UsageLevel;

/// The most resources of components that crossings are kept of.
const MOST_KEPT: usize = 4_096;

/// Bounds how many crossings of a level go into a log, and never loses the last one.
///
/// - I6: a log gets at most twelve crossings a second of one resource: ten, and rises above the
///   level that it shows.
/// - I7: a crossing that the log does not get at once is kept until the log gets it or a later one
///   takes its place, so the last one always gets there; until then the log shows a higher level
///   than the one that holds.
///
/// A crossing in the log begins at the level that the log shows, except for a rate's level that was
/// reached again from [`UsageLevel::Normal`].
#[derive(Debug, Default)]
pub(crate) struct Crossings(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    by_resource: BTreeMap<Key, Entry>,
    /// Crossings that were left out and will be in no line's `repeats`, as their entry made room.
    forgotten: u64,
}

type Key = (Box<str>, QuotaResource);

#[derive(Debug)]
struct Entry {
    second: u64,
    /// The lines that the log got in that second.
    lines: u64,
    /// The level that the log shows.
    shown: UsageLevel,
    /// The last crossing, if the log has not got it.
    latest: Option<Crossing>,
    /// Crossings before it that the log has not got.
    left_out: u64,
    /// True while a thread writes. Another thread that sees a crossing leaves it here.
    is_writing: bool,
}

#[derive(Clone, Copy, Debug)]
struct Crossing {
    from: UsageLevel,
    to: UsageLevel,
    /// True if it does not begin where the one before has led: a rate's level was left and reached
    /// again without a look in between.
    is_again: bool,
    status: QuotaResourceStatus,
    sequence: u64,
    enforced: bool,
}

/// The crossings that are written now.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Due {
    /// Those for which there is room in this second.
    In(u64),
    /// All that are kept.
    All,
}

impl Crossings {
    /// Writes a crossing, or keeps it, and returns whether it did; other events are ignored.
    ///
    /// `write` writes an event and returns whether that worked. It is called without a lock.
    pub(crate) fn record(
        &self,
        event: &AuditEvent<'_>,
        second: u64,
        mut write: impl FnMut(&AuditEvent<'_>) -> bool,
    ) -> bool {
        let AuditKind::Threshold { resource, from, to, status } = event.kind else { return true };
        let AuditEvent { sequence, enforced, .. } = *event;
        let key = (Box::from(event.component), resource);
        let crossing = Crossing { from, to, is_again: false, status, sequence, enforced };
        if !self.kept().keep(&key, crossing, second) {
            return write(event);
        }
        self.write(&key, Due::In(second), &mut write);
        true
    }

    /// Writes the kept crossings that are due.
    pub(crate) fn write_due(&self, due: Due, mut write: impl FnMut(&AuditEvent<'_>) -> bool) {
        let keys: Vec<Key> = {
            let kept = self.kept();
            let waiting = kept.by_resource.iter().filter(|(_, entry)| entry.latest.is_some());
            waiting.map(|(key, _)| key.clone()).collect()
        };
        for key in keys {
            self.write(&key, due, &mut write);
        }
    }

    /// Forgets the crossings of a component that is registered or unregistered: they are of the one
    /// before, and would be read as the level of its successor.
    pub(crate) fn forget(&self, component: &str) {
        let mut kept = self.kept();
        let gone = kept.by_resource.extract_if(.., |(id, _), _| **id == *component);
        let left_out = gone.map(|(_, entry)| entry.count()).fold(0, u64::saturating_add);
        kept.forgotten = kept.forgotten.saturating_add(left_out);
    }

    /// Returns the number of crossings that are in no line, and in no line's `repeats`.
    pub(crate) fn left_out(&self) -> u64 {
        let kept = self.kept();
        let entries = kept.by_resource.values().map(Entry::count);
        entries.fold(kept.forgotten, u64::saturating_add)
    }

    /// Writes crossings of one resource, one after the other, for as long as one is due.
    fn write(&self, key: &Key, due: Due, write: &mut impl FnMut(&AuditEvent<'_>) -> bool) {
        loop {
            let begun = self.kept().by_resource.get_mut(key).and_then(|entry| entry.begin(due));
            let Some((from, crossing, repeats)) = begun else { return };
            // If the writer panics, the crossing counts as written.
            let mut writing =
                Writing { crossings: self, key, crossing, repeats, due, failed: false };
            let Crossing { to, status, sequence, enforced, .. } = crossing;
            let event = AuditEvent {
                component: &key.0,
                kind: AuditKind::Threshold { resource: key.1, from, to, status },
                enforced,
                sequence,
                repeats: Some(repeats),
            };
            writing.failed = !write(&event);
            if writing.failed {
                return;
            }
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // No code panics while it has the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// Keeps a crossing as the latest; `false` if there is no room.
    fn keep(&mut self, key: &Key, mut crossing: Crossing, second: u64) -> bool {
        if self.by_resource.len() >= MOST_KEPT && !self.by_resource.contains_key(key) {
            self.make_room(second);
            if self.by_resource.len() >= MOST_KEPT {
                return false;
            }
        }
        let entry = self.by_resource.entry(key.clone()).or_insert(Entry {
            second,
            lines: 0,
            shown: crossing.from,
            latest: None,
            left_out: 0,
            is_writing: false,
        });
        let before = entry.latest.map_or(entry.shown, |latest| latest.to);
        crossing.is_again = crossing.from != before && !entry.is_writing;
        if entry.latest.replace(crossing).is_some() {
            entry.left_out = entry.left_out.saturating_add(1);
        }
        entry.drop_if_shown();
        true
    }

    /// Drops entries that matter only for the `repeats` of a later line.
    fn make_room(&mut self, second: u64) {
        let mut forgotten = 0_u64;
        self.by_resource.retain(|_, entry| {
            let stays = entry.latest.is_some() || entry.is_writing || entry.second >= second;
            if !stays {
                forgotten = forgotten.saturating_add(entry.count());
            }
            stays
        });
        self.forgotten = self.forgotten.saturating_add(forgotten);
    }
}

impl Entry {
    fn count(&self) -> u64 {
        self.left_out.saturating_add(u64::from(self.latest.is_some()))
    }

    /// Drops the latest crossing if it leads to the level that the log shows.
    fn drop_if_shown(&mut self) {
        let is_there = |latest: Crossing| latest.to == self.shown && !latest.is_again;
        if !self.is_writing && self.latest.is_some_and(is_there) {
            self.latest = None;
            self.left_out = self.left_out.saturating_add(1);
        }
    }

    /// Takes the latest crossing to be written, with the level that the line begins at and the
    /// number of those that were left out before.
    fn begin(&mut self, due: Due) -> Option<(UsageLevel, Crossing, u64)> {
        let latest = self.latest?;
        let is_due = match due {
            Due::All => true,
            Due::In(second) => {
                second > self.second || self.lines < PER_SECOND || latest.to > self.shown
            }
        };
        if self.is_writing || !is_due {
            return None;
        }
        self.latest = None;
        self.is_writing = true;
        let from = if latest.is_again { latest.from } else { self.shown };
        Some((from, latest, core::mem::take(&mut self.left_out)))
    }

    fn end(&mut self, crossing: Crossing, repeats: u64, due: Due, failed: bool) {
        self.is_writing = false;
        if failed {
            self.left_out = self.left_out.saturating_add(repeats);
            if self.latest.is_some() {
                self.left_out = self.left_out.saturating_add(1);
            } else {
                self.latest = Some(crossing);
            }
        } else {
            self.shown = crossing.to;
            match due {
                Due::In(second) if second > self.second => (self.second, self.lines) = (second, 1),
                _ => self.lines = self.lines.saturating_add(1),
            }
        }
        self.drop_if_shown();
    }
}

/// The write of one crossing, which ends also if the writer panics.
struct Writing<'a> {
    crossings: &'a Crossings,
    key: &'a Key,
    crossing: Crossing,
    repeats: u64,
    due: Due,
    failed: bool,
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        if let Some(entry) = self.crossings.kept().by_resource.get_mut(self.key) {
            entry.end(self.crossing, self.repeats, self.due, self.failed);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Crossings, Due, MOST_KEPT};
    use crate::audit::{AuditEvent, AuditKind};
    use crate::usage_level::UsageLevel;
    use core::cell::{Cell, RefCell};
    use limits_core::{Allowance, QuotaResource, QuotaResourceStatus};

    use UsageLevel::{Critical, Normal, Warning};

    type Line = (UsageLevel, UsageLevel, u64);

    /// A log of the crossings of one resource.
    #[derive(Default)]
    struct Log {
        crossings: Crossings,
        lines: RefCell<Vec<Line>>,
        is_full: Cell<bool>,
    }

    fn event(component: &str, from: UsageLevel, to: UsageLevel) -> AuditEvent<'_> {
        let status = QuotaResourceStatus::new(0, Allowance::AtMost(100));
        let kind = AuditKind::Threshold { resource: QuotaResource::Storage, from, to, status };
        AuditEvent::new(component, kind, true)
    }

    impl Log {
        fn write(&self, event: &AuditEvent<'_>) -> bool {
            let AuditKind::Threshold { from, to, .. } = event.kind else { return false };
            if !self.is_full.get() {
                self.lines.borrow_mut().push((from, to, event.repeats.unwrap_or(u64::MAX)));
            }
            !self.is_full.get()
        }

        fn cross(&self, from: UsageLevel, to: UsageLevel, second: u64) {
            assert!(self.crossings.record(&event("a", from, to), second, |it| self.write(it)));
        }

        fn write_due(&self, due: Due) {
            self.crossings.write_due(due, |it| self.write(it));
        }

        /// Returns what was written since the last time.
        fn take(&self) -> Vec<Line> {
            self.lines.take()
        }
    }

    #[test]
    fn a_flood_of_crossings_is_bounded_and_the_last_one_is_told() {
        // I6 I7
        let log = Log::default();
        for _ in 0..1_000 {
            log.cross(Normal, Critical, 5);
            log.cross(Critical, Normal, 5);
        }
        // Ten, and one rise above what the log showed. The falls after it are kept, and what led
        // back to it is left out.
        let told = log.take();
        assert_eq!((told.len(), told.last()), (11, Some(&(Normal, Critical, 0))));
        assert_eq!(log.crossings.left_out(), 2_000 - 11);
        log.write_due(Due::In(5));
        assert_eq!(log.take(), []);
        log.write_due(Due::In(6));
        assert_eq!(log.take(), [(Critical, Normal, 2_000 - 12)]);
        log.write_due(Due::In(7));
        log.write_due(Due::All);
        assert_eq!((log.take(), log.crossings.left_out()), (Vec::new(), 0));
    }

    #[test]
    fn a_rise_is_never_kept_back() {
        // I6 I7
        let log = Log::default();
        for _ in 0..5 {
            log.cross(Normal, Critical, 5);
            log.cross(Critical, Normal, 5);
        }
        assert_eq!(log.take().len(), 10);
        log.cross(Normal, Warning, 5);
        log.cross(Warning, Critical, 5);
        assert_eq!(log.take(), [(Normal, Warning, 0), (Warning, Critical, 0)]);
        log.cross(Critical, Warning, 5);
        log.cross(Warning, Normal, 5);
        assert_eq!(log.take(), []);
        log.write_due(Due::All);
        assert_eq!(log.take(), [(Critical, Normal, 1)]);
    }

    #[test]
    fn a_rate_that_reaches_its_level_again_is_told_again_and_no_flood_either() {
        // I6
        let log = Log::default();
        for _ in 0..1_000 {
            log.cross(Normal, Critical, 5);
        }
        assert_eq!(log.take(), [(Normal, Critical, 0); 10]);
        log.write_due(Due::In(6));
        assert_eq!(log.take(), [(Normal, Critical, 989)]);
        log.cross(Critical, Normal, 6);
        assert_eq!(log.take(), [(Critical, Normal, 0)]);
    }

    #[test]
    fn a_crossing_that_could_not_be_written_is_kept_until_it_can() {
        // I7
        let log = Log::default();
        log.is_full.set(true);
        log.cross(Normal, Critical, 5);
        assert_eq!((log.take(), log.crossings.left_out()), (Vec::new(), 1));
        log.cross(Critical, Warning, 5);
        log.is_full.set(false);
        log.write_due(Due::In(5));
        assert_eq!(log.take(), [(Normal, Warning, 1)]);
        log.is_full.set(true);
        log.cross(Warning, Normal, 5);
        // Back where the log is: there is nothing to tell.
        log.cross(Normal, Warning, 5);
        log.is_full.set(false);
        log.write_due(Due::All);
        assert_eq!(log.take(), []);
        log.cross(Warning, Critical, 5);
        assert_eq!(log.take(), [(Warning, Critical, 2)]);
    }

    #[test]
    fn a_crossing_that_comes_while_another_is_written_comes_after_it() {
        // I7
        let log = Log::default();
        let write = |it: &AuditEvent<'_>| {
            if matches!(it.kind, AuditKind::Threshold { to: Critical, .. }) {
                // As another thread, or a subscriber that releases.
                log.cross(Critical, Normal, 5);
                assert_eq!(log.take(), []);
            }
            log.write(it)
        };
        assert!(log.crossings.record(&event("a", Normal, Critical), 5, write));
        assert_eq!(log.take(), [(Normal, Critical, 0), (Critical, Normal, 0)]);
    }

    #[test]
    fn a_writer_that_panics_does_not_stop_the_next_crossing() {
        let log = Log::default();
        let record = || log.crossings.record(&event("a", Normal, Critical), 5, |_| panic!("oh"));
        assert_eq!(crate::caught::caught(record), None);
        log.cross(Critical, Normal, 5);
        assert_eq!(log.take(), [(Critical, Normal, 0)]);
    }

    #[test]
    fn what_is_kept_is_bounded_and_no_crossing_goes_unseen_or_uncounted() {
        let log = Log::default();
        log.is_full.set(true);
        let record = |id: usize, second| {
            log.crossings
                .record(&event(&id.to_string(), Normal, Critical), second, |it| log.write(it))
        };
        assert!((0..MOST_KEPT).all(|id| record(id, 5)));
        // There is no room and no log: its owner counts this one.
        assert!(!record(MOST_KEPT, 6));
        log.is_full.set(false);
        assert!(record(MOST_KEPT, 6));
        assert_eq!(log.take().len(), 1);
        // A written crossing makes room in a later second.
        log.write_due(Due::In(6));
        assert_eq!((log.take().len(), log.crossings.left_out()), (MOST_KEPT, 0));
        assert!(record(MOST_KEPT, 7));
        assert_eq!(log.crossings.kept().by_resource.len(), 1);
    }
}
