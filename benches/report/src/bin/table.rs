//! Prints the rows of a file as one table: `bench-table --json FILE`.

use std::io::{self, Write as _, stdout};

use bench_report::{Options, Row, read, table};

fn main() -> io::Result<()> {
    let path = Options::from_env().json.ok_or_else(|| io::Error::other("expected --json FILE"))?;
    let entries = read(&path)?;
    let rows: Vec<&Row> = entries.iter().filter_map(bench_report::Entry::row).collect();
    stdout().lock().write_all(table(&rows).as_bytes())
}
