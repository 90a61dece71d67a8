//! Carries out all attacks and prints the table.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program talks to a terminal")]

use std::process::ExitCode;

use attacks::table::table;

fn main() -> ExitCode {
    match table(|name| eprintln!("{name}")) {
        Ok(table) => {
            print!("{}", table.markdown);
            for fault in &table.faults {
                eprintln!("not contained: {fault}");
            }
            if table.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("attacks: {error}");
            ExitCode::FAILURE
        }
    }
}
