//! Samples of several subjects, taken in interleaved rounds.

/// Samples of several subjects. Each round has one of every subject, taken one after another, so
/// that whatever else the machine does meets all of them.
#[derive(Clone, Debug)]
pub struct Rounds {
    /// A row for each subject, a column for each round.
    samples: Vec<Vec<Option<f64>>>,
}

impl Rounds {
    /// Returns no samples of so many subjects.
    #[must_use]
    pub fn new(subjects: usize) -> Self {
        Self { samples: vec![Vec::new(); subjects] }
    }

    /// Adds a round: a sample of each subject in their order, or none if its batch does not count.
    /// Subjects that are missing at the end have none.
    pub fn push(&mut self, round: impl IntoIterator<Item = Option<f64>>) {
        let mut round = round.into_iter();
        for samples in &mut self.samples {
            samples.push(round.next().flatten());
        }
    }

    /// Returns the samples of a subject; none for a subject that there is not.
    fn of(&self, subject: usize) -> &[Option<f64>] {
        self.samples.get(subject).map_or(&[], Vec::as_slice)
    }

    /// Returns the median of a subject; not a number without samples.
    #[must_use]
    pub fn median(&self, subject: usize) -> f64 {
        self.percentile(subject, 50)
    }

    /// Returns the sample that so many of a hundred are below; not a number without samples.
    #[must_use]
    pub fn percentile(&self, subject: usize, percent: usize) -> f64 {
        at(self.of(subject).iter().copied().flatten().collect(), percent)
    }

    /// Returns the median over the rounds of the first subject's sample divided by the second's.
    #[must_use]
    pub fn ratio(&self, first: usize, second: usize) -> f64 {
        self.paired(first, second, |first, second| first / second)
    }

    /// Returns the median over the rounds of the first subject's sample less the second's.
    #[must_use]
    pub fn difference(&self, first: usize, second: usize) -> f64 {
        self.paired(first, second, |first, second| first - second)
    }

    /// Returns the number of rounds in which a subject's batch counted.
    #[must_use]
    pub fn counted(&self, subject: usize) -> usize {
        self.of(subject).iter().flatten().count()
    }

    fn paired(&self, first: usize, second: usize, figure: fn(f64, f64) -> f64) -> f64 {
        let pairs = self.of(first).iter().zip(self.of(second));
        at(pairs.filter_map(|(first, second)| Some(figure((*first)?, (*second)?))).collect(), 50)
    }
}

fn at(mut samples: Vec<f64>, percent: usize) -> f64 {
    samples.sort_by(f64::total_cmp);
    let place = (samples.len() * percent / 100).min(samples.len().saturating_sub(1));
    samples.get(place).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::Rounds;

    #[test]
    fn ratios_are_taken_within_a_round() {
        let mut rounds = Rounds::new(2);
        // The machine was ten times as slow in the last round.
        for (first, second) in [(2.0, 1.0), (4.0, 2.0), (20.0, 10.0)] {
            rounds.push([Some(first), Some(second)]);
        }
        assert_eq!(rounds.ratio(0, 1).to_string(), "2");
        assert_eq!(rounds.median(0).to_string(), "4");
        assert_eq!(rounds.difference(0, 1).to_string(), "2");
    }

    #[test]
    fn a_batch_that_does_not_count_leaves_its_round_out() {
        let mut rounds = Rounds::new(2);
        rounds.push([Some(3.0), Some(1.0)]);
        rounds.push([None, Some(1.0)]);
        rounds.push([Some(3.0)]);
        assert_eq!(rounds.ratio(0, 1).to_string(), "3");
        assert_eq!((rounds.counted(0), rounds.counted(1)), (2, 2));
        assert!(rounds.median(2).is_nan());
    }
}
