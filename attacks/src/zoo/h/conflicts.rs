//! Files that contradict each other, or reach for what is the operator's.

use crate::outcome::Outcome::{Error, OutOfMemory, Rejected, Success, Timeout};
use crate::vector::Vector;

use super::{IDENTITY, LIMITS, governed, lines, refused, under_policy};

const NOTHING: &str = r#"(func (export "run"))"#;
const TWO_MIB: &str = r#"(memory 32) (func (export "run"))"#;
const LOOP: &str = r#"(func (export "run") (loop $l (br $l)))"#;

pub(super) fn vectors() -> Vec<Vector> {
    let mut all = ceilings();
    all.extend(policies());
    all.extend(others());
    all
}

fn ceilings() -> Vec<Vector> {
    vec![
        under_policy(
            "H5",
            "a timeout of 300 million years, above the ceiling",
            |folder| {
                let asks = "resources.cpu.timeout_ms = 9223372036854775807\n\
                            resources.cpu.max_fuel = 9223372036854775807\n";
                let policy = "[ceiling]\nresources.cpu.timeout_ms = 50\n";
                governed(folder, &format!("{LIMITS}{asks}"), policy, LOOP)
            },
            Timeout,
            "execution timed out after 50 ms",
        ),
        under_policy(
            "H5",
            "more memory than all components together may have",
            |folder| governed(folder, &asks_for_2_mib(), "host.memory = \"1MiB\"\n", TWO_MIB),
            OutOfMemory,
            "memory limit of 1048576 bytes exceeded: 0 in use, 2097152 more requested",
        ),
        under_policy(
            "H5",
            "an override above the ceiling that pins no hash",
            |folder| {
                let policy = "ceiling.resources.memory.max_bytes = \"1MiB\"\n\
                              component.attacker.resources.memory.max_bytes = \"2MiB\"\n";
                governed(folder, &asks_for_2_mib(), policy, TWO_MIB)
            },
            OutOfMemory,
            "memory limit of 1048576 bytes exceeded: 0 in use, 2097152 more requested",
        ),
        under_policy(
            "H5",
            "an override above the ceiling that pins the hash of another component",
            |folder| {
                let policy = format!(
                    "ceiling.resources.memory.max_bytes = \"1MiB\"\n\
                     component.attacker.sha256 = \"{}\"\n\
                     component.attacker.resources.memory.max_bytes = \"2MiB\"\n",
                    "0".repeat(64)
                );
                governed(folder, &asks_for_2_mib(), &policy, TWO_MIB)
            },
            OutOfMemory,
            "memory limit of 1048576 bytes exceeded: 0 in use, 2097152 more requested",
        ),
        under_policy(
            "H5",
            "a component with a function, where the operator allows none",
            |folder| governed(folder, LIMITS, "compile.max_functions = 0\n", NOTHING),
            Rejected,
            "max_functions",
        ),
        refused(
            "H5",
            "a component that sets the budget of compiling itself",
            |folder| lines(folder, "compile.cpu_ms = 600_000"),
            "unknown key `compile`: `[compile]` is the operator's",
        ),
        refused(
            "H5",
            "a component that sets ceilings itself",
            |folder| lines(folder, "host.memory = \"1TiB\""),
            "unknown key `host`: `[host]` is the operator's",
        ),
    ]
}

fn policies() -> Vec<Vector> {
    // One function for each: what makes a folder holds no values.
    macro_rules! policies {
        ($($id:literal $title:literal: $policy:literal => $says:literal,)*) => {
            vec![$(under_policy(
                $id,
                $title,
                |folder| governed(folder, LIMITS, $policy, NOTHING),
                Error,
                $says,
            ),)*]
        };
    }
    let mut all = policies! {
        "H2" "a table of the policy that is misspelt": "[ceilling]\n" =>
            "policy.toml:1:2: unknown key `ceilling`: did you mean `ceiling`?",
        "H2" "a bound of compiling that is misspelt": "compile.max_function = 1\n" =>
            "unknown key `compile.max_function`: did you mean `max_functions`?",
        "H5" "no workers at all": "compile.workers = 0\n" =>
            "`compile.workers`: 0 workers are out of range: 1 to 64",
        "H5" "as many workers as 32 bits count": "compile.workers = 4294967296\n" =>
            "`compile.workers`: 4294967296 workers are out of range: 1 to 64",
        "H5" "a negative budget of memory": "compile.memory_per_mib = \"-1MiB\"\n" =>
            "`compile.memory_per_mib`: `-1MiB` is not a size",
        "H5" "types nested deeper than parsers bear": "compile.max_type_nesting = 1000000\n" =>
            "`compile.max_type_nesting`: 1000000 is out of range: at most 100",
        "H6" "an override for an id with a separator": "[component.\"../x\"]\n" =>
            "`component.\"../x\"`: `../x` is not a name",
        "H8" "a hash that is too short": "component.attacker.sha256 = \"00\"\n" =>
            "`component.attacker.sha256`: `00` is not 64 hexadecimal digits",
    };
    all.push(under_policy(
        "H5",
        "the largest budget of compiling",
        |folder| {
            let most = i64::MAX;
            let policy = format!(
                "compile = {{ cpu_ms = {most}, cpu_ms_per_mib = {most}, memory = {most}, \
                 memory_per_mib = {most} }}\n"
            );
            governed(folder, LIMITS, &policy, NOTHING)
        },
        Success,
        "",
    ));
    all.push(under_policy(
        "H10",
        "sixty thousand components",
        |folder| {
            let policy: String =
                (0..60_000).map(|number| format!("[component.c{number}]\n")).collect();
            governed(folder, LIMITS, &policy, NOTHING)
        },
        Error,
        "the file has 1128890 bytes, the most that is read is 1048576",
    ));
    all
}

fn others() -> Vec<Vector> {
    vec![
        Vector::elsewhere(
            "H8",
            "another file after the hash was compared",
            "a_policy_pins_the_bytes_of_the_module_as_its_file_has_them",
        ),
        Vector::elsewhere(
            "H10",
            "a hundred thousand components",
            "a_hundred_thousand_components_with_the_same_patterns_share_them",
        ),
        Vector::elsewhere(
            "H12",
            "a report in place of a file that limits the guest",
            "a_guest_cannot_be_given_the_files_that_limit_it",
        ),
        Vector::elsewhere(
            "H13",
            "patterns that take long to match",
            "patterns_made_to_be_slow_are_not",
        ),
        Vector::elsewhere(
            "H14",
            "the host's environment",
            "the_guest_sees_only_the_variables_it_was_given",
        ),
        Vector::elsewhere(
            "H15",
            "a quota that changes while its component runs",
            "a_quota_changes_while_its_component_runs",
        ),
        Vector::elsewhere(
            "H15",
            "a lower limit that starts the counts anew",
            "an_old_handle_takes_nothing_once_its_successor_is_registered",
        ),
        Vector::elsewhere(
            "H16",
            "a directory inside another component's",
            "a_directory_below_that_another_component_has_locked_ends_the_walk",
        ),
        under_policy(
            "H17",
            "a memory that is larger than its limit from the beginning",
            |folder| governed(folder, LIMITS, "", TWO_MIB),
            OutOfMemory,
            "memory limit of 1048576 bytes exceeded: 0 in use, 2097152 more requested",
        ),
        refused(
            "H17",
            "a quota of memory below the limit of one execution",
            |folder| lines(folder, "quota.memory = \"1KiB\""),
            "`quota.memory` of 1024 (1 KiB) is below `resources.memory.max_bytes` of 1048576",
        ),
    ]
}

fn asks_for_2_mib() -> String {
    format!("{IDENTITY}resources.memory.max_bytes = \"2MiB\"\n")
}
