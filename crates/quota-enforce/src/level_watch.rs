//! The reports of a usage level to the sinks.

#[cfg(all(loom, test))]
mod loom;

use limits_core::QuotaResourceStatus;

use crate::sync::{AtomicU64, Ordering};
use crate::usage_level::UsageLevel;

/// The reason why the usage level is re-evaluated.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cause {
    /// The thread has taken so many units.
    Taken(u64),
    /// Units came back, or time has passed.
    Fallen,
}

impl Cause {
    /// Returns the level before this thread's units were taken.
    fn level_before(self, status: &QuotaResourceStatus) -> UsageLevel {
        let taken = match self {
            Self::Taken(units) => units,
            Self::Fallen => 0,
        };
        let used = status.used().saturating_sub(taken);
        UsageLevel::of(&QuotaResourceStatus::new(used, status.limit()))
    }
}

/// The use of one resource at one time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    pub(crate) status: QuotaResourceStatus,
    /// The time by the tracker's clock; zero for a total.
    pub(crate) now_ns: u64,
    /// The length of a rate's windows; `None` for a total.
    pub(crate) window_ns: Option<u64>,
}

/// The usage level of one resource that was reported last.
///
/// - I1: one crossing is reported once, by any thread that sees it, and not again before the level
///   was left.
/// - I4: crossings of one resource are reported one after the other, each from the level to which
///   the one before has led, except for a rate whose fall no thread saw.
/// - I5: once every thread that changed the use has looked, the level reported last is the level
///   that holds.
///
/// A total leaves a level five points below the point where it was reached. A rate begins every
/// window unused, so it leaves a level that was not reached for two windows. If no thread looked
/// until the level was reached again, it is reported as reached from [`UsageLevel::Normal`].
///
/// A thread that sees a crossing reports it, unless another thread is reporting; then it leaves a
/// mark and goes on, and the other thread looks again. So no thread waits for a sink, a sink may
/// use the component of the event, and crossings during a report become one. Every look begins with
/// a read-modify-write of the word, even if it finds nothing to report. A thread that has changed
/// the use therefore either looks before another thread's turn to report begins, and that turn sees
/// the change; or it finds that the turn has begun, and leaves its mark.
#[derive(Debug, Default)]
pub(crate) struct LevelWatch {
    /// The level in the lowest two bits, then two flags, then the time at which it was last
    /// reached, in units of 16 ns.
    word: AtomicU64,
}

const LEVEL: u64 = 0b11;
/// A thread reports a crossing.
const REPORTING: u64 = 0b100;
/// Another thread looked meanwhile.
const LOOK_AGAIN: u64 = 0b1000;
const TIME: u64 = !0b1111;

impl LevelWatch {
    /// Looks at the use and reports each crossing: the levels before and after, and the numbers.
    pub(crate) fn watch(
        &self,
        seen: Cause,
        look: impl Fn() -> Look,
        mut report: impl FnMut(UsageLevel, UsageLevel, &QuotaResourceStatus),
    ) {
        while let Some(word) = self.check_in() {
            match step(word, &look(), seen) {
                Step::Stay => return,
                Step::Reached(next) => {
                    // The time alone: if the word is another by now, a later look has written it.
                    let _ = self.word.compare_exchange(
                        word,
                        next,
                        Ordering::Relaxed,
                        Ordering::Relaxed,
                    );
                    return;
                }
                Step::Cross { .. } => {}
            }
            let Some(mut turn) = Turn::begin(&self.word, word) else { continue };
            // The use may have changed before the turn began.
            let now = look();
            match step(word, &now, seen) {
                Step::Stay => {}
                Step::Reached(next) => turn.next = next,
                Step::Cross { next, from, to } => {
                    turn.next = next;
                    report(from, to, &now.status);
                }
            }
            if !turn.end() {
                return;
            }
        }
    }

    /// Returns the word, or `None` after leaving a mark for the thread that is reporting.
    fn check_in(&self) -> Option<u64> {
        let mark = |word| Some(if word & REPORTING == 0 { word } else { word | LOOK_AGAIN });
        // Written even where it stays the same, with release: a thread whose turn begins after this
        // sees earlier takes and releases. Acquire: this thread sees the state at a turn's end.
        let word = self
            .word
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, mark)
            .unwrap_or_else(|word| word);
        (word & REPORTING == 0).then_some(word)
    }
}

/// The right to report, held by one thread at a time and given up on drop.
struct Turn<'a> {
    word: &'a AtomicU64,
    /// The word without flags once this is over.
    next: u64,
}

impl<'a> Turn<'a> {
    fn begin(word: &'a AtomicU64, from: u64) -> Option<Self> {
        word.compare_exchange(from, from | REPORTING, Ordering::Acquire, Ordering::Relaxed)
            .ok()
            .map(|_| Self { word, next: from })
    }

    /// Ends the turn; returns whether another thread looked meanwhile.
    fn end(self) -> bool {
        let before = self.word.swap(self.next, Ordering::Release);
        core::mem::forget(self);
        before & LOOK_AGAIN != 0
    }
}

impl Drop for Turn<'_> {
    /// Ends the turn if the host's clock panics.
    fn drop(&mut self) {
        self.word.swap(self.next, Ordering::Release);
    }
}

/// The outcome of a look.
enum Step {
    Stay,
    /// The level was reached again; its time is recorded.
    Reached(u64),
    Cross {
        next: u64,
        from: UsageLevel,
        to: UsageLevel,
    },
}

fn step(word: u64, look: &Look, seen: Cause) -> Step {
    let Look { status, now_ns, window_ns } = look;
    let (last, reached_ns) = (UsageLevel::from_code(word & LEVEL), word & TIME);
    let used = UsageLevel::of(status);
    let mut from = last;
    let to = match *window_ns {
        None => used.max(last.min(UsageLevel::not_left(status))),
        Some(window_ns) => {
            let idle = now_ns.saturating_sub(reached_ns) > window_ns.saturating_mul(2);
            if idle && used >= last && seen.level_before(status) < last {
                // The level was left meanwhile, and no thread looked.
                from = UsageLevel::Normal;
            } else if idle && used == last && matches!(seen, Cause::Taken(_)) {
                // Either it was never left, or the thread that crossed it is about to look.
                return Step::Stay;
            }
            if idle { used } else { used.max(last) }
        }
    };
    let reached = to != UsageLevel::Normal && used >= to;
    let at = if reached { now_ns & TIME } else { reached_ns };
    let next = at | to.code();
    if from != to {
        return Step::Cross { next, from, to };
    }
    // A new time alone is worth a write only now and then.
    let worth = window_ns.unwrap_or(u64::MAX) / 16;
    if at.saturating_sub(reached_ns) < worth { Step::Stay } else { Step::Reached(next) }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{Cause, LevelWatch, Look, UsageLevel};
    use core::cell::Cell;
    use limits_core::{Allowance, QuotaResourceStatus};

    const SECOND: u64 = 1_000_000_000;

    fn of_100(used: u64) -> QuotaResourceStatus {
        QuotaResourceStatus::new(used, Allowance::AtMost(100))
    }

    fn told(alert: &LevelWatch, look: Look, seen: Cause) -> Option<(UsageLevel, UsageLevel)> {
        let mut told = None;
        alert.watch(seen, || look, |from, to, _| assert_eq!(told.replace((from, to)), None));
        told
    }

    #[test]
    fn a_rate_that_comes_back_to_a_level_that_no_thread_saw_it_leave_is_reported_once() {
        // I1
        let alert = LevelWatch::default();
        let look = |used, now_ns, seen| {
            told(&alert, Look { status: of_100(used), now_ns, window_ns: Some(SECOND) }, seen)
        };
        let risen = Some((UsageLevel::Normal, UsageLevel::Critical));
        assert_eq!(look(96, 0, Cause::Taken(96)), risen);
        assert_eq!(look(96, 2 * SECOND, Cause::Taken(96)), None, "two windows have not passed");
        // Of two that took at the same time, the one that crossed reports, in whatever order.
        assert_eq!(look(98, 9 * SECOND, Cause::Taken(2)), None);
        assert_eq!(look(98, 9 * SECOND, Cause::Taken(96)), risen);
        assert_eq!(look(98, 9 * SECOND, Cause::Taken(96)), None);
        // Nothing was taken: what is used is a debt, or the limit is zero. It was never left.
        assert_eq!(look(96, 30 * SECOND, Cause::Fallen), None);
        assert_eq!(look(96, 31 * SECOND, Cause::Taken(96)), None);
        let fallen = Some((UsageLevel::Critical, UsageLevel::Normal));
        assert_eq!(look(3, 60 * SECOND, Cause::Taken(3)), fallen);
    }

    #[test]
    fn a_use_that_changes_while_the_sinks_are_told_is_looked_at_again() {
        // I4 I5
        let alert = LevelWatch::default();
        let used = Cell::new(96);
        let look = || Look { status: of_100(used.get()), now_ns: 0, window_ns: None };
        let mut told = Vec::new();
        alert.watch(Cause::Taken(96), look, |from, to, _| {
            told.push((from, to));
            if to == UsageLevel::Critical {
                // As a sink or another thread that releases meanwhile.
                used.set(50);
                alert.watch(Cause::Fallen, look, |_, _, _| panic!("out of turn"));
            }
        });
        let (normal, critical) = (UsageLevel::Normal, UsageLevel::Critical);
        assert_eq!(told, [(normal, critical), (critical, normal)]);
    }

    #[test]
    fn a_clock_that_panics_leaves_the_next_thread_its_turn() {
        let alert = LevelWatch::default();
        let looks = Cell::new(0);
        let look = || {
            looks.set(looks.get() + 1);
            assert_ne!(looks.get(), 2, "on purpose");
            Look { status: of_100(96), now_ns: 0, window_ns: None }
        };
        let watch = || told(&alert, look(), Cause::Fallen);
        let caught = crate::caught::caught(|| alert.watch(Cause::Fallen, look, |_, _, _| {}));
        assert_eq!(caught, None);
        assert_eq!(watch(), Some((UsageLevel::Normal, UsageLevel::Critical)));
    }
}
