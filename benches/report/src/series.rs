//! One line of a plot.

use serde::{Deserialize, Serialize};

/// The points of one line of a plot.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[expect(clippy::exhaustive_structs, reason = "programs write it down by name")]
pub struct Series {
    /// The name of the plot, which is that of its file.
    pub plot: String,
    /// The name of the line.
    pub line: String,
    /// The points.
    pub points: Vec<(f64, f64)>,
}
