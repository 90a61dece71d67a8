//! The order in which the mutations of a package are drawn.

use std::collections::BTreeMap;

use super::mutation::Mutation;

/// Shuffles mutations by a seed and spreads them: every file gives one before any gives a second.
///
/// The order depends on the seed, the package and its mutations, and on nothing else.
pub(super) fn shuffle(mutations: Vec<Mutation>, seed: u64, package: &str) -> Vec<Mutation> {
    let name = package.bytes().fold(seed, |sum, byte| mix(sum ^ u64::from(byte)));
    let mut numbers = Numbers(name);
    let mut files: BTreeMap<String, Vec<Mutation>> = BTreeMap::new();
    for mutation in mutations {
        files.entry(mutation.file.clone()).or_default().push(mutation);
    }
    let mut files: Vec<Vec<Mutation>> = files.into_values().collect();
    for file in &mut files {
        numbers.shuffle(file);
    }
    numbers.shuffle(&mut files);
    let longest = files.iter().map(Vec::len).max().unwrap_or_default();
    let mut files: Vec<_> = files.into_iter().map(Vec::into_iter).collect();
    (0..longest)
        .flat_map(|_| files.iter_mut().filter_map(Iterator::next).collect::<Vec<_>>())
        .collect()
}

/// SplitMix64.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// Fisher and Yates; that low indices come up a little more often does no harm.
    fn shuffle<T>(&mut self, items: &mut [T]) {
        for left in (1..items.len()).rev() {
            let choices = u64::try_from(left + 1).unwrap_or(u64::MAX);
            let chosen = usize::try_from(self.next() % choices).unwrap_or_default();
            items.swap(left, chosen);
        }
    }
}

const fn mix(bits: u64) -> u64 {
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::decisions::find;
    use super::{Mutation, Numbers, shuffle};

    fn sample() -> Vec<Mutation> {
        let text = "fn f() {\n    a < b\n    c < d\n    e < f\n    g < h\n}\n";
        ["a.rs", "b.rs", "c.rs"].into_iter().flat_map(|path| find(path, text).0).collect()
    }

    #[test]
    fn the_numbers_are_those_of_splitmix64() {
        let mut numbers = Numbers(1_234_567);
        assert_eq!(numbers.next(), 6_457_827_717_110_365_317);
        assert_eq!(numbers.next(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn the_same_seed_gives_the_same_order_and_another_seed_another() {
        let order = shuffle(sample(), 1, "a");
        assert_eq!(order, shuffle(sample(), 1, "a"));
        assert_ne!(order, shuffle(sample(), 2, "a"));
        assert_ne!(order, shuffle(sample(), 1, "b"));
    }

    #[test]
    fn every_mutation_is_drawn_once() {
        let places: BTreeSet<String> =
            shuffle(sample(), 1, "a").iter().map(ToString::to_string).collect();
        assert_eq!(places.len(), 12);
    }

    #[test]
    fn every_file_gives_one_before_any_gives_a_second() {
        for round in shuffle(sample(), 7, "a").chunks(3) {
            assert_eq!(round.iter().map(|it| &it.file).collect::<BTreeSet<_>>().len(), 3);
        }
    }
}
