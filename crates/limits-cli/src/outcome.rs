//! The outcomes of a run, each with its name and exit code.

pub(crate) mod classify;
pub(crate) mod cluster_failure;
pub(crate) mod dir_failure;
pub(crate) mod failure;
pub(crate) mod service_failure;
pub(crate) mod system_error;

/// The outcome of a run, in one word.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Outcome {
    /// The user or the system cancelled the run.
    Cancelled,
    /// A capability was missing.
    Denied,
    /// A file, its content or the call is at fault.
    Error,
    /// The guest ended itself with a code other than zero.
    Exit,
    /// The host has to act: it lacked a resource, or failed. The guest is not to blame.
    Host,
    /// A limit of the store other than its memory stopped the guest.
    LimitExceeded,
    /// The guest used all its fuel.
    OutOfFuel,
    /// The component could not be instantiated within its memory.
    OutOfMemory,
    /// A quota of the component or the host had no room for the guest.
    QuotaExceeded,
    /// The component was not compiled: its structure, or the cost of compiling it, is past a limit.
    Rejected,
    /// The guest ended well.
    Success,
    /// The guest did not end by its deadline.
    Timeout,
    /// The guest trapped.
    Trap,
}

/// One row of the table of outcomes.
struct Row {
    outcome: Outcome,
    name: &'static str,
    exit_code: u8,
    meaning: &'static str,
}

const fn row(outcome: Outcome, name: &'static str, exit_code: u8, meaning: &'static str) -> Row {
    Row { outcome, name, exit_code, meaning }
}

/// Every outcome with its name in reports and its exit code, in the order of the codes.
const TABLE: [Row; 13] = [
    row(Outcome::Success, "success", 0, "the guest ended well"),
    row(
        Outcome::Exit,
        "exit",
        1,
        "the guest reported its own failure; its own code if it gave one",
    ),
    row(Outcome::OutOfFuel, "out_of_fuel", 64, "the guest used all its fuel"),
    row(Outcome::Timeout, "timeout", 65, "the guest did not end by its deadline"),
    row(Outcome::OutOfMemory, "out_of_memory", 66, "the component does not fit into its memory"),
    row(Outcome::LimitExceeded, "limit_exceeded", 67, "another limit of the store was exceeded"),
    row(
        Outcome::QuotaExceeded,
        "quota_exceeded",
        68,
        "the quotas of the component or the host had no room for the guest",
    ),
    row(
        Outcome::Denied,
        "denied",
        69,
        "no capability allows a given directory, or a guarded function",
    ),
    row(Outcome::Trap, "trap", 70, "the guest trapped"),
    row(
        Outcome::Error,
        "error",
        71,
        "bad input: file, component, missing or stubbed import, export or arguments",
    ),
    row(
        Outcome::Host,
        "host",
        72,
        "the host lacked a resource or its cluster's store, or another process uses a directory; or the \
         command failed",
    ),
    row(
        Outcome::Rejected,
        "rejected",
        73,
        "a component of too large a structure, or too costly to compile",
    ),
    row(Outcome::Cancelled, "cancelled", 130, "Ctrl-C, SIGTERM or SIGHUP"),
];

/// The exit code of an invalid command line.
pub(crate) const USAGE_EXIT_CODE: u8 = 2;

impl Outcome {
    /// Returns the name that reports use.
    pub(crate) fn name(self) -> &'static str {
        self.row().name
    }

    /// Returns the exit code of the outcome; a guest can give another one for `exit`.
    pub(crate) fn exit_code(self) -> u8 {
        self.row().exit_code
    }

    fn row(self) -> &'static Row {
        // Every variant has a row, as a test asserts.
        TABLE.iter().find(|row| row.outcome == self).unwrap_or(&TABLE[TABLE.len() - 1])
    }
}

/// Returns the exit codes with their names and meanings, in their order.
pub(crate) fn exit_codes() -> impl Iterator<Item = (u8, &'static str, &'static str)> {
    let (before, after) =
        TABLE.split_at(TABLE.partition_point(|row| row.exit_code < USAGE_EXIT_CODE));
    let usage = (USAGE_EXIT_CODE, "usage", "bad command line");
    let code = |row: &Row| (row.exit_code, row.name, row.meaning);
    before.iter().map(code).chain([usage]).chain(after.iter().map(code))
}

/// Renders the table of exit codes for `--help`.
pub(crate) fn exit_code_help() -> String {
    let mut help = String::from("Exit codes:\n");
    for (code, name, meaning) in exit_codes() {
        help.push_str(&format!("  {code:>3}  {name:<15} {meaning}\n"));
    }
    help
}

#[cfg(test)]
mod tests {
    use super::{Outcome, TABLE, exit_code_help};

    #[test]
    fn every_outcome_has_its_documented_name_and_exit_code() {
        let documented = [
            (Outcome::Success, "success", 0),
            (Outcome::Exit, "exit", 1),
            (Outcome::OutOfFuel, "out_of_fuel", 64),
            (Outcome::Timeout, "timeout", 65),
            (Outcome::OutOfMemory, "out_of_memory", 66),
            (Outcome::LimitExceeded, "limit_exceeded", 67),
            (Outcome::QuotaExceeded, "quota_exceeded", 68),
            (Outcome::Denied, "denied", 69),
            (Outcome::Trap, "trap", 70),
            (Outcome::Error, "error", 71),
            (Outcome::Host, "host", 72),
            (Outcome::Rejected, "rejected", 73),
            (Outcome::Cancelled, "cancelled", 130),
        ];
        assert_eq!(documented.len(), TABLE.len());
        for (outcome, name, code) in documented {
            assert_eq!((outcome.name(), outcome.exit_code()), (name, code));
        }
    }

    #[test]
    fn the_readme_documents_every_exit_code() {
        let readme = include_str!("../README.md");
        for row in &TABLE {
            let line = format!("| {} | `{}` |", row.exit_code, row.name);
            assert!(readme.contains(&line), "README.md lacks {line}");
        }
    }

    #[test]
    fn help_lists_the_codes_in_order() {
        let help = exit_code_help();
        let codes: Vec<u8> = help
            .lines()
            .skip(1)
            .map(|line| line.split_whitespace().next().unwrap().parse().unwrap())
            .collect();
        assert_eq!(codes, [0, 1, 2, 64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 130]);
    }
}
