//! The rows and points of one program, printed and kept.

use core::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _, stdout};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::options::Options;
use crate::row::Row;
use crate::series::Series;

/// A line of the file that programs leave.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "the kinds of lines of one file")]
pub enum Entry {
    /// A row of the table.
    Row(Row),
    /// A line of a plot.
    Series(Series),
}

/// The rows and points of one program.
#[derive(Debug)]
pub struct Report {
    options: Options,
    entries: Vec<Entry>,
}

impl Report {
    /// Returns a report without rows.
    #[must_use]
    pub const fn new(options: Options) -> Self {
        Self { options, entries: Vec::new() }
    }

    /// Adds a row.
    pub fn row(&mut self, row: Row) {
        self.entries.push(Entry::Row(row));
    }

    /// Adds a line of a plot.
    pub fn series(&mut self, series: Series) {
        self.entries.push(Entry::Series(series));
    }

    /// Prints the table, and appends all to the file of the options.
    ///
    /// # Errors
    ///
    /// If standard output or the file cannot be written.
    pub fn finish(self) -> io::Result<()> {
        let rows: Vec<&Row> = self.entries.iter().filter_map(Entry::row).collect();
        stdout().lock().write_all(table(&rows).as_bytes())?;
        if let Some(path) = &self.options.json {
            let mut file = OpenOptions::new().create(true).append(true).open(path)?;
            for entry in &self.entries {
                writeln!(file, "{}", serde_json::to_string(entry)?)?;
            }
        }
        Ok(())
    }
}

impl Entry {
    /// Returns the row, if it is one.
    #[must_use]
    pub const fn row(&self) -> Option<&Row> {
        match self {
            Self::Row(row) => Some(row),
            Self::Series(_) => None,
        }
    }

    /// Returns the line of a plot, if it is one.
    #[must_use]
    pub const fn series(&self) -> Option<&Series> {
        match self {
            Self::Row(_) => None,
            Self::Series(series) => Some(series),
        }
    }
}

/// Returns the rows and points of a file.
///
/// # Errors
///
/// If the file cannot be read, or a line is neither a row nor a series.
pub fn read(path: &Path) -> io::Result<Vec<Entry>> {
    let text = fs::read_to_string(path)?;
    Ok(text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
}

/// Returns rows as a table of Markdown, a heading for each group.
#[must_use]
pub fn table(rows: &[&Row]) -> String {
    let mut text = String::new();
    let mut group = None;
    for row in rows {
        if group != Some(&row.group) {
            group = Some(&row.group);
            let _ = write!(
                text,
                "\n### {}\n\n| | ours | peer | least possible | ratio | target | verdict |\n\
                 |---|---|---|---|---|---|---|\n",
                row.group
            );
        }
        let unit = &row.unit;
        let with_unit =
            |figure: Option<f64>| figure.map_or(String::new(), |n| format!("{} {unit}", short(n)));
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} |",
            row.name,
            with_unit(row.ours),
            [with_unit(row.peer), row.peer_name.clone()].join(" ").trim(),
            with_unit(row.least),
            row.ratio.map_or(String::new(), |ratio| format!("{ratio:.2}x")),
            row.target.map_or(String::new(), |target| target.text(unit)),
            row.verdict(),
        );
    }
    text
}

/// Returns a figure with three or four digits.
fn short(figure: f64) -> String {
    match figure.abs() {
        n if n < 10.0 => format!("{figure:.2}"),
        n if n < 100.0 => format!("{figure:.1}"),
        _ => format!("{figure:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io;

    use super::{Entry, Report, read, table};
    use crate::options::Options;
    use crate::row::Row;
    use crate::series::Series;
    use crate::target::Target;

    fn row() -> Row {
        Row {
            peer_name: "Wasmtime".into(),
            peer: Some(193.0),
            ratio: Some(1.2),
            ..Row::new("kept", "call", "ns").measured(231.6).least(9.25)
        }
    }

    #[test]
    fn a_row_has_figures_with_units_and_a_verdict() {
        let text = table(&[&row().target(Target::Ratio(1.3)), &Row::new("kept", "none", "ns")]);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines[5..],
            [
                "| call | 232 ns | 193 ns Wasmtime | 9.25 ns | 1.20x | at most 1.3x | met |",
                "| none |  |  |  |  |  | not measured |"
            ]
        );
        assert_eq!(lines[1], "### kept");
    }

    #[test]
    fn rows_and_points_are_read_again_from_the_file() -> io::Result<()> {
        let path = std::env::temp_dir().join(format!("bench-report-{}", std::process::id()));
        let options = Options { json: Some(path.clone()), ..Options::default() };
        let series = Series { plot: "cost".into(), line: "ours".into(), points: vec![(1.0, 2.5)] };
        let mut report = Report::new(options);
        report.row(row());
        report.series(series.clone());
        report.finish()?;
        let entries = read(&path)?;
        fs::remove_file(&path)?;
        assert_eq!(entries, [Entry::Row(row()), Entry::Series(series)]);
        Ok(())
    }
}
