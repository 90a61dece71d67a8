//! The common parts of measuring programs: interleaved rounds, rows of one table, points of plots.
//!
//! A program takes its [`Options`], collects [`Rounds`], and hands rows and points to a [`Report`],
//! which prints a table and leaves both to `cargo xtask bench` in a file of JSON lines.

mod options;
mod report;
mod rounds;
mod row;
mod series;
mod target;

pub use options::Options;
pub use report::{Entry, Report, read, table};
pub use rounds::Rounds;
pub use row::Row;
pub use series::Series;
pub use target::{Target, Verdict};
