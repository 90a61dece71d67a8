//! How a measured quantity was distributed over several runs.

/// Minimum, median, 99th percentile and maximum of some numbers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Distribution {
    pub(crate) min: u64,
    pub(crate) median: u64,
    pub(crate) p99: u64,
    pub(crate) max: u64,
}

impl Distribution {
    /// Describes `measured`, or nothing if there is nothing. Percentiles are nearest-rank: each
    /// is one of the numbers, and with fewer than 100 of them the 99th is the maximum.
    pub(crate) fn of(mut measured: Vec<u64>) -> Option<Self> {
        measured.sort_unstable();
        let rank = |percent: usize| {
            let index = (measured.len() * percent).div_ceil(100).saturating_sub(1);
            measured.get(index).copied()
        };
        Some(Self { min: rank(0)?, median: rank(50)?, p99: rank(99)?, max: rank(100)? })
    }

    /// Returns the four numbers in order.
    pub(crate) fn quartet(self) -> [u64; 4] {
        [self.min, self.median, self.p99, self.max]
    }
}

#[cfg(test)]
mod tests {
    use super::Distribution;

    #[test]
    fn every_percentile_is_a_measured_number() {
        let of = |measured: Vec<u64>| Distribution::of(measured).map(Distribution::quartet);
        assert_eq!(of(vec![]), None);
        assert_eq!(of(vec![7]), Some([7, 7, 7, 7]));
        assert_eq!(of(vec![3, 1, 2]), Some([1, 2, 3, 3]));
        assert_eq!(of((1..=20).rev().collect()), Some([1, 10, 20, 20]));
        assert_eq!(of((1..=200).collect()), Some([1, 100, 198, 200]));
    }
}
