//! Seeded mutations of valid inputs.

use fastrand::Rng;

use crate::corpus::Corpus;

/// The most changes of one mutation.
const MOST_CHANGES: usize = 5;
/// Bytes that parsers treat unlike their neighbours.
const EDGES: &[u8] = &[0, 1, 0x20, 0x7f, 0x80, 0xfe, 0xff];

/// Returns the mutation of a corpus that belongs to `seed`: the same on every machine.
#[must_use]
pub fn mutation(corpus: &Corpus, seed: u64) -> Vec<u8> {
    let rng = &mut Rng::with_seed(seed);
    let mut bytes = pick(rng, &corpus.inputs).cloned().unwrap_or_default();
    for _ in 0..rng.usize(1..=MOST_CHANGES) {
        change(rng, corpus, &mut bytes);
    }
    bytes.truncate(corpus.most);
    bytes
}

fn pick<'a, T>(rng: &mut Rng, from: &'a [T]) -> Option<&'a T> {
    if from.is_empty() { None } else { from.get(rng.usize(..from.len())) }
}

fn change(rng: &mut Rng, corpus: &Corpus, bytes: &mut Vec<u8>) {
    let at = rng.usize(..=bytes.len());
    match rng.u8(..8) {
        0 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << rng.u8(..8);
            }
        }
        1 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = pick(rng, EDGES).copied().unwrap_or_default();
            }
        }
        2 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = rng.u8(..);
            }
        }
        3 => drop(
            bytes.splice(at..at, pick(rng, corpus.words).copied().unwrap_or_default().to_vec()),
        ),
        4 => bytes.truncate(at),
        5 => {
            let end = (at + rng.usize(..32)).min(bytes.len());
            bytes.drain(at..end);
        }
        6 => {
            // The same part once more, or often.
            let end = (at + rng.usize(..16)).min(bytes.len());
            let part = bytes[at..end].repeat(rng.usize(1..=8));
            bytes.splice(at..at, part);
        }
        _ => {
            // The rest of another input.
            let other = pick(rng, &corpus.inputs).map_or(&[][..], Vec::as_slice);
            let from = rng.usize(..=other.len());
            bytes.truncate(at);
            bytes.extend(&other[from..]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::mutation;
    use crate::corpus::texts;

    #[test]
    fn a_seed_has_one_mutation_and_many_seeds_have_many() {
        let corpus = texts(&["one", "another input"], &[b"word"], 40);
        let all: std::collections::BTreeSet<_> =
            (0..1_000).map(|seed| mutation(&corpus, seed)).collect();
        assert!(all.len() > 500, "{}", all.len());
        assert!(all.iter().all(|bytes| bytes.len() <= 40));
        assert_eq!(mutation(&corpus, 7), mutation(&corpus, 7));
    }
}
