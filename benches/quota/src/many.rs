//! Takes by the handles of many components, beside bare words as far apart in memory.

use core::hint::black_box;
use core::sync::atomic::{AtomicU64, Ordering};
use std::cell::Cell;

use bench_report::{Report, Row, Target};
use quota_enforce::{ComponentHandle, EnforceError};

use crate::batch::{BATCH, Interleaved, alone};
use crate::operations::{count, take};
use crate::{clock, registry};

const GROUP: &str = "quotas: many components, in random order";

/// Adds the rows of 10 to 100 000 components; with `is_quick`, of few.
///
/// # Errors
///
/// None, as long as the components can be registered.
pub fn report(rounds: usize, is_quick: bool, report: &mut Report) -> Result<(), EnforceError> {
    let most = if is_quick { 100 } else { 100_000 };
    for components in [10, 100, 1_000, 10_000, 100_000].into_iter().filter(|n| *n <= most) {
        rows(components, rounds)?.into_iter().for_each(|row| report.row(row));
    }
    Ok(())
}

fn rows(components: usize, rounds: usize) -> Result<[Row; 2], EnforceError> {
    let registry = registry(components)?;
    // In the order of registration, in which they lie in memory.
    let mut handles = Vec::new();
    for number in 0..components {
        handles.push(registry.lookup(&format!("component-{number}"))?);
    }
    let order = shuffled(components);
    let words = Words::as_far_apart_as(&handles);
    let bare = Visits::new(order.iter().map(|at| at * words.stride).collect());
    // Each handle in the order of its visits, as a host has it at hand.
    let handles = Visits::new(order.iter().map(|at| handles[*at].clone()).collect());
    let clock = clock();
    let reads = || black_box(clock.now_ns()) > 0;
    // Some 0.2 ms, also where each visit waits for memory.
    let batch = if components > 10_000 { BATCH / 5 } else { BATCH };
    let mut all = Interleaved::default();
    all.add("takes", || alone(batch, || take(handles.next())));
    all.add("bare words", || alone(batch, || count(words.at(bare.next()))));
    all.add("clock and bare words", || alone(batch, || reads() && count(words.at(bare.next()))));
    all.add("clock, bare words, one more line", || {
        alone(batch, || {
            let word = bare.next();
            reads() && words.is_plain(word) && count(words.at(word))
        })
    });
    let measured = all.run(rounds);
    let title = format!("{components} components");
    let least = measured.median("clock, bare words, one more line");
    let row = |title: &str, peer| {
        let row = measured.compared(GROUP, title, "takes", peer).least(least);
        row.target(Target::Ratio(1.5))
    };
    Ok([
        row(&title, "bare words"),
        row(&format!("{title}, with the clock"), "clock and bare words"),
    ])
}

/// Visits all of some things, one after another, again and again.
struct Visits<T> {
    all: Vec<T>,
    next: Cell<usize>,
}

impl<T> Visits<T> {
    fn new(all: Vec<T>) -> Self {
        Self { all, next: Cell::new(0) }
    }

    #[inline]
    fn next(&self) -> &T {
        let at = self.next.get();
        self.next.set(if at + 1 == self.all.len() { 0 } else { at + 1 });
        &self.all[at]
    }
}

/// Words in memory.
struct Words {
    memory: Vec<AtomicU64>,
    /// Words from one to the next.
    stride: usize,
}

/// The words of a cache line.
const LINE: usize = 8;

impl Words {
    /// Returns a word for each handle, as far from the next as the components are.
    fn as_far_apart_as(handles: &[ComponentHandle]) -> Self {
        let mut strides: Vec<_> = handles
            .windows(2)
            .map(|two| two[1].id().as_ptr().addr().abs_diff(two[0].id().as_ptr().addr()))
            .collect();
        strides.sort_unstable();
        let stride = strides.get(strides.len() / 2).map_or(1, |bytes| bytes.div_ceil(8));
        let words = handles.len() * stride + LINE;
        Self { memory: (0..words).map(|_| AtomicU64::new(0)).collect(), stride }
    }

    #[inline]
    fn at(&self, word: &usize) -> &AtomicU64 {
        &self.memory[*word]
    }

    /// Reads the line after that of a word: a take by a handle reads one more than it writes.
    #[inline]
    fn is_plain(&self, word: &usize) -> bool {
        self.memory[*word + LINE].load(Ordering::Relaxed) < u64::MAX
    }
}

/// Returns the numbers below `count` in an order that no cache foresees, the same each time.
pub(crate) fn shuffled(count: usize) -> Vec<usize> {
    let mut numbers: Vec<_> = (0..count).collect();
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    for last in (1..count).rev() {
        // A step of xorshift.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let below = u64::try_from(last + 1).unwrap_or(u64::MAX);
        numbers.swap(last, usize::try_from(state % below).unwrap_or(0));
    }
    numbers
}
