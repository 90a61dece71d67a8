//! The guests in C, whose compiler the other steps do not need.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::cargo;
use crate::failure::{Failure, Result};

/// Debian's packages of a compiler, a linker, a C library and compiler built-ins for wasm32-wasi.
const INSTALL: &str = "apt-get install clang lld wasi-libc libclang-rt-dev-wasm32";

/// The selection of the tests. Their target has `test = false`, so that no other step runs them.
const TESTS: [&str; 4] = ["--workspace", "--all-features", "--test", "wasi_c"];

pub(crate) fn run() -> Result {
    if !can_compile() {
        let message = format!("clang cannot make programs for wasm32-wasi here: `{INSTALL}`");
        return Err(Failure::missing_tool(message));
    }
    cargo::run(&[&["clippy"][..], &TESTS, &["--", "-D", "warnings"]].concat())?;
    cargo::test(&TESTS)
}

/// Reports whether a program can be compiled and linked. The smallest one needs all packages.
fn can_compile() -> bool {
    compile(b"#include <stdio.h>\nint main(void) { return puts(\"\") < 0; }\n").is_some()
}

fn compile(program: &[u8]) -> Option<()> {
    let mut clang = Command::new("clang")
        .args(["--target=wasm32-wasi", "-x", "c", "-", "-o", "/dev/null"])
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let written = clang.stdin.take().map(|mut stdin| stdin.write_all(program));
    clang.wait().ok().filter(|status| status.success())?;
    written?.ok()
}

#[cfg(test)]
mod tests {
    use super::compile;

    #[test]
    fn a_program_that_does_not_compile_is_told_from_one_that_does() {
        assert_eq!(compile(b"int main(void) { return missing(); }"), None);
    }
}
