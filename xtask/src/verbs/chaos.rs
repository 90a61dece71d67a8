//! Hosts that share a quota through real servers, under faults.

use std::process::{Command, Stdio};

use super::attacks;
use crate::cargo;
use crate::failure::{Failure, Result};
use crate::workspace;

/// Debian's packages of the servers.
const INSTALL: &str = "apt-get install redis-server redis-sentinel";

/// The tests. Their target has `test = false`, so that no other step runs them.
const TESTS: [&str; 4] = ["--workspace", "--all-features", "--test", "chaos_it"];

/// Faults of a whole run.
const FAULTS: &str = "500";

/// The picture of a run with faults.
const PICTURE: &str = "docs/picture/cluster.svg";

/// Runs each scenario once, shortened: some minutes.
pub(crate) fn short() -> Result {
    require_servers()?;
    cargo::run(&[&["clippy"][..], &TESTS, &["--", "-D", "warnings"]].concat())?;
    // Two scenarios at a time: each has a dozen processes.
    cargo::run(&[&["test"][..], &TESTS, &["--", "--test-threads=2"]].concat())
}

/// Runs faults at random moments, measures the figures of the design, compares with peers, and
/// draws the picture.
pub(crate) fn run(args: &[String]) -> Result {
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let seed = std::process::id().to_string();
    let (faults, seed) = match words.as_slice() {
        [] => (FAULTS, seed.as_str()),
        ["--faults", faults] => (*faults, seed.as_str()),
        ["--seed", seed] => (FAULTS, *seed),
        ["--faults", faults, "--seed", seed] => (*faults, *seed),
        _ => return Err("expected [--faults N] [--seed N]".into()),
    };
    require_servers()?;
    let picture = workspace::root().join(PICTURE).to_string_lossy().into_owned();
    for call in [
        &["random", faults, seed][..],
        &["figures"],
        &["callers"],
        &["peers"],
        &["picture", picture.as_str()],
    ] {
        let args: Vec<String> = call.iter().copied().map(String::from).collect();
        attacks::run("chaos", &args)?;
    }
    Ok(())
}

fn require_servers() -> Result {
    for program in ["redis-server", "redis-sentinel"] {
        let version = Command::new(program)
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if !version.is_ok_and(|status| status.success()) {
            return Err(Failure::missing_tool(format!("no {program} here: `{INSTALL}`")));
        }
    }
    Ok(())
}
