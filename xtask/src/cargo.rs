//! Calls of cargo, each printed before it runs.

use core::num::NonZeroUsize;
use std::ffi::OsStr;
use std::process::{Command, Stdio};

use crate::failure::Result;
use crate::workspace;

/// Runs cargo in the workspace and lets it write to the terminal.
pub(crate) fn run(args: &[&str]) -> Result {
    run_with(args, &[])
}

/// Runs cargo as [`run`] does, with additional environment variables.
pub(crate) fn run_with(args: &[&str], environment: &[(&str, &str)]) -> Result {
    let shown = shown(args, environment);
    eprintln!("$ {shown}");
    let status = command(args, environment)
        .status()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("`{shown}` failed ({status})").into()) }
}

/// Runs `cargo test` with two threads for each core: most tests wait for a deadline, a process or a
/// server.
pub(crate) fn test(args: &[&str]) -> Result {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let threads = (2 * cores).to_string();
    run_with(&[&["test"], args].concat(), &[("RUST_TEST_THREADS", &threads)])
}

/// Runs cargo and returns its output. Its messages go to the terminal.
pub(crate) fn output(args: &[&str]) -> Result<String> {
    output_with(args, &[])
}

/// Runs cargo as [`output`] does, with additional environment variables.
pub(crate) fn output_with(args: &[&str], environment: &[(&str, &str)]) -> Result<String> {
    let shown = shown(args, environment);
    eprintln!("$ {shown}");
    let output = command(args, environment)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(format!("`{shown}` failed ({})", output.status).into())
    }
}

/// Makes a call of cargo in the workspace.
fn command(args: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // The build script of `ring` runs again where these change, and half of the workspace is
    // compiled again with it: after each call of cargo by hand, and after each by this program.
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_of_a_package(name)) {
        command.env_remove(name);
    }
    command.args(args).envs(environment.iter().copied()).current_dir(workspace::root());
    command
}

/// Reports whether cargo sets a variable for the package of a program that it runs.
fn is_of_a_package(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    ["CARGO_MANIFEST_", "CARGO_PKG_"].iter().any(|prefix| name.starts_with(prefix))
}

/// Returns a call as a user would type it.
fn shown(args: &[&str], environment: &[(&str, &str)]) -> String {
    let variables = environment.iter().map(|(name, value)| format!("{name}=\"{value}\" "));
    variables.chain([String::from("cargo "), args.join(" ")]).collect()
}

#[cfg(test)]
mod tests {
    use super::command;
    use std::ffi::OsStr;

    #[test]
    fn a_call_of_cargo_has_the_variables_of_a_call_by_hand() {
        // Cargo runs tests as it runs programs.
        assert!(std::env::var_os("CARGO_PKG_NAME").is_some());
        let call = command(&["check"], &[("RUSTFLAGS", "-D warnings")]);
        let is_removed = |name: &str| call.get_envs().any(|pair| pair == (OsStr::new(name), None));
        for name in ["CARGO_MANIFEST_DIR", "CARGO_PKG_NAME", "CARGO_PKG_VERSION_PATCH"] {
            assert!(is_removed(name), "{name}");
        }
        let added = (OsStr::new("RUSTFLAGS"), Some(OsStr::new("-D warnings")));
        assert!(call.get_envs().any(|pair| pair == added));
        assert!(!is_removed("CARGO"));
    }
}
