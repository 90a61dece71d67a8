//! The promise about a figure.

use core::fmt;

use serde::{Deserialize, Serialize};

/// The promise about a row.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "the kinds of promises of one table")]
pub enum Target {
    /// The ratio is at most this.
    Ratio(f64),
    /// The ratio is at least this: throughput.
    Speedup(f64),
    /// Ours is at most this much more than the peer's, in the row's unit.
    Beyond(f64),
    /// Both a ratio and a difference at most.
    RatioAndBeyond(f64, f64),
    /// Ours is at most this, in the row's unit.
    Most(f64),
    /// Ours is at least this, in the row's unit.
    Least(f64),
}

/// Whether a promise was kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "the words of a column")]
pub enum Verdict {
    /// Kept.
    Met,
    /// Broken.
    Missed,
    /// No promise.
    Information,
    /// No sample counted.
    NotMeasured,
}

impl Target {
    /// Returns whether figures keep the promise; a figure that is not a number keeps none.
    #[must_use]
    pub fn is_kept(self, ours: f64, peer: f64, ratio: f64) -> bool {
        match self {
            Self::Ratio(most) => ratio <= most,
            Self::Speedup(least) => ratio >= least,
            Self::Beyond(most) => ours - peer <= most,
            Self::RatioAndBeyond(most, beyond) => ratio <= most && ours - peer <= beyond,
            Self::Most(most) => ours <= most,
            Self::Least(least) => ours >= least,
        }
    }

    /// Returns the promise in words, with the unit of the row.
    #[must_use]
    pub fn text(self, unit: &str) -> String {
        match self {
            Self::Ratio(most) => format!("at most {most}x"),
            Self::Speedup(least) => format!("at least {least}x"),
            Self::Beyond(most) => format!("at most +{most} {unit}"),
            Self::RatioAndBeyond(most, beyond) => format!("at most {most}x, +{beyond} {unit}"),
            Self::Most(most) => format!("at most {most} {unit}"),
            Self::Least(least) => format!("at least {least} {unit}"),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Met => "met",
            Self::Missed => "missed",
            Self::Information => "",
            Self::NotMeasured => "not measured",
        })
    }
}
