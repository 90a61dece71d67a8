//! Calls of cargo, each printed before it runs.

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
    command.args(args).envs(environment.iter().copied()).current_dir(workspace::root());
    command
}

/// Returns a call as a user would type it.
fn shown(args: &[&str], environment: &[(&str, &str)]) -> String {
    let variables = environment.iter().map(|(name, value)| format!("{name}=\"{value}\" "));
    variables.chain([String::from("cargo "), args.join(" ")]).collect()
}
