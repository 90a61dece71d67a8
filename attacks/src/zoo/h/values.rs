//! Values that are missing, misspelt, ambiguous, too large, or no numbers.

use crate::outcome::Outcome::{OutOfFuel, OutOfMemory, QuotaExceeded, Success, Timeout};
use crate::vector::Vector;
use crate::wat;

use super::{IDENTITY, document, ends, governed, lines, refused};

pub(super) fn vectors() -> Vec<Vector> {
    let mut all = limits();
    all.extend(sizes());
    all.extend(times());
    all
}

fn limits() -> Vec<Vector> {
    vec![
        refused(
            "H1",
            "a limit of memory that is not there",
            |folder| document(folder, IDENTITY),
            "missing key `resources`: memory has no default",
        ),
        ends(
            "H1",
            "the largest timeout for a loop, whose fuel has a default",
            |folder| {
                let limits = "resources.memory.max_bytes = 0\n\
                              resources.cpu.timeout_ms = 18446744073709551615\n";
                let fields = r#"(func (export "run") (loop $l (br $l)))"#;
                governed(folder, &format!("{IDENTITY}{limits}"), "", fields)
            },
            OutOfFuel,
            "out of fuel: 1000000 of 1000000 fuel",
        ),
        refused(
            "H2",
            "a limit that is misspelt",
            |folder| lines(folder, "resources.cpu.max_feul = 5"),
            "3:15: unknown key `resources.cpu.max_feul`: did you mean `max_fuel`?",
        ),
        ends(
            "H3",
            "a timeout of zero, which allows nothing",
            |folder| lines(folder, "resources.cpu.timeout_ms = 0"),
            Timeout,
            "execution timed out after 0 ms, 0 fuel used",
        ),
        ends(
            "H3",
            "fuel of zero, which allows nothing",
            |folder| lines(folder, "resources.cpu.max_fuel = 0"),
            OutOfFuel,
            "out of fuel: 0 of 0 fuel",
        ),
        ends(
            "H3",
            "CPU time of zero, which allows nothing",
            |folder| lines(folder, "quota.cpu_time = \"0ms/s\""),
            QuotaExceeded,
            "CPU time quota of 0 ms per 1s exceeded: 0 ms used",
        ),
        ends(
            "H3",
            "memory of zero, which allows nothing",
            |folder| {
                let limits = format!("{IDENTITY}resources.memory.max_bytes = 0\n");
                governed(folder, &limits, "", r#"(memory 1) (func (export "run"))"#)
            },
            OutOfMemory,
            "memory limit of 0 bytes exceeded: 0 in use, 65536 more requested",
        ),
    ]
}

fn sizes() -> Vec<Vector> {
    // One function for each: what makes a folder holds no values.
    macro_rules! sizes {
        ($($title:literal: $value:literal => $says:literal,)*) => {
            vec![$(refused(
                "H4",
                concat!("a size that is ", $title),
                |folder| {
                    let key = "resources.memory.max_bytes = ";
                    document(folder, format!("{IDENTITY}{key}{}\n", $value))
                },
                concat!("2:30: `resources.memory.max_bytes`: ", $says),
            ),)*]
        };
    }
    sizes! {
        "negative": "-1" => "expected bytes, such as 4194304 or \"4MiB\", found integer `-1`",
        "negative, as text": "\"-1\"" => "`-1` is not a size, such as 50MB",
        "a fraction of bytes": "1.5" => "expected bytes, such as 4194304 or \"4MiB\", found float",
        "not a number": "nan" => "expected bytes, such as 4194304 or \"4MiB\", found float `nan`",
        "infinite": "inf" => "expected bytes, such as 4194304 or \"4MiB\", found float `inf`",
        "written with an exponent": "\"1e9\"" => "`1e9` is not a size, such as 50MB",
        "one past 64 bits": "18446744073709551616" =>
            "expected bytes, such as 4194304 or \"4MiB\", found integer `18446744073709551616`",
        "one past 64 bits, as text": "\"18446744073709551616\"" =>
            "`18446744073709551616` is too large: the most is 18446744073709551615",
        "one past 64 bits in GiB": "\"17179869184GiB\"" =>
            "`17179869184GiB` is too large: the most is 18446744073709551615",
        "in bits": "\"64Mb\"" => "`64Mb`: bits are not accepted, did you mean `64MB`?",
        "followed by a space": "\"64MB \"" => "`64MB ` is not a size, such as 50MB",
        "after a space": "\" 5\"" => "` 5` is not a size, such as 50MB",
        "unlimited, where none may be": "\"unlimited\"" => "`unlimited` is not a size",
        "a list": "[]" => "expected bytes, such as 4194304 or \"4MiB\", found an array",
    }
}

fn times() -> Vec<Vector> {
    vec![
        ends(
            "H11",
            "the largest numbers for fuel, timeout and rates",
            |folder| {
                let most = u64::MAX;
                lines(
                    folder,
                    &format!(
                        "resources.cpu.timeout_ms = {most}\nresources.cpu.max_fuel = {most}\n\
                         quota.message_rate = {most}\nquota.network_bandwidth = \"{most}B/s\"\n\
                         quota.cpu_time = \"{most}ms/s\"\nquota.storage = \"{most}B\""
                    ),
                )
            },
            Success,
            "",
        ),
        refused(
            "H11",
            "a timeout below zero",
            |folder| lines(folder, "resources.cpu.timeout_ms = -1"),
            "expected a whole number from 0 to 18446744073709551615, found integer `-1`",
        ),
        refused(
            "H11",
            "a timeout of 10^300 ms",
            |folder| lines(folder, "resources.cpu.timeout_ms = 1e300"),
            "expected a whole number from 0 to 18446744073709551615, found float `1e300`",
        ),
        refused(
            "H11",
            "a date as the timeout",
            |folder| lines(folder, "resources.cpu.timeout_ms = 9999-12-31T23:59:60Z"),
            "found date `9999-12-31T23:59:60Z`",
        ),
        refused(
            "H11",
            "a period of zero",
            |folder| lines(folder, "quota.period = \"0s\""),
            "`quota.period`: `0s` is not a period from 1ms to 86400s",
        ),
        refused(
            "H11",
            "a period of a century",
            |folder| lines(folder, "quota.period = \"3153600000s\""),
            "`quota.period`: `3153600000s` is not a period from 1ms to 86400s",
        ),
        refused(
            "H11",
            "a rate that is not a number",
            |folder| lines(folder, "quota.message_rate = nan"),
            "expected messages per second, such as 500, or \"unlimited\", found float `nan`",
        ),
        refused(
            "H11",
            "a rate over no time",
            |folder| lines(folder, "quota.message_rate = \"1/0s\""),
            "expected messages per second, such as 500, or \"unlimited\", found string \"1/0s\"",
        ),
        ends(
            "H11",
            "a loop of few milliseconds under a period of a day",
            |folder| {
                let limits = format!(
                    "{IDENTITY}resources.memory.max_bytes = 0\n\
                     resources.cpu = {{ timeout_ms = 50, max_fuel = 9223372036854775807 }}\n\
                     quota.period = \"86400s\"\n"
                );
                let body = r#"(func (export "run") (loop $l (br $l)))"#;
                document(folder, limits)?;
                std::fs::write(folder.join("component.wat"), wat::component(body))
            },
            Timeout,
            "execution timed out after 50 ms",
        ),
    ]
}
