//! Compiles one component that its host sends, and ends.

use std::process::ExitCode;

fn main() -> ExitCode {
    limits_compile::serve()
}
