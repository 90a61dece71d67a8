//! The verbs, each in a file of its own.

pub(crate) mod api;
mod attacks;
mod bench;
mod c_guests;
mod chaos;
mod check_each;
mod docs;
mod examples;
mod fuzz;
mod guests;
mod loom;
mod package;

use core::fmt::Write as _;

use crate::failure::Result;
use crate::steps::{self, Step, WithoutTool};
use crate::{cargo, tidy};

/// One verb of the command line.
pub(crate) struct Verb {
    /// The word on the command line.
    pub(crate) name: &'static str,
    /// One line for the help.
    about: &'static str,
    action: Action,
}

enum Action {
    Plain(fn() -> Result),
    /// With the arguments after the verb.
    With(fn(&[String]) -> Result),
}

use Action::{Plain, With};

impl Verb {
    /// Runs the verb.
    pub(crate) fn run(&self, args: &[String]) -> Result {
        match (&self.action, args.first()) {
            (Plain(run), None) => run(),
            (Plain(_), Some(extra)) => Err(format!("takes no argument, found `{extra}`").into()),
            (With(run), _) => run(args),
        }
    }
}

/// All verbs but `help`.
pub(crate) const VERBS: &[Verb] = &[
    Verb {
        name: "ci",
        about: "all checks below, in order; stops at the first failure",
        action: Plain(ci),
    },
    Verb {
        name: "tidy",
        about: "checks the promises of documents and manifests",
        action: Plain(tidy::run),
    },
    Verb {
        name: "check-each",
        about: "compiles each published crate alone, with each set of features",
        action: Plain(check_each::run),
    },
    Verb {
        name: "c-guests",
        about: "compiles guests in C with clang and runs them with and without quotas",
        action: Plain(c_guests::run),
    },
    Verb {
        name: "loom",
        about: "tries every interleaving of threads that take from a quota or report its level",
        action: Plain(loom::run),
    },
    Verb {
        name: "docs",
        about: "builds all documentation, warnings denied",
        action: Plain(docs::run),
    },
    Verb {
        name: "api",
        about: "[--check]: lists the public API of each library in docs/api, or compares",
        action: With(api::run),
    },
    Verb {
        name: "examples",
        about: "runs every example and compares its end and its output",
        action: Plain(examples::run),
    },
    Verb {
        name: "attacks",
        about: "carries out the attacks of the catalogue and prints their table; their tests are in ci",
        action: Plain(attacks::table),
    },
    Verb {
        name: "soak",
        about: "[--executions N] [--seed SEED]: attacks in random order, after which nothing is left",
        action: With(attacks::soak),
    },
    Verb {
        name: "chaos",
        about: "[--faults N] [--seed N]: hosts that share a quota, under random faults; ci is shorter",
        action: With(chaos::run),
    },
    Verb {
        name: "fuzz",
        about: "[TARGET] [--cases N] [--seed N]: a million seeded mutations for each parser",
        action: With(fuzz::run),
    },
    Verb {
        name: "guests",
        about: "builds guests in JavaScript and Python, from the network, and runs them; not in ci",
        action: Plain(guests::run),
    },
    Verb {
        name: "package",
        about: "packs each published crate and looks inside",
        action: Plain(package::run),
    },
    Verb {
        name: "bench",
        about: "[--quick]: measures speed against peers and prints one table; ci is quick",
        action: With(bench::run),
    },
];

const CI: &[Step] = &[
    ("fmt", fmt),
    ("tidy", tidy::run),
    ("clippy", clippy),
    ("test", test),
    ("fuzz", fuzz::all),
    ("c-guests", c_guests::run),
    ("loom", loom::run),
    ("check-each", check_each::run),
    ("docs", docs::run),
    ("api", api::check),
    ("bench", bench::quick),
    ("soak", attacks::short_soak),
    ("chaos", chaos::short),
    ("examples", examples::run),
    ("package", package::run),
];

fn ci() -> Result {
    let summary = steps::run(CI, WithoutTool::by_environment());
    print!("{}", summary.report());
    summary.verdict()
}

fn fmt() -> Result {
    cargo::run(&["fmt", "--all", "--check"])?;
    for manifest in bench::OTHERS {
        cargo::run(&["fmt", "--check", "--manifest-path", manifest])?;
    }
    Ok(())
}

/// Runs all tests, and each benchmark once, so that benchmarks do not rot.
fn test() -> Result {
    cargo::test(&["--workspace", "--all-features"])?;
    cargo::run(&["test", "--workspace", "--all-features", "--bench", "overhead"])?;
    bench::quotas(&["test", "--all-targets"], &[])
}

fn clippy() -> Result {
    cargo::run(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--",
        "-D",
        "warnings",
    ])?;
    bench::quotas(&["clippy", "--all-targets"], &["--", "-D", "warnings"])
}

/// Returns the list of verbs.
pub(crate) fn help() -> String {
    let mut help = String::from("cargo xtask VERB\n\n");
    for verb in VERBS {
        let _ = writeln!(help, "  {:<12} {}", verb.name, verb.about);
    }
    let _ = writeln!(help, "  {:<12} prints this", "help");
    help
}

#[cfg(test)]
mod tests {
    use super::{CI, VERBS, help};

    #[test]
    fn every_verb_is_in_the_help() {
        for verb in VERBS {
            assert!(help().contains(&format!("\n  {} ", verb.name)), "{} is missing", verb.name);
        }
    }

    #[test]
    fn ci_runs_every_verb_but_itself_and_guests_from_the_network() {
        // The attacks of the table are tests of the workspace, which the step `test` runs.
        const OTHERS: [&str; 3] = ["ci", "guests", "attacks"];
        for verb in VERBS.iter().filter(|verb| !OTHERS.contains(&verb.name)) {
            assert!(CI.iter().any(|(name, _)| *name == verb.name), "{} is not in ci", verb.name);
        }
    }
}
