//! The tests of a package, with and without a mutation.

use core::time::Duration;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use super::keeper::Keeper;
use super::limited::{self, Ending};
use super::mutation::Mutation;
use super::planted::Planted;
use crate::failure::Result;
use crate::verbs::loom;
use crate::{cargo, workspace};

/// Property tests must not leave what they have found beside the source.
const ENVIRONMENT: (&str, &str) = ("PROPTEST_DISABLE_FAILURE_PERSISTENCE", "1");

/// Tests may take so many times as long as without a mutation, and [`GRACE`] in addition, since the
/// machine may have other work.
const TIMES: u32 = 4;
const GRACE: Duration = Duration::from_secs(60);

/// Longer than any package takes to compile.
const COMPILE: Duration = Duration::from_secs(3600);

/// What became of a mutation.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Outcome {
    DoesNotCompile,
    /// By the first test that failed, or by what else ended the tests.
    Killed(String),
    Survived,
}

/// The tests of one package.
#[derive(Debug)]
pub(super) struct Trial {
    tests: Call,
    /// What also runs for an ordering: a machine may keep stronger ones than the code asks for.
    interleavings: Option<Call>,
    printed: PathBuf,
}

impl Trial {
    /// Runs the tests without a mutation. They must pass; their time gives the limit for the others.
    pub(super) fn new(package: &str, has_orderings: bool) -> Result<Self> {
        let printed = workspace::scratch()?.join("mutants.txt");
        let test = ["test", "-p", package, "--all-features"];
        let tests = Call::measure(&test, &[], &printed)?;
        let checked = has_orderings && loom::CRATES.contains(&package);
        let interleavings = if checked {
            Some(Call::measure(&loom::test(package), loom::FLAG, &printed)?)
        } else {
            None
        };
        Ok(Self { tests, interleavings, printed })
    }

    /// Runs the tests with a mutation in its file, and puts the original back.
    pub(super) fn run(&self, root: &Path, mutation: &Mutation) -> Result<Outcome> {
        let mut planted = Planted::plant(root, mutation)?;
        let mut outcome = self.outcome(&self.tests, planted.keeper());
        if let (Ok(Outcome::Survived), Some(call)) = (&outcome, &self.interleavings)
            && mutation.weakens_an_ordering()
        {
            outcome = self.outcome(call, planted.keeper());
        }
        planted.restore()?;
        outcome
    }

    fn outcome(&self, call: &Call, keeper: &mut Keeper) -> Result<Outcome> {
        let compiled = limited::run(&mut call.compile(), COMPILE, &self.printed, keeper)?;
        match compiled {
            Ending::Itself(status) if status.success() => {}
            Ending::Itself(status) if status.code().is_some() => {
                return Ok(Outcome::DoesNotCompile);
            }
            Ending::Itself(status) => return Err(format!("cargo was ended: {status}").into()),
            Ending::OutOfTime => return Err("cargo has not compiled in an hour".into()),
        }
        match limited::run(&mut call.command(), call.limit, &self.printed, keeper)? {
            Ending::Itself(status) if status.success() => Ok(Outcome::Survived),
            Ending::Itself(_) => {
                let said = fs::read(&self.printed)
                    .map_err(|error| format!("cannot read {}: {error}", self.printed.display()))?;
                Ok(Outcome::Killed(killer(&String::from_utf8_lossy(&said))))
            }
            Ending::OutOfTime => {
                let limit = call.limit.as_secs();
                Ok(Outcome::Killed(format!("the time limit of {limit} s")))
            }
        }
    }
}

/// A call of cargo that runs tests.
#[derive(Debug)]
struct Call {
    args: Vec<String>,
    environment: Vec<(&'static str, &'static str)>,
    limit: Duration,
}

impl Call {
    /// Runs a call, which must succeed, and sets its limit by the time that it took.
    fn measure(
        args: &[&str],
        environment: &[(&'static str, &'static str)],
        printed: &Path,
    ) -> Result<Self> {
        let mut call = Self {
            args: args.iter().map(|&arg| arg.to_owned()).collect(),
            environment: [environment, &[ENVIRONMENT]].concat(),
            limit: Duration::ZERO,
        };
        let shown = cargo::shown(args, environment);
        eprintln!("$ {shown}");
        let succeeds = |mut command: Command| -> Result {
            limited::print_to(&mut command, printed)?;
            let status = command.status().map_err(|error| format!("cannot run cargo: {error}"))?;
            if status.success() {
                return Ok(());
            }
            let printed = printed.display();
            Err(format!("`{shown}` fails without any mutation ({status}), see {printed}").into())
        };
        succeeds(call.compile())?;
        let start = Instant::now();
        succeeds(call.command())?;
        call.limit = start.elapsed() * TIMES + GRACE;
        Ok(call)
    }

    fn command(&self) -> Command {
        let args: Vec<&str> = self.args.iter().map(String::as_str).collect();
        cargo::command(&args, &self.environment)
    }

    fn compile(&self) -> Command {
        let mut command = self.command();
        command.arg("--no-run");
        command
    }
}

/// Returns the first test that failed, as libtest says it, or the signal that ended the tests.
fn killer(said: &str) -> String {
    let failed = said.lines().find_map(|line| {
        let (test, _) = line.strip_prefix("test ")?.split_once(" ... FAILED")?;
        Some(test.trim_end_matches(" - should panic").to_owned())
    });
    let signal = || {
        let (_, signal) = said.lines().rev().find_map(|line| line.split_once("(signal: "))?;
        Some(format!("signal {}", signal.trim_end_matches(')')))
    };
    // What does not compile in an example of the documentation, or a test without libtest.
    let other = || String::from("a failure that is no test's");
    failed.or_else(signal).unwrap_or_else(other)
}

#[cfg(test)]
mod tests {
    use super::killer;

    #[test]
    fn the_first_test_that_failed_is_named() {
        for (said, expected) in [
            ("test a::b ... ok\ntest a::c ... FAILED\ntest d ... FAILED\n", "a::c"),
            ("test src/a.rs - A::b (line 12) ... FAILED\n", "src/a.rs - A::b (line 12)"),
            ("test a - should panic ... FAILED\n", "a"),
            (
                "test a ... ok\n  process didn't exit successfully: `x` (signal: 6, SIGABRT: \
                 process abort signal)\n",
                "signal 6, SIGABRT: process abort signal",
            ),
            ("error: doctest failed\n", "a failure that is no test's"),
        ] {
            assert_eq!(killer(said), expected);
        }
    }
}
