//! One row of the table.

use serde::{Deserialize, Serialize};

use crate::rounds::Rounds;
use crate::target::{Target, Verdict};

/// One comparison. A figure that there is not is `None`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[expect(clippy::exhaustive_structs, reason = "programs write it down by name")]
pub struct Row {
    /// The rows of one heading, such as `kept instance`.
    pub group: String,
    /// The subject, such as `function.call`.
    pub name: String,
    /// The unit of the figures, such as `ns`.
    pub unit: String,
    /// Ours.
    pub ours: Option<f64>,
    /// The name of the peer, such as `Wasmtime with fuel`.
    pub peer_name: String,
    /// The peer's.
    pub peer: Option<f64>,
    /// The least that is possible for ours, if that was measured.
    pub least: Option<f64>,
    /// The median of the ratios within rounds, ours divided by the peer's.
    pub ratio: Option<f64>,
    /// The promise.
    pub target: Option<Target>,
}

impl Row {
    /// Returns a row of a group without figures.
    #[must_use]
    pub fn new(group: &str, name: &str, unit: &str) -> Self {
        Self {
            group: group.to_owned(),
            name: name.to_owned(),
            unit: unit.to_owned(),
            ..Self::default()
        }
    }

    /// Takes ours, the peer's and the ratio from rounds, by the subjects' numbers.
    #[must_use]
    pub fn compared(mut self, rounds: &Rounds, ours: usize, peer_name: &str, peer: usize) -> Self {
        self.ours = figure(rounds.median(ours));
        self.peer_name = peer_name.to_owned();
        self.peer = figure(rounds.median(peer));
        self.ratio = figure(rounds.ratio(ours, peer));
        self
    }

    /// Sets ours, without a peer.
    #[must_use]
    pub fn measured(mut self, ours: f64) -> Self {
        self.ours = figure(ours);
        self
    }

    /// Sets the least that is possible.
    #[must_use]
    pub fn least(mut self, least: f64) -> Self {
        self.least = figure(least);
        self
    }

    /// Sets the promise.
    #[must_use]
    pub const fn target(mut self, target: Target) -> Self {
        self.target = Some(target);
        self
    }

    /// Returns whether the promise was kept.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let figure = |figure: Option<f64>| figure.unwrap_or(f64::NAN);
        match self.target {
            _ if self.ours.is_none() => Verdict::NotMeasured,
            None => Verdict::Information,
            Some(target) => {
                match target.is_kept(figure(self.ours), figure(self.peer), figure(self.ratio)) {
                    true => Verdict::Met,
                    false => Verdict::Missed,
                }
            }
        }
    }
}

fn figure(figure: f64) -> Option<f64> {
    figure.is_finite().then_some(figure)
}

#[cfg(test)]
mod tests {
    use super::Row;
    use crate::rounds::Rounds;
    use crate::target::{Target, Verdict};

    fn row() -> Row {
        let mut rounds = Rounds::new(2);
        rounds.push([Some(240.0), Some(200.0)]);
        Row::new("calls", "ours", "ns").compared(&rounds, 0, "theirs", 1)
    }

    #[test]
    fn a_promise_is_kept_up_to_its_figure() {
        for (target, verdict) in [
            (Target::Ratio(1.2), Verdict::Met),
            (Target::Ratio(1.1), Verdict::Missed),
            (Target::Beyond(40.0), Verdict::Met),
            (Target::Beyond(39.0), Verdict::Missed),
            (Target::RatioAndBeyond(1.2, 40.0), Verdict::Met),
            (Target::RatioAndBeyond(1.2, 39.0), Verdict::Missed),
            (Target::RatioAndBeyond(1.1, 40.0), Verdict::Missed),
            (Target::Speedup(1.2), Verdict::Met),
            (Target::Speedup(1.3), Verdict::Missed),
            (Target::Most(240.0), Verdict::Met),
            (Target::Most(239.0), Verdict::Missed),
            (Target::Least(240.0), Verdict::Met),
            (Target::Least(241.0), Verdict::Missed),
        ] {
            assert_eq!(row().target(target).verdict(), verdict, "{target:?}");
        }
    }

    #[test]
    fn without_a_promise_or_a_sample_there_is_no_verdict() {
        assert_eq!(row().verdict(), Verdict::Information);
        let empty = Row::new("calls", "ours", "ns").compared(&Rounds::new(2), 0, "theirs", 1);
        assert_eq!(empty.target(Target::Ratio(1.0)).verdict(), Verdict::NotMeasured);
    }
}
